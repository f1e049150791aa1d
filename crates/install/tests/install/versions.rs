//! Asking programs for their version.

use std::time::Instant;

use crate::world::*;

fn version(script: &str) -> (World, Option<String>) {
    let world = World::asking_for("tool");
    world.tool("tool", script);
    let version = world.attempt("env").ok().map(|file| file.version);
    (world, version)
}

#[test]
fn it_is_asked_in_four_ways_until_it_answers() {
    for (number, question) in ["--version", "-version", "version", "-V"]
        .iter()
        .enumerate()
    {
        let answers = format!("[ \"$*\" = {question} ] && echo 1.2.3 || exit 1");
        let (world, version) = version(&answers);
        assert_eq!(version.as_deref(), Some("1.2.3"), "{question}");
        assert_eq!(world.commands().len(), number + 1);
    }
    let (world, version) = version("echo usage: tool FILE >&2; exit 2");
    assert_eq!(version, None);
    assert_eq!(world.commands().len(), 4);
}

#[test]
fn output_goes_before_error_output() {
    assert_eq!(version("echo 2.0 >&2; echo 1.0").1.as_deref(), Some("1.0"));
    assert_eq!(version("echo tool; echo 2.0 >&2").1.as_deref(), Some("2.0"));
}

#[test]
fn an_answer_with_which_it_fails_counts_when_there_is_no_other() {
    let script = "[ \"$1\" = -V ] && echo 3.0 && exit; echo 'UnZip 6.00, usage:'; exit 10";
    assert_eq!(version(script).1.as_deref(), Some("3.0"));
    assert_eq!(
        version("echo UnZip 6.00; exit 10").1.as_deref(),
        Some("6.00")
    );
    assert_eq!(version("echo 6.00; kill -9 $$").1, None);
}

#[test]
fn it_runs_in_an_empty_directory_and_reads_nothing() {
    let script = "[ -z \"$(ls -A)\" ] && ! read line && echo 1.$(touch left; echo 0)";
    assert_eq!(version(script).1.as_deref(), Some("1.0"));
    let refuses_once = "[ -z \"$(ls -A)\" ] || exit 1; touch left; [ $1 = -V ] && echo 1.1";
    assert_eq!(version(refuses_once).1.as_deref(), Some("1.1"));
}

#[test]
fn one_that_hangs_has_ten_seconds() {
    let begun = Instant::now();
    let (world, version) = version("[ $1 = -version ] && echo 1.0 && exit; exec /bin/sleep 60");
    assert_eq!(version.as_deref(), Some("1.0"));
    let orders = world.runner.orders.lock().unwrap();
    assert!(orders.iter().all(|order| order.timeout.as_secs() == 10));
    assert!(begun.elapsed().as_secs() >= 10);
}
