//! The only place that opens a receiving socket: one thread a port, any number of subscribers.
//!
//! Subscriptions to one port in this library image share its line ([`line`]); images and processes share
//! it by a relay. The last one to go joins the thread, so that a plugin's library can be unloaded.
//! Nothing is open before `listen`. The network thread alone touches the rings' inputs; the audio
//! thread holds an output and never enters here.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

mod error;
mod guests;
mod key;
mod line;
mod relay;
mod socket;
mod state;
mod wishes;

pub use super::device::DeviceStatus;
use super::dialect::Dialects;
use super::frame::SensorFrame;
pub use super::intake::HubCounters;
use super::intake::{Intake, UnknownMessage};
use super::ring::{SensorInput, SensorOutput, sensor_ring};
use crate::units::HostTime;
pub use error::HubError;
use line::Line;
use relay::Note;
pub use state::PortRole;
use state::State;
use wishes::Opening;
pub use wishes::{MOST_GROUPS, Reach, Wishes};

/// Half a second of sixteen devices at 200 Hz that send four messages each.
const RING_FRAMES: usize = 8192;
/// The longest that a change of wishes waits to be followed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Senders kept from this port that are remembered to be shown.
const MOST_BARRED: usize = 8;

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
    state: Mutex<State>,
    changed: Condvar,
    /// Counts changes of wishes.
    asked: AtomicU64,
    socket_errors: AtomicU64,
    barred: Mutex<Barred>,
}

struct Subscriber {
    number: u64,
    wishes: Wishes,
    input: SensorInput,
}

/// The running thread.
struct Receiver {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

/// Senders that no listener admits.
#[derive(Default)]
struct Barred {
    datagrams: u64,
    senders: Vec<IpAddr>,
}

/// Open ports of this image. Held while a port is opened, changed or closed; never by the thread.
static OPEN_PORTS: Mutex<Option<HashMap<u16, Arc<Hub>>>> = Mutex::new(None);

/// Hears a port (0: any free one, see [`Subscription::port`]). Every subscription gets every device's
/// frames, from the senders that it admits.
pub fn listen(
    port: u16,
    wishes: impl Into<Wishes>,
) -> Result<(Subscription, SensorOutput), HubError> {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    let wishes = wishes.into();
    let (number, reach) = (NUMBERS.fetch_add(1, Ordering::Relaxed), wishes.reach);
    let (input, output) = sensor_ring(RING_FRAMES);
    let mut ports = OPEN_PORTS.lock();
    let ports_open = ports.get_or_insert_default();
    let subscriber = Subscriber {
        number,
        wishes,
        input,
    };
    let Some(hub) = ports_open.get(&port).cloned() else {
        let hub = Hub::open(port, subscriber)?;
        ports_open.insert(hub.port, Arc::clone(&hub));
        return Ok((Subscription { hub, number }, output));
    };
    hub.subscribers.lock().push(subscriber);
    hub.settle();
    let refusal = hub.refusal(reach);
    drop(ports); // A subscription that goes takes this lock.
    let subscription = Subscription { hub, number };
    refusal.map_or(Ok((subscription, output)), Err)
}

/// This machine's addresses on its networks, the one on the route to elsewhere first.
pub fn network_addresses() -> Vec<Ipv4Addr> {
    match socket::network_address() {
        Some(IpAddr::V4(address)) => vec![address],
        _ => Vec::new(),
    }
}

impl Subscription {
    pub fn port(&self) -> u16 {
        self.hub.port
    }

    /// Asks for something else from now on; what was heard and what waits in the ring stays.
    pub fn ask(&self, wishes: impl Into<Wishes>) -> Result<(), HubError> {
        let wishes = wishes.into();
        let _ports = OPEN_PORTS.lock();
        let mut subscribers = self.hub.subscribers.lock();
        let own = subscribers.iter_mut().find(|one| one.number == self.number);
        let before = own.map(|own| std::mem::replace(&mut own.wishes, wishes.clone()));
        drop(subscribers);
        self.hub.settle();
        match (self.hub.refusal(wishes.reach), before) {
            (None, _) => Ok(()),
            (Some(error), before) => {
                let mut subscribers = self.hub.subscribers.lock();
                let own = subscribers.iter_mut().find(|one| one.number == self.number);
                if let (Some(own), Some(before)) = (own, before) {
                    own.wishes = before;
                }
                Err(error)
            }
        }
    }

