//! docs/benchmarks.md, from what was measured.

use std::fmt::{Result, Write};

use super::Length;
use super::account::Account;
use super::comparison::{Comparison, Measured};
use super::conditions::Conditions;

/// Mebibytes that `hostledger run` may take.
const MEMORY_BUDGET: f64 = 16.0;

/// The whole document.
pub(super) fn write(
    length: Length,
    conditions: &Conditions,
    measured: &[(&Comparison, Measured)],
    account: &Account,
) -> std::result::Result<String, std::fmt::Error> {
    let mut text = String::new();
    introduction(&mut text, length)?;
    times(&mut text, length, measured)?;
    used(&mut text, account)?;
    where_measured(&mut text, conditions)?;
    Ok(text)
}

fn introduction(text: &mut String, length: Length) -> Result {
    writeln!(
        text,
        "# Benchmarks\n\n\
         Written by `{}`: do not edit. It builds the release profile and takes {} rounds of\n\
         each pair (`cargo xtask bench` takes {}, `cargo xtask bench long` {}). The ledgers are in the\n\
         directory for temporary files: `TMPDIR=/dev/shm` puts them on another file system.\n\n\
         The two commands of a pair run in turn, every other round the other one first, each from its\n\
         start to its end, each on a ledger that is made for it. Told are medians over the rounds, and\n\
         in brackets between which two values the middle half lies. **The difference is the figure to\n\
         look at.** Absolute times on a machine that others use as well mean little and change by a\n\
         factor of two between two runs. Where the load below is above the number of processors, the\n\
         differences are too large as well: hostledger hands over between threads, and each has to wait\n\
         for its turn.\n",
        length.command(),
        length.rounds(),
        Length::Short.rounds(),
        Length::Long.rounds(),
    )
}

fn times(text: &mut String, length: Length, measured: &[(&Comparison, Measured)]) -> Result {
    writeln!(
        text,
        "## Times\n\n\
         In milliseconds, {} rounds. A ledger is warm when it knows its machine and holds a process\n\
         already.\n\n\
         | what | ours | against | ours | against | difference | ratio | budget |\n\
         | --- | --- | --- | --: | --: | --: | --: | --- |",
        length.rounds()
    )?;
    for (comparison, it) in measured {
        let budget = comparison.budget.map_or_else(String::new, |budget| {
            format!("{budget} ms, {}", verdict(it.difference.median, budget))
        });
        writeln!(
            text,
            "| {} | `{}` | `{}` | {:.2} | {:.2} | **{:.2}** ({:.2} to {:.2}) | {:.1} | {budget} |",
            comparison.what,
            comparison.ours.shown(),
            comparison.against.shown(),
            it.ours.median,
            it.against.median,
            it.difference.median,
            it.difference.lower,
            it.difference.upper,
            it.ratio.median,
        )?;
    }
    writeln!(text)
}

fn used(text: &mut String, account: &Account) -> Result {
    let Account {
        processor,
        bare_processor,
        memory,
    } = account;
    writeln!(
        text,
        "## Processor time and memory\n\n\
         By hostledger's own account: the programs run through another `hostledger run`, whose\n\
         record is read. Processor time depends less on who else uses the machine.\n\n\
         | what | `hostledger run -- true`, `true` included | `true` | budget |\n\
         | --- | --: | --: | --- |\n\
         | processor time, ms | {:.2} ({:.2} to {:.2}) | {:.2} |  |\n\
         | largest resident set, MiB | {:.1} ({:.1} to {:.1}) | | {MEMORY_BUDGET} MiB, {} |\n\n\
         The kernel counts as resident what a child shared with its parent before its exec, too. Of\n\
         the outer and the inner hostledger this is therefore the larger, and of `true` it would be\n\
         the outer one's.\n",
        processor.median,
        processor.lower,
        processor.upper,
        bare_processor.median,
        memory.median,
        memory.lower,
        memory.upper,
        verdict(memory.median, MEMORY_BUDGET),
    )
}

fn verdict(value: f64, budget: f64) -> &'static str {
    if value <= budget { "met" } else { "missed" }
}

fn where_measured(text: &mut String, conditions: &Conditions) -> Result {
    let Conditions {
        commit,
        rustc,
        kernel,
        processors,
        file_system,
        load,
    } = conditions;
    writeln!(
        text,
        "## Where this was measured\n\n\
         | | |\n\
         | --- | --- |\n\
         | commit | {commit} |\n\
         | compiler | {rustc} |\n\
         | kernel | Linux {kernel} |\n\
         | processors | {processors} |\n\
         | file system of the ledgers | {file_system} |\n\
         | load in the minute before | {load} |"
    )
}

#[cfg(test)]
mod tests {
    use super::super::comparison::{COMPARISONS, Run};
    use super::super::statistics::Spread;
    use super::*;

    fn even(value: f64) -> Spread {
        Spread {
            median: value,
            lower: value,
            upper: value,
        }
    }

    fn report(difference: f64, memory: f64) -> String {
        let measured = COMPARISONS.iter().map(|comparison| {
            let measured = Measured {
                ours: even(difference + 1.0),
                against: even(1.0),
                difference: even(difference),
                ratio: even(difference + 1.0),
            };
            (comparison, measured)
        });
        let conditions = Conditions {
            commit: "abc".to_owned(),
            rustc: "rustc 1".to_owned(),
            kernel: "6.1".to_owned(),
            processors: "2 × x".to_owned(),
            file_system: "tmpfs".to_owned(),
            load: "0.1".to_owned(),
        };
        let measured: Vec<_> = measured.collect();
        let account = Account {
            processor: even(2.0),
            bare_processor: even(1.0),
            memory: even(memory),
        };
        write(Length::Short, &conditions, &measured, &account).unwrap()
    }

    #[test]
    fn each_comparison_has_a_row_and_each_budget_a_verdict() {
        let good = report(4.0, 9.0);
        for comparison in COMPARISONS {
            assert!(good.contains(&format!("| {} |", comparison.what)));
        }
        let budgets = COMPARISONS.iter().filter(|it| it.budget.is_some()).count();
        assert_eq!(good.matches(", met").count(), budgets + 1);
        assert_eq!(report(40.0, 90.0).matches(", missed").count(), budgets + 1);
    }

    #[test]
    fn a_ledger_that_is_made_on_the_way_is_told() {
        assert_eq!(Run::Cold("ps").shown(), "hostledger ps (new ledger)");
        assert_eq!(Run::Bare("true").shown(), "true");
    }
}
