//! The only place that opens a receiving socket: one thread a port, any number of subscribers.
//!
//! Subscriptions to one port in this process share its socket; the last one to go joins the thread,
//! so that a plugin's library can be unloaded. Nothing is open before `listen`. No SO_REUSEADDR: with
//! it a second receiver would silently take every datagram. The network thread alone touches the
//! rings' inputs; the audio thread holds an output and never enters here.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};

pub use super::device::DeviceStatus;
use super::dialect::Dialects;
use super::frame::SensorFrame;
pub use super::intake::HubCounters;
use super::intake::{Intake, UnknownMessage};
use super::ring::{SensorInput, SensorOutput, sensor_ring};
use super::take::raw::RawDatagram;
use super::tap::Taps;
use crate::units::HostTime;

/// Asked of the system; Linux grants 208 KiB unless `net.core.rmem_max` allows more.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Half a second of sixteen devices at 200 Hz that send four messages each.
const RING_FRAMES: usize = 8192;
/// How often the thread looks up even when nobody wakes it.
const LOOK_UP_EVERY: Duration = Duration::from_millis(200);

/// Who may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Programs on this machine.
    Loopback,
    /// Anyone on the network.
    Network,
}

/// Why a port is not heard.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("port {port} is in use by another program{}", hint(*.free))]
    Taken { port: u16, free: Option<u16> },
    #[error("this user may not listen on port {port}; choose one above 1023")]
    NotAllowed { port: u16 },
    #[error("port {port} cannot be opened: {cause}")]
    Failed { port: u16, cause: io::Error },
}

fn hint(free: Option<u16>) -> String {
    let close = "close it (another host or a plugin in another format counts too)";
    match free {
        Some(free) => format!(
            "; {close}, or listen on {free}, which is free, and set the sensor to send there"
        ),
        None => format!("; {close}, or choose another port here and in the sensor"),
    }
}

/// One listener on a port. Dropping the last one closes the port.
pub struct Subscription {
    hub: Arc<Hub>,
    number: u64,
}

/// What is shared between subscriptions and the thread.
struct Hub {
    port: u16,
    intake: Mutex<Intake>,
    subscribers: Mutex<Vec<Subscriber>>,
    receiver: Mutex<Option<Receiver>>,
    socket_errors: AtomicU64,
    taps: Taps,
}

struct Subscriber {
    number: u64,
    reach: Reach,
    input: SensorInput,
}

/// The running thread and its socket.
struct Receiver {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    reach: Reach,
    buffer_bytes: usize,
}

/// Open ports of this process. Held while a port is opened, widened or closed; never by the thread.
static OPEN_PORTS: Mutex<Option<HashMap<u16, Arc<Hub>>>> = Mutex::new(None);

/// Hears a port (0: any free one, see [`Subscription::port`]). Every subscription gets every device's frames.
pub fn listen(port: u16, reach: Reach) -> Result<(Subscription, SensorOutput), HubError> {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let mut ports = OPEN_PORTS.lock();
    let ports = ports.get_or_insert_default();
    let hub = match ports.get(&port) {
        Some(hub) => {
            hub.reopen_if(|open| open < reach, reach)?;
            Arc::clone(hub)
        }
        None => {
            let hub = Hub::open(port, reach)?;
            ports.insert(hub.port, Arc::clone(&hub));
            hub
        }
    };
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let (input, output) = sensor_ring(RING_FRAMES);
    hub.subscribers.lock().push(Subscriber {
        number,
        reach,
        input,
    });
    Ok((Subscription { hub, number }, output))
}

impl Subscription {
    pub fn port(&self) -> u16 {
        self.hub.port
    }

    /// Who is heard now: the widest that any subscription to this port asks for.
    pub fn reach(&self) -> Reach {
        self.hub
            .receiver
            .lock()
            .as_ref()
            .map_or(Reach::Loopback, |receiver| receiver.reach)
    }

    /// Every device heard so far.
    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.hub.intake.lock().devices(HostTime::now())
    }

    pub fn counters(&self) -> HubCounters {
        let counters = self.hub.intake.lock().counters();
        let subscribers = self.hub.subscribers.lock();
        let own = subscribers
            .iter()
            .find(|subscriber| subscriber.number == self.number);
        HubCounters {
            dropped: own.map_or(0, |own| own.input.dropped()),
            ..counters
        }
    }

    /// A copy of every datagram from now on, for a recording.
    pub fn record(&self) -> std::sync::mpsc::Receiver<RawDatagram> {
        self.hub.taps.open()
    }

    /// Addresses that no dialect knows, with their newest values.
    pub fn unknown(&self) -> Vec<UnknownMessage> {
        self.hub.intake.lock().unknown().to_vec()
    }

    /// The address that a user types into the sensor.
    pub fn local_address(&self) -> SocketAddr {
        let ip = match self.reach() {
            Reach::Loopback => Ipv4Addr::LOCALHOST.into(),
            Reach::Network => network_address().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        };
        SocketAddr::new(ip, self.hub.port)
    }

    /// The receive buffer that the system granted.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.hub
            .receiver
            .lock()
            .as_ref()
            .map_or(0, |receiver| receiver.buffer_bytes)
    }

    /// Failed reads of the socket.
    pub fn socket_errors(&self) -> u64 {
        self.hub.socket_errors.load(Ordering::Relaxed)
    }

    /// Reads messages by these dialects from now on; devices are learned anew.
    pub fn set_dialects(&self, dialects: Dialects) {
        *self.hub.intake.lock() = Intake::new(dialects);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut ports = OPEN_PORTS.lock();
        let widest = {
            let mut subscribers = self.hub.subscribers.lock();
            subscribers.retain(|subscriber| subscriber.number != self.number);
            subscribers.iter().map(|subscriber| subscriber.reach).max()
        };
        match widest {
            // A port that cannot be opened again stays as it is until then.
            Some(reach) => drop(self.hub.reopen_if(|open| open > reach, reach)),
            None => {
                self.hub.close();
                if let Some(ports) = ports.as_mut() {
                    ports.remove(&self.hub.port);
                }
            }
        }
    }
}

