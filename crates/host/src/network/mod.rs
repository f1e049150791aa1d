//! How the host reaches the network.

mod attachment;
mod dns;
mod interface;
mod route;

use std::net::IpAddr;

use serde::Serialize;

use crate::kernel::Kernel;
use crate::resolver::Resolver;
use crate::root::HostRoot;

/// What stands for a place or provider that nobody told.
const UNKNOWN: &str = "Unknown";

/// The network as detected. Texts are as long as their source gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetectedNetwork {
    /// The interface that packets to the internet leave by; without a route there, the first one
    /// that is up; `lo` when there is none.
    pub iface: String,
    /// The address packets to the internet leave with; without a route there, one of `iface`.
    pub ip_local: IpAddr,
    /// The hardware address of `iface`, in lower case; zeros where it has none (`lo`, tunnels).
    pub mac_address: String,
    /// The name server in use; behind systemd-resolved the one that it asks.
    pub dns_server: IpAddr,
    /// The host name as in `uname(2)`.
    pub hostname: String,
    /// The address that the internet sees, told by the resolver; `ip_local` when it does not know.
    pub ip_public: IpAddr,
    /// The internet provider, or `Unknown`; like those that follow told by the resolver.
    pub isp: String,
    /// The city, or `Unknown`.
    pub city: String,
    /// The region, or `Unknown`.
    pub region: String,
    /// The country's name, or `Unknown`.
    pub country: String,
}

pub(crate) fn detect(
    root: &HostRoot,
    kernel: &dyn Kernel,
    resolver: &dyn Resolver,
) -> DetectedNetwork {
    let attachment = attachment::detect(root, kernel);
    let outside = resolver.resolve();
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
    DetectedNetwork {
        ip_local: attachment.address,
        mac_address: attachment.mac_address,
        iface: attachment.iface,
        dns_server: dns::server(root),
        hostname: kernel.uname().node,
        ip_public: outside.ip.unwrap_or(attachment.address),
        isp: or_unknown(outside.isp),
        city: or_unknown(outside.city),
        region: or_unknown(outside.region),
        country: or_unknown(outside.country),
    }
}
