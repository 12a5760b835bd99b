//! The network thread of one port, in one of two roles. The holder has the port's socket, reads it and
//! hands every datagram on to its guests; a guest (another library image or process of this user) reads
//! what the holder hands on and tries to take the port itself several times a second, so that it takes
//! over as soon as the holder is gone, however it went.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::guests::Guests;
use super::key::{Key, key};
use super::relay::{AROUND_BYTES, Note, PeerClock, is_note};
use super::socket::{self, Opened};
use super::state::{PortRole, State};
use super::wishes::{Opening, Reach};
use super::{Hub, HubError};
use crate::sensor::frame::SensorFrame;
use crate::sensor::osc::MAX_DATAGRAM_BYTES;
use crate::units::HostTime;

/// How often a guest looks up although nothing arrives: the longest that a port stays unheld.
const TEND_EVERY: Duration = Duration::from_millis(50);
/// How often a holder does, when nobody knocks.
const LOOK_UP_EVERY: Duration = Duration::from_millis(200);
/// A new guest waits this long to be welcomed before the port is a stranger's.
const PATIENCE_S: f64 = 0.3;
/// Without a welcome for this long, the port is a stranger's now.
const LOST_AFTER_S: f64 = 1.0;
/// A wider opening that the system refused is tried again this often.
const RETRY_S: f64 = 2.0;

pub struct Line {
    port: u16,
    key: Option<Key>,
    /// How the socket is open, or what the holder is asked for.
    opening: Opening,
    opened: Opened,
    role: Role,
    takeovers: u64,
    trouble: Option<HubError>,
    /// A wider opening that was refused, and when.
    refused: Option<(Opening, HostTime)>,
    followed: u64,
    letter: Vec<u8>,
    frames: Vec<SensorFrame>,
}

enum Role {
    Holder(Guests),
    Guest {
        clock: PeerClock,
        welcomed: HostTime,
        reach: Reach,
        buffer_bytes: usize,
    },
}

impl Line {
    /// Takes the port, or joins whoever of ours holds it.
    pub fn open(port: u16, opening: &Opening) -> Result<Line, HubError> {
        let cause = match socket::hold(port, opening, LOOK_UP_EVERY) {
            Ok(opened) => return Self::holding(port, opening, opened),
            Err(cause) => cause,
        };
        if cause.kind() == io::ErrorKind::AddrInUse
            && let Some(key) = key()
            && let Some(line) = Self::join(port, opening, key)?
        {
            return Ok(line);
        }
        Err(socket::explain(port, cause))
    }

    fn new(port: u16, opening: &Opening, opened: Opened, role: Role) -> Line {
        Line {
            port,
            key: key(),
            opening: opening.clone(),
            opened,
            role,
            takeovers: 0,
            trouble: None,
            refused: None,
            followed: 0,
            letter: Vec::new(),
            frames: Vec::with_capacity(64),
        }
    }

    fn holding(port: u16, opening: &Opening, opened: Opened) -> Result<Line, HubError> {
        let port = match port {
            0 => opened
                .socket
                .local_addr()
                .map_err(|cause| socket::explain(0, cause))?
                .port(),
            port => port,
        };
        Ok(Self::new(
            port,
            opening,
            opened,
            Role::Holder(Guests::default()),
        ))
    }

