//! All unsafe code is in one crate, where it is read with care.

use anyhow::Result;

use super::finding::Finding;
use super::tokens::{self, places};
use super::tree::Tree;

/// The crate that may.
pub(crate) const UNSAFE_CRATE: &str = "hostledger-sys";
const UNSAFE_DIRECTORY: &str = "crates/sys/";

/// The keyword stands nowhere else, not even in tests.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in tree
        .rust()
        .filter(|file| !file.path.starts_with(UNSAFE_DIRECTORY))
    {
        for place in places(&tokens::of(file)?, &["unsafe"]) {
            let message = format!(
                "unsafe code outside of {UNSAFE_DIRECTORY}: move it there behind a safe function"
            );
            findings.push(Finding::error(&file.path, place[0].line, message));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::tree::fixture;
    use super::*;

    const CODE: &str = "// unsafe {}\nfn f() {\n    unsafe { g() }\n}\n";

    #[test]
    fn it_is_found_on_its_line_and_not_in_comments() {
        let findings = check(&fixture::files(&[("crates/host/src/a.rs", CODE)])).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].path.as_str(), findings[0].line),
            ("crates/host/src/a.rs", 3)
        );
    }

    #[test]
    fn one_crate_may() {
        assert!(
            check(&fixture::files(&[("crates/sys/src/a.rs", CODE)]))
                .unwrap()
                .is_empty()
        );
    }
}
