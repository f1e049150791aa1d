//! The command line of `cargo xtask`: one word, more for benchmarks and torture, or a plea for
//! help.

use std::ffi::OsString;
use std::fmt::Write;

use anyhow::{Result, bail};

use crate::bench::Measurement;
use crate::extent::Extent;
use crate::step::{STEPS, Step};
use crate::torture::Torture;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Say what there is.
    Help,
    /// Every step, in order.
    Ci,
    /// One step alone.
    Step(&'static Step),
    /// Install real programs.
    Installs(Extent),
    /// Measure, and write down what came of it.
    Bench(Measurement),
    /// Try to break what is promised.
    Torture(Torture),
}

/// Reads the arguments that follow the program's name.
///
/// # Errors
/// No argument, an unknown one, or more than one.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Request> {
    let arguments: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => bail!("which chore? `cargo xtask help` lists them"),
        ["help" | "--help" | "-h"] | [_, "--help" | "-h"] => Ok(Request::Help),
        ["ci"] => Ok(Request::Ci),
        ["bench", rest @ ..] => Measurement::parse(rest).map(Request::Bench),
        ["test-installs"] => Ok(Request::Installs(Extent::Short)),
        ["test-installs", "long"] => Ok(Request::Installs(Extent::Long)),
        // Without words behind it, it is the step of CI.
        ["torture", rest @ ..] if !rest.is_empty() => Torture::parse(rest).map(Request::Torture),
        [name] => match STEPS.iter().find(|step| step.name == *name) {
            Some(step) => Ok(Request::Step(step)),
            None => bail!("no chore is called `{name}`; `cargo xtask help` lists them"),
        },
        [name, rest @ ..] => {
            bail!("`{name}` takes no arguments, but got: {}", rest.join(" "))
        }
    }
}

/// The text of `cargo xtask help`.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "The chores of this repository.\n\n\
         Usage: cargo xtask <chore>\n\n\
         \x20 ci        every chore below, in this order, until one fails\n",
    );
    for step in STEPS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<9} {}", step.name, step.about);
    }
    text.push_str(
        "\n  bench     measure, and write docs/benchmarks.md; `bench SUBJECT…` of run, thousand, tree,\n\
         \x20           queue, claims, growth; with `--short` as in CI, which writes nothing\n\
         \x20 test-installs   install real programs from the registries, as root with apt too;\n\
         \x20           `test-installs long` takes some minutes\n\
         \x20 torture   `torture PROOF…` of exits, trees, reuse, output, browser, or `all`, at length;\n\
         \x20           with `--short` as in CI; `--seed N` repeats what was chosen by chance; `queue` has\n\
         \x20           `--database sqlite` and `--database postgres`, both unless it is said\n\
         \x20 help      this text\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Request> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn every_step_is_a_chore_of_its_own() {
        for step in STEPS {
            match parsed(&[step.name]).unwrap() {
                Request::Step(found) => assert_eq!(found.name, step.name),
                other => panic!("{}: {other:?}", step.name),
            }
        }
    }

    #[test]
    fn help_names_every_chore_and_can_be_asked_for_anywhere() {
        for ask in [
            &["help"][..],
            &["--help"],
            &["-h"],
            &["ci", "--help"],
            &["fmt", "-h"],
        ] {
            assert!(matches!(parsed(ask).unwrap(), Request::Help), "{ask:?}");
        }
        for step in STEPS {
            assert!(
                help().contains(&format!("\n  {} ", step.name)),
                "{}",
                step.name
            );
        }
    }

    #[test]
    fn installing_is_short_unless_long_is_asked_for() {
        for (arguments, extent) in [
            (&["test-installs"][..], Extent::Short),
            (&["test-installs", "long"], Extent::Long),
        ] {
            match parsed(arguments).unwrap() {
                Request::Installs(found) => assert_eq!(found, extent),
                other => panic!("{arguments:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let refusal = |arguments: &[&str]| parsed(arguments).unwrap_err().to_string();
        assert!(refusal(&[]).contains("which chore"));
        assert!(refusal(&["typo"]).contains("`typo`"));
        assert!(refusal(&["ci", "--fast"]).contains("--fast"));
    }
}
