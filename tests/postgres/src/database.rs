//! A database of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::installation::{command, program, run};
use crate::server::PORT;
use crate::shared;

/// An empty database, dropped with this.
#[derive(Debug)]
pub struct Database {
    /// Where its server's socket is.
    directory: PathBuf,
    port: u16,
    name: String,
}

impl Database {
    /// On the server that all tests of this run share.
    ///
    /// # Panics
    /// It cannot be started.
    #[must_use]
    pub fn shared() -> Self {
        Self::new(&shared::directory(), PORT)
    }

    pub(crate) fn new(directory: &Path, port: u16) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let database = Self {
            directory: directory.to_owned(),
            port,
            name: format!("t{}_{number}", std::process::id()),
        };
        database.psql("postgres", &format!("CREATE DATABASE {}", database.name));
        database
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Its URL for a user, who can have a password: `user:password`.
    #[must_use]
    pub fn url_of(&self, login: &str) -> String {
        let socket = self.directory.to_str().unwrap().replace('/', "%2F");
        format!("postgres://{login}@{socket}:{}/{}", self.port, self.name)
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL in it, as its owner; the values of the rows, a line for each.
    ///
    /// # Panics
    /// The server refuses it.
    #[track_caller]
    pub fn run(&self, sql: &str) -> String {
        self.psql(&self.name, sql)
    }

    fn psql(&self, database: &str, sql: &str) -> String {
        run(self
            .client("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1"])
            .args(["--dbname", database, "--command", sql]))
    }

    /// A program of PostgreSQL's that is to connect to it, as its owner.
    ///
    /// # Panics
    /// PostgreSQL is not installed.
    #[must_use]
    pub fn client(&self, name: &str) -> Command {
        let mut client = command(program(name));
        client
            .env("PGHOST", &self.directory)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres")
            .env("PGDATABASE", &self.name);
        client
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that is gone has none any more.
        if crate::server::accepts(&self.directory, self.port) {
            let name = &self.name;
            self.psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}
