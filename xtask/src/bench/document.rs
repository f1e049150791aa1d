//! docs/benchmarks.md: a section for each subject, replaced when that is measured again.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Subject;
use crate::workspace::Workspace;

pub(super) const PATH: &str = "docs/benchmarks.md";

const INTRODUCTION: &str = "\
# Benchmarks

Written by `cargo xtask bench`: do not edit. `cargo xtask bench SUBJECT` measures one section again
and leaves the others as they are. Each tells below when, where and of which commit it was measured.
What is measured is the release profile, on ledgers in the directory for temporary files
(`TMPDIR=/dev/shm` puts them on another file system).

Where two are compared, they run in turn, in the same seconds, on a ledger that is made for the
round. Told are medians over the rounds, and in brackets between which two values the middle half
lies. Absolute times on a machine that others use as well mean little and change by a factor of two
between two runs; differences and ratios of the same round are sturdier. Where the load below is
above the number of processors, times are too large: hostledger hands over between threads and
processes, and each has to wait for its turn.
";

/// The document, as far as it has been measured.
pub(super) struct Document {
    sections: Vec<(Subject, String)>,
}

impl Document {
    /// Reads the sections that are there.
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root.join(PATH);
        let text = std::fs::read_to_string(&path);
        Ok(Self::parse(
            &text.with_context(|| format!("{path} cannot be read"))?,
        ))
    }

    fn parse(text: &str) -> Self {
        let section = |subject: Subject| {
            let (_, behind) = text.split_once(&heading(subject))?;
            let end = behind.find("\n## ").map_or(behind.len(), |end| end + 1);
            Some((subject, behind.get(..end)?.trim().to_owned()))
        };
        Self {
            sections: Subject::ALL.into_iter().filter_map(section).collect(),
        }
    }

    pub(super) fn replace(&mut self, subject: Subject, text: String) {
        self.sections.retain(|(other, _)| *other != subject);
        self.sections.push((subject, text));
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<()> {
        let path = workspace.root.join(PATH);
        std::fs::write(&path, self.text()).with_context(|| format!("{path} cannot be written"))
    }

    fn text(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        for subject in Subject::ALL {
            let mut sections = self.sections.iter();
            if let Some((_, section)) = sections.find(|(of, _)| *of == subject) {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{}{}", heading(subject), section.trim());
            }
        }
        text
    }
}

fn heading(subject: Subject) -> String {
    format!(
        "\n## {}\n\n`cargo xtask bench {}`\n\n",
        subject.title(),
        subject.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay_in_order() {
        let mut document = Document::parse("");
        assert_eq!(document.text(), INTRODUCTION);
        document.replace(Subject::Tree, "trees\n\n### More\n".to_owned());
        document.replace(Subject::Run, "one\n".to_owned());
        let text = document.text();
        let mut again = Document::parse(&text);
        assert_eq!(again.text(), text);
        again.replace(Subject::Run, "two".to_owned());
        assert_eq!(again.text(), text.replace("\none\n", "\ntwo\n"));
    }
}
