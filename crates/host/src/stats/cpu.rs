//! Boot time, physical cores and load.

use std::collections::HashSet;

use chrono::DateTime;
use tracing::debug;

use crate::root::HostRoot;

const CPUS: &str = "/sys/devices/system/cpu";

/// When the host booted, in UTC and whole seconds: `2026-11-22T00:23:55`.
pub(super) fn boot_time(root: &HostRoot) -> Option<String> {
    let time = root
        .text("/proc/stat")
        .and_then(|text| parse_boot_time(&text));
    if time.is_none() {
        debug!("cannot tell when this host booted");
    }
    time
}

/// The `btime` line of `proc_stat(5)`: seconds since the epoch.
fn parse_boot_time(text: &str) -> Option<String> {
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    let time = DateTime::from_timestamp(seconds.trim().parse().ok()?, 0)?;
    Some(time.format("%Y-%m-%dT%H:%M:%S").to_string())
}

/// Load averages over 1, 5 and 15 minutes: `proc_loadavg(5)`.
pub(super) fn load(root: &HostRoot) -> [f64; 3] {
    let load = root
        .text("/proc/loadavg")
        .and_then(|text| parse_load(&text));
    load.unwrap_or_else(|| {
        debug!("cannot tell the load of this host");
        [0.0; 3]
    })
}

fn parse_load(text: &str) -> Option<[f64; 3]> {
    let mut averages = text
        .split_ascii_whitespace()
        .map(|field| field.parse::<f64>().ok());
    let mut next = || {
        averages
            .next()
            .flatten()
            .filter(|average| average.is_finite())
    };
    Some([next()?, next()?, next()?])
}

/// Cores, however many threads each runs; where the topology is hidden, processors; `None` when
/// not even those are told.
pub(super) fn physical_cores(root: &HostRoot) -> Option<usize> {
    let online = root
        .value(&format!("{CPUS}/online"))
        .and_then(|list| parse_cpu_list(&list))
        .unwrap_or_default();
    let mut of_known_core = HashSet::new();
    let mut cores = 0;
    for cpu in &online {
        if of_known_core.contains(cpu) {
            continue;
        }
        let Some(threads) = threads_of_core(root, *cpu) else {
            break;
        };
        of_known_core.extend(threads);
        cores += 1;
    }
    if cores > 0 {
        return Some(cores);
    }
    debug!("cannot tell the cores of this host: counting processors");
    if !online.is_empty() {
        return Some(online.len());
    }
    let processors = root
        .text("/proc/cpuinfo")?
        .lines()
        .filter(|line| {
            line.split(':')
                .next()
                .is_some_and(|key| key.trim_end() == "processor")
        })
        .count();
    (processors > 0).then_some(processors)
}

/// The processors that share a core with `cpu`, itself among them; the second name is that of
/// kernels before 5.3.
fn threads_of_core(root: &HostRoot, cpu: u32) -> Option<Vec<u32>> {
    ["core_cpus_list", "thread_siblings_list"]
        .into_iter()
        .find_map(|name| root.value(&format!("{CPUS}/cpu{cpu}/topology/{name}")))
        .and_then(|list| parse_cpu_list(&list))
}

/// `0-3,8,10-11`, the kernel's form of a set of processors; no more than 8192, its own limit.
fn parse_cpu_list(list: &str) -> Option<Vec<u32>> {
    const LIMIT: u32 = 8192;
    let mut cpus = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last >= LIMIT || cpus.len() >= LIMIT as usize {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_time_is_utc_in_whole_seconds() {
        let text = "cpu  1 2 3\nintr 5 0\nctxt 7\nbtime 1795307035\nprocesses 9\n";
        assert_eq!(
            parse_boot_time(text).as_deref(),
            Some("2026-11-22T00:23:55")
        );
        assert_eq!(parse_boot_time("btime soon"), None);
        assert_eq!(parse_boot_time("btime 99999999999999999"), None);
        assert_eq!(parse_boot_time(""), None);
    }

    #[test]
    fn the_load_has_three_averages_or_is_unknown() {
        assert_eq!(
            parse_load("1.13 2.78 1.80 2/345 6789\n"),
            Some([1.13, 2.78, 1.8])
        );
        assert_eq!(parse_load("1.13 2.78"), None);
        assert_eq!(parse_load("nan inf 1"), None);
    }

    #[test]
    fn lists_of_processors_are_ranges() {
        assert_eq!(
            parse_cpu_list("0-2,8,10-11"),
            Some(vec![0, 1, 2, 8, 10, 11])
        );
        assert_eq!(parse_cpu_list("0"), Some(vec![0]));
        assert_eq!(parse_cpu_list("3-1"), Some(vec![]));
        assert_eq!(parse_cpu_list("0-4294967295"), None);
        assert_eq!(parse_cpu_list("x"), None);
    }

    #[test]
    fn threads_of_one_core_count_once() {
        let directory = tempfile::tempdir().unwrap();
        let cpus = directory.path().join(CPUS.trim_start_matches('/'));
        for (cpu, siblings) in [(0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")] {
            let topology = cpus.join(format!("cpu{cpu}/topology"));
            std::fs::create_dir_all(&topology).unwrap();
            std::fs::write(topology.join("core_cpus_list"), siblings).unwrap();
        }
        std::fs::write(cpus.join("online"), "0-3\n").unwrap();
        assert_eq!(physical_cores(&HostRoot::new(directory.path())), Some(2));
    }

    #[test]
    fn processors_are_counted_where_the_topology_is_hidden() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path());
        assert_eq!(physical_cores(&root), None);
        std::fs::create_dir_all(directory.path().join("proc")).unwrap();
        let cpuinfo = "processor\t: 0\nflags\t: x\n\nprocessor\t: 1\n";
        std::fs::write(directory.path().join("proc/cpuinfo"), cpuinfo).unwrap();
        assert_eq!(physical_cores(&root), Some(2));
        let cpus = directory.path().join(CPUS.trim_start_matches('/'));
        std::fs::create_dir_all(&cpus).unwrap();
        std::fs::write(cpus.join("online"), "0-2\n").unwrap();
        assert_eq!(physical_cores(&root), Some(3));
    }
}