    /// `None` if nobody of ours answers.
    fn join(port: u16, opening: &Opening, key: Key) -> Result<Option<Line>, HubError> {
        let failed = |cause| socket::explain(port, cause);
        let opened = socket::any_on_loopback(TEND_EVERY).map_err(failed)?;
        let mut line = Self::new(port, opening, opened, guest(HostTime::now()));
        line.key = Some(key);
        let begin = HostTime::now();
        let mut bytes = vec![0; MAX_DATAGRAM_BYTES + AROUND_BYTES + 1];
        while HostTime::now().seconds_since(begin) < PATIENCE_S {
            line.say_hello();
            if let Ok((length, sender)) = line.opened.socket.recv_from(&mut bytes)
                && line.is_welcomed(&bytes[..length], sender, HostTime::now())
            {
                return Ok(Some(line));
            }
            // It may have gone meanwhile.
            if let Ok(opened) = socket::hold(port, opening, LOOK_UP_EVERY) {
                return Self::holding(port, opening, opened).map(Some);
            }
        }
        Ok(None)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn state(&self) -> State {
        let (role, reach, buffer_bytes, guests) = match &self.role {
            Role::Holder(guests) => {
                let reach = self.opening.reach;
                (
                    PortRole::Holder,
                    reach,
                    self.opened.buffer_bytes,
                    guests.count(),
                )
            }
            Role::Guest {
                reach,
                buffer_bytes,
                ..
            } => {
                let lost = self.trouble.is_some();
                let role = if lost {
                    PortRole::Lost
                } else {
                    PortRole::Guest
                };
                (
                    role,
                    *reach,
                    (*buffer_bytes).min(self.opened.buffer_bytes),
                    0,
                )
            }
        };
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let door = match role {
            PortRole::Holder => here,
            _ => self.opened.socket.local_addr().unwrap_or(here),
        };
        State {
            role,
            reach,
            buffer_bytes,
            guests,
            takeovers: self.takeovers,
            trouble: self.trouble.clone(),
            door,
            followed: self.followed,
        }
    }

    /// Reads until it is told to stop. No failure of a read ends it.
    pub fn run(mut self, hub: &Hub, stop: &AtomicBool) {
        let mut bytes = vec![0; MAX_DATAGRAM_BYTES + AROUND_BYTES + 1];
        let mut tended = HostTime(f64::NEG_INFINITY);
        loop {
            let received = self.opened.socket.recv_from(&mut bytes);
            let now = HostTime::now();
            if stop.load(Ordering::Acquire) {
                return;
            }
            match received {
                Ok((length, sender)) => self.hear(hub, &bytes[..length], sender, now),
                Err(error) => hub.endure(&error),
            }
            let due = now.seconds_since(tended) >= TEND_EVERY.as_secs_f64();
            if due || hub.asked() != self.followed {
                tended = now;
                self.tend(hub, now);
            }
        }
    }

    fn hear(&mut self, hub: &Hub, bytes: &[u8], sender: SocketAddr, now: HostTime) {
        let note = if sender.ip().is_loopback() && is_note(bytes) {
            Note::read(bytes)
        } else {
            None
        };
        if matches!(self.role, Role::Holder(_)) {
            match note {
                Some(Note::Hello { key, reach, groups }) if Some(key) == self.key => {
                    self.welcome(hub, sender, reach, groups, now);
                }
                Some(Note::Knock) => {}
                _ => {
                    self.hand_on(bytes, sender, now);
                    hub.take(bytes, sender, now, &mut self.frames);
                }
            }
        } else if let Some(Note::Relayed {
            sender: first,
            arrival_s,
            datagram,
        }) = note
            && sender.port() == self.port
            && let Role::Guest {
                clock, welcomed, ..
            } = &mut self.role
        {
            *welcomed = now;
            let arrival = clock.read(arrival_s, now);
            hub.take(datagram, first.into(), arrival, &mut self.frames);
        } else {
            self.is_welcomed(bytes, sender, now);
        }
    }

    /// Hands a datagram on to every guest; what a guest has no room for is lost to it alone.
    fn hand_on(&mut self, datagram: &[u8], sender: SocketAddr, arrival: HostTime) {
        let (Role::Holder(guests), SocketAddr::V4(sender)) = (&self.role, sender) else {
            return;
        };
        if guests.count() == 0 {
            return;
        }
        // One byte too many is enough to be refused there as here.
        let datagram = &datagram[..datagram.len().min(MAX_DATAGRAM_BYTES + 1)];
        let note = Note::Relayed {
            sender,
            arrival_s: arrival.0,
            datagram,
        };
        note.write(&mut self.letter);
        for guest in guests.addresses() {
            let _ = self.opened.socket.send_to(&self.letter, guest);
        }
    }

    fn welcome(
        &mut self,
        hub: &Hub,
        guest: SocketAddr,
        reach: Reach,
        groups: Vec<Ipv4Addr>,
        now: HostTime,
    ) {
        let (Role::Holder(guests), Some(key)) = (&mut self.role, self.key) else {
            return;
        };
        if guests.greet(guest, reach, groups, now) {
            self.tend(hub, now);
        }
        let note = Note::Welcome {
            key,
            reach: self.opening.reach,
            buffer_bytes: self.opened.buffer_bytes as u32,
        };
        note.write(&mut self.letter);
        let _ = self.opened.socket.send_to(&self.letter, guest);
    }

    /// Follows a welcome; false if these bytes are none.
    fn is_welcomed(&mut self, bytes: &[u8], sender: SocketAddr, now: HostTime) -> bool {
        let ours = sender.port() == self.port && sender.ip().is_loopback();
        let (
            true,
            Some(Note::Welcome {
                key,
                reach: said,
                buffer_bytes: granted,
            }),
        ) = (ours, Note::read(bytes))
        else {
            return false;
        };
        let Role::Guest {
            welcomed,
            reach,
            buffer_bytes,
            ..
        } = &mut self.role
        else {
            return false;
        };
        if Some(key) != self.key {
            return false;
        }
        (*welcomed, *reach, *buffer_bytes) = (now, said, granted as usize);
        self.trouble = None;
        true
    }

    fn say_hello(&mut self) {
        let Some(key) = self.key else { return };
        let note = Note::Hello {
            key,
            reach: self.opening.reach,
            groups: self.opening.groups.iter().copied().collect(),
        };
        note.write(&mut self.letter);
        let holder = (Ipv4Addr::LOCALHOST, self.port);
        let _ = self.opened.socket.send_to(&self.letter, holder);
    }

    /// Several times a second: follow the wishes, take over, forget guests.
    fn tend(&mut self, hub: &Hub, now: HostTime) {
        let asked = hub.asked();
        let mut wanted = hub.opening();
        match &mut self.role {
            Role::Holder(guests) => {
                guests.forget_silent(now);
                guests.widen(&mut wanted);
                self.reopen(wanted, now);
            }
            Role::Guest { .. } => {
                self.opening = wanted;
                self.take_over(now);
            }
        }
        self.followed = asked;
        hub.publish(self.state());
    }

    fn take_over(&mut self, now: HostTime) {
        if let Ok(opened) = socket::hold(self.port, &self.opening, LOOK_UP_EVERY) {
            self.opened = opened;
            self.role = Role::Holder(Guests::default());
            self.takeovers += 1;
            self.trouble = None;
            return;
        }
        self.say_hello();
        let Role::Guest { welcomed, .. } = &self.role else {
            return;
        };
        if now.seconds_since(*welcomed) > LOST_AFTER_S && self.trouble.is_none() {
            self.trouble = Some(socket::explain(self.port, io::ErrorKind::AddrInUse.into()));
        }
    }

    /// Opens the socket anew where it should be open otherwise. If that fails the port is heard as before.
    fn reopen(&mut self, wanted: Opening, now: HostTime) {
        let refused = self.refused.as_ref();
        let tried = refused
            .is_some_and(|(opening, at)| *opening == wanted && now.seconds_since(*at) < RETRY_S);
        if wanted == self.opening || tried {
            return;
        }
        // The port must be free for a moment; this socket stands in, and becomes a guest's if another is quicker.
        let Ok(stand_in) = socket::any_on_loopback(TEND_EVERY) else {
            return;
        };
        self.opened = stand_in;
        (self.trouble, self.refused) = (None, None);
        match socket::hold(self.port, &wanted, LOOK_UP_EVERY) {
            Ok(opened) => (self.opened, self.opening) = (opened, wanted),
            Err(cause) => match socket::hold(self.port, &self.opening, LOOK_UP_EVERY) {
                Ok(opened) => {
                    self.opened = opened;
                    self.trouble = Some(socket::explain(self.port, cause));
                    self.refused = Some((wanted, now));
                }
                Err(_) => {
                    self.opening = wanted;
                    self.role = guest(now);
                    self.say_hello();
                }
            },
        }
    }
}

fn guest(now: HostTime) -> Role {
    Role::Guest {
        clock: PeerClock::default(),
        welcomed: now,
        reach: Reach::Loopback,
        buffer_bytes: usize::MAX,
    }
}
