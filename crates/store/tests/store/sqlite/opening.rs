//! What cannot be opened, and what it is told.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use hostledger_store::{
    Access, Change, Database, OpenOptions, ReadOnly, SqliteStore, Store, StoreError,
};
use hostledger_sys::FileSystem;
use tempfile::TempDir;

use super::other_process::{OtherProcess, Task, system};
use crate::contract::world::{insert, machine, new_process, row, write};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, &OpenOptions::default())
}

fn error(path: &Path) -> StoreError {
    open(path).err().unwrap()
}

/// A ledger with some content, closed.
fn ledger(directory: &TempDir) -> std::path::PathBuf {
    let path = directory.path().join("ledger.sqlite3");
    let store = open(&path).unwrap();
    let machine = machine(&store, "guid");
    let changes =
        (0..500).map(|seconds| Change::InsertProcess(Box::new(new_process(machine.id, seconds))));
    write(&store, changes.collect());
    path
}

/// Runs SQL on a file, as another program would.
fn run_sql(path: &Path, sql: &str) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(sql).unwrap();
}

#[test]
fn a_new_ledger_is_for_its_user_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    let store = open(&path).unwrap();
    machine(&store, "guid");
    assert_eq!(store.access(), Access::Own);
    let mut files = 0;
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and their index");
}

#[test]
fn an_empty_file_becomes_a_ledger() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ledger.sqlite3");
    File::create(&path).unwrap();
    machine(&open(&path).unwrap(), "guid");
    // And one without tables, whoever made it.
    let path = directory.path().join("vacuumed.sqlite3");
    run_sql(&path, "CREATE TABLE x (y); DROP TABLE x;");
    assert_ne!(fs::metadata(&path).unwrap().len(), 0);
    machine(&open(&path).unwrap(), "guid");
}

#[test]
fn any_file_name_is_taken_as_it_is() {
    let directory = TempDir::new().unwrap();
    let names: [&[u8]; 9] = [
        b"\xff\xfe.db",
        b":memory:",
        b"file:x?mode=memory",
        b"a?mode=ro",
        b"100%25",
        b"#",
        b" ",
        b"sqlite:x",
        "ü\n'\"".as_bytes(),
    ];
    for name in names {
        let path = directory.path().join(OsStr::from_bytes(name));
        let written = machine(&open(&path).unwrap(), "guid");
        assert!(path.is_file(), "{path:?}");
        let mut url = b"sqlite:".to_vec();
        url.extend_from_slice(path.as_os_str().as_bytes());
        let database = Database::parse(OsStr::from_bytes(&url)).unwrap();
        let again = database.open(&OpenOptions::default()).unwrap();
        assert_eq!(again.machine(written.id).unwrap(), Some(written));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), names.len());
}

#[test]
fn a_link_leads_to_the_ledger_and_its_log() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    let elsewhere = TempDir::new().unwrap();
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let store = open(&link).unwrap();
    let machine = store.machine_by_guid("guid").unwrap().unwrap();
    let process = new_process(machine.id, 9);
    insert(&store, &process);
    assert_eq!(row(&open(&path).unwrap(), process.id), process);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

#[test]
fn opening_again_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    let before = fs::read(&path).unwrap();
    drop(open(&path).unwrap());
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn what_is_no_database_is_named_as_what_it_is() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    let missing = at("nowhere/ledger.sqlite3");
    assert!(matches!(error(&missing), StoreError::NoDirectory { path } if path == missing));
    assert!(matches!(
        error(directory.path()),
        StoreError::IsDirectory { .. }
    ));

    fs::write(at("notes.txt"), "dear diary").unwrap();
    fs::write(at("long.txt"), "dear diary\n".repeat(10_000)).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for name in ["notes.txt", "long.txt", "pipe"] {
        let error = error(&at(name));
        assert!(
            matches!(error, StoreError::NotADatabase { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(name));
    }
    assert_eq!(fs::read(at("notes.txt")).unwrap(), b"dear diary");

    let below_a_file = at("notes.txt").join("ledger.sqlite3");
    let error = error(&below_a_file);
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
}

#[test]
fn somebody_elses_database_is_no_ledger_and_stays_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.sqlite3");
    run_sql(
        &path,
        "CREATE TABLE machine_machine (id); CREATE TABLE x (y)",
    );
    let before = fs::read(&path).unwrap();
    let error = error(&path);
    let StoreError::NotALedger { missing, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*missing, "machine_networkinterface");
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_ledger_that_was_cut_short_is_damaged() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    let whole = fs::metadata(&path).unwrap().len();
    for (length, kind) in [(whole / 2, "Damaged"), (4096, "Damaged"), (512, "")] {
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length)
            .unwrap();
        let error = error(&path);
        let said = format!("{error:?}");
        assert!(
            said.starts_with(kind)
                && matches!(
                    error,
                    StoreError::Damaged { .. } | StoreError::NotADatabase { .. }
                ),
            "{length}: {said}"
        );
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
    }
}

