//! What a proof has counted.

use std::fmt;

/// A table, and what was found to be wrong.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
    broken: Vec<String>,
}

impl Verdict {
    /// A table with these columns.
    pub(super) fn table(columns: &[&str]) -> Self {
        Self {
            rows: vec![columns.iter().map(|it| (*it).to_owned()).collect()],
            ..Self::default()
        }
    }

    /// Nothing could be tried here, and why.
    pub(super) fn skipped(reason: &str) -> Self {
        let mut verdict = Self::default();
        verdict.note(format!("SKIPPED: {reason}"));
        verdict
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Something worth knowing that is not wrong.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// A promise that was broken, with what is needed to find out why.
    pub(super) fn broken(&mut self, what: impl Into<String>) {
        self.broken.push(what.into());
    }

    pub(super) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            write!(f, "   ")?;
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(f, " {cell:<width$}")?;
                } else {
                    write!(f, "  {cell:>width$}")?;
                }
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "    {note}")?;
        }
        for broken in &self.broken {
            writeln!(f, "    BROKEN: {broken}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_one_another_and_what_is_broken_stands_last() {
        let mut verdict = Verdict::table(&["what", "right"]);
        verdict.row(["a longer one".to_owned(), "7".to_owned()]);
        verdict.broken("one was wrong");
        verdict.note("a note");
        assert!(verdict.is_broken());
        assert_eq!(
            verdict.to_string(),
            "    what          right\n    \
             a longer one      7\n    \
             a note\n    \
             BROKEN: one was wrong\n"
        );
    }
}
