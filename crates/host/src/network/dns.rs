//! The name server in use.

use std::net::{IpAddr, Ipv4Addr};

use tracing::debug;

use crate::root::HostRoot;

/// Where systemd-resolved listens; the servers that it asks stand in a file of its own:
/// `systemd-resolved.service(8)`.
const STUBS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54)),
];

/// The first name server of the host; 127.0.0.1, where a resolver without configuration looks
/// (`resolv.conf(5)`), when none is set.
pub(super) fn server(root: &HostRoot) -> IpAddr {
    let first = |path: &str| root.text(path).and_then(|text| first_server(&text));
    match first("/etc/resolv.conf") {
        Some(stub) if STUBS.contains(&stub) => {
            first("/run/systemd/resolve/resolv.conf").unwrap_or(stub)
        }
        Some(server) => server,
        None => {
            debug!("no name server in resolv.conf");
            Ipv4Addr::LOCALHOST.into()
        }
    }
}

/// The first `nameserver` whose value is an address; the interface of a link-local one
/// (`fe80::1%eth0`) is left off.
fn first_server(text: &str) -> Option<IpAddr> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words
            .next()
            .filter(|word| *word == "nameserver")
            .and(words.next())?;
        address.split('%').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_counts() {
        let server = |text: &str| first_server(text).map(|server| server.to_string());
        let text = "# nameserver 9.9.9.9\n;nameserver 8.8.8.8\nsearch example.com\n\
                    nameserver nonsense\nnameserver\t192.0.2.53\nnameserver 1.1.1.1\n";
        assert_eq!(server(text).as_deref(), Some("192.0.2.53"));
        assert_eq!(
            server("nameserver fe80::1%eth0\n").as_deref(),
            Some("fe80::1")
        );
        assert_eq!(
            server("nameserver 2001:DB8::1").as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(server("nameserver\n"), None);
        assert_eq!(server(""), None);
    }

    #[test]
    fn behind_the_stub_of_resolved_its_own_server_counts() {
        let directory = tempfile::tempdir().unwrap();
        let root = HostRoot::new(directory.path());
        assert_eq!(server(&root).to_string(), "127.0.0.1");
        std::fs::create_dir_all(directory.path().join("etc")).unwrap();
        std::fs::write(
            directory.path().join("etc/resolv.conf"),
            "nameserver 127.0.0.53\n",
        )
        .unwrap();
        assert_eq!(server(&root).to_string(), "127.0.0.53");
        let upstream = directory.path().join("run/systemd/resolve");
        std::fs::create_dir_all(&upstream).unwrap();
        std::fs::write(upstream.join("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
        assert_eq!(server(&root).to_string(), "192.0.2.1");
    }
}
