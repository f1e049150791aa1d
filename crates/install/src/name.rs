//! Which names and arguments providers are given at all.
//!
//! Nothing passes through a shell, but a name is an argument of a package manager and a file in
//! `lib/bin`: so it can be neither an option nor a path.

use crate::option::is_allowed;

/// Longest argument in characters; real ones have some dozens.
const LONGEST: usize = 255;

/// A name or an argument that no provider is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No program is called like this.
    #[error(
        "{name:?} is no name of a program: write letters, digits and . _ + - @, a letter or digit \
         first, or an absolute path"
    )]
    Name {
        /// What was given, cut.
        name: String,
    },
    /// No package or option is called like this.
    #[error(
        "{argument:?} for {provider} is no package and no --option that it is given: write it without \
         blanks, slashes and what a shell gives a meaning to, options with their whole names"
    )]
    Argument {
        /// Whose argument it would be.
        provider: String,
        /// What was given, cut.
        argument: String,
    },
}

/// Checks a name that a program is asked for by: a plain file name, or an absolute path to one.
///
/// # Errors
/// It is neither.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    let base = match name.strip_prefix('/') {
        Some(path) => {
            let (directory, base) = path.rsplit_once('/').unwrap_or(("", path));
            let climbs = directory.split('/').any(|part| part == "..");
            let clean = !climbs && !name.contains(char::is_control) && is_short(name);
            Some(base).filter(|_| clean)
        }
        None => Some(name),
    };
    if base.is_some_and(is_file_name) {
        return Ok(());
    }
    let name = cut(name);
    Err(InvalidName::Name { name })
}

/// Checks what a provider's package manager is given: a package with what it may say of its
/// version and extras, or a long option that it may have.
pub(crate) fn check_argument(provider: &str, argument: &str) -> Result<(), InvalidName> {
    let option = argument.strip_prefix("--");
    // A scope of npm's is the one thing with a slash in it.
    let plain = match argument.strip_prefix('@').and_then(|it| it.split_once('/')) {
        Some((scope, name)) if is_file_name(scope) => name,
        _ => option.unwrap_or(argument),
    };
    let letters = |it: char| it.is_ascii_alphanumeric() || "._+-@=<>!~^*,:[]".contains(it);
    let begins = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let is_allowed = option.is_none_or(|option| is_allowed(provider, option));
    if is_short(argument) && is_allowed && plain.starts_with(begins) && plain.chars().all(letters) {
        return Ok(());
    }
    Err(InvalidName::Argument {
        provider: provider.to_owned(),
        argument: cut(argument),
    })
}

fn is_file_name(name: &str) -> bool {
    let letters = |it: char| it.is_ascii_alphanumeric() || "._+-@".contains(it);
    let begins = |it: char| it.is_ascii_alphanumeric() || it == '_';
    is_short(name) && name.starts_with(begins) && name.chars().all(letters)
}

fn is_short(text: &str) -> bool {
    text.len() <= LONGEST
}

/// Enough of a text to know it by.
fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_set_whatever_there_is_are_refused() {
        for (provider, argument) in [
            ("apt", "--option=DPkg::Pre-Invoke::=reboot"),
            ("apt", "--opt=DPkg::Pre-Invoke::=reboot"),
            ("apt", "--config-file=x"),
            ("npm", "--script-shell=x"),
            ("cargo", "--config=x"),
            ("pip", "--target=.."),
            ("pip", "--targ=escaped"),
        ] {
            assert!(check_argument(provider, argument).is_err(), "{argument}");
        }
        for (provider, argument) in [
            ("apt", "--no-install-suggests"),
            ("pip", "--no-deps"),
            ("cargo", "--features=tls"),
            ("npm", "--no-save"),
        ] {
            assert!(check_argument(provider, argument).is_ok(), "{argument}");
        }
    }

    #[test]
    fn programs_have_plain_names_or_absolute_paths() {
        for name in [
            "yt-dlp",
            "g++",
            "python3.11",
            "_x",
            "7z",
            "node@20",
            "/usr/bin/git",
            "/git",
            "/opt/my tools/git",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_could_be_an_option_a_path_or_a_command_is_refused() {
        let long = "a".repeat(10_000);
        let long_path = format!("/{long}/git");
        for name in [
            "",
            " ",
            "-rf",
            "--help",
            "../x",
            "a/b",
            "./x",
            "..",
            ".",
            "/",
            "/usr/bin/",
            "/usr/../bin/git",
            "/bin/-rf",
            "a;b",
            "$(x)",
            "`x`",
            "a b",
            "a\0b",
            "/a\0b/git",
            "/a\nb/git",
            "a\n",
            "ä",
            "a|b",
            "a&b",
            "*",
            "~/x",
            "a\\b",
            &long,
            &long_path,
        ] {
            let refusal = check_name(name).unwrap_err().to_string();
            assert!(refusal.len() < 300, "{refusal}");
        }
    }

    #[test]
    fn packages_may_say_which_version_and_extras() {
        for argument in [
            "yt-dlp",
            "yt-dlp[default,curl-cffi]>=2024.1",
            "@postlight/parser",
            "@a/b@1.2",
            "chromium@latest",
            "foo=1.2-3",
            "libc6:amd64",
            "--no-deps",
            "--features=tls",
            "ripgrep@^14",
        ] {
            assert_eq!(check_argument("x", argument), Ok(()), "{argument}");
        }
    }

    #[test]
    fn hostile_arguments_are_refused() {
        let long = "a".repeat(10_000);
        for argument in [
            "",
            "-rf",
            "-o",
            "--",
            "---",
            "../x",
            "a/b",
            "/etc/passwd",
            "@a",
            "@/b",
            "@../b",
            "@a/../b",
            "@a/b/c",
            "--target=/etc",
            "a;b",
            "$(x)",
            "a b",
            "a\0",
            "a\nb",
            "git+ssh://x",
            &long,
        ] {
            assert!(check_argument("npm", argument).is_err(), "{argument:?}");
        }
    }
}
