//! From options to a command.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use anyhow::anyhow;
use hostledger::{CommandBuilder, Ledger};

use super::Args;

/// The command that is to be run, and how.
pub(super) fn command(args: &Args, ledger: &Ledger) -> anyhow::Result<CommandBuilder> {
    let mut words = args.command.iter().cloned();
    let program = words.next().unwrap_or_default();
    let mut command = ledger
        .command(program)
        .args(words)
        .kill_mode(args.kill_mode);
    command = match args.timeout {
        Some(timeout) => command.timeout(timeout),
        None => command.no_timeout(),
    };
    for variable in &args.env {
        let (key, value) = parse_variable(variable)?;
        command = command.env(key, value);
    }
    for limit in &args.rlimit {
        command = command.limit(limit.clone());
    }
    if let Some(name) = &args.name {
        command = command.name(name);
    }
    if let Some(directory) = &args.cwd {
        command = command.current_dir(directory);
    }
    if let Some(nice) = args.nice {
        command = command.nice(nice);
    }
    if let Some(umask) = args.umask {
        command = command.umask(umask);
    }
    if let Some(bytes) = args.max_log_size {
        command = command.max_log_bytes(bytes);
    }
    if args.clear_env {
        command = command.env_clear();
    }
    Ok(if args.detach {
        command.detached()
    } else if args.record {
        command.recorded_terminal()
    } else if args.terminal {
        command.terminal()
    } else if args.no_stdin {
        command
    } else {
        command.inherit_stdin()
    })
}

/// Splits `KEY=VALUE`. No message ever shows a value: it may be secret.
fn parse_variable(variable: &OsStr) -> anyhow::Result<(String, String)> {
    let bytes = variable.as_bytes();
    let Some(at) = bytes.iter().position(|byte| *byte == b'=') else {
        return Err(anyhow!(
            "--env {}: there is no '=': write KEY=VALUE",
            variable.display()
        ));
    };
    let (key, value) = (bytes.get(..at), bytes.get(at + 1..));
    let text = |part: Option<&[u8]>| String::from_utf8(part.unwrap_or_default().to_vec());
    let name = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
    match (text(key), text(value)) {
        (Ok(key), _) if key.is_empty() => Err(anyhow!("--env: there is no name before the '='")),
        (Ok(key), Ok(value)) => Ok((key, value)),
        (Err(_), _) => Err(anyhow!("--env {name}: the name is not UTF-8")),
        (_, Err(_)) => Err(anyhow!(
            "--env {name}: the value is not UTF-8, which cannot be recorded"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_split_at_its_first_equals_sign() {
        let split = |text: &str| parse_variable(OsStr::new(text)).unwrap();
        assert_eq!(split("A=b=c"), ("A".to_owned(), "b=c".to_owned()));
        assert_eq!(split("A="), ("A".to_owned(), String::new()));
    }

    #[test]
    fn a_variable_that_is_refused_is_named_and_its_value_is_not() {
        let refused = |bytes: &[u8]| {
            parse_variable(OsStr::from_bytes(bytes))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(b"FOO").contains("FOO") && refused(b"FOO").contains("KEY=VALUE"));
        assert!(!refused(b"=hunter2").contains("hunter2"));
        let error = refused(b"FOO=hunter2\xff");
        assert!(
            error.contains("FOO") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(!refused(b"\xff=hunter2").contains("hunter2"));
    }
}
