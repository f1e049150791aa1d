//! The recorded hierarchy, drawn in front of a list.

use std::collections::{HashMap, HashSet};

use hostledger::{Process, ProcessId};

/// A process in its place in the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    /// Which of the processes.
    pub(crate) index: usize,
    /// What leads to it from its parent, to stand before its command.
    pub(crate) lines: String,
}

struct Strokes {
    child: &'static str,
    last_child: &'static str,
    beside: &'static str,
    below_last: &'static str,
}

const BOX: Strokes = Strokes {
    child: "├─ ",
    last_child: "└─ ",
    beside: "│  ",
    below_last: "   ",
};
const ASCII: Strokes = Strokes {
    child: "|- ",
    last_child: "`- ",
    beside: "|  ",
    below_last: "   ",
};

/// Puts children below their parents, in the order given; whoever's parent is not among them
/// stands on top.
pub(crate) fn draw(processes: &[Process], terminal: bool) -> Vec<Drawing> {
    let strokes = if terminal { BOX } else { ASCII };
    let listed: HashSet<ProcessId> = processes.iter().map(|process| process.id).collect();
    let mut children: HashMap<ProcessId, Vec<usize>> = HashMap::new();
    let mut tops = Vec::new();
    for (index, process) in processes.iter().enumerate() {
        match process.parent_id.filter(|parent| listed.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(index),
            None => tops.push(index),
        }
    }
    let mut drawn = Drawn {
        processes,
        children,
        strokes,
        placed: HashSet::new(),
        result: Vec::new(),
    };
    // Where parents go in a circle, none is on top: then the first of them is.
    for index in tops.into_iter().chain(0..processes.len()) {
        drawn.place(index);
    }
    drawn.result
}

struct Drawn<'a> {
    processes: &'a [Process],
    children: HashMap<ProcessId, Vec<usize>>,
    strokes: Strokes,
    placed: HashSet<usize>,
    result: Vec<Drawing>,
}

/// Still to be drawn.
struct Branch {
    index: usize,
    /// What stands before it.
    lines: String,
    /// What stands before its children.
    below: String,
}

impl Drawn<'_> {
    /// Draws a process and all below it, without recursion: a chain can be of any length.
    fn place(&mut self, top: usize) {
        let mut left = vec![Branch {
            index: top,
            lines: String::new(),
            below: String::new(),
        }];
        while let Some(Branch {
            index,
            lines,
            below,
        }) = left.pop()
        {
            if !self.placed.insert(index) {
                continue;
            }
            self.result.push(Drawing { index, lines });
            let Some(process) = self.processes.get(index) else {
                continue;
            };
            let children = self
                .children
                .get(&process.id)
                .map(Vec::as_slice)
                .unwrap_or_default();
            // The last one is pushed first, to be taken last.
            for (place, &child) in children.iter().enumerate().rev() {
                let (stroke, below_it) = if place + 1 == children.len() {
                    (self.strokes.last_child, self.strokes.below_last)
                } else {
                    (self.strokes.child, self.strokes.beside)
                };
                left.push(Branch {
                    index: child,
                    lines: format!("{below}{stroke}"),
                    below: format!("{below}{below_it}"),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::process;

    fn family(parents: &[Option<usize>]) -> Vec<Process> {
        let mut processes: Vec<_> = parents.iter().map(|_| process(&["true"])).collect();
        let ids: Vec<_> = processes.iter().map(|process| process.id).collect();
        for (process, parent) in processes.iter_mut().zip(parents) {
            process.parent_id = parent.map(|parent| ids[parent]);
        }
        processes
    }

    fn drawn(processes: &[Process]) -> String {
        let line = |drawing: &Drawing| format!("{}{}", drawing.lines, drawing.index);
        draw(processes, true)
            .iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn children_stand_below_their_parents() {
        let processes = family(&[None, Some(0), None, Some(0), Some(1), Some(4), Some(2)]);
        insta::assert_snapshot!(drawn(&processes), @r"
        0
        ├─ 1
        │  └─ 4
        │     └─ 5
        └─ 3
        2
        └─ 6
        ");
    }

    #[test]
    fn a_process_whose_parent_is_not_listed_stands_on_top() {
        let mut processes = family(&[None, Some(0)]);
        processes.remove(0);
        assert_eq!(drawn(&processes), "0");
    }

    #[test]
    fn parents_in_a_circle_are_all_drawn_once() {
        assert_eq!(
            drawn(&family(&[Some(1), Some(0), Some(2)])).lines().count(),
            3
        );
    }

    #[test]
    fn a_long_chain_is_drawn() {
        let parents: Vec<_> = (0..2_000)
            .map(|index: usize| index.checked_sub(1))
            .collect();
        assert_eq!(draw(&family(&parents), true).len(), 2_000);
    }
}
