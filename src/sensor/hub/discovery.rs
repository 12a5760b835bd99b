//! Being found, and finding: while any port is heard on the network, one thread answers who browses for
//! `_osc._udp` and notes the sensors that announce themselves. Both ports are shared by every program by
//! their protocol (SO_REUSEADDR); data ports never are.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::addresses::network_addresses;
use super::mdns::{self, Service};
use crate::sensor::announcement::{self, Announced};
use crate::units::HostTime;

const LOOK_UP_EVERY: Duration = Duration::from_millis(100);
/// Unasked announcements: at once, a second later, and then as caches forget (RFC 6762, 8.3).
const REPEAT_S: f64 = 1.0;
const REFRESH_S: f64 = 60.0;
const LOOK_AT_NETWORKS_S: f64 = 2.0;
/// x-io's own program cannot open the port of announcements while we have it: we listen for a moment, and often
/// enough. They come once a second.
const LISTEN_S: f64 = 1.5;
const LISTEN_EVERY_S: f64 = 12.0;
const MOST_ANNOUNCED: usize = 64;

/// What the thread and the ports of this image share.
#[derive(Default)]
struct Shared {
    /// Ports that this image holds on the network.
    ports: Mutex<BTreeSet<u16>>,
    announced: Mutex<Vec<Announced>>,
    stop: AtomicBool,
}

struct Running {
    thread: JoinHandle<()>,
    shared: Arc<Shared>,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// Starts the thread if the network is heard, joins it if not. Not to be called on it.
pub fn run_while(network: bool) {
    let mut running = RUNNING.lock();
    if network && running.is_none() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("osc-discovery".to_owned())
            .spawn(move || discover(&theirs));
        // Without it sensors are heard as well, only not by name.
        *running = thread.ok().map(|thread| Running { thread, shared });
    } else if !network && let Some(old) = running.take() {
        drop(running);
        old.shared.stop.store(true, Ordering::Release);
        let _ = old.thread.join();
    }
}

/// Says whether this image holds `port` on the network.
pub fn hold(port: u16, held: bool) {
    if let Some(running) = &*RUNNING.lock() {
        let mut ports = running.shared.ports.lock();
        if held {
            ports.insert(port);
        } else {
            ports.remove(&port);
        }
    }
}

/// Sensors that announced themselves of late.
pub fn announced() -> Vec<Announced> {
    let running = RUNNING.lock();
    running
        .as_ref()
        .map_or_else(Vec::new, |running| running.shared.announced.lock().clone())
}

fn discover(shared: &Shared) {
    let mut voice = Voice::open();
    let mut ear: Option<(UdpSocket, HostTime)> = None;
    let mut listened = HostTime(f64::NEG_INFINITY);
    while !shared.stop.load(Ordering::Acquire) {
        let now = HostTime::now();
        match &mut voice {
            Some(voice) => voice.speak(&shared.ports.lock().clone(), now),
            None => thread::sleep(LOOK_UP_EVERY),
        }
        if ear.is_none() && now.seconds_since(listened) > LISTEN_EVERY_S {
            listened = now;
            ear = shared_port(announcement::PORT)
                .ok()
                .map(|socket| (socket, now));
        }
        if let Some((socket, since)) = &ear {
            hear(socket, shared);
            if now.seconds_since(*since) > LISTEN_S {
                ear = None;
            }
        }
    }
    if let Some(mut voice) = voice {
        voice.speak(&BTreeSet::new(), HostTime::now());
    }
}

fn hear(socket: &UdpSocket, shared: &Shared) {
    let mut bytes = [0; 1500];
    while let Ok((length, sender)) = socket.recv_from(&mut bytes) {
        let Some(fresh) = Announced::read(&bytes[..length], sender.ip()) else {
            continue;
        };
        let mut announced = shared.announced.lock();
        let known = announced
            .iter_mut()
            .find(|known| known.address == fresh.address);
        if let Some(known) = known {
            *known = fresh;
        } else if announced.len() < MOST_ANNOUNCED {
            announced.push(fresh);
        }
    }
}

/// A socket on a port that many programs share, never waiting.
fn shared_port(port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Speaks multicast DNS for the ports that are held, on every network of this machine.
struct Voice {
    socket: UdpSocket,
    addresses: Vec<Ipv4Addr>,
    looked: HostTime,
    /// What was announced, when last, and how often.
    services: Vec<(Service, HostTime, u32)>,
}

impl Voice {
    fn open() -> Option<Voice> {
        let socket = shared_port(mdns::GROUP.port()).ok()?;
        socket.set_nonblocking(false).ok()?;
        socket.set_read_timeout(Some(LOOK_UP_EVERY)).ok()?;
        let _ = socket.set_multicast_ttl_v4(255);
        Some(Voice {
            socket,
            addresses: Vec::new(),
            looked: HostTime(f64::NEG_INFINITY),
            services: Vec::new(),
        })
    }

    /// Announces what is new, takes back what is gone, answers one question.
    fn speak(&mut self, ports: &BTreeSet<u16>, now: HostTime) {
        self.look_at_networks(now);
        let on_each = |&address: &Ipv4Addr| {
            let service = move |&port: &u16| Service { address, port };
            ports.iter().map(service)
        };
        let wanted: Vec<Service> = self.addresses.iter().flat_map(on_each).collect();
        let gone = self
            .services
            .extract_if(.., |(service, ..)| !wanted.contains(service));
        for (service, ..) in gone.collect::<Vec<_>>() {
            self.announce(service, false);
        }
        for service in wanted {
            if !self.services.iter().any(|(known, ..)| *known == service) {
                self.services
                    .push((service, HostTime(f64::NEG_INFINITY), 0));
            }
        }
        for index in 0..self.services.len() {
            let (service, last, times) = self.services[index];
            let due_s = if times < 2 { REPEAT_S } else { REFRESH_S };
            if now.seconds_since(last) >= due_s {
                self.services[index] = (service, now, times.saturating_add(1));
                self.announce(service, true);
            }
        }
        self.answer();
    }

    /// Networks come and go while the instrument is open.
    fn look_at_networks(&mut self, now: HostTime) {
        if now.seconds_since(self.looked) < LOOK_AT_NETWORKS_S {
            return;
        }
        self.looked = now;
        self.addresses = network_addresses();
        for here in &self.addresses {
            // An error tells that it was joined before.
            let _ = self.socket.join_multicast_v4(mdns::GROUP.ip(), here);
        }
    }

    /// On the network that the service's address belongs to.
    fn announce(&self, service: Service, lives: bool) {
        let socket = SockRef::from(&self.socket);
        if socket.set_multicast_if_v4(&service.address).is_ok() {
            self.say(service.announcement(lives), mdns::GROUP.into());
        }
    }

    fn answer(&self) {
        let mut bytes = [0; 9000];
        let Ok((length, asker)) = self.socket.recv_from(&mut bytes) else {
            return;
        };
        for (service, ..) in &self.services {
            if let Some((answer, alone)) = service.answer(&bytes[..length], asker.port()) {
                let to = if alone { asker } else { mdns::GROUP.into() };
                let _ = SockRef::from(&self.socket).set_multicast_if_v4(&service.address);
                self.say(Some(answer), to);
            }
        }
    }

    fn say(&self, message: Option<Vec<u8>>, to: SocketAddr) {
        if let Some(message) = message {
            let _ = self.socket.send_to(&message, to);
        }
    }
}
