//! Finding plugins and their hooks.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use super::hook::{Hook, read_name};
use super::plugin_config::PluginConfig;
use super::{EventName, Problem};

/// A plugin: a directory in a directory of plugins.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// Name of its directory.
    pub name: String,
    /// Its directory, absolute.
    pub path: PathBuf,
    /// What its `config.json` says; empty without one, none when that cannot be used: then none
    /// of its hooks is there either.
    pub config: Option<PluginConfig>,
}

/// What there is in directories of plugins.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The plugins, in the order of the directories, by name in each.
    pub plugins: Vec<Plugin>,
    /// Their hooks in the order in which they run: by file name.
    pub hooks: Vec<Hook>,
    /// What was passed over.
    pub problems: Vec<Problem>,
}

impl Discovered {
    /// The hooks of an event, in the order in which they run.
    pub fn of(&self, event: &EventName) -> impl Iterator<Item = &Hook> {
        self.hooks.iter().filter(move |hook| hook.event == *event)
    }

    /// The plugin of this name: the first, when there are several. Upper and lower case are the
    /// same.
    #[must_use]
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        let named = |plugin: &&Plugin| plugin.name.eq_ignore_ascii_case(name);
        self.plugins.iter().find(named)
    }
}

/// Looks for plugins and hooks in directories of plugins, and one level below.
///
/// What cannot be read is passed over and told. A directory that is reached in two ways counts once.
#[must_use]
pub fn discover(directories: &[PathBuf]) -> Discovered {
    let mut search = Search::default();
    for directory in directories {
        search.directory(directory);
    }
    let mut found = search.found;
    let order = |hook: &Hook| (hook.name.clone(), hook.path.clone());
    found.hooks.sort_by_cached_key(order);
    found
}

#[derive(Default)]
struct Search {
    found: Discovered,
    /// Where the directories really are that have been seen.
    seen: BTreeSet<PathBuf>,
}

/// An entry of a directory, links followed.
struct Entry {
    path: PathBuf,
    name: String,
    kind: FileType,
}

impl Search {
    fn directory(&mut self, directory: &Path) {
        // A hook runs in another directory than ours.
        let absolute = std::path::absolute(directory).and_then(|path| {
            let real = fs::canonicalize(&path)?;
            Ok((path, real))
        });
        let (path, real) = match absolute {
            Ok(found) => found,
            Err(source) => {
                let path = directory.to_owned();
                return self.problem(Problem::Directory { path, source });
            }
        };
        if !self.seen.insert(real.clone()) {
            return;
        }
        let name = path.file_name().map(OsStr::to_string_lossy);
        let name = name.unwrap_or_default().into_owned();
        for entry in self.entries(&path) {
            if entry.kind.is_dir() {
                self.plugin(entry, &real);
            } else {
                self.hook(entry, &name, true);
            }
        }
    }

    fn plugin(&mut self, entry: Entry, above: &Path) {
        let Entry { path, name, .. } = entry;
        match fs::canonicalize(&path) {
            Ok(real) if above.starts_with(&real) => return self.problem(Problem::Circle { path }),
            Ok(real) => {
                if !self.seen.insert(real) {
                    return;
                }
            }
            Err(source) => return self.problem(Problem::Entry { path, source }),
        }
        let entries = self.entries(&path);
        let config = match PluginConfig::read(&path) {
            Ok(config) => Some(config),
            Err((path, source)) => {
                let plugin = name.clone();
                self.problem(Problem::Config {
                    plugin,
                    path,
                    source,
                });
                None
            }
        };
        if config.is_some() {
            for entry in entries {
                self.hook(entry, &name, false);
            }
        }
        self.found.plugins.push(Plugin { name, path, config });
    }

    fn hook(&mut self, entry: Entry, plugin: &str, loose: bool) {
        let Entry { path, name, kind } = entry;
        let Some((event, mode)) = read_name(&name) else {
            return;
        };
        if !kind.is_file() {
            return self.problem(Problem::NotAFile { path });
        }
        self.found.hooks.push(Hook {
            event,
            plugin: plugin.to_owned(),
            name,
            path,
            mode,
            loose,
        });
    }

