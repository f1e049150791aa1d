//! Our output: records as JSON, or text for people.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

use anstyle::Style;
use serde_json::{Map, Value};

use crate::error::OutputLost;
use crate::table::Table;

/// The one place that writes to our standard output.
///
/// Colours are put in only where they are wanted; what others have written passes unchanged.
pub(crate) struct Printer {
    out: BufWriter<Stdout>,
    json: bool,
    quiet: bool,
    terminal: bool,
    coloured: bool,
}

impl Printer {
    /// With what the command line says of the output.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let stdout = io::stdout();
        Self {
            json,
            quiet,
            terminal: stdout.is_terminal(),
            // Knows NO_COLOR and its like.
            coloured: anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
            out: BufWriter::new(stdout),
        }
    }

    /// Whether records are to be printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only errors are wanted, besides JSON.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether people read at a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints a record that is JSON already.
    pub(crate) fn json(&mut self, record: &str) -> Result<(), OutputLost> {
        writeln!(self.out, "{record}").map_err(OutputLost)
    }

    /// Prints a record that is JSON already, with fields that are not of the record itself.
    pub(crate) fn json_with(
        &mut self,
        record: &str,
        fields: Vec<(&str, Value)>,
    ) -> anyhow::Result<()> {
        if fields.is_empty() {
            return Ok(self.json(record)?);
        }
        let mut record: Map<String, Value> = serde_json::from_str(record)?;
        record.extend(
            fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value)),
        );
        Ok(self.json(&Value::Object(record).to_string())?)
    }

    /// Prints a line for people; not when it is quiet.
    pub(crate) fn line(&mut self, style: Style, text: &str) -> Result<(), OutputLost> {
        if self.quiet {
            return Ok(());
        }
        let style = if self.coloured { style } else { Style::new() };
        writeln!(self.out, "{style}{text}{style:#}").map_err(OutputLost)
    }

    /// Prints a table for people; not when it is quiet.
    pub(crate) fn table(&mut self, table: Table) -> Result<(), OutputLost> {
        for (style, line) in table.lines(self.width()) {
            self.line(style, &line)?;
        }
        Ok(())
    }

    /// Where to write bytes that are not ours, unchanged.
    pub(crate) fn raw(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Has everything on its way.
    pub(crate) fn flush(&mut self) -> Result<(), OutputLost> {
        self.out.flush().map_err(OutputLost)
    }

    /// The terminal's width in columns; none when there is no terminal, or it does not say.
    fn width(&self) -> Option<u16> {
        let size = rustix::termios::tcgetwinsize(self.out.get_ref())
            .ok()
            .filter(|_| self.terminal);
        size.map(|size| size.ws_col).filter(|columns| *columns > 0)
    }
}
