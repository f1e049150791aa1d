//! How long it takes to end a tree of many processes once SIGKILL is due, a fifth of them daemons:
//! by the kernel alone, with a cgroup, and without; and a program that forks and leaves as fast as
//! it can.
//!
//! `cargo run --release --example end_trees [processes] [rounds] [program]`, where the program
//! takes the number of processes, makes so many, and prints a line; else it is a line of perl.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use hostledger_model::KillMode;
use hostledger_process::{
    GroupHold, Hierarchy, LaunchSpec, Launched, LogDirectory, Means, Output, PidSpace, Signal,
    TreeRoot, end_trees, tree_members,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Starts so many `sleep`, every fifth by way of setsid and a double fork, then waits; says when it
/// is done.
const GROW: &str = r"
use POSIX ();
$SIG{TERM} = 'IGNORE';
for my $i (1 .. $ARGV[0] - 1) {
    my $pid = fork // die;
    next if $pid;
    if ($i % 5 == 0) { POSIX::setsid(); exit if fork; }
    exec 'sleep', 60;
}
$| = 1;
print qq(grown\n);
sleep 60;
";

/// Forks, lets the parent end, leaves its session, and so on, a bounded number of times: the
/// zombies stay until the measurement is over.
const HOP: &str = r"
use POSIX ();
$| = 1;
print qq(grown\n);
for (1 .. 2000) { exit if fork; POSIX::setsid(); }
sleep 60;
";

/// What the kernel needs when it is told once and nobody is counted.
const BARE: &str = "cgroup.kill";

const HOPPER: &str = "hopper";

/// SIGTERM, which they ignore, comes so long before SIGKILL; what is measured begins with that.
const GRACE: Duration = Duration::from_millis(500);

struct Group(PathBuf);

impl GroupHold for Group {
    fn path(&self) -> &Path {
        &self.0
    }
    fn is_current(&self) -> bool {
        true
    }
    fn condemn(&self) -> bool {
        true
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let processes: usize = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let hierarchy = Hierarchy::find(Path::new("/"), Means::all());
    if let Err(reason) = &hierarchy {
        println!("without cgroups: {reason}");
    }
    let count = processes.to_string();
    let program = arguments.next();
    let grow = match &program {
        Some(program) => vec![program.as_str(), &count],
        None => vec!["perl", "-e", GROW, &count],
    };
    for round in 0..rounds {
        if let Ok(hierarchy) = &hierarchy {
            for what in [BARE, "cgroup"] {
                let name = format!("hostledger-example-{}-{round}", std::process::id());
                let pool = hierarchy.make_pool(&name)?;
                measure(what, &grow, Some(&pool))?;
                Hierarchy::remove_pool(&pool)?;
            }
        }
        measure("links and tag", &grow, None)?;
        measure(HOPPER, &["perl", "-e", HOP], None)?;
    }
    Ok(())
}

fn measure(what: &str, script: &[&str], group: Option<&Path>) -> Result<()> {
    let place = tempfile::tempdir()?;
    let space = PidSpace::current()?;
    let tag = u64::from(std::process::id()) << 20;
    let launched = start(place.path(), script, tag, group)?;
    let roots = [TreeRoot {
        identity: launched.identity.clone(),
        leader: Some(launched.pidfd.try_clone()?),
        tag: Some(tag),
        group: group.map(|path| Box::new(Group(path.to_owned())) as Box<dyn GroupHold>),
        scope: KillMode::Tree,
    }];
    // As long as the others are given by then.
    thread::sleep(GRACE);
    let (begin, cpu) = (Instant::now(), own_cpu());
    if let (true, Some(group)) = (what == BARE, group) {
        fs::write(group.join("cgroup.kill"), "1")?;
        while !fs::read_to_string(group.join("cgroup.events"))?.contains("populated 0") {
            thread::sleep(Duration::from_micros(500));
        }
    }
    let first = (what != BARE && what != HOPPER).then_some(Signal::TERM);
    let grace = first.map_or(Duration::ZERO, |_| GRACE);
    let ended = end_trees(space, &roots, first, grace).remove(0)?;
    let took = (begin.elapsed() - grace).as_secs_f64() * 1e3;
    let cpu = (own_cpu() - cpu) * 1e3;
    // Looked for once more, as whoever was missed is told of by nobody else.
    let left = tree_members(space, &roots[0])?.len() + ended.survivors.len();
    let ended = ended.ended;
    println!("{what:13} {took:6.1} ms, {cpu:5.1} ms of CPU here; {ended} ended, {left} survivors");
    // Orphans are ours.
    while rustix::process::wait(rustix::process::WaitOptions::empty()).is_ok_and(|it| it.is_some())
    {
    }
    Ok(())
}

/// Seconds of processor time that this program has used.
fn own_cpu() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).map_or(0.0, |used| used.as_secs_f64())
}

fn start(place: &Path, script: &[&str], tag: u64, group: Option<&Path>) -> Result<Launched> {
    let logs = LogDirectory::open(place)?.create("tree")?;
    let enter = group.map_or(String::new(), |group| {
        format!("echo $$ > {}/cgroup.procs; ", group.display())
    });
    let enter = format!("{enter}exec prlimit --locks={tag}: \"$@\"");
    let mut arguments: Vec<OsString> = ["sh", "-c", &enter, "sh"].map(OsString::from).into();
    arguments.extend(script.iter().map(OsString::from));
    let mut spec = LaunchSpec::new(arguments, place.to_owned());
    spec.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    let launched = spec
        .check()?
        .start(PidSpace::current()?, Output::Files(&logs))?;
    while fs::read(&logs.stdout_path)?.is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(launched)
}
