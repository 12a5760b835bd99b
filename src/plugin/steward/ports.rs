//! Keeps the open sockets as the session lists them, hands their readings to the engine, and decides
//! which device fills which role.

use super::super::desk::{PortView, Sharing};
use super::super::state::{DEFAULT_PORT, PORTS_MAX, Session};
use crate::engine::{EngineShore, Mail};
use crate::gesture::mapping::{KnownDevice, Mapping, MappingProblem, ModelInput, Seating};
use crate::params::SLOT_COUNT;
use crate::sensor::frame::DeviceId;
use crate::sensor::hub::{
    self, DeviceStatus, HubCounters, HubError, PortRole, Reach, Subscription, Wishes,
};
use crate::sensor::intake::UnknownMessage;
use crate::sensor::profile;
use crate::units::HostTime;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The environment variable that overrides the session's ports, for tests and demos: `8888,9000`.
const PORTS_VARIABLE: &str = "IMU2MUSIC_PORTS";
/// A port that was taken is tried again this often.
const RETRY: Duration = Duration::from_secs(2);

/// A device that was silent for longer gives its name to another that sends under it.
const HEARD_S: f64 = 2.0;

struct Listening {
    port: u16,
    wishes: Wishes,
    socket: Result<Subscription, HubError>,
    tried: Instant,
}

#[derive(Default)]
pub struct Ports {
    slots: [Option<Listening>; PORTS_MAX],
    routed: Option<Routed>,
    addresses: Vec<Ipv4Addr>,
    looked: Option<Instant>,
}

/// Everything that the engine's maps follow from.
#[derive(PartialEq)]
struct Routed {
    mapping: Mapping,
    /// Inputs by gesture slot, the selected one's first.
    models: Vec<(usize, Vec<ModelInput>)>,
    /// Those of one name with the one that is heard last in the list.
    devices: Vec<(DeviceId, String)>,
}

impl Ports {
    /// Opens and closes sockets until they are what the session lists.
    pub fn follow(&mut self, session: &Session, shore: &mut EngineShore) {
        let wanted = wanted_ports(session);
        let wishes = wishes(session);
        for index in 0..PORTS_MAX {
            let want = wanted.get(index).copied();
            let stale = match (&mut self.slots[index], want) {
                (None, None) => false,
                (Some(open), Some(port)) => open.port != port || !open.follow(&wishes),
                _ => true,
            };
            if stale {
                self.reopen(index, want, &wishes, shore);
            }
        }
    }

    fn reopen(
        &mut self,
        index: usize,
        want: Option<u16>,
        wishes: &Wishes,
        shore: &mut EngineShore,
    ) {
        self.slots[index] = None;
        let mut readings = None;
        if let Some(port) = want {
            let socket = hub::listen(port, wishes.clone()).map(|(subscription, output)| {
                readings = Some(output);
                subscription
            });
            self.slots[index] = Some(Listening {
                port,
                wishes: wishes.clone(),
                socket,
                tried: Instant::now(),
            });
        }
        let mail = Box::new(Mail::Feed { index, readings });
        if shore.mail.send(mail).is_err() {
            // The engine does not run now; the next round opens the port again.
            self.slots[index] = None;
        }
    }

    /// Sends the engine new maps when devices, models or the user's list changed; returns what has no effect.
    pub fn route(
        &mut self,
        session: &Session,
        inputs: &[Vec<ModelInput>; SLOT_COUNT],
        selected: usize,
        shore: &mut EngineShore,
    ) -> Option<Vec<MappingProblem>> {
        let slots =
            std::iter::once(selected).chain((0..SLOT_COUNT).filter(|&slot| slot != selected));
        let models = slots
            .map(|slot| (slot, inputs[slot].clone()))
            .filter(|(_, names)| !names.is_empty());
        let mut devices = self.devices();
        let now = HostTime::now();
        let is_heard = |device: &DeviceStatus| now.seconds_since(device.last_seen) < HEARD_S;
        devices.sort_by_key(|device| (device.name.clone(), is_heard(device), device.id));
        let devices = devices.into_iter().map(|device| (device.id, device.name));
        let now = Routed {
            mapping: session.mapping.clone(),
            models: models.collect(),
            devices: devices.collect(),
        };
        if self.routed.as_ref() == Some(&now) {
            return None;
        }
        let problems = send_maps(&now, shore)?;
        self.routed = Some(now);
        Some(problems)
    }

    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.open()
            .flat_map(|subscription| subscription.devices())
            .collect()
    }

    /// Messages that no dialect knows.
    pub fn unknown(&self) -> Vec<UnknownMessage> {
        self.open()
            .flat_map(|subscription| subscription.unknown())
            .collect()
    }

    /// Reads the user's profiles anew; every device is learned again.
    pub fn read_profiles_again(&self) {
        for subscription in self.open() {
            subscription.set_dialects(profile::dialects().0);
        }
    }

    pub fn counters(&self) -> HubCounters {
        self.open()
            .map(|subscription| subscription.counters())
            .fold(HubCounters::default(), HubCounters::plus)
    }

    /// This machine's addresses on its networks, looked up now and then.
    pub fn addresses(&mut self) -> &[Ipv4Addr] {
        let stale = |looked: &Instant| looked.elapsed() > RETRY;
        if self.looked.as_ref().is_none_or(stale) {
            self.looked = Some(Instant::now());
            self.addresses = hub::network_addresses();
        }
        &self.addresses
    }

    pub fn view(&self) -> Vec<PortView> {
        self.slots.iter().flatten().map(Listening::view).collect()
    }

    fn open(&self) -> impl Iterator<Item = &Subscription> {
        self.slots
            .iter()
            .flatten()
            .filter_map(|listening| listening.socket.as_ref().ok())
    }
}

