//! What library images of one user say to each other over loopback: who listens, and the datagrams
//! themselves with their first sender and arrival. Each is a valid OSC message, so that a stranger who
//! happens to hold the port merely hears an address that it does not know.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::key::{KEY_BYTES, Key};
use super::wishes::{MOST_GROUPS, Reach};
use crate::units::HostTime;

/// `/imu2music/relay` with one blob.
const PREFIX: &[u8] = b"/imu2music/relay\0\0\0\0,b\0\0";
/// Longest of our words around a relayed datagram.
pub const AROUND_BYTES: usize = PREFIX.len() + 4 + 1 + 14 + 3;

const KNOCK: u8 = 0;
const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const RELAYED: u8 = 3;

/// One message between two hubs.
#[derive(Clone, Debug, PartialEq)]
pub enum Note<'a> {
    /// Wakes a network thread.
    Knock,
    /// "I listen to this port too."
    Hello {
        key: Key,
        reach: Reach,
        groups: Vec<Ipv4Addr>,
    },
    /// "You will hear it from me": how the socket is open now.
    Welcome {
        key: Key,
        reach: Reach,
        buffer_bytes: u32,
    },
    /// A datagram, who sent it, and when it came by the holder's clock.
    Relayed {
        sender: SocketAddrV4,
        arrival_s: f64,
        datagram: &'a [u8],
    },
}

pub fn is_note(datagram: &[u8]) -> bool {
    datagram.starts_with(PREFIX)
}

impl<'a> Note<'a> {
    /// Writes the note into `bytes`, which is cleared first.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(PREFIX);
        bytes.extend_from_slice(&[0; 4]);
        match self {
            Note::Knock => bytes.push(KNOCK),
            Note::Hello { key, reach, groups } => {
                bytes.push(HELLO);
                bytes.extend_from_slice(key);
                bytes.push(u8::from(*reach == Reach::Network));
                for group in groups.iter().take(MOST_GROUPS) {
                    bytes.extend_from_slice(&group.octets());
                }
            }
            Note::Welcome {
                key,
                reach,
                buffer_bytes,
            } => {
                bytes.push(WELCOME);
                bytes.extend_from_slice(key);
                bytes.push(u8::from(*reach == Reach::Network));
                bytes.extend_from_slice(&buffer_bytes.to_be_bytes());
            }
            Note::Relayed {
                sender,
                arrival_s,
                datagram,
            } => {
                bytes.push(RELAYED);
                bytes.extend_from_slice(&sender.ip().octets());
                bytes.extend_from_slice(&sender.port().to_be_bytes());
                bytes.extend_from_slice(&arrival_s.to_be_bytes());
                bytes.extend_from_slice(datagram);
            }
        }
        let start = PREFIX.len() + 4;
        let length = (bytes.len() - start) as u32;
        bytes[PREFIX.len()..start].copy_from_slice(&length.to_be_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }

    /// Total: whatever is no note is `None`.
    pub fn read(bytes: &'a [u8]) -> Option<Note<'a>> {
        let (length, rest) = bytes.strip_prefix(PREFIX)?.split_first_chunk::<4>()?;
        let body = rest.get(..u32::from_be_bytes(*length) as usize)?;
        let (&kind, body) = body.split_first()?;
        match kind {
            KNOCK => Some(Note::Knock),
            HELLO => {
                let (key, reach, body) = key_and_reach(body)?;
                let (groups, _) = body.as_chunks::<4>();
                let groups = groups.iter().take(MOST_GROUPS).map(|&octets| octets.into());
                Some(Note::Hello {
                    key,
                    reach,
                    groups: groups.collect(),
                })
            }
            WELCOME => {
                let (key, reach, body) = key_and_reach(body)?;
                let buffer_bytes = u32::from_be_bytes(*body.first_chunk()?);
                Some(Note::Welcome {
                    key,
                    reach,
                    buffer_bytes,
                })
            }
            RELAYED => {
                let (ip, body) = body.split_first_chunk::<4>()?;
                let (port, body) = body.split_first_chunk::<2>()?;
                let (arrival_s, datagram) = body.split_first_chunk::<8>()?;
                Some(Note::Relayed {
                    sender: SocketAddrV4::new((*ip).into(), u16::from_be_bytes(*port)),
                    arrival_s: f64::from_be_bytes(*arrival_s),
                    datagram,
                })
            }
            _ => None,
        }
    }
}

fn key_and_reach(body: &[u8]) -> Option<(Key, Reach, &[u8])> {
    let (key, body) = body.split_first_chunk::<KEY_BYTES>()?;
    let (&wide, body) = body.split_first()?;
    let reach = if wide == 1 {
        Reach::Network
    } else {
        Reach::Loopback
    };
    Some((*key, reach, body))
}

/// Another process's monotonic clock: the machine's own, counted from another zero. The least difference
/// ever seen is that of the fastest relay, some microseconds above the truth.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerClock {
    offset_s: Option<f64>,
}