    /// Who is heard now: the widest that any subscription to this port asks for.
    pub fn reach(&self) -> Reach {
        self.hub.state.lock().reach
    }

    /// Whose socket hears this port.
    pub fn role(&self) -> PortRole {
        self.hub.state.lock().role
    }

    /// What keeps the port from being heard as it should, and what to do.
    pub fn trouble(&self) -> Option<HubError> {
        self.hub.state.lock().trouble.clone()
    }

    /// Other library images and processes that hear this port through us.
    pub fn guests(&self) -> usize {
        self.hub.state.lock().guests
    }

    /// How often this image took the port over from another.
    pub fn takeovers(&self) -> u64 {
        self.hub.state.lock().takeovers
    }

    /// Every device heard so far.
    pub fn devices(&self) -> Vec<DeviceStatus> {
        let mut devices = self.hub.intake.lock().devices(HostTime::now());
        self.with_own(|own| devices.retain(|device| own.wishes.admits(device.sender.ip())));
        devices
    }

    pub fn counters(&self) -> HubCounters {
        let counters = self.hub.intake.lock().counters();
        let dropped = self.with_own(|own| own.input.dropped());
        HubCounters {
            dropped: dropped.unwrap_or(0),
            barred: self.hub.barred.lock().datagrams,
            ..counters
        }
    }

    /// Addresses that no dialect knows, with their newest values.
    pub fn unknown(&self) -> Vec<UnknownMessage> {
        let mut unknown = self.hub.intake.lock().unknown().to_vec();
        self.with_own(|own| unknown.retain(|message| own.wishes.admits(message.sender)));
        unknown
    }

    /// Senders on the network that no listener admits, the first few.
    pub fn barred(&self) -> Vec<IpAddr> {
        self.hub.barred.lock().senders.clone()
    }

    /// The address that a user types into the sensor.
    pub fn local_address(&self) -> SocketAddr {
        let ip = match self.reach() {
            Reach::Loopback => Ipv4Addr::LOCALHOST.into(),
            Reach::Network => socket::network_address().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        };
        SocketAddr::new(ip, self.hub.port)
    }

    /// The receive buffer that the system granted.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.hub.state.lock().buffer_bytes
    }

    /// Failed reads of the socket.
    pub fn socket_errors(&self) -> u64 {
        self.hub.socket_errors.load(Ordering::Relaxed)
    }

    /// Reads messages by these dialects from now on; devices are learned anew.
    pub fn set_dialects(&self, dialects: Dialects) {
        *self.hub.intake.lock() = Intake::new(dialects);
    }

    fn with_own<R>(&self, look: impl FnOnce(&Subscriber) -> R) -> Option<R> {
        let subscribers = self.hub.subscribers.lock();
        let own = subscribers.iter().find(|one| one.number == self.number);
        own.map(look)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut ports = OPEN_PORTS.lock();
        let is_last = {
            let mut subscribers = self.hub.subscribers.lock();
            subscribers.retain(|subscriber| subscriber.number != self.number);
            subscribers.is_empty()
        };
        if !is_last {
            self.hub.settle();
            return;
        }
        self.hub.close();
        if let Some(ports) = ports.as_mut() {
            ports.remove(&self.hub.port);
        }
    }
}

impl Hub {
    fn open(port: u16, first: Subscriber) -> Result<Arc<Hub>, HubError> {
        let mut opening = Opening::NARROW;
        opening.widen(first.wishes.reach, first.wishes.groups.iter().copied());
        let line = Line::open(port, &opening)?;
        let hub = Arc::new(Hub {
            port: line.port(),
            intake: Mutex::new(Intake::new(Dialects::built_in())),
            subscribers: Mutex::new(vec![first]),
            receiver: Mutex::new(None),
            state: Mutex::new(line.state()),
            changed: Condvar::new(),
            asked: AtomicU64::new(0),
            socket_errors: AtomicU64::new(0),
            barred: Mutex::new(Barred::default()),
        });
        hub.start(line)?;
        Ok(hub)
    }

