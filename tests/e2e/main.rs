//! End to end: the built program on real processes, files, signals and terminals.
//!
//! A file is a topic. What the program is driven with is in the library of this package.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod absent;
mod arguments;
mod background;
mod binary;
mod child;
mod cleanup;
mod container;
mod data_dir;
mod database;
mod death;
mod detached;
mod directories;
mod environment;
mod first_use;
mod foreign;
mod group;
mod help;
mod hindered;
mod hook;
mod host;
mod idle;
mod import;
mod kill;
mod killed_group;
mod launch_options;
mod leader;
mod locked;
mod logs;
mod namespace;
mod nested;
mod others;
mod output;
mod postgres;
mod proof;
mod prune;
mod ps;
mod queue;
mod readers;
mod refusals;
mod replaced;
mod retries;
mod show;
mod signals;
mod sigterm;
mod standard_input;
mod start_up;
mod stopped;
mod submit;
mod terminal;
mod timeout;
mod tree;
mod turns;
mod unreadable;
mod wait;
mod work;