impl PeerClock {
    /// Their time on our clock; never later than `now`.
    pub fn read(&mut self, their_s: f64, now: HostTime) -> HostTime {
        /// Longer on its way than any relay: their clock is another one now.
        const LONGEST_WAY_S: f64 = 1.0;
        let seen_s = now.0 - their_s;
        if !seen_s.is_finite() {
            return now;
        }
        let offset_s = match self.offset_s {
            Some(offset_s) if seen_s - offset_s < LONGEST_WAY_S => offset_s.min(seen_s),
            _ => seen_s,
        };
        self.offset_s = Some(offset_s);
        HostTime((their_s + offset_s).min(now.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::osc;
    use proptest::prelude::*;

    fn written(note: &Note) -> Vec<u8> {
        let mut bytes = vec![7; 3];
        note.write(&mut bytes);
        bytes
    }

    #[test]
    fn notes_are_read_as_they_were_written_and_are_valid_osc() {
        let key = [9; KEY_BYTES];
        for note in [
            Note::Knock,
            Note::Hello {
                key,
                reach: Reach::Network,
                groups: vec![Ipv4Addr::new(239, 1, 2, 3)],
            },
            Note::Welcome {
                key,
                reach: Reach::Loopback,
                buffer_bytes: 425_984,
            },
            Note::Relayed {
                sender: SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 7), 9000),
                arrival_s: 12.5,
                datagram: b"#bundle\0odd",
            },
        ] {
            let bytes = written(&note);
            assert!(is_note(&bytes));
            assert_eq!(Note::read(&bytes), Some(note));
            let mut messages = Vec::new();
            osc::decode(&bytes, &mut messages).unwrap();
            assert_eq!(messages[0].address, "/imu2music/relay");
        }
    }

    #[test]
    fn the_words_around_a_datagram_are_as_long_as_stated() {
        let datagram = [1; 1001];
        let sender = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let bytes = written(&Note::Relayed {
            sender,
            arrival_s: 0.0,
            datagram: &datagram,
        });
        assert!(bytes.len() <= datagram.len() + AROUND_BYTES);
    }

    #[test]
    fn an_arrival_keeps_its_time_through_a_relay_that_wavers() {
        let mut clock = PeerClock::default();
        let mut worst_s = 0.0_f64;
        for number in 0..2_000_u32 {
            let their_s = 5.0 + f64::from(number) * 0.005;
            let way_s = 2e-5 + 4e-3 * f64::from(number * 7919 % 1000) / 1000.0;
            let read = clock.read(their_s, HostTime(their_s + 1_000.0 + way_s));
            if number > 1_000 {
                worst_s = worst_s.max((read.0 - their_s - 1_000.0).abs());
            }
        }
        assert!(worst_s < 1e-4, "{worst_s}");
    }

    #[test]
    fn a_clock_with_another_zero_is_followed_and_nonsense_is_now() {
        let mut clock = PeerClock::default();
        clock.read(1.0, HostTime(100.0));
        assert_eq!(clock.read(500.0, HostTime(101.0)), HostTime(101.0));
        assert_eq!(clock.read(1.5, HostTime(102.0)), HostTime(102.0));
        assert_eq!(clock.read(f64::NAN, HostTime(103.0)), HostTime(103.0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Note::read(&tail);
            let _ = Note::read(&[PREFIX, &tail].concat());
        }
    }
}
