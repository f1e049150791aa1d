//! The keeper itself.
