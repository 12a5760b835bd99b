//! The addresses that this machine has on its networks: what a user types into a sensor, and where the
//! instrument announces itself. A laptop on stage often has two networks, and the sensors' has no way out.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// The address on the route to elsewhere first, then those of every other network that is up.
pub fn network_addresses() -> Vec<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let others = interfaces
        .into_iter()
        .filter(if_addrs::Interface::is_oper_up)
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
    ordered(on_the_way_out(), others)
}

/// Each once, and none that only this machine can send to.
fn ordered(first: Option<Ipv4Addr>, others: impl Iterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut addresses: Vec<Ipv4Addr> = first.into_iter().collect();
    for address in others.filter(|address| !address.is_loopback() && !address.is_unspecified()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// The address of the route to elsewhere. Nothing is sent.
fn on_the_way_out() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // 192.0.2.0/24 is set aside for documentation (RFC 5737).
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_named_once_and_the_way_out_first() {
        let [wifi, wire, here] =
            [[10, 0, 0, 7], [192, 168, 1, 7], [127, 0, 0, 1]].map(Ipv4Addr::from);
        let found = ordered(Some(wire), [here, wifi, wire].into_iter());
        assert_eq!(found, [wire, wifi]);
        assert!(ordered(None, [here].into_iter()).is_empty());
    }

    #[test]
    fn this_machine_itself_is_never_named() {
        let found = network_addresses();
        assert!(
            found.iter().all(|address| !address.is_loopback()),
            "{found:?}"
        );
    }
}
