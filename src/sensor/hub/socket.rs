//! Receiving sockets: never shared by SO_REUSEADDR, for with it a second receiver would silently take
//! every datagram. So the port itself is the lock: whoever binds it holds it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::HubError;
use super::addresses::network_addresses;
use super::wishes::{Opening, Reach};

/// Asked of the system; Linux grants 208 KiB unless `net.core.rmem_max` allows more.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// An open socket and the receive buffer that the system granted.
#[derive(Debug)]
pub struct Opened {
    pub socket: UdpSocket,
    pub buffer_bytes: usize,
}

/// Takes a data port (0: any free one), which fails while anyone holds it.
pub fn hold(port: u16, opening: &Opening, look_up_every: Duration) -> io::Result<Opened> {
    if cfg!(windows) && port != 0 {
        // Windows lets one program have a port on loopback and another have it on the network.
        bind(port, Reach::Loopback, look_up_every)?;
        bind(port, Reach::Network, look_up_every)?;
    }
    let opened = bind(port, opening.reach, look_up_every)?;
    for group in &opening.groups {
        join(&opened.socket, *group);
    }
    Ok(opened)
}

/// A port of the system's choice on this machine.
pub fn any_on_loopback(look_up_every: Duration) -> io::Result<Opened> {
    bind(0, Reach::Loopback, look_up_every)
}

fn bind(port: u16, reach: Reach, look_up_every: Duration) -> io::Result<Opened> {
    let ip = match reach {
        Reach::Loopback => Ipv4Addr::LOCALHOST,
        Reach::Network => Ipv4Addr::UNSPECIFIED,
    };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Less than asked for is no error: what was granted is shown.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    socket.bind(&SocketAddr::from((ip, port)).into())?;
    socket.set_read_timeout(Some(look_up_every))?;
    Ok(Opened {
        buffer_bytes: socket.recv_buffer_size()?,
        socket: socket.into(),
    })
}

/// On every network of this machine and within it; a network without multicast is passed over.
fn join(socket: &UdpSocket, group: Ipv4Addr) {
    let _ = socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED);
    for here in network_addresses().iter().chain([&Ipv4Addr::LOCALHOST]) {
        let _ = socket.join_multicast_v4(&group, here);
    }
}

/// Why a port could not be taken, in the user's words.
pub fn explain(port: u16, cause: io::Error) -> HubError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => HubError::Taken {
            port,
            free: free_port_after(port),
        },
        io::ErrorKind::PermissionDenied => HubError::NotAllowed { port },
        _ => HubError::Failed {
            port,
            cause: Arc::new(cause),
        },
    }
}

fn free_port_after(port: u16) -> Option<u16> {
    let soon = Duration::from_millis(1);
    (1..=20)
        .filter_map(|step| port.checked_add(step))
        .find(|&next| bind(next, Reach::Network, soon).is_ok())
}