    /// The entries of a directory by name, but for hidden ones and those that begin with `_`.
    fn entries(&mut self, directory: &Path) -> Vec<Entry> {
        let failed = |source| Problem::Directory {
            path: directory.to_owned(),
            source,
        };
        let listing = match fs::read_dir(directory) {
            Ok(listing) => listing,
            Err(source) => {
                self.problem(failed(source));
                return Vec::new();
            }
        };
        let mut entries = Vec::new();
        for entry in listing {
            match entry {
                Ok(entry) => entries.extend(self.entry(entry.path())),
                Err(source) => self.problem(failed(source)),
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    }

    fn entry(&mut self, path: PathBuf) -> Option<Entry> {
        let Some(name) = path.file_name().and_then(OsStr::to_str) else {
            self.problem(Problem::NotText { path });
            return None;
        };
        if name.starts_with(['.', '_']) {
            return None;
        }
        let name = name.to_owned();
        match fs::metadata(&path) {
            Ok(metadata) => Some(Entry {
                path,
                name,
                kind: metadata.file_type(),
            }),
            Err(source) => {
                self.problem(Problem::Entry { path, source });
                None
            }
        }
    }

    fn problem(&mut self, problem: Problem) {
        self.found.problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn names(found: &Discovered) -> Vec<&str> {
        found.hooks.iter().map(|hook| hook.name.as_str()).collect()
    }

    #[test]
    fn hooks_come_by_file_name_whatever_their_plugin() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        write(&one.join("z/on_A__10_z.py"), "");
        write(&one.join("a/on_A__20_a.daemon.bg.sh"), "");
        write(&one.join("a/notes.txt"), "");
        write(&one.join("a/below/on_A__00_deep.py"), "");
        write(&one.join("_off/on_A__00_off.py"), "");
        write(&one.join("on_A__15_loose.js"), "");
        write(&two.join("z/on_A__05_other.py"), "");
        write(&two.join("z/on_B__01_b.py"), "");
        let found = discover(&[one.clone(), two, one.clone()]);
        assert_eq!(
            names(&found),
            [
                "on_A__05_other.py",
                "on_A__10_z.py",
                "on_A__15_loose.js",
                "on_A__20_a.daemon.bg.sh",
                "on_B__01_b.py"
            ]
        );
        assert_eq!(found.of(&"AEvent".parse().unwrap()).count(), 4);
        let loose: Vec<_> = found.hooks.iter().filter(|hook| hook.loose).collect();
        assert_eq!((loose.len(), loose[0].plugin.as_str()), (1, "one"));
        assert!(found.hooks.iter().all(|hook| hook.path.is_absolute()));
        assert!(found.problems.is_empty(), "{:?}", found.problems);
    }

    #[test]
    fn links_that_go_nowhere_or_in_circles_are_told_and_the_rest_is_found() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("plugins");
        write(&root.join("good/on_A__10_x.py"), "");
        symlink(".", root.join("self")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("good", root.join("twin")).unwrap();
        symlink("good/on_A__10_x.py", root.join("on_A__20_linked.py")).unwrap();
        fs::create_dir(root.join("good/on_A__30_directory.py")).unwrap();
        let found = discover(&[root, place.path().join("missing")]);
        assert_eq!(names(&found), ["on_A__10_x.py", "on_A__20_linked.py"]);
        let mut told: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        told.sort();
        let says = |text: &str| told.iter().filter(|it| it.contains(text)).count();
        assert_eq!(told.len(), 5, "{told:#?}");
        assert_eq!(says("is called like a hook but is no file"), 1);
        assert_eq!(says("leads back to the directory"), 1);
        assert_eq!(says("cannot look at"), 2);
        assert_eq!(says("cannot read the directory"), 1);
    }

    #[test]
    fn a_plugin_whose_configuration_is_malformed_is_skipped_and_told() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        write(&root.join("bad/on_A__10_bad.py"), "");
        write(&root.join("bad/config.json"), "{\"type\": \"object\",");
        write(&root.join("good/on_A__20_good.py"), "");
        let found = discover(&[root.to_owned()]);
        assert_eq!(names(&found), ["on_A__20_good.py"]);
        assert!(matches!(&found.problems[..], [Problem::Config { plugin, .. }] if plugin == "bad"));
        assert!(found.plugin("BAD").unwrap().config.is_none());
    }

    #[test]
    fn a_name_that_is_no_text_is_told() {
        use std::os::unix::ffi::OsStrExt as _;
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(OsStr::from_bytes(b"on_A__1_\xff.py")), "").unwrap();
        let found = discover(&[place.path().to_owned()]);
        assert!(matches!(found.problems[..], [Problem::NotText { .. }]));
    }
}
