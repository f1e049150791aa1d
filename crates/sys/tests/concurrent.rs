//! Starting programs from blocks that another process could have made.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use hostledger_sys::{
    Ambient, BlockSpec, CloneWay, ConcurrentSpawn, EndStatus, InheritedLimits, LaunchBlock,
    LoadedBlock, Report, Rooms, Session, SpawnError, Stage, Starting, peek_pid, reap,
};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

/// Words for one start; a test never takes them back, as children may write them.
fn words() -> &'static [AtomicU64; 4] {
    Box::leak(Box::default())
}

fn block(arguments: &[&str], limits: &[(Resource, Rlimit)]) -> LaunchBlock {
    let strings: Vec<_> = arguments
        .iter()
        .map(|text| CString::new(*text).unwrap())
        .collect();
    let spec = BlockSpec {
        programs: &strings[..1],
        arguments: &strings,
        environment: &[c"A=1".into()],
        directory: c"/",
        session: Session::New,
        umask: None,
        nice: None,
        limits,
    };
    LaunchBlock::new(&spec, &Ambient::read().unwrap(), 0).unwrap()
}

fn start(
    arguments: &[&str],
    output: &OwnedFd,
    way: CloneWay,
    words: &'static [AtomicU64; 4],
) -> Result<Starting, SpawnError> {
    let block = Rooms::new()
        .load(block(arguments, &[]), &InheritedLimits::read())
        .unwrap();
    begin(block, output, way, words)
}

fn begin(
    block: LoadedBlock,
    output: &OwnedFd,
    way: CloneWay,
    words: &'static [AtomicU64; 4],
) -> Result<Starting, SpawnError> {
    let null = File::open("/dev/null").unwrap();
    ConcurrentSpawn {
        block,
        stdio: [null.as_fd(), output.as_fd(), output.as_fd()],
        group: None,
        default_actions: false,
        report: Report {
            pid: &words[0],
            start_ticks: &words[1],
            pidfd_inode: &words[3],
            failure: &words[2],
        },
    }
    .start(way)
}

/// Waits until a start is over, and for the end.
fn end(mut starting: Starting) -> EndStatus {
    starting.pidfd().wait_ended(None).unwrap();
    let ended = peek_pid(starting.pidfd().pid()).unwrap().unwrap();
    assert!(starting.has_ended(&ended, &mut Rooms::new()));
    reap(starting.pidfd()).unwrap().unwrap().status
}

#[test]
fn pid_and_start_time_are_told_and_the_program_runs() {
    for way in [CloneWay::Concurrent, CloneWay::Suspended] {
        let words = words();
        let (mut read, write) = std::io::pipe().unwrap();
        let write = OwnedFd::from(write);
        let script = "cat /proc/$$/stat; echo $A";
        let starting = start(&["/bin/sh", "-c", script], &write, way, words).unwrap();
        drop(write);
        let pid = u64::from(starting.pidfd().pid().as_raw_pid().unsigned_abs());
        assert_eq!(words[0].load(Ordering::SeqCst), pid);
        let inode = starting.pidfd().inode().unwrap().unwrap_or_default();
        assert_eq!(end(starting), EndStatus::Exited(0));
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        let (stat, variable) = text.split_once('\n').unwrap();
        let ticks = stat.rsplit(')').next().unwrap().split(' ').nth(20).unwrap();
        assert_eq!(ticks.parse(), Ok(words[1].load(Ordering::SeqCst)));
        assert_eq!(words[3].load(Ordering::SeqCst), inode);
        assert_eq!((variable, words[2].load(Ordering::SeqCst)), ("1\n", 0));
    }
}

#[test]
fn the_start_is_told_to_the_tick_of_the_kernel() {
    let (_read, write) = std::io::pipe().unwrap();
    let write = OwnedFd::from(write);
    for way in [CloneWay::Concurrent, CloneWay::Suspended] {
        // Over many ticks, at all places in them.
        for _ in 0..200 {
            let words = words();
            let starting = start(&["/bin/true"], &write, way, words).unwrap();
            starting.pidfd().wait_ended(None).unwrap();
            let pid = starting.pidfd().pid().as_raw_pid();
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let ticks = stat.rsplit(')').next().unwrap().split(' ').nth(20).unwrap();
            assert_eq!(ticks.parse(), Ok(words[1].load(Ordering::SeqCst)));
            end(starting);
        }
    }
}

