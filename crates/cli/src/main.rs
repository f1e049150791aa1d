//! The hostledger command line.

fn main() {}
