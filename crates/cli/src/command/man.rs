//! `hostledger man`: the manual pages.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  hostledger man /usr/local/share/man/man1
  hostledger man /tmp/man && man /tmp/man/hostledger-run.1";

/// Write the manual pages into a directory: hostledger.1 and one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The directory; made when it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes them.
pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let directory = &args.directory;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))?;
    clap_mangen::generate_to(Cli::command(), directory)
        .with_context(|| format!("cannot write manual pages into {}", directory.display()))?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command_and_it_says_when_the_command_fails() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("new/man1");
        run(&Args {
            directory: directory.clone(),
        })
        .unwrap();
        let page = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
        assert!(page("hostledger.1").contains("HOSTLEDGER_DATA"));
        assert!(page("hostledger-run.1").contains("Exit codes"));
        for command in Cli::command().get_subcommands() {
            assert!(page(&format!("hostledger-{}.1", command.get_name())).contains("Examples"));
        }
    }
}