#[test]
fn limits_are_those_of_the_block_whatever_is_inherited() {
    let inherited = InheritedLimits::read();
    let limit = Rlimit {
        current: Some(64),
        maximum: rustix::process::getrlimit(Resource::Nofile).maximum,
    };
    let (mut read, write) = std::io::pipe().unwrap();
    let write = OwnedFd::from(write);
    let arguments = ["/bin/sh", "-c", "ulimit -n; ulimit -c"];
    let block = block(&arguments, &[(Resource::Nofile, limit)]);
    let block = Rooms::new().load(block, &inherited).unwrap();
    let starting = begin(block, &write, CloneWay::Concurrent, words()).unwrap();
    drop(write);
    assert_eq!(end(starting), EndStatus::Exited(0));
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    let core = rustix::process::getrlimit(Resource::Core).current;
    // Blocks of 512 bytes.
    let core = core.map_or("unlimited".to_owned(), |bytes| (bytes / 512).to_string());
    assert_eq!(text, format!("64\n{core}\n"));
}

#[test]
fn a_program_that_cannot_be_executed_leaves_the_reason_as_a_word() {
    for way in [CloneWay::Concurrent, CloneWay::Suspended] {
        let words = words();
        let (_read, write) = std::io::pipe().unwrap();
        let starting = start(&["/nonexistent"], &write.into(), way, words).unwrap();
        end(starting);
        let error = SpawnError::from_word(words[2].load(Ordering::SeqCst)).unwrap();
        assert_eq!((error.stage, error.source), (Stage::Execute, Errno::NOENT));
    }
}

#[test]
fn errors_and_words_are_each_others_reverse() {
    for (stage, source) in [
        (Stage::Block, Errno::INVAL),
        (Stage::Terminal, Errno::NOTTY),
        (Stage::Execute, Errno::ACCESS),
    ] {
        let error = SpawnError { stage, source };
        assert_eq!(SpawnError::from_word(error.to_word()), Some(error));
    }
    for word in [0, 1, 1 << 32, 99 << 32 | 2, u64::MAX] {
        assert_eq!(SpawnError::from_word(word), None, "{word:#x}");
    }
}

#[test]
fn the_errno_of_the_thread_that_starts_is_left_alone() {
    let (_read, write) = std::io::pipe().unwrap();
    let write = OwnedFd::from(write);
    for _ in 0..200 {
        let failed = File::open("/nonexistent/file").unwrap_err();
        assert_eq!(failed.raw_os_error(), Some(libc::ENOENT));
        // The child fails with another errno while we look at ours.
        let starting = start(&["/etc"], &write, CloneWay::Concurrent, words()).unwrap();
        assert_eq!(
            std::io::Error::last_os_error().raw_os_error(),
            Some(libc::ENOENT)
        );
        end(starting);
    }
}

#[test]
fn what_is_no_whole_block_is_refused() {
    let good = block(&["/bin/true", "x"], &[]);
    let mut bytes = Vec::new();
    let mut file = File::from(good.as_fd().try_clone_to_owned().unwrap());
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    let loaded = |bytes: &[u8]| {
        let memory = rustix::fs::memfd_create(c"test", MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&memory, bytes).unwrap();
        Rooms::new()
            .load(memory, &InheritedLimits::read())
            .map(drop)
    };
    assert_eq!(loaded(&bytes), Ok(()));
    assert_eq!(loaded(&bytes[..bytes.len() - 1]), Err(Errno::INVAL));
    assert_eq!(loaded(&[]), Err(Errno::INVAL));
    let outside = bytes.len() as u64;
    // Magic, length, the three counts, the directory's place, the session.
    let in_header = [0, 1, 2, 3, 4, 5, 6].map(|word| (word, u64::MAX));
    // The pointers to the program and its first argument, and the end of the arguments.
    let first = HEADER_WORDS;
    let pointers = [
        (first, outside),
        (first, 0),
        (first + 1, 8),
        (first + 1, u64::MAX),
        (first + 3, outside - 1),
    ];
    for (word, value) in in_header.into_iter().chain(pointers) {
        let mut wrong = bytes.clone();
        wrong[word * 8..word * 8 + 8].copy_from_slice(&value.to_ne_bytes());
        assert_eq!(loaded(&wrong), Err(Errno::INVAL), "{word} {value:#x}");
    }
}

/// Ten numbers, and three for each of 16 limits.
const HEADER_WORDS: usize = 10 + 3 * 16;
