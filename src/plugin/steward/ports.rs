//! Keeps the open sockets as the session lists them, hands their readings to the engine, and decides
//! which device fills which role.

use super::super::desk::PortView;
use super::super::state::{DEFAULT_PORT, PORTS_MAX, Session};
use crate::engine::{EngineShore, Mail};
use crate::gesture::Role;
use crate::gesture::mapping::{CompiledMap, Mapping};
use crate::sensor::frame::DeviceId;
use crate::sensor::hub::{self, DeviceStatus, HubCounters, Reach, Subscription};
use std::time::{Duration, Instant};

/// The environment variable that overrides the session's ports, for tests and demos: `8888,9000`.
const PORTS_VARIABLE: &str = "IMU2MUSIC_PORTS";
/// A port that was taken is tried again this often.
const RETRY: Duration = Duration::from_secs(2);

struct Listening {
    port: u16,
    reach: Reach,
    socket: Result<Subscription, String>,
    tried: Instant,
}

#[derive(Default)]
pub struct Ports {
    slots: [Option<Listening>; PORTS_MAX],
    routed: Option<(Mapping, Vec<Role>, Vec<DeviceId>)>,
}

impl Ports {
    /// Opens and closes sockets until they are what the session lists.
    pub fn follow(&mut self, session: &Session, shore: &mut EngineShore) {
        let wanted = wanted_ports(session);
        let reach = if session.network { Reach::Network } else { Reach::Loopback };
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
            self.slots[index] = Some(Listening { port, reach, socket, tried: Instant::now() });
        }
        let mail = Box::new(Mail::Feed { index, readings });
        if shore.mail.send(mail).is_err() {
            // The engine does not run now; the next round opens the port again.
            self.slots[index] = None;
        }
    }

    /// Sends the engine a new map when devices, roles or the user's list changed.
    pub fn route(&mut self, session: &Session, shore: &mut EngineShore, wanted_roles: Vec<Role>) {
        let devices: Vec<DeviceId> = self.devices().iter().map(|device| device.id).collect();
        let now = (session.mapping.clone(), wanted_roles, devices);
        if self.routed.as_ref() == Some(&now) {
            return;
        }
        let map = CompiledMap::new(&now.0, &now.1, &self.devices());
        if shore.mail.send(Box::new(Mail::Map(map))).is_ok() {
            self.routed = Some(now);
        }
    }

    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.open().flat_map(|subscription| subscription.devices()).collect()
    }

    pub fn counters(&self) -> HubCounters {
        self.open().map(|subscription| subscription.counters()).fold(HubCounters::default(), HubCounters::plus)
    }

    pub fn view(&self) -> Vec<PortView> {
        self.slots
            .iter()
            .flatten()
            .map(|listening| PortView {
                port: listening.port,
                state: listening.socket.as_ref().map(|s| s.local_address()).map_err(Clone::clone),
                buffer_bytes: listening.socket.as_ref().map_or(0, |s| s.receive_buffer_bytes()),
            })
            .collect()
    }

    fn open(&self) -> impl Iterator<Item = &Subscription> {
        self.slots.iter().flatten().filter_map(|listening| listening.socket.as_ref().ok())
    }
}

/// The ports to listen on: the environment's, else the session's, without repetition.
pub fn wanted_ports(session: &Session) -> Vec<u16> {
    let named = std::env::var(PORTS_VARIABLE).ok();
    let listed: Vec<u16> = match &named {
        Some(list) => list.split(',').filter_map(|port| port.trim().parse().ok()).collect(),
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
    if ports.is_empty() { vec![DEFAULT_PORT] } else { ports }
}
