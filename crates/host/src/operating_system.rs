//! The operating system: family, architecture, distribution, kernel.

use crate::kernel::Uname;
use crate::libc_version::libc_version;
use crate::root::HostRoot;

/// Where a distribution names itself: `os-release(5)`.
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Such as `Linux-6.1.0-x86_64-with-glibc2.36`, the form of Python's `platform.platform()`.
pub(crate) fn platform(root: &HostRoot, uname: &Uname) -> String {
    let Uname {
        system,
        release,
        machine,
        ..
    } = uname;
    let platform = format!("{system}-{release}-{machine}");
    match libc_version(root, machine) {
        Some(libc) => format!("{platform}-with-{libc}"),
        None => {
            tracing::debug!("cannot tell the C library of this host");
            platform
        }
    }
}

/// The distribution's name and version for people; the kernel's release where there is none.
pub(crate) fn release(root: &HostRoot, uname: &Uname) -> String {
    OS_RELEASE
        .into_iter()
        .find_map(|file| root.text(file))
        .and_then(|text| pretty_name(&text))
        .unwrap_or_else(|| {
            tracing::debug!("no PRETTY_NAME in os-release: using the kernel's release");
            uname.release.clone()
        })
}

/// The value of `PRETTY_NAME`; as in a shell, the last assignment counts.
fn pretty_name(text: &str) -> Option<String> {
    let assigned = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("PRETTY_NAME="));
    assigned
        .map(unquote)
        .next_back()
        .filter(|name| !name.is_empty())
}

/// Takes off the quotes of a shell and the backslashes that escape: `os-release(5)` allows
/// nothing more of a shell.
fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return inner.trim().to_owned();
    }
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    let mut unescaped = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        unescaped.push(if character == '\\' {
            characters.next().unwrap_or('\\')
        } else {
            character
        });
    }
    unescaped.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pretty_name_is_unquoted() {
        let name = |text: &str| pretty_name(text);
        assert_eq!(
            name("NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n").as_deref(),
            Some("Debian GNU/Linux 12 (bookworm)")
        );
        assert_eq!(
            name("PRETTY_NAME='Arch Linux'").as_deref(),
            Some("Arch Linux")
        );
        assert_eq!(name("PRETTY_NAME=Alpine").as_deref(), Some("Alpine"));
        assert_eq!(
            name(r#"PRETTY_NAME="a \"b\" \$c \\""#).as_deref(),
            Some(r#"a "b" $c \"#)
        );
        assert_eq!(
            name("PRETTY_NAME=old\nPRETTY_NAME=new").as_deref(),
            Some("new")
        );
    }

    #[test]
    fn an_empty_or_missing_name_is_none() {
        assert_eq!(pretty_name("PRETTY_NAME=\"\"\n"), None);
        assert_eq!(pretty_name("#PRETTY_NAME=x\nNAME=y"), None);
        assert_eq!(pretty_name("PRETTY_NAME=\""), Some("\"".to_owned()));
    }
}
