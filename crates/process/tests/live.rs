//! What a process uses while it runs.

mod support;

use hostledger_model::Pid;
use hostledger_process::{PidSpace, Signal};

use support::{Place, wait_until};

#[test]
fn a_running_process_is_measured_and_an_ended_one_is_not() {
    let place = Place::new();
    let space = PidSpace::current().unwrap();
    let script = "
import subprocess, threading, time
block = bytearray(b'x') * (32 << 20)
held = [open('/dev/null') for _ in range(20)]
child = subprocess.Popen(['sleep', '60'])
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
end = time.process_time() + 0.2
while time.process_time() < end: pass
print(child.pid, flush=True)
child.wait()
";
    let running = place.run(place.spec(["python3", "-c", script]));
    wait_until("a pid", || running.stdout().ends_with(b"\n"));
    let text = String::from_utf8(running.stdout()).unwrap();
    let child = Pid::new(text.trim().parse().unwrap()).unwrap();

    let usage = space.live_usage(&running.pidfd).unwrap().unwrap();
    assert!(
        (32 << 20..512 << 20).contains(&usage.rss_bytes),
        "{usage:?}"
    );
    assert!(usage.vms_bytes > usage.rss_bytes, "{usage:?}");
    assert!((0.0..=110.0).contains(&usage.cpu_percent), "{usage:?}");
    assert!(usage.cpu_percent > 0.0, "{usage:?}");
    assert_eq!(usage.threads, 2);
    assert_eq!(usage.children, [child]);
    assert!(usage.open_files.unwrap() >= 23, "{usage:?}");

    running.pidfd.send_signal(Signal::KILL).unwrap();
    running.pidfd.wait_ended(None).unwrap();
    assert_eq!(space.live_usage(&running.pidfd).unwrap(), None, "a zombie");
    // In the group of the leader, with which it is ended.
    running
        .pidfd
        .send_signal_to_group_of_child(Signal::KILL)
        .unwrap();
    running.end();
    assert_eq!(space.live_usage(&running.pidfd).unwrap(), None, "reaped");
}

#[test]
fn our_own_figures_are_what_the_kernel_says() {
    let space = PidSpace::current().unwrap();
    let (_, held) = space.identify(space.own_identity().unwrap().pid).unwrap();
    let usage = space.live_usage(&held).unwrap().unwrap();
    assert!(usage.threads >= 1 && usage.rss_bytes > 0);
    assert!(usage.open_files.is_some());
}
