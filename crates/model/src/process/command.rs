//! A command line, exact to the byte.

/// Why a command line was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommand {
    /// It names no program.
    #[error("the command is empty: name a program to run")]
    Empty,
    /// A part holds a NUL byte, where the kernel would end it.
    #[error("{what} holds a NUL byte, which no program can be given")]
    NulByte {
        /// Which part, such as `argument 2`.
        what: String,
    },
}

/// Program and arguments as bytes, as the kernel takes them.
///
/// Never empty, no NUL byte in any part; most are UTF-8, none has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<Vec<u8>>);

impl CommandLine {
    /// Checks program and arguments.
    ///
    /// # Errors
    /// No program, an empty program name, or a NUL byte in any part.
    pub fn new(parts: Vec<Vec<u8>>) -> Result<Self, InvalidCommand> {
        if parts.first().is_none_or(Vec::is_empty) {
            return Err(InvalidCommand::Empty);
        }
        match parts.iter().position(|part| part.contains(&0)) {
            None => Ok(Self(parts)),
            Some(0) => Err(InvalidCommand::NulByte {
                what: "the program's name".to_owned(),
            }),
            Some(at) => Err(InvalidCommand::NulByte {
                what: format!("argument {at}"),
            }),
        }
    }

    /// Program and arguments.
    #[must_use]
    pub fn parts(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// The parts as text, U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn to_text(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect()
    }

    /// The parts when [`to_text`](Self::to_text) cannot say them exactly.
    #[must_use]
    pub fn not_utf8(&self) -> Option<Vec<Vec<u8>>> {
        let text = self.0.iter().all(|part| std::str::from_utf8(part).is_ok());
        (!text).then(|| self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(parts: &[&[u8]]) -> Result<CommandLine, InvalidCommand> {
        CommandLine::new(parts.iter().map(|part| part.to_vec()).collect())
    }

    #[test]
    fn a_command_without_a_program_is_refused() {
        assert_eq!(command(&[]), Err(InvalidCommand::Empty));
        assert_eq!(command(&[b"", b"x"]), Err(InvalidCommand::Empty));
    }

    #[test]
    fn a_nul_byte_is_refused_and_its_place_named() {
        let error = command(&[b"echo", b"a", b"b\0c"]).unwrap_err();
        assert!(error.to_string().starts_with("argument 2 "));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_beside_their_text() {
        let exact = command(&[b"echo", b"\xff"]).unwrap();
        assert_eq!(exact.to_text(), ["echo", "\u{fffd}"]);
        assert_eq!(exact.not_utf8().unwrap()[1], b"\xff");
        assert_eq!(
            command(&[b"echo", "ü".as_bytes()]).unwrap().not_utf8(),
            None
        );
    }
}
