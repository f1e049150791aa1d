//! Binaries.

use hostledger_model::{
    Binary, BinaryId, BinaryStatus, Health, OwnerId, ProcessId, ProviderReason, ReasonKind,
};
use hostledger_store::{Change, Used};
use serde_json::json;

use super::Harness;
use super::world::{at, machine, new_binary, refused, write};

pub(crate) fn reads_back_as_written<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let mut request = Binary::request(machine.id, "yt-dlp", at(5)).unwrap();
    request.binproviders = "pip,env".to_owned();
    request.min_version = Some("2024.1".to_owned());
    request.owner = Some(OwnerId::generate());
    (request.attempt, request.max_attempts) = (u32::MAX, Some(7));
    request.reasons = vec![ProviderReason {
        provider: "pip".to_owned(),
        outcome: ReasonKind::Skipped,
        reason: "\"ü\n".to_owned(),
        process_id: Some(ProcessId::generate()),
    }];
    for status in BinaryStatus::ALL {
        let mut binary = new_binary(machine.id, status.as_str());
        binary.status = *status;
        write(store, vec![Change::InsertBinary(Box::new(binary.clone()))]);
        assert_eq!(store.binary(binary.id).unwrap(), Some(binary));
    }
    write(store, vec![Change::InsertBinary(Box::new(request.clone()))]);
    assert_eq!(store.binary(request.id).unwrap(), Some(request));
    assert_eq!(store.binary(BinaryId::generate()).unwrap(), None);
}

pub(crate) fn the_valid_one_modified_last_is_found_whatever_its_case<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let here = machine(store, "here");
    let there = machine(store, "there");
    let binary = |seconds, change: &dyn Fn(&mut Binary)| {
        let mut binary = new_binary(here.id, "Wget");
        binary.modified_at = at(seconds);
        binary.version = seconds.to_string();
        change(&mut binary);
        write(store, vec![Change::InsertBinary(Box::new(binary.clone()))]);
        binary
    };
    binary(1, &|_| ());
    let newest = binary(3, &|_| ());
    binary(2, &|_| ());
    binary(4, &|it| it.status = BinaryStatus::Queued);
    binary(5, &|it| it.abspath.clear());
    binary(6, &|it| it.name = "wget2".to_owned());
    binary(7, &|it| it.machine_id = there.id);

    for name in ["wget", "Wget", "WGET"] {
        let found = store.valid_binary(here.id, name).unwrap();
        assert_eq!(found.as_ref(), Some(&newest), "{name}");
    }
    assert_eq!(store.valid_binary(here.id, "wge_").unwrap(), None);
    assert_eq!(store.valid_binary(here.id, "%").unwrap(), None);
}

pub(crate) fn updating_keeps_identity_and_health<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let request = Binary::request(machine.id, "wget", at(5)).unwrap();
    write(
        store,
        vec![
            Change::InsertBinary(Box::new(request.clone())),
            Change::CountUse {
                of: Used::Binary(request.id),
                succeeded: true,
            },
        ],
    );
    let update = Binary {
        id: request.id,
        created_at: at(77),
        health: Health::default(),
        overrides: json!({"env": null}),
        ..new_binary(machine.id, "wget")
    };
    write(store, vec![Change::UpdateBinary(Box::new(update.clone()))]);
    let expected = Binary {
        created_at: request.created_at,
        modified_at: at(1000),
        health: Health {
            num_uses_succeeded: 1,
            num_uses_failed: 0,
        },
        ..update
    };
    assert_eq!(store.binary(request.id).unwrap(), Some(expected));
}

pub(crate) fn updating_one_that_is_gone_is_refused<H: Harness>() {
    let harness = H::fresh();
    let store = harness.store();
    let machine = machine(store, "guid");
    let gone = new_binary(machine.id, "gone");
    refused(store, Change::UpdateBinary(Box::new(gone)));
}
