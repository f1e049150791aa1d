//! Where a ledger's database is.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hostledger_sys::FileSystem;

use crate::error::StoreError;
#[cfg(feature = "postgres")]
use crate::postgres::{InvalidUrl, PostgresStore, PostgresUrl};
use crate::sqlite::SqliteStore;
use crate::store::{Durability, Store};

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// How long to wait for a database that another program has locked, and with changes that are
    /// to be written for a server that has gone away.
    pub busy_timeout: Duration,
    /// What a commit survives.
    pub durability: Durability,
    /// The file system of a path; real ones by default.
    pub file_system: fn(&Path) -> io::Result<FileSystem>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            durability: Durability::default(),
            file_system: FileSystem::of,
        }
    }
}

/// Where a ledger's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite's.
    Sqlite(PathBuf),
    /// A database of PostgreSQL's.
    #[cfg(feature = "postgres")]
    Postgres(PostgresUrl),
}

/// Why a text says no place of a database. It is not repeated: a password may stand in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// PostgreSQL was asked for.
    #[cfg(not(feature = "postgres"))]
    #[error("this build has no PostgreSQL: give a file as sqlite:PATH")]
    NoPostgres,
    /// The URL of a server is none.
    #[cfg(feature = "postgres")]
    #[error("the URL of the PostgreSQL database is not valid")]
    Url(#[from] InvalidUrl),
    /// There is a scheme but no path.
    #[error("sqlite: names no file: give one as sqlite:PATH")]
    NoPath,
    /// There is an unknown scheme.
    #[error(
        "a database cannot be given as {0}:…: known are sqlite:PATH, postgres://… and postgresql://…"
    )]
    UnknownScheme(String),
    /// There is no scheme.
    #[error("a database is given as sqlite:PATH, postgres://… or postgresql://…")]
    NoScheme,
}

impl Database {
    /// Reads `sqlite:PATH` or `sqlite://PATH`, where the path is taken as it stands, UTF-8 or not;
    /// and, where this is built in, the URLs of PostgreSQL (its manual, 34.1.1.2).
    ///
    /// # Errors
    /// Anything else, each with its own [`InvalidLocation`].
    pub fn parse(text: &OsStr) -> Result<Self, InvalidLocation> {
        let bytes = text.as_bytes();
        let server = bytes
            .strip_prefix(b"postgres://")
            .or_else(|| bytes.strip_prefix(b"postgresql://"));
        if let Some(rest) = server {
            return postgres(rest);
        }
        let path = bytes
            .strip_prefix(b"sqlite://")
            .or_else(|| bytes.strip_prefix(b"sqlite:"))
            .ok_or_else(|| unknown(bytes))?;
        if path.is_empty() {
            return Err(InvalidLocation::NoPath);
        }
        Ok(Self::Sqlite(OsString::from_vec(path.to_vec()).into()))
    }

    /// The file that it is, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// Those of the engine's `open`.
    pub fn open(&self, options: &OpenOptions) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, options)?)),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => Ok(Arc::new(PostgresStore::open(url, options)?)),
        }
    }
}

/// The error for a text with another scheme (RFC 3986, 3.1), or none.
fn unknown(text: &[u8]) -> InvalidLocation {
    let scheme = text.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.len() < text.len()
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte));
    match std::str::from_utf8(scheme) {
        Ok(scheme) if is_scheme => InvalidLocation::UnknownScheme(scheme.to_owned()),
        _ => InvalidLocation::NoScheme,
    }
}

#[cfg(feature = "postgres")]
fn postgres(rest: &[u8]) -> Result<Database, InvalidLocation> {
    let rest = std::str::from_utf8(rest).map_err(|_| InvalidUrl::NotUtf8)?;
    Ok(Database::Postgres(PostgresUrl::parse(rest)?))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &[u8]) -> Result<Database, InvalidLocation> {
    Err(InvalidLocation::NoPostgres)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Database, InvalidLocation> {
        Database::parse(text.as_ref())
    }

    #[test]
    fn a_path_follows_the_scheme_as_it_stands() {
        for (text, path) in [
            ("sqlite:/a/b.db", "/a/b.db"),
            ("sqlite:///a/b.db", "/a/b.db"),
            ("sqlite:b.db", "b.db"),
            ("sqlite://b.db", "b.db"),
            ("sqlite:/a?mode=ro%20#x", "/a?mode=ro%20#x"),
        ] {
            assert_eq!(parse(text), Ok(Database::Sqlite(path.into())), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_in_the_path() {
        let path = Database::parse(OsStr::from_bytes(b"sqlite:/a/\xff")).unwrap();
        assert_eq!(path, Database::Sqlite(OsStr::from_bytes(b"/a/\xff").into()));
    }

    #[test]
    #[cfg(feature = "postgres")]
    fn both_names_of_postgres_are_known_and_no_password_is_shown() {
        for text in [
            "postgres://me:hunter2@host/db",
            "postgresql://me:hunter2@host/db",
        ] {
            let database = parse(text).unwrap();
            assert!(!format!("{database:?}").contains("hunter2"));
        }
        let error = parse("postgres://me:hunter2/x").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }

    #[test]
    #[cfg(not(feature = "postgres"))]
    fn postgres_is_known_but_not_built_in() {
        for text in ["postgres://host/db", "postgresql://host/db"] {
            assert_eq!(parse(text), Err(InvalidLocation::NoPostgres));
        }
    }

    #[test]
    fn anything_else_is_refused_and_the_schemes_named() {
        for (text, scheme) in [
            ("mysql://host", "mysql"),
            ("Sqlite:x", "Sqlite"),
            ("POSTGRES://me:hunter2@h/db", "POSTGRES"),
            (
                "postgresql+psycopg2://me:hunter2@h/db",
                "postgresql+psycopg2",
            ),
            ("postgres:/me:hunter2@h/db", "postgres"),
            ("postgres:me:hunter2@h/db", "postgres"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, InvalidLocation::UnknownScheme(scheme.into()));
            assert!(error.to_string().contains("sqlite:PATH"));
        }
        for text in [
            "",
            "ledger.db",
            "/a/b",
            "://me:hunter2@h",
            "hunter2@h:5432/db",
            "host=h password=hunter2",
        ] {
            assert_eq!(parse(text), Err(InvalidLocation::NoScheme), "{text}");
        }
        assert_eq!(parse("sqlite:"), Err(InvalidLocation::NoPath));
    }
}
