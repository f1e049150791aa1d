//! What happens inside, on stderr, for whoever asks with `-v`.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Shows errors of the inside, or more when `verbose` is above 0: then RUST_LOG refines it.
///
/// Without `-v` RUST_LOG is left to the program that is run, for which it may be meant.
pub(crate) fn start(verbose: u8) {
    let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(colours && io::stderr().is_terminal());
    let level = match verbose {
        0 => return subscriber.with_max_level(LevelFilter::ERROR).init(),
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env_lossy();
    subscriber.with_env_filter(filter).init();
}
