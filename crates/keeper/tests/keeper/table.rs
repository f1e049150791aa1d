//! The table grows, stays small, and is known for what it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use hostledger_keeper::{Event, State, Table, TableError};
use hostledger_sys::EndStatus;

use crate::launcher::Launcher;
use crate::support::{Fixture, Wish, signal, statuses, until};

#[test]
fn a_thousand_at_once_have_their_slots_and_the_keeper_stays_small() {
    const MANY: usize = 1100;
    let mut fixture = Fixture::new();
    let first = fixture.shell("exit 0");
    fixture.wait_end(first);
    let pid = fixture.table().keeper_pid().unwrap().get();
    let before = memory(pid);
    let ids: Vec<_> = (0..MANY)
        .map(|_| fixture.launch(&["/bin/sleep", "1000"], Wish::default()))
        .collect();
    for id in &ids {
        fixture.wait_started(*id);
    }
    let running = |entry: &hostledger_keeper::Entry| entry.state == State::Running;
    assert_eq!(fixture.table().entries().filter(running).count(), MANY);
    // Somebody else sees the same, although the file has grown since it was made.
    let other = Table::open(fixture.table().path()).unwrap();
    assert_eq!(other.entries().filter(running).count(), MANY);
    let after = memory(pid);
    println!("keeper, KiB: {before:?} with none, {after:?} with {MANY}");
    assert!(after.private_dirty < before.private_dirty + 512);
    for entry in other.entries().filter(running) {
        signal(entry.pid.unwrap().get(), hostledger_sys::Signal::TERM);
    }
    for id in &ids {
        let end = fixture.wait_end(*id);
        assert_eq!(
            end.status,
            EndStatus::Signaled(hostledger_sys::Signal::TERM)
        );
    }
}

#[derive(Debug)]
struct Memory {
    private_dirty: u64,
    #[expect(dead_code, reason = "shown")]
    pss: u64,
}

fn memory(pid: i32) -> Memory {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = |name: &str| {
        let line = rollup.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    Memory {
        private_dirty: line("Private_Dirty:"),
        pss: line("Pss:"),
    }
}

#[test]
fn a_launcher_that_does_not_listen_is_told_everything_later() {
    // More than the socket holds, both ways.
    const MANY: usize = 1500;
    let mut fixture = Fixture::new();
    let ids: Vec<_> = (0..MANY)
        .map(|_| fixture.launch(&["/bin/true"], Wish::default()))
        .collect();
    for id in &ids {
        let slot = fixture.wait_entry(*id).slot;
        fixture.keeper.release(slot);
    }
    for id in ids {
        let of = |event: &&Event| match event {
            Event::Started { id: of, .. } | Event::Ended { id: of, .. } => *of == id,
            other => panic!("{other:?}"),
        };
        let told: Vec<_> = fixture.seen.iter().filter(of).collect();
        assert!(matches!(
            told[..],
            [Event::Started { .. }, Event::Ended { .. }]
        ));
    }
}

#[test]
fn where_the_table_cannot_grow_a_start_is_refused_and_no_end_is_lost() {
    const ROOM: usize = 16;
    let scripts: Vec<_> = (0..20)
        .map(|code| format!("while [ ! -e go ]; do sleep 0.01; done; exit {code}"))
        .collect();
    let wishes = [("LAUNCHER_LARGEST_FILE", "8192")];
    let mut launcher = Launcher::start(&scripts, &wishes);
    let table = launcher.table.clone();
    assert_eq!(table.entries().count(), ROOM);
    launcher.kill();
    fs::write(launcher.directory.path().join("go"), "").unwrap();
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    let statuses = statuses(&table);
    let expected = launcher.ids.iter().zip(0..).take(ROOM);
    for (id, code) in expected {
        assert_eq!(statuses.get(id), Some(&EndStatus::Exited(code)));
    }
    assert_eq!(statuses.len(), ROOM);
}

#[test]
fn an_end_that_was_changed_is_told_as_torn() {
    let mut fixture = Fixture::new();
    let id = fixture.shell("exit 5");
    let entry = fixture.wait_entry(id);
    let path = fixture.table().path().to_owned();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut bytes = fs::read(&path).unwrap();
    let code = (5u64 << 8).to_ne_bytes();
    let slot = 4096 + entry.slot.index() * 256;
    let place = bytes[slot..slot + 256]
        .windows(8)
        .position(|word| word == code);
    bytes[slot + place.unwrap() + 1] = 6;
    let copy = fixture.directory.path().join("copy");
    fs::write(&copy, bytes).unwrap();
    let copy = Table::open(&copy).unwrap();
    assert!(copy.entry(entry.slot).unwrap().end.unwrap().is_err());
    assert_eq!(entry.end.unwrap().unwrap().status, EndStatus::Exited(5));
}

#[test]
fn a_table_says_whose_it_is_and_what_is_none_is_refused() {
    let fixture = Fixture::new();
    let table = Table::open(fixture.table().path()).unwrap();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(table.boot_id().0, boot_id.trim());
    assert_eq!(table.owner(), fixture.table().owner());
    let name = format!("{}.table", table.keeper_id().simple());
    assert_eq!(table.path().file_name().unwrap().to_str(), Some(&*name));
    assert!(table.keeper_is_alive().unwrap());
    assert_eq!((table.cgroup(), table.entries().count()), (None, 0));

    let place = fixture.directory.path();
    for (name, text) in [("empty", ""), ("text", "x"), ("zeroes", "\0")] {
        let path = place.join(name);
        fs::write(&path, text.repeat(10_000)).unwrap();
        assert!(
            matches!(Table::open(&path), Err(TableError::NotATable { .. })),
            "{name}"
        );
    }
    let link = place.join("link");
    std::os::unix::fs::symlink(table.path(), &link).unwrap();
    assert!(matches!(Table::open(&link), Err(TableError::Open { .. })));
}
