//! Network interfaces and what the kernel tells of each.

use std::net::Ipv6Addr;

use tracing::debug;

use crate::root::HostRoot;

/// Flags of an interface in `linux/if.h`: `netdevice(7)`.
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;

const NO_MAC_ADDRESS: &str = "00:00:00:00:00:00";

/// The interface with the lowest index of those that are up and can carry packets, loopback
/// interfaces excepted.
pub(super) fn first_up(root: &HostRoot) -> Option<String> {
    let names = root.names("/sys/class/net").into_iter();
    let up = names.filter_map(|name| is_up(root, &name).then(|| (index(root, &name), name)));
    up.min().map(|(_, name)| name)
}

/// A bridge without members is up and has no carrier; some drivers do not know their state.
fn is_up(root: &HostRoot, name: &str) -> bool {
    let flags = attribute(root, name, "flags")
        .and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok())
        .unwrap_or(0);
    let state = attribute(root, name, "operstate");
    let carries = state.is_none_or(|state| matches!(state.as_str(), "up" | "unknown"));
    flags & UP != 0 && flags & LOOPBACK == 0 && carries
}

fn index(root: &HostRoot, name: &str) -> u32 {
    attribute(root, name, "ifindex")
        .and_then(|index| index.parse().ok())
        .unwrap_or(u32::MAX)
}

/// In lower case; zeros where the interface has none.
pub(super) fn mac_address(root: &HostRoot, name: &str) -> String {
    attribute(root, name, "address").map_or_else(
        || {
            debug!(iface = name, "the interface has no hardware address");
            NO_MAC_ADDRESS.to_owned()
        },
        |address| address.to_lowercase(),
    )
}

/// A file of `/sys/class/net/<name>`.
fn attribute(root: &HostRoot, name: &str, file: &str) -> Option<String> {
    root.value(&format!("/sys/class/net/{name}/{file}"))
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct AddressV6 {
    pub(super) address: Ipv6Addr,
    pub(super) iface: String,
    /// From 0, global, to the narrower: 0x10 loopback, 0x20 link, 0x40 site.
    pub(super) scope: u32,
}

pub(super) fn addresses_v6(root: &HostRoot) -> Vec<AddressV6> {
    root.text("/proc/net/if_inet6")
        .map_or_else(Vec::new, |text| parse_addresses_v6(&text))
}

/// `/proc/net/if_inet6` of `proc_net(5)`: address, index, prefix length, scope and flags in hex,
/// then the name.
fn parse_addresses_v6(text: &str) -> Vec<AddressV6> {
    let line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let address = Ipv6Addr::from_bits(u128::from_str_radix(fields.next()?, 16).ok()?);
        let scope = u32::from_str_radix(fields.nth(2)?, 16).ok()?;
        let iface = fields.nth(1)?.to_owned();
        Some(AddressV6 {
            address,
            iface,
            scope,
        })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_scope_and_an_interface() {
        let text = "fd000000000000000000000000000002 04 40 00 82     eth0\n\
                    fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n\
                    cut off\n";
        let addresses = parse_addresses_v6(text);
        assert_eq!(addresses.len(), 2);
        assert_eq!(addresses[0].address, "fd00::2".parse::<Ipv6Addr>().unwrap());
        assert_eq!((addresses[0].scope, addresses[1].scope), (0, 0x20));
        assert_eq!(addresses[1].iface, "eth0");
    }

    fn interfaces(list: &[(&str, &str, &str, &str)]) -> (tempfile::TempDir, HostRoot) {
        let directory = tempfile::tempdir().unwrap();
        for (name, index, flags, state) in list {
            let path = directory.path().join("sys/class/net").join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("ifindex"), index).unwrap();
            std::fs::write(path.join("flags"), flags).unwrap();
            std::fs::write(path.join("operstate"), state).unwrap();
        }
        let root = HostRoot::new(directory.path());
        (directory, root)
    }

    #[test]
    fn the_first_interface_up_is_neither_loopback_nor_without_carrier() {
        let (_guard, root) = interfaces(&[
            ("lo", "1\n", "0x9\n", "unknown\n"),
            ("docker0", "2\n", "0x1003\n", "down\n"),
            ("ifb0", "3\n", "0x82\n", "down\n"),
            ("wlan0", "10\n", "0x1003\n", "up\n"),
            ("tun0", "9\n", "0x10d1\n", "unknown\n"),
        ]);
        assert_eq!(first_up(&root).as_deref(), Some("tun0"));
    }

    #[test]
    fn loopback_alone_is_no_interface() {
        let (_guard, root) = interfaces(&[("lo", "1\n", "0x9\n", "unknown\n")]);
        assert_eq!(first_up(&root), None);
        assert_eq!(mac_address(&root, "lo"), NO_MAC_ADDRESS);
    }
}
