//! What was asked for: which proofs, how much of each, from which seed.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::extent::Extent;

/// One promise, and the attempt to break it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// No exit code is lost, made up, or anybody else's.
    Exits,
    /// Nothing of a queue is forgotten, or runs otherwise than it is recorded.
    Queue,
    /// Nothing of a tree survives its end.
    Trees,
    /// No signal reaches a process that was given the pid of another.
    Reuse,
    /// However much is written, memory and database stay as they are.
    Output,
    /// A real browser leaves nothing behind.
    Browser,
}

/// Where a ledger keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Database {
    /// In a file.
    Sqlite,
    /// On a server, which is killed as well.
    Postgres,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Torture {
    /// In this order.
    pub(crate) proofs: Vec<Proof>,
    /// How much of each.
    pub(crate) extent: Extent,
    /// For the proofs that know several.
    pub(crate) databases: Vec<Database>,
    /// What everything random follows from.
    pub(crate) seed: u64,
}

const ALL: [Proof; 6] = [
    Proof::Exits,
    Proof::Queue,
    Proof::Trees,
    Proof::Reuse,
    Proof::Output,
    Proof::Browser,
];

impl Proof {
    /// The word it is called by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exits => "exits",
            Self::Queue => "queue",
            Self::Trees => "trees",
            Self::Reuse => "reuse",
            Self::Output => "output",
            Self::Browser => "browser",
        }
    }
}

impl Database {
    const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The word it is called by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Torture {
    /// All proofs but the one that installs a browser, briefly.
    pub(crate) fn short() -> Self {
        Self {
            proofs: ALL.into_iter().filter(|it| *it != Proof::Browser).collect(),
            extent: Extent::Short,
            databases: Database::ALL.to_vec(),
            seed: any_seed(),
        }
    }

    /// Reads the words behind `torture`.
    ///
    /// # Errors
    /// A proof that there is not, an option that there is not, or a seed that is no number.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut proofs = Vec::new();
        let mut extent = Extent::Long;
        let mut databases = Database::ALL.to_vec();
        let mut seed = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--short" => extent = Extent::Short,
                "--seed" => {
                    let number = words.next().context("`--seed` takes a number")?;
                    let parsed = number.parse();
                    seed = Some(parsed.with_context(|| format!("{number} is no seed"))?);
                }
                "--database" => {
                    let name = words.next().context("`--database` takes a name")?;
                    let known = Database::ALL.iter().find(|it| it.name() == *name);
                    databases =
                        vec![*known.with_context(|| format!("no database is called {name}"))?];
                }
                "all" => proofs.extend(ALL),
                name => match ALL.iter().find(|proof| proof.name() == name) {
                    Some(proof) => proofs.push(*proof),
                    None => bail!(
                        "`torture` takes proofs ({}, all), `--short`, `--seed N` and \
                         `--database sqlite` or `postgres`, but got: {name}",
                        ALL.map(Proof::name).join(", ")
                    ),
                },
            }
        }
        if proofs.is_empty() {
            proofs = match extent {
                Extent::Short => Self::short().proofs,
                Extent::Long => ALL.to_vec(),
            };
        }
        Ok(Self {
            proofs,
            extent,
            databases,
            seed: seed.unwrap_or_else(any_seed),
        })
    }

    /// The chore that asks for the same, but for the seed.
    pub(crate) fn command(&self) -> String {
        let names: Vec<_> = self.proofs.iter().map(|proof| proof.name()).collect();
        let short = self.extent.of(" --short", "");
        let database = match self.databases.as_slice() {
            [one] => format!(" --database {}", one.name()),
            _ => String::new(),
        };
        format!("cargo xtask torture {}{short}{database}", names.join(" "))
    }
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |time| time.as_millis() as u64 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_extent_and_seed_are_read_in_any_order() {
        let expected = Torture {
            proofs: vec![Proof::Exits, Proof::Reuse],
            extent: Extent::Short,
            databases: Database::ALL.to_vec(),
            seed: 7,
        };
        for words in [
            ["exits", "reuse", "--short", "--seed", "7"],
            ["--seed", "7", "exits", "--short", "reuse"],
        ] {
            assert_eq!(Torture::parse(&words).unwrap(), expected);
        }
        assert_eq!(
            expected.command(),
            "cargo xtask torture exits reuse --short"
        );
    }

    #[test]
    fn one_of_the_databases_can_be_chosen() {
        let queue = Torture::parse(&["queue", "--database", "postgres"]).unwrap();
        assert_eq!(queue.databases, [Database::Postgres]);
        assert_eq!(
            queue.command(),
            "cargo xtask torture queue --database postgres"
        );
    }

    #[test]
    fn nothing_means_all_and_briefly_means_all_that_installs_nothing() {
        assert_eq!(Torture::parse(&[]).unwrap().proofs, ALL);
        assert_eq!(Torture::parse(&["all"]).unwrap().proofs, ALL);
        let short = Torture::parse(&["--short"]).unwrap().proofs;
        assert!(!short.contains(&Proof::Browser) && short.len() == ALL.len() - 1);
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (words, named) in [
            (&["exit"][..], "exit"),
            (&["--seed"], "--seed"),
            (&["--database", "mysql"], "mysql"),
            (&["--seed", "x"], "x"),
            (&["--long"], "--long"),
        ] {
            let refusal = Torture::parse(words).unwrap_err().to_string();
            assert!(refusal.contains(named), "{refusal}");
        }
    }
}
