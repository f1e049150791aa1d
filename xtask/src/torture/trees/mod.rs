//! Nothing of a tree survives its end: trees of every shape that is hard to find again, ended in
//! every way there is, with a cgroup and without one.

mod case;
mod ending;
mod expiry;
mod neighbours;
mod shape;

use anyhow::Result;

use super::verdict::Verdict;
use super::{Bench, parallel};
use case::Case;
pub(super) use case::Count;
use ending::Ending;

/// How a tree is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Cgroup,
    Without,
}

impl Means {
    pub(super) const ALL: [Self; 2] = [Self::Cgroup, Self::Without];

    /// What is switched off for it.
    pub(super) fn disabled(self) -> Option<&'static str> {
        match self {
            Self::Cgroup => None,
            Self::Without => Some("cgroup"),
        }
    }
}

/// So many trees at a time.
const AT_ONCE: usize = 3;

pub(super) fn prove(bench: &Bench<'_>) -> Result<Verdict> {
    let forks = bench.extent.of(200, 1000);
    let rounds = bench.extent.of(1, 10);
    let shapes = shape::all(forks);
    let mut cases = Vec::new();
    for _ in 0..rounds {
        for shape in &shapes {
            for ending in Ending::ALL.into_iter().filter(|it| shape.allows(*it)) {
                cases.extend(Means::ALL.map(|means| Case {
                    shape,
                    ending,
                    means,
                }));
            }
        }
    }
    // A clean-up that stops what nobody watches any more waits for half a minute: meanwhile, the
    // others.
    std::thread::scope(|scope| {
        let expiry = scope.spawn(|| expiry::prove(bench, &shapes));
        let counts = parallel::each(cases, AT_ONCE, |case| {
            let count = case.carry_out(bench)?;
            Ok((case, count))
        })?;
        let mut verdict = Verdict::table(&["shape", "trees", "processes", "late", "survivors"]);
        for shape in &shapes {
            let of_shape = counts
                .iter()
                .filter(|(case, _)| case.shape.name == shape.name);
            let of_shape: Vec<_> = of_shape.map(|(_, count)| count).collect();
            verdict.row(row(shape.name, &of_shape));
        }
        for (case, count) in &counts {
            report(&mut verdict, &case.to_string(), count);
        }
        let neighbours = neighbours::prove(bench, rounds);
        verdict.row(row(
            "two of one keeper",
            &neighbours.iter().collect::<Vec<_>>(),
        ));
        for count in &neighbours {
            report(&mut verdict, "one of two", count);
        }
        let expired = match expiry.join() {
            Ok(expired) => expired?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let all: Vec<_> = expired.iter().map(|(_, count)| count).collect();
        verdict.row(row("ended by cleanup", &all));
        for (what, count) in &expired {
            report(&mut verdict, what, count);
        }
        verdict.note("late: seen right after hostledger had returned, and gone a moment later");
        Ok(verdict)
    })
}

fn row(name: &str, counts: &[&Count]) -> Vec<String> {
    let sum = |of: fn(&Count) -> usize| counts.iter().map(|it| of(it)).sum::<usize>().to_string();
    vec![
        name.to_owned(),
        counts.len().to_string(),
        sum(|it| it.processes),
        sum(|it| it.late.len()),
        sum(|it| it.survivors.len()),
    ]
}

fn report(verdict: &mut Verdict, what: &str, count: &Count) {
    for survivor in &count.survivors {
        verdict.broken(format!("{what}: survived: {survivor}"));
    }
    for wrong in &count.wrong {
        verdict.broken(format!("{what}: {wrong}"));
    }
    for late in count.late.iter().take(1) {
        verdict.note(format!(
            "{what}: late: {late} and {} others",
            count.late.len() - 1
        ));
    }
}
