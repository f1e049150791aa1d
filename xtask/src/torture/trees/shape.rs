//! Trees that are hard to find again, as an offspring makes them.

use super::ending::Ending;

/// A tree.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// The words an offspring takes; `LEDGER` stands for hostledger on the ledger of the place,
    /// `OFFSPRING` for an offspring in it.
    pub(super) role: Vec<String>,
    /// How many come to stay before it is ended.
    pub(super) awaited: usize,
    /// Whether its leader is there to be asked, or has ended before.
    leader_stays: bool,
}

impl Shape {
    fn new(name: &'static str, role: &str, awaited: usize) -> Self {
        Self {
            name,
            role: role.split(' ').map(str::to_owned).collect(),
            awaited,
            leader_stays: true,
        }
    }

    /// Whether it can be ended like that.
    pub(super) fn allows(&self, ending: Ending) -> bool {
        self.leader_stays || !ending.needs_leader()
    }

    /// Whether it stays as it is when it has come about.
    pub(super) fn is_settled(&self) -> bool {
        self.leader_stays && self.role[0] != "storm"
    }
}

/// All shapes, with storms of so many forks.
pub(super) fn all(forks: u64) -> Vec<Shape> {
    let storm = |kind: &str| format!("storm {kind} {forks}");
    let begun = forks as usize / 10;
    let everything = "session+twice+closed+bare+renamed+stubborn";
    vec![
        Shape::new("children", "lead plain plain", 3),
        Shape::new("a session of its own", "lead session", 2),
        Shape::new("a process group of its own", "lead group", 2),
        Shape::new("forked twice", "lead session+twice twice", 3),
        Shape::new("closed descriptors", "lead session+twice+closed", 2),
        Shape::new("no environment", "lead session+twice+bare", 2),
        Shape::new("another name", "lead session+twice+renamed", 2),
        Shape::new(
            "SIGTERM ignored",
            "lead stubborn session+stubborn session+twice+stubborn",
            4,
        ),
        Shape::new(
            "all of that at once",
            &format!("lead {everything} plain"),
            3,
        ),
        Shape {
            leader_stays: false,
            ..Shape::new(
                "a leader that ends at once",
                &format!("leave plain group session+twice {everything}"),
                4,
            )
        },
        Shape::new("each forks the next", &storm("chain"), begun),
        Shape::new("each forks the next and ends", &storm("relay"), begun),
        Shape::new("each in a new session, and ends", &storm("sessions"), begun),
        Shape::new(
            "nested in the ledger",
            "nest LEDGER run -- OFFSPRING lead plain session+twice",
            4,
        ),
    ]
}
