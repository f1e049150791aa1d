//! Several things at once.

use std::sync::Mutex;
use std::thread;

use anyhow::Result;

/// Does this to each, so many at a time; the results come in the order of the things.
///
/// # Errors
/// The first one that failed.
pub(super) fn each<T: Send, R: Send>(
    things: Vec<T>,
    at_a_time: usize,
    act: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let count = things.len();
    let queue = Mutex::new(things.into_iter().enumerate());
    let take = || match queue.lock() {
        Ok(mut queue) => queue.next(),
        // Another thread has panicked: there is nothing to go on with.
        Err(_) => None,
    };
    let worker = || {
        let mut done = Vec::new();
        while let Some((number, thing)) = take() {
            done.push((number, act(thing)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> = (0..at_a_time.min(count))
            .map(|_| scope.spawn(worker))
            .collect();
        let mut done = Vec::with_capacity(count);
        for thread in threads {
            match thread.join() {
                Ok(results) => done.extend(results),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_things() {
        let doubled = each((0..50).collect(), 4, |number| Ok(number * 2)).unwrap();
        assert_eq!(doubled, (0..50).map(|it| it * 2).collect::<Vec<_>>());
        assert!(
            each(vec![1], 1, |_| anyhow::bail!("no"))
                .map(|_: Vec<()>| ())
                .is_err()
        );
    }
}
