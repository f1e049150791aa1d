//! The kernel's main routing tables.

use std::net::Ipv4Addr;

use crate::root::HostRoot;

/// Flags of a route in `linux/route.h`.
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;

#[derive(Debug, Default)]
pub(super) struct Routes {
    v4: Vec<RouteV4>,
    default_v6: Vec<DefaultRouteV6>,
}

impl Routes {
    pub(super) fn read(root: &HostRoot) -> Self {
        let text = |path: &str| root.text(path).unwrap_or_default();
        Self {
            v4: parse_v4(&text("/proc/net/route")),
            default_v6: parse_default_v6(&text("/proc/net/ipv6_route")),
        }
    }

    /// The interface of the default route with the lowest metric; of equals the first, as in the
    /// kernel.
    pub(super) fn default_v4(&self) -> Option<&str> {
        let defaults = self.v4.iter().filter(|route| route.is_default());
        defaults
            .min_by_key(|route| route.metric)
            .map(|route| route.iface.as_str())
    }

    /// The same for IPv6.
    pub(super) fn default_v6(&self) -> Option<&str> {
        self.default_v6
            .iter()
            .min_by_key(|route| route.metric)
            .map(|route| route.iface.as_str())
    }

    /// The interface on whose own subnet an address is.
    pub(super) fn owner(&self, address: Ipv4Addr) -> Option<&str> {
        let subnets = self
            .v4
            .iter()
            .filter(|route| route.is_subnet() && route.covers(address));
        subnets
            .max_by_key(|route| route.mask)
            .map(|route| route.iface.as_str())
    }

    /// The subnets an interface is directly on.
    pub(super) fn subnets_of(&self, iface: &str) -> impl Iterator<Item = &RouteV4> {
        self.v4
            .iter()
            .filter(move |route| route.is_subnet() && route.iface == iface)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RouteV4 {
    iface: String,
    destination: u32,
    mask: u32,
    has_gateway: bool,
    metric: u32,
}

impl RouteV4 {
    fn is_default(&self) -> bool {
        self.destination == 0 && self.mask == 0
    }

    fn is_subnet(&self) -> bool {
        !self.has_gateway && self.mask != 0
    }

    fn covers(&self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask == self.destination
    }

    /// Some address of the subnet: its first host.
    pub(super) fn any_host(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.destination | (!self.mask & 1))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct DefaultRouteV6 {
    iface: String,
    metric: u32,
}

/// `/proc/net/route` of `proc_net(5)`: after a line of titles a line a route with interface,
/// destination, gateway, flags, two counters, metric and mask; addresses in the byte order of
/// the host. Routes that are down or that refuse are left out.
fn parse_v4(text: &str) -> Vec<RouteV4> {
    text.lines().skip(1).filter_map(parse_v4_line).collect()
}

fn parse_v4_line(line: &str) -> Option<RouteV4> {
    let mut fields = line.split_ascii_whitespace();
    let iface = fields.next()?.to_owned();
    let destination = address(fields.next()?)?;
    let _gateway = fields.next()?;
    let flags = u32::from_str_radix(fields.next()?, 16).ok()?;
    let metric = fields.nth(2)?.parse().ok()?;
    let mask = address(fields.next()?)?;
    let has_gateway = flags & GATEWAY != 0;
    usable(flags).then_some(RouteV4 {
        iface,
        destination,
        mask,
        has_gateway,
        metric,
    })
}

fn address(hex: &str) -> Option<u32> {
    let bytes = u32::from_str_radix(hex, 16).ok()?.to_ne_bytes();
    Some(u32::from_be_bytes(bytes))
}

/// `/proc/net/ipv6_route` of `proc_net(5)`: ten fields a line, among them destination, its prefix
/// length, metric, flags and interface, all numbers in hex. The kernel ends it with a default
/// route over `lo` that refuses.
fn parse_default_v6(text: &str) -> Vec<DefaultRouteV6> {
    text.lines().filter_map(parse_default_v6_line).collect()
}

fn parse_default_v6_line(line: &str) -> Option<DefaultRouteV6> {
    let mut fields = line.split_ascii_whitespace();
    let destination = u128::from_str_radix(fields.next()?, 16).ok()?;
    let prefix_length = u32::from_str_radix(fields.next()?, 16).ok()?;
    let metric = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
    let flags = u32::from_str_radix(fields.nth(2)?, 16).ok()?;
    let iface = fields.next()?.to_owned();
    (destination == 0 && prefix_length == 0 && usable(flags))
        .then_some(DefaultRouteV6 { iface, metric })
}

fn usable(flags: u32) -> bool {
    flags & UP != 0 && flags & REJECT == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n";

    fn table(lines: &str) -> Routes {
        Routes {
            v4: parse_v4(&format!("{TITLES}{lines}")),
            ..Routes::default()
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_default_route_with_the_lowest_metric_wins() {
        let routes = table(
            "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
             eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             eth1\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             down\t00000000\t0101A8C0\t0002\t0\t0\t1\t00000000\t0\t0\t0\n\
             *\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
        );
        assert_eq!(routes.default_v4(), Some("eth0"));
        let subnets: Vec<_> = routes.subnets_of("eth0").map(RouteV4::any_host).collect();
        assert_eq!(subnets, [Ipv4Addr::new(192, 168, 1, 1)]);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn an_address_belongs_to_the_narrowest_subnet() {
        let routes = table(
            "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\n\
             tun0\t0000080A\t00000000\t0001\t0\t0\t0\t0000FFFF\n\
             via0\t0001080A\t0101A8C0\t0003\t0\t0\t0\t00FFFFFF\n",
        );
        assert_eq!(routes.owner(Ipv4Addr::new(10, 8, 1, 2)), Some("tun0"));
        assert_eq!(routes.owner(Ipv4Addr::new(10, 9, 1, 2)), Some("eth0"));
        assert_eq!(routes.owner(Ipv4Addr::new(192, 168, 1, 2)), None);
    }

    #[test]
    fn the_refusing_route_of_ipv6_is_left_out() {
        let zeros = "0".repeat(32);
        let route = |metric: &str, flags: &str, iface: &str| {
            format!("{zeros} 00 {zeros} 00 {zeros} {metric} 00000001 00000000 {flags} {iface}\n")
        };
        let text = route("00000400", "00000003", "eth0")
            + &route("00000100", "00000003", "wlan0")
            + &route("ffffffff", "00200200", "lo");
        let routes = Routes {
            default_v6: parse_default_v6(&text),
            ..Routes::default()
        };
        assert_eq!(routes.default_v6(), Some("wlan0"));
        assert_eq!(parse_default_v6(&route("ffffffff", "00200200", "lo")), []);
        assert_eq!(parse_default_v6(&text.replace(" 00 ", " 40 ")), []);
    }

    #[test]
    fn lines_that_are_cut_off_are_passed_over() {
        assert_eq!(parse_v4(&format!("{TITLES}eth0\t00000000\t0101")), []);
        assert_eq!(parse_v4(""), []);
        assert_eq!(parse_default_v6("0000 00 0000"), []);
    }
}
