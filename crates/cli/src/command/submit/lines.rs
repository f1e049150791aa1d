//! Commands as lines of JSON on standard input.

use std::io;

use crate::args::Globals;
use crate::error::OutputLost;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::Progress;

/// Queues them, batch by batch.
pub(super) fn run(globals: &Globals, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ledger = globals.open()?;
    let mut progress = Progress::begin(printer, "queued");
    let mut is_read = true;
    for batch in ledger.submit_lines(io::stdin().lock()) {
        let batch = batch.inspect_err(|_| progress.end())?;
        if is_read {
            is_read = print(&batch, printer)?;
        }
        progress.add(batch.len());
    }
    progress.end();
    Ok(Exit::Success)
}

/// Prints which they are; false when nobody reads that any more, which is no reason to queue less.
fn print(batch: &[hostledger::Process], printer: &mut Printer) -> anyhow::Result<bool> {
    let printed = batch
        .iter()
        .try_for_each(|process| super::print(process, printer))
        .and_then(|()| Ok(printer.flush()?));
    match printed {
        Err(error) if OutputLost::is_reader_gone(&error) => Ok(false),
        printed => printed.map(|()| true),
    }
}
