//! Plays timed datagrams as real UDP packets: the virtual performer, replayed takes, tests.
//!
//! A network's doings (jitter, loss, packets that wait for one another) are an iterator over the
//! plan, seeded and so repeatable; the thread only keeps time and sends.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::encode::Spoken;
use super::frame::SensorFrame;
use crate::units::HostTime;

/// The longest sleep between looks at the stop flag.
const LONGEST_SLEEP_S: f64 = 0.02;

/// One reading of one device, to be sent.
#[derive(Clone, Copy, Debug)]
pub struct TimedReading {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// Which device; its number becomes its id.
    pub device: u16,
    pub frame: SensorFrame,
}

/// One datagram, to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedDatagram {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// Each source sends from a port of its own.
    pub source: u16,
    pub bytes: Vec<u8>,
}

/// Readings as the datagrams of a dialect.
pub fn speak(
    readings: impl Iterator<Item = TimedReading>,
    spoken: Spoken,
) -> impl Iterator<Item = TimedDatagram> {
    readings.flat_map(move |reading| {
        let TimedReading {
            at_s,
            device,
            frame,
        } = reading;
        let datagrams = spoken.encode(device, at_s, &frame).into_iter();
        datagrams.map(move |bytes| TimedDatagram {
            at_s,
            source: device,
            bytes,
        })
    })
}

/// What a network does to a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Mean of the random delay of each packet (exponential).
    pub jitter_ms: f32,
    /// Longest wait for a radio that sleeps: what is due meanwhile comes in a burst.
    pub burst_ms: f32,
    /// Such waits per second.
    pub bursts_hz: f32,
    /// Share of packets that never arrive.
    pub loss: f32,
    pub seed: u64,
}

impl Impairment {
    pub const NONE: Impairment = Impairment {
        jitter_ms: 0.0,
        burst_ms: 0.0,
        bursts_hz: 0.0,
        loss: 0.0,
        seed: 1,
    };

    /// A stage's Wi-Fi: like the R-IoT capture in the project's data (p99 of inter-arrival 15 ms, most 42 ms).
    pub const WIRELESS: Impairment = Impairment {
        jitter_ms: 1.0,
        burst_ms: 35.0,
        bursts_hz: 0.7,
        loss: 0.002,
        seed: 1,
    };
}

/// A stream as it comes out of the network: late and in part, but in order for each source.
pub struct Impaired<I> {
    plan: I,
    impairment: Impairment,
    random: Random,
    /// Source → its last delivery, the end of its radio's sleep, the sleep after that.
    radios: HashMap<u16, Radio>,
    under_way: BinaryHeap<UnderWay>,
    next: Option<TimedDatagram>,
    number: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Radio {
    last_s: f64,
    asleep_until_s: f64,
    next_sleep_s: f64,
}

struct UnderWay {
    arrives_s: f64,
    number: u64,
    datagram: TimedDatagram,
}

impl<I: Iterator<Item = TimedDatagram>> Impaired<I> {
    pub fn new(mut plan: I, impairment: Impairment) -> Self {
        let next = plan.next();
        Impaired {
            plan,
            impairment,
            random: Random(impairment.seed.max(1)),
            radios: HashMap::new(),
            under_way: BinaryHeap::new(),
            next,
            number: 0,
            lost: 0,
        }
    }

    /// Packets that were thrown away so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn set_out(&mut self, mut datagram: TimedDatagram) {
        if self.random.unit() < f64::from(self.impairment.loss) {
            self.lost += 1;
            return;
        }
        let delay_s = self.random.exponential() * f64::from(self.impairment.jitter_ms) * 1e-3;
        let (random, impairment) = (&mut self.random, self.impairment);
        let radio = self.radios.entry(datagram.source).or_insert_with(|| Radio {
            next_sleep_s: datagram.at_s + random.exponential() / f64::from(impairment.bursts_hz),
            ..Radio::default()
        });
        if datagram.at_s >= radio.next_sleep_s {
            radio.asleep_until_s =
                datagram.at_s + random.unit() * f64::from(impairment.burst_ms) * 1e-3;
            radio.next_sleep_s =
                radio.asleep_until_s + random.exponential() / f64::from(impairment.bursts_hz);
        }
        let arrives_s = (datagram.at_s + delay_s)
            .max(radio.asleep_until_s)
            .max(radio.last_s);
        radio.last_s = arrives_s;
        datagram.at_s = arrives_s;
        self.number += 1;
        self.under_way.push(UnderWay {
            arrives_s,
            number: self.number,
            datagram,
        });
    }
}

