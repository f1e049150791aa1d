//! Finding and installing programs: which provider does it, how, and what came of it.
//!
//! Nothing is run here. A provider says what is to be run, whoever drives it runs that as a
//! recorded process, and the provider reads what came of it.