    fn start(self: &Arc<Self>, line: Line) -> Result<(), HubError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (hub, stopped) = (Arc::clone(self), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name(format!("osc-{}", self.port))
            .spawn(move || line.run(&hub, &stopped))
            .map_err(|cause| HubError::Failed {
                port: self.port,
                cause: Arc::new(cause),
            })?;
        *self.receiver.lock() = Some(Receiver { thread, stop });
        Ok(())
    }

    /// Stops and joins the thread.
    fn close(&self) {
        let Some(receiver) = self.receiver.lock().take() else {
            return;
        };
        receiver.stop.store(true, Ordering::Release);
        self.knock();
        let _ = receiver.thread.join();
    }

    /// Ends the thread's wait; if the knock is lost, the wait ends by itself.
    fn knock(&self) {
        let mut bytes = Vec::new();
        Note::Knock.write(&mut bytes);
        let door = self.state.lock().door;
        if let Ok(hand) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = hand.send_to(&bytes, door);
        }
    }

    /// Waits until the thread has followed what is asked now.
    fn settle(&self) {
        let asked = 1 + self.asked.fetch_add(1, Ordering::AcqRel);
        self.knock();
        let mut state = self.state.lock();
        let followed = |state: &mut State| state.followed < asked;
        let _ = self.changed.wait_while_for(&mut state, followed, PATIENCE);
    }

    /// Why a reach that is asked for is not there. A guest has what the holder gives.
    fn refusal(&self, reach: Reach) -> Option<HubError> {
        let state = self.state.lock();
        let refused = state.role == PortRole::Holder && state.reach < reach;
        let trouble = || {
            state.trouble.clone().unwrap_or(HubError::Failed {
                port: self.port,
                cause: Arc::new(io::ErrorKind::TimedOut.into()),
            })
        };
        refused.then(trouble)
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Acquire)
    }

    /// What all subscriptions together ask for.
    fn opening(&self) -> Opening {
        let mut opening = Opening::NARROW;
        for subscriber in self.subscribers.lock().iter() {
            let wishes = &subscriber.wishes;
            opening.widen(wishes.reach, wishes.groups.iter().copied());
        }
        opening
    }

    fn publish(&self, state: State) {
        *self.state.lock() = state;
        self.changed.notify_all();
    }

    /// Reads a datagram and hands its frames to the subscriptions that admit its sender.
    fn take(
        &self,
        datagram: &[u8],
        sender: SocketAddr,
        arrival: HostTime,
        frames: &mut Vec<SensorFrame>,
    ) {
        let mut subscribers = self.subscribers.lock();
        let admits = |subscriber: &Subscriber| subscriber.wishes.admits(sender.ip());
        if !subscribers.iter().any(admits) {
            return self.bar(sender.ip());
        }
        self.intake.lock().accept(datagram, sender, arrival, frames);
        if !frames.is_empty() {
            for subscriber in subscribers.iter_mut().filter(|one| admits(one)) {
                for frame in frames.iter() {
                    subscriber.input.push(*frame);
                }
            }
            frames.clear();
        }
    }

    fn bar(&self, sender: IpAddr) {
        let mut barred = self.barred.lock();
        barred.datagrams += 1;
        if barred.senders.len() < MOST_BARRED && !barred.senders.contains(&sender) {
            barred.senders.push(sender);
        }
    }

    /// No failure of a read ends the thread. Windows reports an overlong datagram as an error of the next
    /// read, and a guest that is gone as a connection reset.
    fn endure(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionReset, Interrupted, TimedOut, WouldBlock};
        let usual = [WouldBlock, TimedOut, Interrupted, ConnectionReset];
        if !usual.contains(&error.kind()) {
            self.socket_errors.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(1));
        }
    }
}
