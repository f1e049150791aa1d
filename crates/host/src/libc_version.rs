//! The C library of the host, which its other programs use (this one may be linked statically).

use crate::root::HostRoot;

/// The dynamic loaders of glibc, whose paths are part of each ABI. The loader is a tenth of the
/// library's size and tells the same version.
const GLIBC_LOADERS: [&str; 8] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-armhf.so.3",
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib64/ld64.so.2",
    "/lib/ld64.so.1",
    "/lib64/ld-linux-loongarch-lp64d.so.1",
    "/lib/ld-linux.so.2",
];

/// What stands before the version in the text that `ld.so --version` prints (glibc 2.33 on).
const BANNER: &[u8] = b" release version ";

/// Such as `glibc2.36` or `musl`; `None` where neither is installed.
pub(crate) fn libc_version(root: &HostRoot, machine: &str) -> Option<String> {
    for loader in GLIBC_LOADERS {
        // Up to glibc 2.33 the loader is a link to a file named after the version.
        let named = root
            .link_target_name(loader)
            .and_then(|name| version_in_name(&name));
        let version = named.or_else(|| version_in_banner(&root.bytes(loader)?));
        if let Some(version) = version {
            return Some(format!("glibc{version}"));
        }
    }
    root.exists(&format!("/lib/ld-musl-{machine}.so.1"))
        .then(|| "musl".to_owned())
}

/// `2.31` of `ld-2.31.so`.
fn version_in_name(name: &str) -> Option<String> {
    let version = name.strip_prefix("ld-")?.strip_suffix(".so")?;
    (leading_version(version.as_bytes())? == version).then(|| version.to_owned())
}

/// `2.36` of `ld.so (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.`
fn version_in_banner(loader: &[u8]) -> Option<String> {
    // From the end, as texts stand behind the code.
    let mut windows = loader.windows(BANNER.len());
    let start = windows.rposition(|window| window == BANNER)? + BANNER.len();
    leading_version(loader.get(start..)?)
}

/// Digits and dots that begin and end with a digit.
fn leading_version(bytes: &[u8]) -> Option<String> {
    let version: String = bytes
        .iter()
        .take(16)
        .map_while(|byte| matches!(byte, b'0'..=b'9' | b'.').then_some(char::from(*byte)))
        .collect();
    let version = version.trim_end_matches('.');
    (version.starts_with(|c: char| c.is_ascii_digit())).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_holds_the_version() {
        let banner = b"\0ld.so (Debian GLIBC 2.36-9+deb12u4) stable release version 2.36.\n\0";
        assert_eq!(version_in_banner(banner).as_deref(), Some("2.36"));
        let banner = b"ld.so (GNU libc) development release version 2.39.9000.\n";
        assert_eq!(version_in_banner(banner).as_deref(), Some("2.39.9000"));
        assert_eq!(version_in_banner(b"stable release version "), None);
        assert_eq!(version_in_banner(b"stable release version x"), None);
        assert_eq!(version_in_banner(b""), None);
    }

    #[test]
    fn the_name_of_an_older_loader_holds_the_version() {
        assert_eq!(version_in_name("ld-2.31.so").as_deref(), Some("2.31"));
        assert_eq!(version_in_name("ld-linux-x86-64.so.2"), None);
        assert_eq!(version_in_name("ld-.so"), None);
    }

    #[test]
    fn an_older_loader_is_followed_by_name() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("lib64")).unwrap();
        let loader = directory.path().join("lib64/ld-linux-x86-64.so.2");
        std::os::unix::fs::symlink("../lib/x86_64-linux-gnu/ld-2.28.so", loader).unwrap();
        let root = HostRoot::new(directory.path());
        assert_eq!(libc_version(&root, "x86_64").as_deref(), Some("glibc2.28"));
    }
}
