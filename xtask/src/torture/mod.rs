//! `cargo xtask torture`: what hostledger promises about processes, tried on the built program by
//! killing whoever could keep the promise. docs/guarantees.md says what each proof stands for.
//!
//! Everything random follows from a seed that is printed, so that a finding can be looked for
//! again; which process gets the processor next is up to the kernel all the same.

mod browser;
mod exits;
mod living;
mod output;
mod parallel;
mod place;
mod programs;
mod queue;
mod random;
mod records;
mod request;
mod reuse;
mod trees;
mod verdict;

use std::time::Instant;

use anyhow::{Result, bail};

use crate::extent::Extent;
use crate::workspace::Workspace;
use programs::Programs;
pub(crate) use request::{Database, Proof, Torture};
use verdict::Verdict;

/// What every proof is given.
struct Bench<'w> {
    workspace: &'w Workspace,
    programs: Programs,
    extent: Extent,
    databases: Vec<Database>,
    seed: u64,
}

/// The short form of all, as a step of CI.
///
/// # Errors
/// As for [`run`].
pub(crate) fn short(workspace: &Workspace) -> Result<()> {
    run(workspace, &Torture::short())
}

/// Carries out the proofs that were asked for, and prints what each has counted.
///
/// # Errors
/// A promise was broken, or a proof could not be carried out.
pub(crate) fn run(workspace: &Workspace, request: &Torture) -> Result<()> {
    if request.proofs == [Proof::Reuse] && reuse::is_inside() {
        return reuse::inside(workspace, request);
    }
    let bench = Bench {
        workspace,
        programs: Programs::build(workspace, request.extent)?,
        extent: request.extent,
        databases: request.databases.clone(),
        seed: request.seed,
    };
    let mut broken = Vec::new();
    for proof in &request.proofs {
        let begun = Instant::now();
        let verdict = proof.carry_out(&bench)?;
        let took = begun.elapsed().as_secs_f64();
        eprintln!(
            "\n    {}, seed {}, {took:.1} s\n{verdict}",
            proof.name(),
            request.seed
        );
        if verdict.is_broken() {
            broken.push(proof.name());
        }
    }
    if !broken.is_empty() {
        bail!(
            "broken: {}; repeat with `{} --seed {}`",
            broken.join(", "),
            request.command(),
            request.seed
        );
    }
    Ok(())
}

impl Proof {
    fn carry_out(self, bench: &Bench<'_>) -> Result<Verdict> {
        match self {
            Self::Exits => exits::prove(bench),
            Self::Queue => queue::prove(bench),
            Self::Trees => trees::prove(bench),
            Self::Reuse => reuse::prove(bench),
            Self::Output => output::prove(bench),
            Self::Browser => browser::prove(bench),
        }
    }
}
