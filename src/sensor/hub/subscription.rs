//! A listener's end of a port: what it hears, and how well.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::wishes::{Reach, Wishes};
use super::{
    Hub, HubError, OPEN_PORTS, PortRole, Subscriber, announced, discover, network_addresses,
};
use crate::sensor::announcement::Announced;
use crate::sensor::device::DeviceStatus;
use crate::sensor::dialect::Dialects;
use crate::sensor::intake::{HubCounters, Intake, UnknownMessage};
use crate::sensor::take::raw::RawDatagram;
use crate::units::HostTime;

/// One listener on a port. Dropping the last one closes the port.
pub struct Subscription {
    pub(super) hub: Arc<Hub>,
    pub(super) number: u64,
}

impl Subscription {
    pub fn port(&self) -> u16 {
        self.hub.port
    }

    /// Asks for something else from now on; what was heard and what waits in the ring stays.
    pub fn ask(&self, wishes: impl Into<Wishes>) -> Result<(), HubError> {
        let wishes = wishes.into();
        let ports = OPEN_PORTS.lock();
        let mut subscribers = self.hub.subscribers.lock();
        let own = subscribers.iter_mut().find(|one| one.number == self.number);
        let before = own.map(|own| std::mem::replace(&mut own.wishes, wishes.clone()));
        drop(subscribers);
        ports.as_ref().map(discover);
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
        name_announced(&mut devices, &announced());
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

    /// A copy of every datagram from an admitted sender from now on, for a recording.
    pub fn record(&self) -> std::sync::mpsc::Receiver<RawDatagram> {
        self.hub.taps.open()
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
            Reach::Loopback => Ipv4Addr::LOCALHOST,
            Reach::Network => *network_addresses().first().unwrap_or(&Ipv4Addr::LOCALHOST),
        };
        SocketAddr::from((ip, self.hub.port))
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
        if is_last {
            self.hub.close();
        } else {
            self.hub.settle();
        }
        if let Some(ports) = ports.as_mut() {
            if is_last {
                ports.remove(&self.hub.port);
            }
            discover(ports);
        }
    }
}

/// Calls devices without an id of their own by the name that they announced.
fn name_announced(devices: &mut [DeviceStatus], announced: &[Announced]) {
    for device in devices
        .iter_mut()
        .filter(|device| device.profile == "x-IMU3")
    {
        let same = |known: &&Announced| known.address == device.sender.ip();
        if let Some(known) = announced.iter().find(same) {
            device.name = format!("{} {}", device.profile, known.name);
        }
    }
}
