//! Opening: who may, and who is first.

use std::path::Path;
use std::process::Command;
use std::thread;

use hostledger_store::{Change, Database as Location, Store, StoreError};
use hostledger_test_postgres::{Database, PORT, Server, available};
use tempfile::TempDir;

use super::{open, try_open};
use crate::contract::owners::{assert_owners, owners_before};
use crate::contract::world::{machine, new_machine, submit};

/// Everything that an error says of itself, to whomever.
fn all_of(error: &StoreError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(" {error:?} {error}"));
        source = error.source();
    }
    text
}

#[test]
fn many_who_open_a_new_database_at_once_make_its_tables_once() {
    if !available() {
        return;
    }
    let database = Database::shared();
    thread::scope(|scope| {
        let opening: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| open(&database.url())))
            .collect();
        for store in opening {
            assert!(store.join().unwrap().check().unwrap().is_empty());
        }
    });
    let versions = database.run("SELECT count(*) FROM __diesel_schema_migrations");
    let distinct = database.run("SELECT count(DISTINCT version) FROM __diesel_schema_migrations");
    assert_eq!(versions, distinct);
}

#[test]
fn a_database_of_a_later_version_is_refused() {
    if !available() {
        return;
    }
    let database = Database::shared();
    drop(open(&database.url()));
    database.run("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    let error = try_open(&database.url()).err().unwrap();
    assert!(
        matches!(&error, StoreError::Newer { version, .. } if version == "99990101000000"),
        "{error:?}"
    );
}

#[test]
fn who_may_not_write_is_told_so() {
    if !available() {
        return;
    }
    let database = Database::shared();
    drop(open(&database.url()));
    let user = format!("reader_{}", database.name());
    database.run(&format!("CREATE ROLE {user} LOGIN"));
    let error = try_open(&database.url_of(&user)).err().unwrap();
    assert!(matches!(error, StoreError::Forbidden { .. }), "{error:?}");
    database.run(&format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}"
    ));
    let store = open(&database.url_of(&user));
    assert!(store.machine_by_guid("guid").unwrap().is_none());
    let machine = new_machine("guid");
    let error = submit(&store, vec![Change::InsertMachine(Box::new(machine))]).unwrap_err();
    assert!(matches!(error, StoreError::Forbidden { .. }), "{error:?}");
    drop(store);
    // The shared server keeps roles, whichever database they were for.
    database.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}"));
}

#[test]
fn a_server_that_is_told_to_write_nothing_is_named_as_that() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let store = open(&database.url());
    machine(&store, "guid");
    drop(store);
    let read_only = format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        database.name()
    );
    database.run(&read_only);
    let store = open(&database.url());
    let other = new_machine("other");
    let error = submit(&store, vec![Change::InsertMachine(Box::new(other))]).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_wrong_password_is_told_from_a_dead_server_and_never_shown() {
    if !available() {
        return;
    }
    let server = Server::with(
        "listen_addresses = ''\n",
        &[(
            "pg_hba.conf",
            b"local all postgres trust\nlocal all all scram-sha-256\n",
        )],
        PORT,
    );
    let database = server.database();
    database.run("CREATE ROLE me LOGIN SUPERUSER PASSWORD 'right-hunter2'");
    open(&database.url_of("me:right-hunter2"));
    for login in ["me:wrong-hunter2", "me", "nobody:wrong-hunter2"] {
        let error = try_open(&database.url_of(login)).err().unwrap();
        assert!(matches!(error, StoreError::Login { .. }), "{error:?}");
        assert!(!all_of(&error).contains("hunter2"), "{}", all_of(&error));
    }
    // Whatever is wrong with a URL, the password in it is not told.
    for url in [
        "postgres://me:wrong-hunter2@127.0.0.1:1/x",
        "postgres://me:wrong-hunter2@/x?host=/nonexistent",
        "postgres://me:wrong-hunter2@h/x?sslmode=nonsense",
    ] {
        let error = try_open(url).err().unwrap();
        assert!(!all_of(&error).contains("hunter2"), "{}", all_of(&error));
    }
    for url in [
        "postgres://me:hunter2/@h",
        "postgres://me:hunter2@h:x/",
        "postgres://h/d?hunter2",
        "postgres://me:wrong-hunter2@h/x?no_such_thing=1",
    ] {
        let error = Location::parse(url.as_ref()).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}

/// Runs `openssl` in a directory.
#[expect(
    clippy::disallowed_methods,
    reason = "openssl is a program of the host's, not one to be recorded"
)]
fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A certificate authority, and a key and certificate for `localhost` from it.
fn certificates() -> TempDir {
    let directory = TempDir::new().unwrap();
    let at = directory.path();
    for name in ["ca", "other"] {
        openssl(
            at,
            &format!(
                "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name}"
            ),
        );
    }
    std::fs::write(at.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(
        at,
        "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
    );
    openssl(
        at,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
    directory
}

#[test]
fn a_server_is_trusted_by_the_authority_that_the_url_names_and_by_no_other() {
    if !available() {
        return;
    }
    let certificates = certificates();
    let file = |name: &str| std::fs::read(certificates.path().join(name)).unwrap();
    let port = free_port();
    let server = Server::with(
        "listen_addresses = '127.0.0.1'\nssl = on\n",
        &[
            ("server.key", &file("server.key")),
            ("server.crt", &file("server.crt")),
            (
                "pg_hba.conf",
                b"local all all trust\nhostssl all all 127.0.0.1/32 trust\n",
            ),
        ],
        port,
    );
    let database = server.database();
    let url = |host: &str, authority: &str| {
        format!(
            "postgres://postgres@{host}:{port}/{}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={}",
            database.name(),
            certificates.path().join(authority).display()
        )
    };
    let store = open(&url("localhost", "ca.crt"));
    machine(&store, "guid");
    let encrypted = database.run("SELECT count(*) FROM pg_stat_ssl WHERE ssl");
    assert_ne!(encrypted.trim(), "0");
    drop(store);
    for (host, authority) in [
        ("localhost", "other.crt"),
        ("elsewhere", "ca.crt"),
        ("localhost", "none.crt"),
    ] {
        let error = try_open(&url(host, authority)).err().unwrap();
        assert!(
            matches!(error, StoreError::Untrusted { .. }),
            "{host} {authority}: {error:?}"
        );
    }
}

pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Goes back to the version before owners had rows: takes everything since then away.
const BEFORE_OWNERS: &str = concat!(
    include_str!("../../../../../migrations/postgres/2026-11-28-115000_found_gone/down.sql"),
    include_str!("../../../../../migrations/postgres/2026-11-28-043000_commits/down.sql"),
    include_str!("../../../../../migrations/postgres/2026-11-28-030000_owners/down.sql"),
    "DELETE FROM __diesel_schema_migrations WHERE version >= '20261128030000';"
);

#[test]
fn owners_of_an_earlier_version_with_open_work_get_a_row_without_a_place() {
    if !available() {
        return;
    }
    let database = Database::shared();
    let store = open(&database.url());
    let machine = machine(&store, "guid").id;
    let owned = owners_before(&store, machine);
    drop(store);
    database.run(BEFORE_OWNERS);
    let store = open(&database.url());
    assert_owners(&store, machine, &owned);
}
