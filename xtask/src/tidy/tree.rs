//! The repository as the rules see it: files with their text, packages with their dependencies.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use cargo_metadata::DependencyKind;

use crate::program::Program;
use crate::workspace::Workspace;

/// Everything a rule may look at.
#[derive(Default)]
pub(crate) struct Tree {
    /// Text files, sorted by path. What is not UTF-8 is not text.
    pub(crate) files: Vec<File>,
    /// Our own packages.
    pub(crate) packages: Vec<Package>,
}

/// A text file.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

/// A package of this workspace.
#[derive(Clone, Default)]
pub(crate) struct Package {
    /// As in its Cargo.toml.
    pub(crate) name: String,
    /// The path of its Cargo.toml.
    pub(crate) manifest: String,
    /// The paths of its lib.rs and main.rs.
    pub(crate) roots: Vec<String>,
    /// What it says of itself.
    pub(crate) description: String,
    /// What it names, ours and others'.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line in a table of dependencies.
#[derive(Clone)]
pub(crate) struct Dependency {
    /// The package's real name, whatever it is renamed to.
    pub(crate) name: String,
    /// Needed by tests, examples and benchmarks only.
    pub(crate) dev: bool,
}

impl Tree {
    /// Reads what git tracks or would track, so that a rule speaks before the commit.
    ///
    /// # Errors
    /// git fails, or a file cannot be read.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self> {
        let listed = Program::new(workspace, "git")
            .args("ls-files -z --cached --others --exclude-standard")
            .output()?;
        let listed = String::from_utf8(listed).context("a path in git is not UTF-8")?;
        let mut files = Vec::new();
        // A set, because a path in conflict is listed once for each side.
        for path in listed.split_terminator('\0').collect::<BTreeSet<_>>() {
            let full = workspace.root.join(path);
            // Neither symbolic links nor files that are deleted and not yet committed.
            match full.symlink_metadata() {
                Ok(metadata) if metadata.is_file() => {}
                Ok(_) => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| format!("{full}")),
            }
            let bytes = std::fs::read(&full).with_context(|| format!("{full} cannot be read"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File {
                    path: path.to_owned(),
                    text,
                });
            }
        }
        let packages = workspace
            .packages
            .iter()
            .map(|it| Package::of(workspace, it))
            .collect();
        Ok(Self { files, packages })
    }

    /// The text of a file, if there is one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    }

    /// The text of a package's Cargo.toml.
    ///
    /// # Errors
    /// There is none: git ignores it.
    pub(crate) fn manifest(&self, package: &Package) -> Result<&str> {
        self.text(&package.manifest)
            .with_context(|| format!("{} is ignored by git", package.manifest))
    }

    /// All files of Rust.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

impl File {
    /// Its lines, each with its number from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .split_terminator('\n')
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

impl Package {
    fn of(workspace: &Workspace, package: &cargo_metadata::Package) -> Self {
        let relative = |path: &cargo_metadata::camino::Utf8Path| {
            path.strip_prefix(&workspace.root)
                .unwrap_or(path)
                .to_string()
        };
        Self {
            name: package.name.to_string(),
            manifest: relative(&package.manifest_path),
            roots: package
                .targets
                .iter()
                .filter(|target| target.is_lib() || target.is_proc_macro() || target.is_bin())
                .map(|target| relative(&target.src_path))
                .collect(),
            description: package.description.clone().unwrap_or_default(),
            dependencies: package
                .dependencies
                .iter()
                .map(|it| Dependency {
                    name: it.name.clone(),
                    dev: it.kind == DependencyKind::Development,
                })
                .collect(),
        }
    }

    /// Its name without the family's: `store` for `hostledger-store`.
    pub(crate) fn short_name(&self) -> &str {
        self.name.strip_prefix("hostledger-").unwrap_or(&self.name)
    }
}

/// Small trees for the tests of the rules.
#[cfg(test)]
pub(crate) mod fixture {
    use super::{Dependency, File, Package, Tree};

    /// A tree of these files, by path and text.
    pub(crate) fn files(files: &[(&str, &str)]) -> Tree {
        let file = |&(path, text): &(&str, &str)| File {
            path: path.into(),
            text: text.into(),
        };
        Tree {
            files: files.iter().map(file).collect(),
            packages: Vec::new(),
        }
    }

    /// A tree of one package with these dependencies, all in the first table of its manifest.
    pub(crate) fn package(name: &str, normal: &[&str], dev: &[&str]) -> Tree {
        let mut text = format!("[package]\nname = \"{name}\"\n[dependencies]\n");
        for dependency in normal {
            text.push_str(&format!("{dependency}.workspace = true\n"));
        }
        text.push_str("[dev-dependencies]\n");
        for dependency in dev {
            text.push_str(&format!("{dependency}.workspace = true\n"));
        }
        let manifest = format!("crates/{name}/Cargo.toml");
        let named = |dev: bool| {
            move |name: &&str| Dependency {
                name: (*name).into(),
                dev,
            }
        };
        let dependencies = normal
            .iter()
            .map(named(false))
            .chain(dev.iter().map(named(true)))
            .collect();
        Tree {
            packages: vec![Package {
                name: name.into(),
                manifest: manifest.clone(),
                dependencies,
                ..Package::default()
            }],
            ..files(&[(&manifest, &text)])
        }
    }
}
