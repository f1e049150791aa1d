//! `cargo xtask test-installs`: real installations from the package registries, by the built
//! program, in a ledger of its own.
//!
//! No step of CI: it needs the network, and changes the system where it may (apt as root).

mod case;
mod check;
mod hooks;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::extent::Extent;
use crate::program::Program;
use crate::workspace::Workspace;
use case::{CASES, Case};
use check::Ground;

/// Installs, and looks at what came of it.
///
/// # Errors
/// Something is not as it should be; all of it is tried nevertheless.
pub(crate) fn run(workspace: &Workspace, extent: Extent) -> Result<()> {
    let ground = Ground::make(workspace)?;
    let all = CASES.iter();
    let mut broken = try_each(
        workspace,
        &ground,
        all.filter(|it| extent == Extent::Long || !it.long),
    );
    if extent == Extent::Long {
        broken.extend(try_hooks(workspace, &ground));
    }
    if !broken.is_empty() {
        bail!("not as they should be: {}", broken.join(", "));
    }
    Ok(())
}

/// The installers of ArchiveBox's plugins; what is not as it should be.
fn try_hooks(workspace: &Workspace, ground: &Ground<'_>) -> Vec<&'static str> {
    let plugins = match hooks::fetch(workspace) {
        Ok(plugins) => plugins,
        Err(error) => {
            eprintln!("    SKIPPED: hooks of abx-plugins: {error:#}");
            return Vec::new();
        }
    };
    eprintln!("    by hooks of abx-plugins:");
    let ground = ground.by_hooks(plugins);
    let mut broken = try_each(workspace, &ground, hooks::CASES.iter());
    for (what, checked) in [
        ("apt, afresh", hooks::fresh_apt(workspace, &ground)),
        ("records", hooks::many_records(workspace, &ground)),
        ("hook run", hooks::ends(workspace, &ground)),
    ] {
        if let Err(error) = checked {
            eprintln!("    {what}: {error:#}");
            broken.push(what);
        }
    }
    broken
}

fn try_each<'c>(
    workspace: &Workspace,
    ground: &Ground<'_>,
    cases: impl Iterator<Item = &'c Case>,
) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for case in cases {
        if let Some(why) = missing(workspace, case) {
            eprintln!("    SKIPPED: {} by {}: {why}", case.name, case.providers);
            continue;
        }
        let begun = Instant::now();
        match ground.check(case) {
            Ok(version) => eprintln!(
                "    {} {version} by {}, {:.1} s",
                case.name,
                case.providers,
                begun.elapsed().as_secs_f64()
            ),
            Err(error) => {
                eprintln!("    {} by {}: {error:#}", case.name, case.providers);
                broken.push(case.name);
            }
        }
    }
    broken
}

/// Why a case cannot be tried on this host.
fn missing(workspace: &Workspace, case: &Case) -> Option<&'static str> {
    if case.root && !rustix::process::geteuid().is_root() {
        return Some("we are not root");
    }
    let asked = Program::new(workspace, case.tool).arg("--version").ended();
    let there = asked.is_ok_and(|output| output.status.success());
    (!there).then_some("its tool is not on PATH")
}
