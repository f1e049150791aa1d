//! `cargo xtask ci`: every step in order, with its time, until one fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::step::{STEPS, Step};
use crate::workspace::Workspace;

/// Runs all steps.
///
/// # Errors
/// That of the first step that fails; those after it are not run.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let started = Instant::now();
    let mut times = Vec::new();
    for (done, step) in STEPS.iter().enumerate() {
        eprintln!(
            "\n==> {} ({} of {}): {}",
            step.name,
            done + 1,
            STEPS.len(),
            step.about
        );
        let begun = Instant::now();
        let outcome = (step.run)(workspace);
        let took = begun.elapsed();
        outcome.with_context(|| failure(step, took))?;
        eprintln!("    {} passed in {}", step.name, seconds(took));
        times.push((step.name, took));
    }
    eprintln!(
        "\n==> all {} steps passed in {}",
        STEPS.len(),
        seconds(started.elapsed())
    );
    for (name, took) in times {
        eprintln!("    {name:<8} {:>8}", seconds(took));
    }
    Ok(())
}

fn failure(step: &Step, took: Duration) -> String {
    let name = step.name;
    format!(
        "step {name} failed after {}; run it alone with `cargo xtask {name}`",
        seconds(took)
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_step_its_time_and_the_way_to_repeat_it() {
        let text = failure(&STEPS[0], Duration::from_millis(1250));
        assert_eq!(
            text,
            "step fmt failed after 1.2 s; run it alone with `cargo xtask fmt`"
        );
    }
}
