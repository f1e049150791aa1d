//! The end of one tree of a thousand processes, a fifth of them daemons, from when SIGKILL is due:
//! by us with a cgroup and without, and by the kernel alone.

use anyhow::{Context, Result, bail};

use super::statistics::Spread;
use super::{Bench, verdict};
use crate::program::Program;

const PROCESSES: usize = 1000;

/// Milliseconds that an end may take.
const BUDGET: f64 = 100.0;

/// What the example calls its ways; the first is the peer.
const WAYS: [(&str, &str); 3] = [
    (
        "cgroup.kill",
        "the kernel alone: a write to `cgroup.kill`, until the group is empty",
    ),
    ("cgroup", "ours, with a cgroup"),
    ("links and tag", "ours, without one"),
];

/// One line of the example.
#[derive(Debug, PartialEq)]
struct End {
    way: String,
    millis: f64,
    processor: f64,
    survivors: usize,
}

pub(super) fn measure(bench: &Bench<'_>) -> Result<String> {
    let processes = bench.extent.of(100, PROCESSES);
    let rounds = bench.extent.of(1, 7);
    eprintln!("    {rounds} rounds: the end of a tree of {processes}");
    let output = Program::new(bench.workspace, bench.programs.example("end_trees")?)
        .args(&format!("{processes} {rounds}"))
        .output()?;
    let output = String::from_utf8(output).context("what the example says is no text")?;
    let ends: Vec<End> = output.lines().filter_map(read).collect();
    if ends.is_empty() {
        bail!("the example has measured nothing: {output}");
    }
    section(processes, rounds, &ends)
}

/// `cgroup 66.1 ms, 5.0 ms of CPU here; 1000 ended, 0 survivors`
fn read(line: &str) -> Option<End> {
    let (way, _) = WAYS
        .iter()
        .rev()
        .find(|(way, _)| line.starts_with(&format!("{way:13} ")))?;
    let mut words = line.strip_prefix(way)?.split_whitespace();
    let mut number = |skip| words.nth(skip)?.parse().ok();
    Some(End {
        way: (*way).to_owned(),
        millis: number(0)?,
        processor: number(1)?,
        survivors: number(6)? as usize,
    })
}

fn section(processes: usize, rounds: usize, ends: &[End]) -> Result<String> {
    let mut text = format!(
        "{rounds} rounds of each, in turn, in milliseconds. All ignore SIGTERM; what is told begins when\n\
         SIGKILL is due, and ends when all {processes} have ended and nobody else was found.\n\n\
         | how | time | of `cgroup.kill` | processor time here | survivors | budget |\n\
         | --- | --: | --: | --: | --: | --- |\n"
    );
    let peer: Vec<f64> = by(ends, WAYS[0].0).map(|end| end.millis).collect();
    for (number, (way, told)) in WAYS.iter().enumerate() {
        let Some(time) = Spread::of(by(ends, way).map(|end| end.millis)) else {
            text.push_str(&format!("| {told} | not possible here | | | | |\n"));
            continue;
        };
        let processor = Spread::of(by(ends, way).map(|end| end.processor)).context("as many")?;
        let survivors: usize = by(ends, way).map(|end| end.survivors).sum();
        let ratio = by(ends, way)
            .zip(&peer)
            .map(|(end, peer)| end.millis / peer);
        let (ratio, budget) = match Spread::of(ratio).filter(|_| number > 0) {
            Some(ratio) => (format!("{ratio:.2}"), told_of(time.median)),
            None => (String::new(), String::new()),
        };
        text.push_str(&format!(
            "| {told} | **{time:.1}** | {ratio} | {processor:.1} | {survivors} | {budget} |\n"
        ));
    }
    Ok(text)
}

fn by<'e>(ends: &'e [End], way: &'e str) -> impl Iterator<Item = &'e End> {
    ends.iter().filter(move |end| end.way == way)
}

fn told_of(millis: f64) -> String {
    format!("{BUDGET} ms, {}", verdict(millis, BUDGET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_example_are_read() {
        let end = |way: &str, millis| End {
            way: way.to_owned(),
            millis,
            processor: 5.0,
            survivors: 0,
        };
        let rest = "ms,   5.0 ms of CPU here; 1000 ended, 0 survivors";
        for way in WAYS.map(|(way, _)| way) {
            let line = format!("{way:13}   66.1 {rest}");
            assert_eq!(read(&line), Some(end(way, 66.1)), "{line}");
        }
        assert_eq!(read("without cgroups: no"), None);
        let ends = [
            end("cgroup.kill", 50.0),
            end("cgroup", 75.0),
            end("links and tag", 150.0),
        ];
        let text = section(1000, 1, &ends).unwrap();
        assert!(text.contains("| 1.50 (1.50 to 1.50) |") && text.contains("100 ms, met"));
        assert!(text.contains("100 ms, missed"));
    }
}
