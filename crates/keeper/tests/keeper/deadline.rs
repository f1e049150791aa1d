//! A keeper without its launcher sees to the timeouts, and misses nobody.

use hostledger_keeper::State;
use hostledger_sys::{EndStatus, Signal};

use crate::launcher::Launcher;
use crate::support::{Group, is_running, read_line, until};

/// Children that a signal to the process alone, or to its group, does not reach.
const TREE: &str = "
    trap '' TERM
    setsid sh -c 'trap \"\" TERM; echo $$ > setsid; while :; do sleep 1; done' &
    sh -c 'setsid sh -c \"trap : TERM; echo \\$\\$ > forked; while :; do sleep 1; done\" & exit 0' &
    env -i /bin/sh -c 'echo $$ > bare; exec /bin/sleep 1000' 1>&- 2>&- &
    sh -c 'echo $$ > ignoring; trap \"\" TERM; while :; do sleep 1; done' &
    while [ ! -s setsid ] || [ ! -s forked ] || [ ! -s bare ] || [ ! -s ignoring ]; do
        sleep 0.01
    done
    echo > ready
    while :; do sleep 1; done";
const FAMILY: [&str; 4] = ["setsid", "forked", "bare", "ignoring"];

fn family(launcher: &Launcher) -> Vec<i32> {
    read_line(&launcher.directory.path().join("ready"));
    let pid = |name: &&str| read_line(&launcher.directory.path().join(name)).parse();
    FAMILY.iter().map(|name| pid(name).unwrap()).collect()
}

fn is_ended_with_all(wishes: &[(&str, &str)]) {
    let mut launcher = Launcher::start(&[TREE.to_owned()], wishes);
    let family = family(&launcher);
    let entry = launcher.table.entries().next().unwrap();
    assert!(family.iter().all(|pid| is_running(*pid)));
    launcher.kill();
    let table = launcher.table.clone();
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    let survivors: Vec<i32> = family.into_iter().filter(|pid| is_running(*pid)).collect();
    assert!(survivors.is_empty(), "{survivors:?}");
    let entry = table.entry(entry.slot).unwrap();
    assert_eq!(entry.state, State::Ended);
    let end = entry.end.unwrap().unwrap();
    assert_eq!(end.status, EndStatus::Signaled(Signal::KILL));
    let (at, signal) = entry.stop.unwrap();
    assert_eq!(signal, Signal::TERM.number());
    assert!(at <= end.at);
}

const SHORT: [(&str, &str); 2] = [("LAUNCHER_TIMEOUT", "1500"), ("LAUNCHER_GRACE", "200")];

#[test]
fn a_whole_tree_is_ended_at_its_deadline_without_a_cgroup() {
    is_ended_with_all(&SHORT);
}

#[test]
fn a_whole_tree_is_ended_at_its_deadline_in_a_cgroup() {
    let Some(group) = Group::new() else {
        return;
    };
    let mut wishes = SHORT.to_vec();
    wishes.push(("LAUNCHER_GROUP", group.0.to_str().unwrap()));
    is_ended_with_all(&wishes);
    // The groups go with the keeper.
    let left = std::fs::read_dir(&group.0).unwrap().flatten();
    assert_eq!(left.filter(|entry| entry.path().is_dir()).count(), 0);
}

#[test]
fn who_forks_all_the_time_does_not_win() {
    // Each lives for a moment and leaves a successor in a session of its own.
    let hop = "echo $$ > hops; exec setsid sh -c '. ./hop' &";
    let script = format!(
        "cat > hop <<'END'\necho $$ > hopped\nsetsid sh -c '. ./hop' &\nexit 0\nEND\n\
         {hop}\ntrap '' TERM; while :; do sleep 1; done"
    );
    let wishes = [("LAUNCHER_TIMEOUT", "300"), ("LAUNCHER_GRACE", "100")];
    let mut launcher = Launcher::start(&[script], &wishes);
    read_line(&launcher.directory.path().join("hopped"));
    launcher.kill();
    let table = launcher.table.clone();
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    // It does not leave before its last child, and whoever hops is its child.
    assert_eq!(table.entries().next().unwrap().state, State::Ended);
}

#[test]
fn the_mode_says_who_is_meant() {
    for (mode, survivors) in [
        ("process", &FAMILY[..]),
        ("group", &["setsid", "forked"][..]),
    ] {
        let mut wishes = SHORT.to_vec();
        wishes.push(("LAUNCHER_MODE", mode));
        let mut launcher = Launcher::start(&[TREE.to_owned()], &wishes);
        let family = family(&launcher);
        launcher.kill();
        let table = launcher.table.clone();
        let entry = table.entries().next().unwrap();
        until("it has ended", || {
            table.entry(entry.slot).unwrap().state == State::Ended
        });
        let expected = |name: &str| survivors.contains(&name);
        let as_expected = || {
            let mut each = FAMILY.iter().zip(&family);
            each.all(|(name, pid)| is_running(*pid) == expected(name))
        };
        until("those alone are left", as_expected);
        for (_, pid) in FAMILY
            .iter()
            .zip(&family)
            .filter(|(name, _)| expected(name))
        {
            launcher.signal(*pid, Signal::KILL);
        }
        until("the keeper has left", || !table.keeper_is_alive().unwrap());
    }
}

#[test]
fn a_stop_that_the_launcher_had_begun_is_carried_to_its_end() {
    let script = "trap '' TERM; while :; do sleep 1; done".to_owned();
    let mut launcher = Launcher::start(&[script], &[("LAUNCHER_ESCALATION", "300")]);
    launcher.kill();
    let table = launcher.table.clone();
    until("the keeper has left", || !table.keeper_is_alive().unwrap());
    let entry = table.entries().next().unwrap();
    let end = entry.end.unwrap().unwrap();
    assert_eq!(end.status, EndStatus::Signaled(Signal::KILL));
    // The launcher wrote down why, not the keeper.
    assert_eq!(entry.stop, None);
}

#[test]
fn nothing_is_stopped_while_the_launcher_lives() {
    let wishes = [("LAUNCHER_TIMEOUT", "1"), ("LAUNCHER_GRACE", "1")];
    let launcher = Launcher::start(&["sleep 0.5; exit 7".into()], &wishes);
    let table = launcher.table.clone();
    until("it has ended", || {
        table.entries().next().unwrap().state == State::Ended
    });
    let end = table.entries().next().unwrap().end.unwrap().unwrap();
    assert_eq!(end.status, EndStatus::Exited(7));
}
