//! Who started whom.

use std::collections::HashSet;

use crate::ProcessId;

/// The recorded ancestors of a process, its parent first and its root last; its depth is how
/// many there are.
///
/// `parent_of` is asked once for each. Parents are data that others write as well: where they
/// go in a circle, the answer ends before it closes.
///
/// # Errors
/// What `parent_of` fails with.
pub fn ancestors<E>(
    process: ProcessId,
    mut parent_of: impl FnMut(ProcessId) -> Result<Option<ProcessId>, E>,
) -> Result<Vec<ProcessId>, E> {
    let mut seen = HashSet::from([process]);
    let mut line = Vec::new();
    let mut last = process;
    while let Some(parent) = parent_of(last)?
        && seen.insert(parent)
    {
        line.push(parent);
        last = parent;
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::convert::Infallible;

    fn line(parents: &[(ProcessId, ProcessId)], of: ProcessId) -> Vec<ProcessId> {
        let parents: HashMap<_, _> = parents.iter().copied().collect();
        let parent_of = |id| Ok::<_, Infallible>(parents.get(&id).copied());
        ancestors(of, parent_of).unwrap()
    }

    #[test]
    fn the_parent_comes_first_and_the_root_last() {
        let [root, middle, leaf] = [(); 3].map(|()| ProcessId::generate());
        let parents = [(leaf, middle), (middle, root)];
        assert_eq!(line(&parents, leaf), [middle, root]);
        assert_eq!(line(&parents, root), []);
    }

    #[test]
    fn a_circle_ends_before_it_closes() {
        let [a, b, c] = [(); 3].map(|()| ProcessId::generate());
        assert_eq!(line(&[(a, a)], a), []);
        assert_eq!(line(&[(a, b), (b, c), (c, a)], a), [b, c]);
        assert_eq!(
            line(&[(a, b), (b, c), (c, b)], a),
            [b, c],
            "it need not lead back to the start"
        );
    }

    #[test]
    fn a_failure_to_look_up_is_passed_on() {
        assert_eq!(
            ancestors(ProcessId::generate(), |_| Err("gone")),
            Err("gone")
        );
    }
}
