//! The section, from what was measured.

use std::fmt::{Result, Write};

use super::account::Account;
use super::comparison::{Comparison, Measured};
use crate::bench::verdict;

/// Mebibytes that `hostledger run` may take.
const MEMORY_BUDGET: f64 = 16.0;

/// The section of the document.
pub(super) fn write(
    rounds: usize,
    measured: &[(&Comparison, Measured)],
    account: &Account,
) -> std::result::Result<String, std::fmt::Error> {
    let mut text = String::new();
    times(&mut text, rounds, measured)?;
    used(&mut text, account)?;
    Ok(text)
}

fn times(text: &mut String, rounds: usize, measured: &[(&Comparison, Measured)]) -> Result {
    writeln!(
        text,
        "In milliseconds, {rounds} rounds. A ledger is warm when it knows its machine and holds a\n\
         process already. The two commands of a pair run from start to end, every other round the\n\
         other one first. **The difference is the figure to look at.**\n\n\
         | what | ours | against | ours | against | difference | ratio | budget |\n\
         | --- | --- | --- | --: | --: | --: | --: | --- |"
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
        "### Processor time and memory\n\n\
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

#[cfg(test)]
mod tests {
    use super::super::comparison::{COMPARISONS, Run};
    use super::*;
    use crate::bench::statistics::Spread;

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
        let measured: Vec<_> = measured.collect();
        let account = Account {
            processor: even(2.0),
            bare_processor: even(1.0),
            memory: even(memory),
        };
        write(15, &measured, &account).unwrap()
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