impl<I: Iterator<Item = TimedDatagram>> Iterator for Impaired<I> {
    type Item = TimedDatagram;

    fn next(&mut self) -> Option<TimedDatagram> {
        // Nothing can overtake a packet once the plan has reached the time at which it arrives.
        while let Some(next) = self.next.take() {
            if self
                .under_way
                .peek()
                .is_some_and(|first| first.arrives_s <= next.at_s)
            {
                self.next = Some(next);
                break;
            }
            self.set_out(next);
            self.next = self.plan.next();
        }
        self.under_way.pop().map(|first| first.datagram)
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for UnderWay {}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay {
    /// The earliest is the greatest, for the heap gives that out first.
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .arrives_s
            .total_cmp(&self.arrives_s)
            .then(other.number.cmp(&self.number))
    }
}

/// xorshift64* (Vigna 2016).
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

/// A thread that plays a plan. Dropping it stops and joins.
pub struct Transmitter {
    thread: Option<JoinHandle<()>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    stop: AtomicBool,
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Transmitter {
    /// Begins to send `plan` to `target`, `speed` times as fast as it says.
    pub fn start(
        target: SocketAddr,
        plan: impl Iterator<Item = TimedDatagram> + Send + 'static,
        speed: f64,
    ) -> io::Result<Transmitter> {
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        // Opened here so that a machine without a network is an error now.
        let mut sockets = HashMap::from([(0, open_towards(target)?)]);
        let thread = thread::Builder::new()
            .name("transmit".to_owned())
            .spawn(move || {
                let start = HostTime::now();
                for datagram in plan {
                    if !wait_until(start + datagram.at_s / speed.max(1e-3), &shared.stop) {
                        return;
                    }
                    send(&mut sockets, target, &datagram, &shared);
                }
            })?;
        Ok(Transmitter {
            thread: Some(thread),
            progress,
        })
    }

    /// Datagrams handed to the network so far.
    pub fn sent(&self) -> u64 {
        self.progress.sent.load(Relaxed)
    }

    /// Datagrams that the system refused.
    pub fn failed(&self) -> u64 {
        self.progress.failed.load(Relaxed)
    }

    /// Whether the plan has been played to its end.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end of the plan.
    pub fn join(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Transmitter {
    fn drop(&mut self) {
        self.progress.stop.store(true, Release);
        self.end();
    }
}

fn open_towards(target: SocketAddr) -> io::Result<UdpSocket> {
    let any = if target.ip().is_loopback() {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    UdpSocket::bind((any, 0))
}

fn send(
    sockets: &mut HashMap<u16, UdpSocket>,
    target: SocketAddr,
    datagram: &TimedDatagram,
    progress: &Progress,
) {
    if !sockets.contains_key(&datagram.source)
        && let Ok(socket) = open_towards(target)
    {
        sockets.insert(datagram.source, socket);
    }
    let outcome = sockets
        .get(&datagram.source)
        .map(|socket| socket.send_to(&datagram.bytes, target));
    let counter = if matches!(outcome, Some(Ok(_))) {
        &progress.sent
    } else {
        &progress.failed
    };
    counter.fetch_add(1, Relaxed);
}

/// Sleeps until `time`; false if told to stop.
fn wait_until(time: HostTime, stop: &AtomicBool) -> bool {
    loop {
        if stop.load(Acquire) {
            return false;
        }
        let left_s = time.seconds_since(HostTime::now());
        if left_s <= 0.0 {
            return true;
        }
        thread::sleep(Duration::from_secs_f64(left_s.min(LONGEST_SLEEP_S)));
    }
}