impl Hub {
    fn open(port: u16, reach: Reach) -> Result<Arc<Hub>, HubError> {
        let (socket, buffer_bytes) = bind(port, reach)?;
        let failed = |cause| HubError::Failed { port, cause };
        let hub = Arc::new(Hub {
            port: socket.local_addr().map_err(failed)?.port(),
            intake: Mutex::new(Intake::new(Dialects::built_in())),
            subscribers: Mutex::new(Vec::new()),
            receiver: Mutex::new(None),
            socket_errors: AtomicU64::new(0),
            taps: Taps::default(),
        });
        hub.start(socket, buffer_bytes, reach)?;
        Ok(hub)
    }

    fn start(
        self: &Arc<Self>,
        socket: UdpSocket,
        buffer_bytes: usize,
        reach: Reach,
    ) -> Result<(), HubError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (hub, stopped) = (Arc::clone(self), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name(format!("osc-{}", self.port))
            .spawn(move || hub.receive(&socket, &stopped))
            .map_err(|cause| HubError::Failed {
                port: self.port,
                cause,
            })?;
        *self.receiver.lock() = Some(Receiver {
            thread,
            stop,
            reach,
            buffer_bytes,
        });
        Ok(())
    }

    /// Opens the socket anew for another reach, where `should` says so of the present one. If that
    /// fails, the port is heard as before.
    fn reopen_if(
        self: &Arc<Self>,
        should: impl Fn(Reach) -> bool,
        reach: Reach,
    ) -> Result<(), HubError> {
        let present = self.receiver.lock().as_ref().map(|receiver| receiver.reach);
        if present.is_some_and(|present| !should(present)) {
            return Ok(());
        }
        self.close();
        let opened = bind(self.port, reach);
        match (opened, present) {
            (Ok((socket, buffer_bytes)), _) => self.start(socket, buffer_bytes, reach),
            (Err(error), Some(present)) => {
                let (socket, buffer_bytes) = bind(self.port, present)?;
                self.start(socket, buffer_bytes, present)?;
                Err(error)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Stops and joins the thread.
    fn close(&self) {
        let Some(receiver) = self.receiver.lock().take() else {
            return;
        };
        receiver.stop.store(true, Ordering::Release);
        // A datagram of our own ends its wait; if it is lost, the wait ends by itself.
        if let Ok(knock) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = knock.send_to(&[], (Ipv4Addr::LOCALHOST, self.port));
        }
        let _ = receiver.thread.join();
    }

    fn receive(&self, socket: &UdpSocket, stop: &AtomicBool) {
        // One byte more than is accepted shows that a datagram was too long.
        let mut datagram = [0; super::osc::MAX_DATAGRAM_BYTES + 1];
        let mut frames = Vec::with_capacity(64);
        loop {
            let received = socket.recv_from(&mut datagram);
            let arrival = HostTime::now();
            if stop.load(Ordering::Acquire) {
                return;
            }
            match received {
                Ok((length, sender)) => {
                    self.taps.copy(arrival, sender, &datagram[..length]);
                    self.intake
                        .lock()
                        .accept(&datagram[..length], sender, arrival, &mut frames);
                    self.hand_out(&mut frames);
                }
                Err(error) => self.endure(&error),
            }
        }
    }

    fn hand_out(&self, frames: &mut Vec<SensorFrame>) {
        if !frames.is_empty() {
            for subscriber in self.subscribers.lock().iter_mut() {
                for frame in frames.iter() {
                    subscriber.input.push(*frame);
                }
            }
            frames.clear();
        }
    }

    /// No failure of a read ends the thread. Windows reports a closed peer port and an overlong
    /// datagram as errors of the next read.
    fn endure(&self, error: &io::Error) {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        if !matches!(error.kind(), WouldBlock | TimedOut | Interrupted) {
            self.socket_errors.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn bind(port: u16, reach: Reach) -> Result<(UdpSocket, usize), HubError> {
    try_bind(port, reach).map_err(|cause| match cause.kind() {
        io::ErrorKind::AddrInUse => HubError::Taken {
            port,
            free: free_port_after(port),
        },
        io::ErrorKind::PermissionDenied => HubError::NotAllowed { port },
        _ => HubError::Failed { port, cause },
    })
}

fn try_bind(port: u16, reach: Reach) -> io::Result<(UdpSocket, usize)> {
    let ip = match reach {
        Reach::Loopback => Ipv4Addr::LOCALHOST,
        Reach::Network => Ipv4Addr::UNSPECIFIED,
    };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Less than asked for is no error: what was granted is shown.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    socket.bind(&SocketAddr::from((ip, port)).into())?;
    socket.set_read_timeout(Some(LOOK_UP_EVERY))?;
    let granted = socket.recv_buffer_size()?;
    Ok((socket.into(), granted))
}

fn free_port_after(port: u16) -> Option<u16> {
    (1..=20)
        .filter_map(|step| port.checked_add(step))
        .find(|&next| try_bind(next, Reach::Network).is_ok())
}

/// This machine's address on the network: that of the route to elsewhere. Nothing is sent.
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // 192.0.2.0/24 is set aside for documentation (RFC 5737).
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}
