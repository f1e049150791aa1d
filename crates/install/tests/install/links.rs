//! Links in `lib/bin`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use hostledger_install::{LinkError, link, unlink};

struct Data(tempfile::TempDir);

impl Data {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.path().join("lib/bin").join(name)
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<_> = fs::read_dir(self.bin("")).unwrap().map(name).collect();
        names.sort();
        names
    }
}

fn target(path: &str) -> PathBuf {
    PathBuf::from(path)
}

#[test]
fn a_program_is_linked_under_the_name_that_is_asked_for() {
    let data = Data::new();
    link(data.path(), "cowsay", &target("/opt/cowsay/cli.js")).unwrap();
    assert_eq!(
        fs::read_link(data.bin("cowsay")).unwrap(),
        target("/opt/cowsay/cli.js")
    );
    assert_eq!(data.names(), ["cowsay"]);
    let mode = fs::metadata(data.bin("")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_right_link_is_left_alone_and_another_one_replaced() {
    let data = Data::new();
    let inode = || fs::symlink_metadata(data.bin("x")).unwrap().ino();
    link(data.path(), "x", &target("/a")).unwrap();
    let first = inode();
    link(data.path(), "x", &target("/a")).unwrap();
    assert_eq!(inode(), first);
    link(data.path(), "x", &target("/b")).unwrap();
    assert_eq!(fs::read_link(data.bin("x")).unwrap(), target("/b"));
    assert_eq!(data.names(), ["x"], "nothing else is left there");
}

#[test]
fn what_is_no_link_is_never_replaced() {
    let data = Data::new();
    fs::create_dir_all(data.bin("directory")).unwrap();
    fs::write(data.bin("file"), "precious").unwrap();
    for name in ["directory", "file"] {
        let error = link(data.path(), name, &target("/a")).unwrap_err();
        assert!(matches!(error, LinkError::NotALink { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(data.bin("file")).unwrap(), "precious");
    assert_eq!(data.names(), ["directory", "file"]);
    link(data.path(), "file", &data.bin("file")).unwrap();
}

/// Somebody plants a link where `lib` or `lib/bin` would be.
#[test]
fn nothing_is_written_through_a_planted_link() {
    for planted in ["lib", "lib/bin"] {
        let (data, elsewhere) = (Data::new(), Data::new());
        fs::create_dir_all(data.path().join(planted).parent().unwrap()).unwrap();
        fs::create_dir(elsewhere.path().join("bin")).unwrap();
        symlink(elsewhere.path(), data.path().join(planted)).unwrap();
        let error = link(data.path(), "x", &target("/a")).unwrap_err();
        assert!(matches!(error, LinkError::NotOurs { .. }), "{error}");
        assert!(unlink(data.path(), "x", &target("/a")).is_err());
        let there = fs::read_dir(elsewhere.path()).unwrap().count();
        let below = fs::read_dir(elsewhere.path().join("bin")).unwrap().count();
        assert_eq!((there, below), (1, 0), "{planted}");
    }
}

#[test]
fn a_link_that_leads_to_a_file_is_replaced_and_the_file_is_not_touched() {
    let data = Data::new();
    let precious = data.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    fs::create_dir_all(data.bin("")).unwrap();
    symlink(&precious, data.bin("x")).unwrap();
    link(data.path(), "x", &target("/a")).unwrap();
    assert_eq!(fs::read_link(data.bin("x")).unwrap(), target("/a"));
    assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
}

#[test]
fn somebody_who_looks_always_finds_a_link() {
    let data = Data::new();
    link(data.path(), "x", &target("/0")).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1..500 {
                link(data.path(), "x", &target(&format!("/{number}"))).unwrap();
            }
        });
        while !writer.is_finished() {
            fs::read_link(data.bin("x")).expect("it is there at every moment");
        }
    });
}

#[test]
fn a_link_is_removed_only_when_it_is_ours() {
    let data = Data::new();
    unlink(data.path(), "x", &target("/a")).unwrap();
    link(data.path(), "x", &target("/a")).unwrap();
    fs::write(data.bin("file"), "precious").unwrap();
    unlink(data.path(), "x", &target("/b")).unwrap();
    unlink(data.path(), "file", &target("/a")).unwrap();
    unlink(data.path(), "absent", &target("/a")).unwrap();
    assert_eq!(data.names(), ["file", "x"]);
    unlink(data.path(), "x", &target("/a")).unwrap();
    assert_eq!(data.names(), ["file"]);
}

#[test]
fn a_program_that_is_in_lib_bin_itself_is_left_there_by_whatever_way_it_is_reached() {
    let place = tempfile::tempdir().unwrap();
    let (real, way) = (place.path().join("real"), place.path().join("way"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &way).unwrap();
    link(&real, "other", Path::new("/bin/sh")).unwrap();
    let own = real.join("lib/bin/tool");
    symlink("/bin/sh", &own).unwrap();
    for (data, target) in [
        (&way, own.clone()),
        (&real, way.join("lib/bin/tool")),
        (&way, way.join("lib/bin/tool")),
    ] {
        link(data, "tool", &target).unwrap();
        assert_eq!(fs::read_link(&own).unwrap(), Path::new("/bin/sh"));
    }
}
