//! Plays timed datagrams as real UDP packets: the virtual performer, replayed takes, tests.
//!
//! The thread only keeps time and sends; what a network does to a stream is `impair.rs`.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::encode::Spoken;
use super::frame::{DeviceId, SensorFrame};
use super::performer::{Performer, Strapped};
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

/// The virtual performer's sensors on its forearms, `rate_hz` each: device 0 and 1 in the order of `performer::LIMBS`.
pub fn performed(
    performer: Performer,
    rate_hz: f64,
    seconds: Option<f64>,
) -> impl Iterator<Item = TimedReading> + Send {
    let sensors = performer.sensors().to_vec();
    performed_with(performer, sensors, rate_hz, seconds)
}

/// The same with sensors anywhere; the place in the list is the device's number. Sensors are never in step, so each
/// reads a part of a period after the one before.
pub fn performed_with(
    performer: Performer,
    sensors: Vec<Strapped>,
    rate_hz: f64,
    seconds: Option<f64>,
) -> impl Iterator<Item = TimedReading> + Send {
    let readings = seconds.map_or(u64::MAX / 2, |seconds| {
        (seconds * rate_hz).round().max(0.0) as u64
    });
    let count = sensors.len().max(1) as u64;
    (0..readings.saturating_mul(sensors.len() as u64)).map(move |number| {
        let device = number % count;
        let phase = device as f64 / (count + 1) as f64;
        let at_s = ((number / count) as f64 + phase) / rate_hz;
        let reading = performer.reads(&sensors[device as usize], at_s);
        let mut frame = SensorFrame::empty(DeviceId(device as u16), HostTime(at_s));
        frame.accel_m_per_s2 = reading.accel_m_per_s2;
        frame.rate_rad_per_s = reading.rate_rad_per_s;
        frame.quaternion = reading.quaternion;
        TimedReading {
            at_s,
            device: device as u16,
            frame,
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transmitter_is_stopped_by_dropping_it() {
        let endless = (0..).map(|number| TimedDatagram {
            at_s: f64::from(number) * 3600.0,
            source: 0,
            bytes: vec![0],
        });
        let transmitter =
            Transmitter::start(SocketAddr::from(([127, 0, 0, 1], 9)), endless, 1.0).unwrap();
        assert!(!transmitter.is_finished());
        drop(transmitter);
    }
}