impl Listening {
    /// Asks the open port for what the session lists now; false where it must be opened anew.
    fn follow(&mut self, wishes: &Wishes) -> bool {
        let Ok(subscription) = &self.socket else {
            return self.tried.elapsed() <= RETRY;
        };
        if self.wishes == *wishes {
            return true;
        }
        self.wishes = wishes.clone();
        subscription.ask(wishes.clone()).is_ok()
    }

    fn view(&self) -> PortView {
        let open = self.socket.as_ref().ok();
        let state = match (&self.socket, open.and_then(Subscription::trouble)) {
            (Ok(_), Some(trouble)) => Err(trouble),
            (Ok(subscription), None) => Ok(subscription.local_address().to_string()),
            (Err(error), _) => Err(error.clone()),
        };
        PortView {
            port: self.port,
            free: state.as_ref().err().and_then(HubError::free),
            state: state.map_err(|error| error.to_string()),
            buffer_bytes: open.map_or(0, Subscription::receive_buffer_bytes),
            sharing: match open.map(|open| (open.role(), open.guests())) {
                Some((PortRole::Guest, _)) => Sharing::Guest,
                Some((PortRole::Holder, guests @ 1..)) => Sharing::Host(guests),
                _ => Sharing::Alone,
            },
            barred: open.map_or_else(Vec::new, Subscription::barred),
        }
    }
}

fn wishes(session: &Session) -> Wishes {
    Wishes {
        reach: if session.network {
            Reach::Network
        } else {
            Reach::Loopback
        },
        senders: session.senders.clone(),
        groups: session.groups.clone(),
    }
}

/// One map a model, then who sits where: the selected model's roles first. `None` when the engine has no room now.
fn send_maps(routed: &Routed, shore: &mut EngineShore) -> Option<Vec<MappingProblem>> {
    let devices: Vec<KnownDevice> = routed
        .devices
        .iter()
        .enumerate()
        .map(|(order, (id, name))| KnownDevice {
            id: *id,
            key: name,
            last_seen: HostTime(order as f64),
        })
        .collect();
    let mut seating = Seating::default();
    let mut selected_problems = None;
    for (slot, names) in &routed.models {
        let (map, problems) = routed.mapping.compile_for(names, &devices);
        seating.join(&map.seating);
        selected_problems.get_or_insert(problems);
        shore
            .mail
            .send(Box::new(Mail::Map { slot: *slot, map }))
            .ok()?;
    }
    shore.mail.send(Box::new(Mail::Seating(seating))).ok()?;
    Some(selected_problems.unwrap_or_default())
}

/// What the environment says of the ports, in place of the song: `IMU2MUSIC_PORTS=8888,9000`.
pub fn from_environment() -> Option<String> {
    let list = std::env::var(PORTS_VARIABLE).ok()?;
    Some(format!("{PORTS_VARIABLE}={list}"))
}

/// The ports to listen on: the environment's, else the session's, without repetition.
pub fn wanted_ports(session: &Session) -> Vec<u16> {
    let named = std::env::var(PORTS_VARIABLE).ok();
    let listed: Vec<u16> = match &named {
        Some(list) => list
            .split(',')
            .filter_map(|port| port.trim().parse().ok())
            .collect(),
        None => session.ports.clone(),
    };
    let mut ports = Vec::new();
    for port in listed {
        if port != 0 && !ports.contains(&port) && ports.len() < PORTS_MAX {
            ports.push(port);
        }
    }
    if ports.is_empty() && session.ports.is_empty() && named.is_none() {
        return ports;
    }
    if ports.is_empty() {
        vec![DEFAULT_PORT]
    } else {
        ports
    }
}
