//! The addresses of this machine.

use if_addrs::{IfOperStatus, get_if_addrs};
use std::{
    io,
    net::{IpAddr, UdpSocket},
};

/// Lists the IP addresses of this machine at which other hosts may reach it, the likeliest first.
///
/// First come the addresses from which this machine reaches distant networks, then those of its other networks, and of
/// each the ones of IPv4 before those of IPv6. Loopback addresses are listed only if there are no others. Link-local
/// addresses are never listed, because they mean something else on each machine.
///
/// ```
/// for address in mosaic_net::addresses()? {
///     println!("{address}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The system does not tell its addresses, or no network is up, not even the loopback one.
pub fn addresses() -> io::Result<Vec<IpAddr>> {
    let interfaces = get_if_addrs()?.into_iter();
    let up = interfaces.filter(|it| matches!(it.oper_status, IfOperStatus::Up | IfOperStatus::Unknown));
    let addresses = in_order(up.map(|it| it.ip()).collect(), &sources_of_distant_routes());
    match addresses.is_empty() {
        false => Ok(addresses),
        true => Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "this machine has no IP address: no network interface is up",
        )),
    }
}

/// Leaves out the addresses that others cannot use, and sorts the rest.
fn in_order(mut addresses: Vec<IpAddr>, preferred: &[IpAddr]) -> Vec<IpAddr> {
    addresses.retain(|it| !is_link_local(*it) && !it.is_unspecified());
    if addresses.iter().any(|it| !it.is_loopback()) {
        addresses.retain(|it| !it.is_loopback());
    }
    // A stable sort keeps the system's order, in which interfaces were added.
    addresses.sort_by_key(|it| (!preferred.contains(it), it.is_ipv6()));
    let mut seen = Vec::new();
    addresses.retain(|it| !seen.contains(it) && (seen.push(*it), true).1);
    addresses
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Returns the addresses from which this machine would send to distant networks. Sends nothing: connecting a UDP socket
/// only chooses a route. The two destinations are addresses for documentation, which no network has.
fn sources_of_distant_routes() -> Vec<IpAddr> {
    let source = |own: &str, distant: &str| {
        let socket = UdpSocket::bind((own, 0)).ok()?;
        socket.connect((distant, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let sources = [source("0.0.0.0", "192.0.2.1"), source("::", "2001:db8::1")];
    sources.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(texts: &str) -> Vec<IpAddr> {
        texts.split_whitespace().map(|it| it.parse().unwrap()).collect()
    }

    #[test]
    fn addresses_that_others_can_use_come_in_order() {
        for (found, preferred, expected) in [
            ("127.0.0.1 10.0.0.5", "10.0.0.5", "10.0.0.5"),
            ("127.0.0.1 ::1", "", "127.0.0.1 ::1"),
            ("::1 127.0.0.1 fe80::1", "", "127.0.0.1 ::1"),
            ("127.0.0.1 172.17.0.1 10.0.0.5", "10.0.0.5", "10.0.0.5 172.17.0.1"),
            ("10.0.0.5 10.1.0.5", "", "10.0.0.5 10.1.0.5"),
            ("fd00::5 10.0.0.5 10.0.0.6", "10.0.0.6", "10.0.0.6 10.0.0.5 fd00::5"),
            (
                "172.17.0.1 fd00::5 10.0.0.5",
                "10.0.0.5 fd00::5",
                "10.0.0.5 fd00::5 172.17.0.1",
            ),
            ("fe80::1 169.254.3.4 10.0.0.5 febf::1", "", "10.0.0.5"),
            ("10.0.0.5 10.0.0.5 0.0.0.0", "", "10.0.0.5"),
            ("fe80::1", "", ""),
            ("", "10.0.0.9", ""),
        ] {
            assert_eq!(in_order(parsed(found), &parsed(preferred)), parsed(expected), "{found}");
        }
    }

    #[test]
    fn this_machine_has_an_address() {
        assert!(!addresses().unwrap().is_empty());
    }
}
