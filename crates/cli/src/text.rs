//! Texts of others, made safe to show: a command or a path may hold anything.

use std::fmt::Write as _;

use hostledger::Process;

/// One line without control characters: those are shown as Rust writes them, such as `\n`.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The command of a process as a shell would take it, exact to the byte.
pub(crate) fn command_line(process: &Process) -> String {
    let words: Vec<_> = process
        .command()
        .iter()
        .map(|word| shell_word(word))
        .collect();
    words.join(" ")
}

/// A word as bash(1) reads it: bare, in `'…'`, or in `$'…'` when it has what cannot be shown.
fn shell_word(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok(text) if is_bare(text) => text.to_owned(),
        Ok(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => ansi_c_word(word),
    }
}

fn is_bare(text: &str) -> bool {
    let bare = |c: char| c.is_alphanumeric() || "@%+=:,./_-".contains(c);
    !text.is_empty() && text.chars().all(bare)
}

fn ansi_c_word(word: &[u8]) -> String {
    let mut quoted = "$'".to_owned();
    for chunk in word.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' | '\\' => quoted.extend(['\\', character]),
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '\r' => quoted.push_str("\\r"),
                control if control.is_control() => {
                    let mut bytes = [0; 4];
                    push_bytes(&mut quoted, control.encode_utf8(&mut bytes).as_bytes());
                }
                shown => quoted.push(shown),
            }
        }
        push_bytes(&mut quoted, chunk.invalid());
    }
    quoted.push('\'');
    quoted
}

/// Always three octal digits, as a shell would take a digit that follows for part of `\x1`.
fn push_bytes(quoted: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing into a string does not fail.
        let _done = write!(quoted, "\\{byte:03o}");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use hostledger::model::{CommandLine, ProcessDraft, SecretWords};
    use hostledger::{MachineId, Timestamp};

    use super::*;

    /// A queued process that runs this.
    pub(crate) fn process_of_bytes(command: &[&[u8]]) -> Process {
        let parts = command.iter().map(|part| part.to_vec()).collect();
        let command = CommandLine::new(parts).unwrap();
        let draft = ProcessDraft::new(MachineId::generate(), command, b"/".to_vec());
        draft
            .into_process(&SecretWords::default(), Timestamp::now())
            .unwrap()
            .0
    }

    /// A queued process that runs this.
    pub(crate) fn process(command: &[&str]) -> Process {
        process_of_bytes(
            &command
                .iter()
                .map(|part| part.as_bytes())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let shown = |parts: &[&[u8]]| command_line(&process_of_bytes(parts));
        assert_eq!(shown(&[b"sh", b"-c", b"exit 7"]), "sh -c 'exit 7'");
        assert_eq!(
            shown(&[b"echo", b"it's", b"", "ü".as_bytes()]),
            r"echo 'it'\''s' '' ü"
        );
        assert_eq!(
            shown(&[b"printf", b"a\n\x1b1\xff'"]),
            r"printf $'a\n\0331\377\''"
        );
        assert_eq!(shown(&[b"echo", b"$HOME", b"*"]), "echo '$HOME' '*'");
    }

    #[test]
    fn no_text_can_steer_the_terminal() {
        assert_eq!(escape("a\x1b[2Jb\nc\u{9b}"), r"a\u{1b}[2Jb\nc\u{9b}");
        assert_eq!(escape("plain ü"), "plain ü");
    }
}