#[test]
fn damage_inside_is_told_when_it_is_met() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    let file = File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    let page = 4096;
    // Everything behind the schema's pages.
    assert!(length > 60 * page);
    for at in (50 * page..length).step_by(4096) {
        file.write_all_at(&[0xa5; 4096], at).unwrap();
    }
    let store = open(&path).unwrap();
    let error = hostledger_store::Records::processes(&store)
        .find_map(Result::err)
        .unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(!store.check().unwrap().is_empty());
}

#[test]
fn a_ledger_of_a_newer_version_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    run_sql(
        &path,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')",
    );
    let before = fs::read(&path).unwrap();
    let error = error(&path);
    assert!(
        matches!(&error, StoreError::Newer { version, .. } if version == "99991231000000"),
        "{error:?}"
    );
    assert!(error.to_string().contains("newer version of hostledger"));
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_network_file_system_is_refused_before_anything_is_made() {
    let directory = TempDir::new().unwrap();
    let options = OpenOptions {
        file_system: |_| Ok(FileSystem::from_parts(0x6969, None)),
        ..OpenOptions::default()
    };
    let path = directory.path().join("ledger.sqlite3");
    let error = SqliteStore::open(&path, &options).err().unwrap();
    assert!(
        matches!(&error, StoreError::NetworkFileSystem { file_system, .. } if file_system == "nfs"),
        "{error:?}"
    );
    assert!(!path.exists());

    let path = ledger(&directory);
    let again = SqliteStore::open(&path, &options).err().unwrap();
    assert!(matches!(again, StoreError::NetworkFileSystem { .. }));
    assert_eq!(
        open(&path)
            .unwrap()
            .machine_page(None, 9)
            .unwrap()
            .rows
            .records
            .len(),
        1
    );
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_this_user_may_not_use_is_permission_denied() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    let answer = || OtherProcess::start_unprivileged(Task::Open, &path).answer();
    let cases = [
        ("the file is closed", 0o777, 0o000),
        ("the file is only to be read", 0o777, 0o444),
        ("nothing may be made beside it", 0o555, 0o666),
        ("the directory is closed", 0o000, 0o666),
    ];
    for (what, directory_mode, file_mode) in cases {
        set_mode(&path, file_mode);
        set_mode(directory.path(), directory_mode);
        assert!(
            answer().starts_with("PermissionDenied"),
            "{what}: {}",
            answer()
        );
    }
    set_mode(directory.path(), 0o555);
    let new = directory.path().join("new.sqlite3");
    let answer_of_new = OtherProcess::start_unprivileged(Task::Open, &new).answer();
    assert!(
        answer_of_new.starts_with("PermissionDenied"),
        "{answer_of_new}"
    );

    set_mode(directory.path(), 0o777);
    set_mode(&path, 0o666);
    assert_eq!(answer(), "1 machines");
}

#[test]
fn a_read_only_file_system_is_told_from_a_lack_of_permission() {
    let directory = TempDir::new().unwrap();
    let path = ledger(&directory);
    let directory = directory.path().as_os_str();
    let mounted = system("mount", &["--bind".as_ref(), directory, directory]).and_then(|()| {
        system(
            "mount",
            &["-o".as_ref(), "remount,ro,bind".as_ref(), directory],
        )
    });
    if let Err(reason) = mounted {
        println!("SKIPPED: no read-only file system: {reason}");
        return;
    }
    let refused = open(&path).err();
    let new = open(&path.with_extension("new")).err();
    system("umount", &["-l".as_ref(), directory]).unwrap();
    for error in [refused.unwrap(), new.unwrap()] {
        assert!(
            matches!(
                error,
                StoreError::ReadOnly {
                    why: ReadOnly::File,
                    ..
                }
            ),
            "{error:?}"
        );
    }
    let store = open(&path).unwrap();
    assert_eq!(store.machine_page(None, 9).unwrap().rows.records.len(), 1);
}
