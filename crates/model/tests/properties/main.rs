//! What holds for every value, tried with many.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails loudly"
)]

mod arbitrary;
mod binary_cases;
mod config;
mod duration;
mod json_lines;
mod json_records;
mod values;
