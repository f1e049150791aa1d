//! Where a ledger's database is.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::StoreError;
use crate::sqlite::{OpenOptions, SqliteStore};
use crate::store::Store;

/// Where a ledger's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of SQLite's.
    Sqlite(PathBuf),
}

/// Why a text says no place of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLocation {
    /// PostgreSQL was asked for.
    #[error("this build has no PostgreSQL: give a file as sqlite:PATH")]
    NoPostgres,
    /// There is a scheme but no path.
    #[error("{0:?} names no file: give one as sqlite:PATH")]
    NoPath(OsString),
    /// There is no scheme, or an unknown one.
    #[error("{0:?} is no database: known are sqlite:PATH, postgres://… and postgresql://…")]
    UnknownScheme(OsString),
}

impl Database {
    /// Reads `sqlite:PATH` or `sqlite://PATH`; the path is taken as it stands, UTF-8 or not.
    ///
    /// # Errors
    /// Anything else, each with its own [`InvalidLocation`].
    pub fn parse(text: &OsStr) -> Result<Self, InvalidLocation> {
        let bytes = text.as_bytes();
        if bytes.starts_with(b"postgres://") || bytes.starts_with(b"postgresql://") {
            return Err(InvalidLocation::NoPostgres);
        }
        let path = bytes
            .strip_prefix(b"sqlite://")
            .or_else(|| bytes.strip_prefix(b"sqlite:"))
            .ok_or_else(|| InvalidLocation::UnknownScheme(text.to_owned()))?;
        if path.is_empty() {
            return Err(InvalidLocation::NoPath(text.to_owned()));
        }
        Ok(Self::Sqlite(OsString::from_vec(path.to_vec()).into()))
    }

    /// Opens it.
    ///
    /// # Errors
    /// Those of [`SqliteStore::open`].
    pub fn open(&self, options: &OpenOptions) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, options)?)),
        }
    }
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
    fn postgres_is_known_but_not_built_in() {
        for text in ["postgres://host/db", "postgresql://host/db"] {
            assert_eq!(parse(text), Err(InvalidLocation::NoPostgres));
        }
    }

    #[test]
    fn anything_else_is_refused_and_the_schemes_named() {
        for text in ["ledger.db", "/a/b", "mysql://host", "Sqlite:x", ""] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, InvalidLocation::UnknownScheme(text.into()));
            assert!(error.to_string().contains("sqlite:PATH"));
        }
        assert_eq!(
            parse("sqlite:"),
            Err(InvalidLocation::NoPath("sqlite:".into()))
        );
    }
}
