//! Cargo.toml with line numbers, which `cargo metadata` does not tell.

use std::ops::Range;

use anyhow::{Context, Result};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed Cargo.toml.
pub(crate) struct Manifest<'a> {
    text: &'a str,
    root: DeTable<'a>,
}

impl<'a> Manifest<'a> {
    /// Parses the text of the manifest at `path`.
    ///
    /// # Errors
    /// It is not TOML.
    pub(crate) fn parse(path: &str, text: &'a str) -> Result<Self> {
        let root = DeTable::parse(text).with_context(|| format!("{path} is not TOML"))?;
        Ok(Self {
            text,
            root: root.into_inner(),
        })
    }

    /// The line on which a dependency of the package is named: by its own name, or by the name
    /// that another entry gives as its `package`. Line 1 if the manifest names it nowhere.
    pub(crate) fn line_of_dependency(&self, name: &str) -> usize {
        let mut holders = vec![&self.root];
        if let Some(targets) = table(&self.root, "target") {
            holders.extend(targets.values().filter_map(|it| it.get_ref().as_table()));
        }
        holders
            .into_iter()
            .flat_map(|holder| {
                ["dependencies", "dev-dependencies", "build-dependencies"]
                    .into_iter()
                    .filter_map(|kind| table(holder, kind))
            })
            .flat_map(DeTable::iter)
            .find(|(key, value)| key.get_ref() == name || renamed_from(value) == Some(name))
            .map_or(1, |(key, _)| self.line(key.span()))
    }

    /// The entries of `[workspace.dependencies]` that come from elsewhere, with their lines.
    pub(crate) fn foreign_workspace_dependencies(&self) -> Vec<(String, usize)> {
        table(&self.root, "workspace")
            .and_then(|workspace| table(workspace, "dependencies"))
            .into_iter()
            .flat_map(DeTable::iter)
            .filter(|(_, value)| {
                !value
                    .get_ref()
                    .as_table()
                    .is_some_and(|entry| entry.contains_key("path"))
            })
            .map(|(key, _)| (key.get_ref().to_string(), self.line(key.span())))
            .collect()
    }

    /// Whether the package takes its lints from the workspace.
    pub(crate) fn inherits_lints(&self) -> bool {
        table(&self.root, "lints")
            .and_then(|lints| lints.get("workspace"))
            .is_some_and(|value| matches!(value.get_ref(), DeValue::Boolean(true)))
    }

    /// Whether the package states lints of its own.
    pub(crate) fn has_own_lints(&self) -> bool {
        table(&self.root, "lints").is_some_and(|lints| lints.contains_key("rust"))
    }

    fn line(&self, span: Range<usize>) -> usize {
        self.text[..span.start].matches('\n').count() + 1
    }
}

fn table<'t, 'a>(holder: &'t DeTable<'a>, key: &str) -> Option<&'t DeTable<'a>> {
    holder.get(key)?.get_ref().as_table()
}

fn renamed_from<'t>(entry: &'t Spanned<DeValue<'_>>) -> Option<&'t str> {
    entry
        .get_ref()
        .as_table()?
        .get("package")?
        .get_ref()
        .as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[package]
name = \"x\"

[dependencies]
serde.workspace = true
alias = { package = \"real-name\", version = \"1\" }

[target.'cfg(unix)'.dependencies]
libc = \"0.2\"

[dev-dependencies.tempfile]
workspace = true

[lints]
workspace = true
";

    #[test]
    fn a_dependency_is_found_on_its_line_in_whatever_table() {
        let manifest = Manifest::parse("Cargo.toml", TEXT).unwrap();
        assert_eq!(manifest.line_of_dependency("serde"), 5);
        assert_eq!(manifest.line_of_dependency("real-name"), 6);
        assert_eq!(manifest.line_of_dependency("libc"), 9);
        assert_eq!(manifest.line_of_dependency("tempfile"), 11);
        assert_eq!(manifest.line_of_dependency("absent"), 1);
        assert!(manifest.inherits_lints() && !manifest.has_own_lints());
    }

    #[test]
    fn our_own_crates_are_no_foreign_dependencies() {
        let text = "[workspace.dependencies]\nours = { path = \"crates/ours\" }\nlibc = \"0.2\"\n";
        let manifest = Manifest::parse("Cargo.toml", text).unwrap();
        assert_eq!(
            manifest.foreign_workspace_dependencies(),
            [("libc".to_owned(), 3)]
        );
        assert!(!manifest.inherits_lints());
    }

    #[test]
    fn what_is_not_toml_is_an_error_with_its_path() {
        let error = Manifest::parse("a/Cargo.toml", "[").err().unwrap();
        assert!(error.to_string().contains("a/Cargo.toml"));
    }
}
