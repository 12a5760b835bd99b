//! The only place that opens a receiving socket: one thread a port, any number of subscribers.
//!
//! Subscriptions to one port in this library image share its line ([`line`]); images and processes share
//! it by a relay. The last one to go joins the thread, so that a plugin's library can be unloaded.
//! Nothing is open before `listen`; while the network is wanted, `discovery` has a thread too. The network thread alone touches the rings' inputs; the audio
//! thread holds an output and never enters here.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

mod addresses;
mod discovery;
mod error;
mod guests;
mod key;
mod line;
mod mdns;
mod relay;
mod socket;
mod state;
mod subscription;
mod wishes;

pub use super::device::DeviceStatus;
use super::frame::SensorFrame;
pub use super::intake::HubCounters;
use super::intake::Intake;
use super::profile;
use super::ring::{SensorInput, SensorOutput, sensor_ring};
use super::tap::Taps;
use crate::units::HostTime;
pub use addresses::network_addresses;
pub use discovery::announced;
pub use error::HubError;
use line::Line;
use relay::Note;
pub use state::PortRole;
use state::State;
pub use subscription::Subscription;
use wishes::Opening;
pub use wishes::{MOST_GROUPS, Reach, Wishes};

/// Half a second of sixteen devices at 200 Hz that send four messages each.
const RING_FRAMES: usize = 8192;
/// The longest that a change of wishes waits to be followed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Senders kept from this port that are remembered to be shown.
const MOST_BARRED: usize = 8;

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
    taps: Taps,
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
        discover(ports_open);
        return Ok((Subscription { hub, number }, output));
    };
    hub.subscribers.lock().push(subscriber);
    discover(ports_open);
    hub.settle();
    let refusal = hub.refusal(reach);
    drop(ports); // A subscription that goes takes this lock.
    let subscription = Subscription { hub, number };
    refusal.map_or(Ok((subscription, output)), Err)
}

/// Can be found, and finds, while any port of this image is wanted on the network.
fn discover(ports: &HashMap<u16, Arc<Hub>>) {
    let network = ports
        .values()
        .any(|hub| hub.opening().reach == Reach::Network);
    discovery::run_while(network);
}

impl Hub {
    fn open(port: u16, first: Subscriber) -> Result<Arc<Hub>, HubError> {
        let mut opening = Opening::NARROW;
        opening.widen(first.wishes.reach, first.wishes.groups.iter().copied());
        let line = Line::open(port, &opening)?;
        let hub = Arc::new(Hub {
            port: line.port(),
            intake: Mutex::new(Intake::new(profile::dialects().0)),
            subscribers: Mutex::new(vec![first]),
            receiver: Mutex::new(None),
            state: Mutex::new(line.state()),
            changed: Condvar::new(),
            asked: AtomicU64::new(0),
            socket_errors: AtomicU64::new(0),
            barred: Mutex::new(Barred::default()),
            taps: Taps::default(),
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
        discovery::hold(self.port, false);
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
        let is_ours = state.role == PortRole::Holder && state.reach == Reach::Network;
        discovery::hold(self.port, is_ours);
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
        self.taps.copy(arrival, sender, datagram);
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
