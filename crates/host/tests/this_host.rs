//! Detection on the host that runs the tests, against what its own programs say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Output;

use hostledger_host::{Environment, Host, HostRoot, LiveKernel, MachineOptions, Offline};

/// Without the variables of the test run, as systemd does not know them.
fn this_host() -> Host {
    Host::new(HostRoot::new("/"), LiveKernel, Environment::default())
}

fn options() -> (tempfile::TempDir, MachineOptions) {
    let directory = tempfile::tempdir().unwrap();
    let options = MachineOptions::new(directory.path());
    (directory, options)
}

/// The output of a program; `None`, told loudly, when it is not installed.
#[expect(
    clippy::disallowed_methods,
    reason = "compares with programs of the host"
)]
fn output_of(program: &str, arguments: &[&str]) -> Option<Output> {
    match std::process::Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: cannot run {program}: {error}");
            None
        }
    }
}

fn text_of(program: &str, arguments: &[&str]) -> Option<String> {
    output_of(program, arguments)
        .map(|output| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn container_and_virtual_machine_agree_with_systemd() {
    let (_guard, options) = options();
    let machine = this_host().detect_machine(&options);
    if let Some(vm) = text_of("systemd-detect-virt", &["--vm"]) {
        assert_eq!(
            machine.hw_in_vm,
            vm != "none",
            "systemd-detect-virt --vm: {vm}"
        );
    }
    if let Some(container) = text_of("systemd-detect-virt", &["--container"]) {
        // Counted as containers by systemd alone.
        if container != "wsl" && container != "proot" {
            assert_eq!(
                machine.hw_in_docker,
                container != "none",
                "systemd-detect-virt --container: {container}"
            );
        }
    }
}

#[test]
fn the_system_agrees_with_uname() {
    let (_guard, options) = options();
    let machine = this_host().detect_machine(&options);
    for (option, detected) in [
        ("-n", &machine.hostname),
        ("-m", &machine.os_arch),
        ("-v", &machine.os_kernel),
    ] {
        if let Some(told) = text_of("uname", &[option]) {
            assert_eq!(*detected, told, "uname {option}");
        }
    }
    assert_eq!(machine.os_family, "linux");
}

#[test]
fn the_c_library_agrees_with_getconf() {
    let (_guard, options) = options();
    let platform = this_host().detect_machine(&options).os_platform;
    match output_of("getconf", &["GNU_LIBC_VERSION"]) {
        // `glibc 2.36`
        Some(output) if output.status.success() => {
            let libc = String::from_utf8(output.stdout)
                .unwrap()
                .trim()
                .replace(' ', "");
            assert!(
                platform.ends_with(&format!("-with-{libc}")),
                "{platform}, {libc}"
            );
        }
        _ => eprintln!("SKIPPED: this host has no glibc to compare with"),
    }
}

#[test]
fn memory_disks_and_boot_time_are_told() {
    let (_guard, options) = options();
    let stats = this_host().detect_machine(&options).stats;
    let number = |key: &str| {
        stats[key]
            .as_f64()
            .unwrap_or_else(|| panic!("{key} is no number"))
    };
    assert!(number("cpu_count") >= 1.0);
    assert!(number("mem_virt_used_gb") + number("mem_virt_free_gb") > 0.0);
    for disk in ["disk_tmp", "disk_app", "disk_data"] {
        let size = number(&format!("{disk}_used_gb")) + number(&format!("{disk}_free_gb"));
        assert!(size > 0.0, "{disk}");
    }
    if let Some(booted) = text_of("uptime", &["--since"]) {
        let told = chrono::NaiveDateTime::parse_from_str(&booted, "%Y-%m-%d %H:%M:%S").unwrap();
        let detected = stats["cpu_boot_time"].as_str().unwrap();
        let detected =
            chrono::NaiveDateTime::parse_from_str(detected, "%Y-%m-%dT%H:%M:%S").unwrap();
        // uptime tells local time: compare what no time zone changes, minutes and seconds.
        let apart = (told - detected).num_seconds().rem_euclid(15 * 60);
        assert!(apart <= 2 || apart >= 15 * 60 - 2, "{told} and {detected}");
    }
}

#[test]
fn the_interface_is_the_one_of_the_default_route() {
    let network = this_host().detect_network(&Offline);
    assert_eq!(network.ip_public, network.ip_local);
    let Some(route) = text_of("ip", &["-oneline", "route", "get", "1.1.1.1"]) else {
        return;
    };
    let word_after = |name: &str| {
        let mut words = route
            .split_ascii_whitespace()
            .skip_while(|word| *word != name);
        words.nth(1).map(str::to_owned)
    };
    match (word_after("dev"), word_after("src")) {
        (Some(iface), Some(source)) => {
            assert_eq!(network.iface, iface);
            assert_eq!(network.ip_local.to_string(), source);
            let address = Path::new("/sys/class/net").join(&iface).join("address");
            let address = std::fs::read_to_string(address).unwrap();
            assert_eq!(network.mac_address, address.trim());
        }
        _ => eprintln!("SKIPPED: this host has no route to the internet"),
    }
}
