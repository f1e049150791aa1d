//! Log files stay within their bound while they are written.

use std::fs::{self, OpenOptions};

use crate::support::{Fixture, Wish, until};

const BOUND: u64 = 1 << 20;

#[test]
fn the_oldest_part_of_a_log_goes_while_it_is_written_and_is_counted() {
    let mut fixture = Fixture::new();
    let path = fixture.directory.path().join("log");
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .unwrap();
    let wish = Wish {
        stdout: Some(&log),
        max_log_bytes: Some(BOUND),
        ..Wish::default()
    };
    let go = fixture.directory.path().join("go");
    // More than the bound at once, and then again when the kernel has to tell of it.
    let script = format!(
        "i=0; while [ $i -lt 40 ]; do head -c 65536 /dev/zero | tr '\\0' a; i=$((i+1)); done
         while [ ! -e {go} ]; do sleep 0.05; done
         i=0; while [ $i -lt 40 ]; do head -c 65536 /dev/zero | tr '\\0' b; i=$((i+1)); done
         while [ -e {go} ]; do sleep 0.05; done
         echo the last line",
        go = go.display()
    );
    let id = fixture.launch(&["/bin/sh", "-c", &script], wish);
    fixture.wait_started(id);
    let bounded = |what: u8| {
        let text = fs::read(&path).unwrap();
        let held = fs::metadata(&path).unwrap();
        let held = std::os::unix::fs::MetadataExt::blocks(&held) * 512;
        text.last() == Some(&what) && held <= BOUND + BOUND / 8
    };
    until("the log is within its bound", || bounded(b'a'));
    fs::write(&go, "").unwrap();
    until("the log is within its bound again", || bounded(b'b'));
    fs::remove_file(&go).unwrap();
    let end = fixture.wait_end(id);
    let text = fs::read(&path).unwrap();
    assert!(text.ends_with(b"the last line\n"));
    let written = 2 * 40 * 65536 + "the last line\n".len() as u64;
    let kept = text.len() as u64;
    println!("written {written}, kept {kept}, dropped {:?}", end.dropped);
    // Where the file keeps its size the kernel says what is a hole; stdout and stderr are one
    // file here.
    let holes = text.iter().take_while(|byte| **byte == 0).count() as u64;
    assert_eq!(end.dropped.iter().sum::<u64>() + kept, written);
    assert!(kept - holes <= BOUND + BOUND / 8);
}

#[test]
fn a_log_is_within_its_bound_when_a_short_life_has_ended() {
    let mut fixture = Fixture::new();
    let path = fixture.directory.path().join("log");
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .unwrap();
    let wish = Wish {
        stdout: Some(&log),
        max_log_bytes: Some(BOUND),
        ..Wish::default()
    };
    let id = fixture.launch(&["/bin/sh", "-c", "head -c 3000000 /dev/zero"], wish);
    let end = fixture.wait_end(id);
    let held = fs::metadata(&path).unwrap();
    let held = std::os::unix::fs::MetadataExt::blocks(&held) * 512;
    assert!(held <= BOUND + 8192, "{held} bytes, {:?}", end.dropped);
}
