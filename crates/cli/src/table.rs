//! Tables: one line a row, cut to the terminal's width when there is one.

use anstyle::Style;
use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Row};

/// Rows under a header; the last column is the one that is cut when the line is too long.
pub(crate) struct Table {
    table: comfy_table::Table,
    styles: Vec<Style>,
}

/// On a terminal too narrow for this much of the last column, lines are longer than it is wide.
const LEAST_OF_LAST: u16 = 20;

/// Columns stand this far apart.
const GAP: u16 = 2;

impl Table {
    /// A table with these columns and no rows yet.
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        let header: Vec<_> = header.iter().map(|name| name.to_uppercase()).collect();
        table.load_style(NOTHING);
        let mut header = Row::from(header);
        header.max_height(1);
        table.set_header(header);
        Self {
            table,
            styles: vec![Style::new().bold()],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>, style: Style) {
        let mut row = Row::from(cells);
        row.max_height(1);
        self.table.add_row(row);
        self.styles.push(style);
    }

    /// The lines, each with the style to show it in.
    pub(crate) fn lines(mut self, width: Option<u16>) -> Vec<(Style, String)> {
        let mut widths = self.table.column_max_content_widths();
        widths.pop();
        let last = widths.len();
        for (index, column) in self.table.column_iter_mut().enumerate() {
            if index < last {
                column.set_padding((0, GAP));
                column.set_constraint(ColumnConstraint::ContentWidth);
            } else {
                column.set_padding((0, 0));
            }
        }
        if let Some(width) = width {
            let before_last = widths.iter().map(|width| width.saturating_add(GAP));
            let least = before_last.fold(LEAST_OF_LAST, u16::saturating_add);
            self.table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.max(least));
        }
        let lines = self.table.lines().map(|line| line.trim_end().to_owned());
        self.styles.into_iter().zip(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<u16>) -> String {
        let mut table = Table::new(&["id", "command"]);
        for (id, command) in [
            ("0198", "sh -c 'sleep 1; echo done; exit 3'"),
            ("0198c0de", "true"),
        ] {
            table.row(vec![id.to_owned(), command.to_owned()], Style::new());
        }
        let lines: Vec<_> = table
            .lines(width)
            .into_iter()
            .map(|(_, line)| line)
            .collect();
        lines.join("\n")
    }

    #[test]
    fn columns_are_aligned_and_nothing_is_cut_without_a_width() {
        insta::assert_snapshot!(table(None), @r"
        ID        COMMAND
        0198      sh -c 'sleep 1; echo done; exit 3'
        0198c0de  true
        ");
    }

    #[test]
    fn the_last_column_is_cut_to_the_width() {
        insta::assert_snapshot!(table(Some(30)), @r"
        ID        COMMAND
        0198      sh -c 'sleep 1; ech…
        0198c0de  true
        ");
    }

    #[test]
    fn a_terminal_too_narrow_for_anything_still_gets_a_line_a_row() {
        assert_eq!(table(Some(5)), table(Some(30)));
    }
}
