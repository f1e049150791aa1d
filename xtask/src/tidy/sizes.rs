//! A file holds one operation or concept: about 100 lines, tests and comments included.

use anyhow::Result;

use super::finding::Finding;
use super::tree::Tree;

/// Above this a file is questioned.
const QUESTIONED: usize = 400;
/// Above this it is refused.
const REFUSED: usize = 800;

/// Files of Rust, by their lines.
pub(crate) fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let judge = |(path, lines): (&str, usize)| {
        if lines > REFUSED {
            let message = format!("{lines} lines: split it; no file may have over {REFUSED}");
            Some(Finding::error(path, REFUSED + 1, message))
        } else if lines > QUESTIONED {
            let message = format!("{lines} lines: could it be two files? {REFUSED} is the limit");
            Some(Finding::warning(path, QUESTIONED + 1, message))
        } else {
            None
        }
    };
    let sizes = tree
        .rust()
        .map(|file| (file.path.as_str(), file.lines().count()));
    Ok(sizes.filter_map(judge).collect())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::super::tree::fixture;
    use super::*;

    fn judged(path: &str, lines: usize) -> Option<(Severity, usize)> {
        let findings = check(&fixture::files(&[(path, &"x\n".repeat(lines))])).unwrap();
        findings
            .first()
            .map(|finding| (finding.severity, finding.line))
    }

    #[test]
    fn long_files_are_questioned_and_longer_ones_refused() {
        assert_eq!(judged("a.rs", 400), None);
        assert_eq!(judged("a.rs", 401), Some((Severity::Warning, 401)));
        assert_eq!(judged("a.rs", 800), Some((Severity::Warning, 401)));
        assert_eq!(judged("a.rs", 801), Some((Severity::Error, 801)));
    }

    #[test]
    fn only_rust_is_measured() {
        assert_eq!(judged("Cargo.lock", 5000), None);
    }
}
