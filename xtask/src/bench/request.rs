//! What is to be measured, and how often.

use anyhow::{Result, bail};

use crate::extent::Extent;

/// What a section of docs/benchmarks.md is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One program through the command line.
    Run,
    /// A thousand programs at a time.
    Thousand,
    /// The end of a tree of a thousand.
    Tree,
    /// Many short programs, some at a time.
    Queue,
    /// What several workers get done on PostgreSQL.
    Claims,
    /// Little history and much.
    Growth,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measurement {
    /// In this order.
    pub(crate) subjects: Vec<Subject>,
    /// How much of each. The short one shows that the measuring works, and no more.
    pub(crate) extent: Extent,
}

impl Subject {
    /// In the order of the document.
    pub(crate) const ALL: [Self; 6] = [
        Self::Run,
        Self::Thousand,
        Self::Tree,
        Self::Queue,
        Self::Claims,
        Self::Growth,
    ];

    /// The word it is called by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Thousand => "thousand",
            Self::Tree => "tree",
            Self::Queue => "queue",
            Self::Claims => "claims",
            Self::Growth => "growth",
        }
    }

    /// Its title in the document.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Run => "One program",
            Self::Thousand => "A thousand programs at a time",
            Self::Tree => "The end of a tree of a thousand",
            Self::Queue => "The queue",
            Self::Claims => "Workers on one PostgreSQL",
            Self::Growth => "History",
        }
    }
}

impl Measurement {
    /// All, briefly, as a step of CI.
    pub(crate) fn short() -> Self {
        Self {
            subjects: Subject::ALL.to_vec(),
            extent: Extent::Short,
        }
    }

    /// Reads the words behind `bench`.
    ///
    /// # Errors
    /// A subject or an option that there is not.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut subjects = Vec::new();
        let mut extent = Extent::Long;
        for word in words {
            match *word {
                "--short" => extent = Extent::Short,
                name => match Subject::ALL.iter().find(|subject| subject.name() == name) {
                    Some(subject) => subjects.push(*subject),
                    None => bail!(
                        "`bench` takes {} and `--short`, but got: {name}",
                        Subject::ALL.map(Subject::name).join(", ")
                    ),
                },
            }
        }
        if subjects.is_empty() {
            subjects = Subject::ALL.to_vec();
        }
        Ok(Self { subjects, extent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_measured_at_length_unless_something_else_is_said() {
        let parsed = |words: &[&str]| Measurement::parse(words).unwrap();
        assert_eq!(parsed(&[]).subjects, Subject::ALL);
        assert_eq!(parsed(&[]).extent, Extent::Long);
        assert_eq!(parsed(&["--short"]), Measurement::short());
        let tree = parsed(&["tree", "--short"]);
        assert_eq!(
            (tree.subjects, tree.extent),
            (vec![Subject::Tree], Extent::Short)
        );
        let refusal = Measurement::parse(&["trees"]).unwrap_err().to_string();
        assert!(refusal.contains("trees"), "{refusal}");
    }
}
