//! Keeps the open sockets as the session lists them, hands their readings to the engine, and decides
//! which device fills which role.

use super::super::desk::PortView;
use super::super::state::{DEFAULT_PORT, PORTS_MAX, Session};
use crate::engine::{EngineShore, Mail};
use crate::gesture::mapping::{KnownDevice, Mapping, MappingProblem, ModelInput, Seating};
use crate::params::SLOT_COUNT;
use crate::sensor::frame::DeviceId;
use crate::sensor::hub::{self, DeviceStatus, HubCounters, Reach, Subscription};
use crate::sensor::intake::UnknownMessage;
use crate::sensor::profile;
use crate::units::HostTime;
use std::time::{Duration, Instant};

/// The environment variable that overrides the session's ports, for tests and demos: `8888,9000`.
const PORTS_VARIABLE: &str = "IMU2MUSIC_PORTS";
/// A port that was taken is tried again this often.
const RETRY: Duration = Duration::from_secs(2);

/// A device that was silent for longer gives its name to another that sends under it.
const HEARD_S: f64 = 2.0;

struct Listening {
    port: u16,
    reach: Reach,
    socket: Result<Subscription, String>,
    tried: Instant,
}

#[derive(Default)]
pub struct Ports {
    slots: [Option<Listening>; PORTS_MAX],
    routed: Option<Routed>,
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
        let reach = if session.network {
            Reach::Network
        } else {
            Reach::Loopback
        };
        for index in 0..PORTS_MAX {
            let want = wanted.get(index).map(|&port| (port, reach));
            let stale = match (&self.slots[index], want) {
                (None, None) => false,
                (Some(open), Some(want)) => {
                    (open.port, open.reach) != want
                        || (open.socket.is_err() && open.tried.elapsed() > RETRY)
                }
                _ => true,
            };
            if stale {
                self.reopen(index, want, shore);
            }
        }
    }

    fn reopen(&mut self, index: usize, want: Option<(u16, Reach)>, shore: &mut EngineShore) {
        self.slots[index] = None;
        let mut readings = None;
        if let Some((port, reach)) = want {
            let socket = match hub::listen(port, reach) {
                Ok((subscription, output)) => {
                    readings = Some(output);
                    Ok(subscription)
                }
                Err(error) => Err(error.to_string()),
            };
            self.slots[index] = Some(Listening {
                port,
                reach,
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

    pub fn view(&self) -> Vec<PortView> {
        self.slots
            .iter()
            .flatten()
            .map(|listening| PortView {
                port: listening.port,
                state: listening
                    .socket
                    .as_ref()
                    .map(|s| s.local_address().to_string())
                    .map_err(Clone::clone),
                buffer_bytes: listening
                    .socket
                    .as_ref()
                    .map_or(0, |s| s.receive_buffer_bytes()),
            })
            .collect()
    }

    fn open(&self) -> impl Iterator<Item = &Subscription> {
        self.slots
            .iter()
            .flatten()
            .filter_map(|listening| listening.socket.as_ref().ok())
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
