//! The interface and address that traffic to the internet uses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tracing::debug;

use super::interface;
use super::route::Routes;
use crate::kernel::Kernel;
use crate::root::HostRoot;

/// Addresses on the internet to ask the way to; nothing is sent there.
const PUBLIC_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1));
const PUBLIC_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111));

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attachment {
    pub(super) iface: String,
    pub(super) address: IpAddr,
    pub(super) mac_address: String,
}

/// By the default route of IPv4, else of IPv6; else the first interface that is up; else `lo`.
pub(super) fn detect(root: &HostRoot, kernel: &dyn Kernel) -> Attachment {
    let routes = Routes::read(root);
    let (iface, address) = by_route(root, kernel, &routes, routes.default_v4(), PUBLIC_V4)
        .or_else(|| by_route(root, kernel, &routes, routes.default_v6(), PUBLIC_V6))
        .or_else(|| {
            debug!("no default route: taking the first interface that is up");
            let iface = interface::first_up(root)?;
            let address = address_of(root, kernel, &routes, &iface);
            Some((iface, address))
        })
        .unwrap_or_else(|| {
            debug!("no interface is up: taking the loopback interface");
            ("lo".to_owned(), Ipv4Addr::LOCALHOST.into())
        });
    let mac_address = interface::mac_address(root, &iface);
    Attachment {
        iface,
        address,
        mac_address,
    }
}

/// A tunnel may take the traffic away from the interface with the default route (by two routes
/// for half of the internet each, or by rules): then the interface is the one that owns the
/// address which the kernel would send from.
fn by_route(
    root: &HostRoot,
    kernel: &dyn Kernel,
    routes: &Routes,
    default: Option<&str>,
    destination: IpAddr,
) -> Option<(String, IpAddr)> {
    let default = default?.to_owned();
    match source(kernel, destination) {
        Some(IpAddr::V4(address)) => {
            let iface = routes.owner(address).map_or(default, str::to_owned);
            Some((iface, address.into()))
        }
        Some(IpAddr::V6(address)) => {
            let owner = interface::addresses_v6(root)
                .into_iter()
                .find(|a| a.address == address);
            Some((owner.map_or(default, |owner| owner.iface), address.into()))
        }
        None => {
            let address = address_of(root, kernel, routes, &default);
            Some((default, address))
        }
    }
}

/// The address of an interface, loopback's when it has none: the IPv4 address used within its own
/// subnet, else its IPv6 address of the widest scope.
fn address_of(root: &HostRoot, kernel: &dyn Kernel, routes: &Routes, iface: &str) -> IpAddr {
    routes
        .subnets_of(iface)
        .find_map(|subnet| source(kernel, subnet.any_host().into()))
        .or_else(|| {
            let addresses = interface::addresses_v6(root).into_iter();
            let best = addresses
                .filter(|a| a.iface == iface)
                .min_by_key(|a| a.scope)?;
            Some(best.address.into())
        })
        .unwrap_or_else(|| {
            debug!(iface, "cannot tell the address of the interface");
            Ipv4Addr::LOCALHOST.into()
        })
}

fn source(kernel: &dyn Kernel, destination: IpAddr) -> Option<IpAddr> {
    match kernel.source_address(destination) {
        Ok(address) if address.is_loopback() || address.is_unspecified() => None,
        Ok(address) => Some(address),
        Err(error) => {
            debug!(%destination, %error, "cannot tell the way to this address");
            None
        }
    }
}
