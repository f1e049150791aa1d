//! The steps of CI, each of which is also a chore of its own.

use anyhow::Result;

use crate::program::Program;
use crate::tools::{self, DENY, MACHETE};
use crate::workspace::Workspace;
use crate::{bench, package, test, tidy, torture};

/// One check.
pub(crate) struct Step {
    /// The word it is called by.
    pub(crate) name: &'static str,
    /// What it checks, in one line.
    pub(crate) about: &'static str,
    /// Does it; an error says what failed.
    pub(crate) run: fn(&Workspace) -> Result<()>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All steps in the order of CI: what is quick and fails often comes first.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "formatting (repair with `cargo fmt --all`)",
        run: fmt,
    },
    Step {
        name: "clippy",
        about: "lints on all targets, warnings denied",
        run: clippy,
    },
    Step {
        name: "doc",
        about: "documentation builds, warnings denied",
        run: doc,
    },
    Step {
        name: "tidy",
        about: "the project's own rules; see CONTRIBUTING.md",
        run: tidy::run,
    },
    Step {
        name: "tools",
        about: "fetch the cargo tools that the next steps need",
        run: tools::run,
    },
    Step {
        name: "deny",
        about: "licences, bans and sources of dependencies",
        run: deny,
    },
    Step {
        name: "machete",
        about: "dependencies that nobody uses",
        run: machete,
    },
    Step {
        name: "test",
        about: "unit, integration and end-to-end tests",
        run: test::run,
    },
    Step {
        name: "torture",
        about: "what is promised about processes, with launchers and keepers killed",
        run: torture::short,
    },
    Step {
        name: "bench-short",
        about: "the benchmarks measure something; no figure is judged",
        run: bench::short,
    },
    Step {
        name: "doctest",
        about: "the examples in the documentation",
        run: doctest,
    },
    Step {
        name: "package",
        about: "every crate builds from its package alone",
        run: package::run,
    },
];

fn fmt(workspace: &Workspace) -> Result<()> {
    Program::cargo(workspace).args("fmt --all -- --check").run()
}

fn clippy(workspace: &Workspace) -> Result<()> {
    Program::cargo(workspace)
        .args("clippy --workspace --all-targets --all-features -- -D warnings")
        .run()
}

/// The command line and the facade are both called hostledger, and so are their pages: cargo warns
/// when it writes both at once. One after the other, the facade's stay.
fn doc(workspace: &Workspace) -> Result<()> {
    for packages in [
        "--package hostledger-cli",
        "--workspace --exclude hostledger-cli",
    ] {
        Program::cargo(workspace)
            .args("doc --all-features --no-deps")
            .args(packages)
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()?;
    }
    Ok(())
}

/// Advisories are left out: their database is not a crate, and CI reaches nothing but crates.io.
fn deny(workspace: &Workspace) -> Result<()> {
    Program::new(workspace, tools::path(workspace, &DENY)?)
        .args("check licenses bans sources")
        .run()
}

fn machete(workspace: &Workspace) -> Result<()> {
    Program::new(workspace, tools::path(workspace, &MACHETE)?)
        .arg("machete")
        .run()
}

fn doctest(workspace: &Workspace) -> Result<()> {
    Program::cargo(workspace)
        .args("test --doc --workspace")
        .run()
}
