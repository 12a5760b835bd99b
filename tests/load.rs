//! More than any stage sends: a flood beside a playing engine, and sixteen tracks on one port.
//!
//! Short here, where counts are asserted; with IMU2MUSIC_LONG as long as the design asks, and with what
//! depends on a quiet machine (CPU, memory, dropouts) printed and asserted too.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use imu2music::engine::{Engine, Mail, Settings};
use imu2music::gesture::mapping::Mapping;
use imu2music::neural::shipped;
use imu2music::sensor::encode::{Spoken, message};
use imu2music::sensor::hub::{Reach, listen};
use imu2music::sensor::impair::{Impaired, Impairment};
use imu2music::sensor::performer::{Performer, Style};
use imu2music::sensor::transmit::{Transmitter, performed, speak};
use imu2music::units::HostTime;

const SAMPLE_RATE_HZ: f32 = 48_000.0;
const BLOCK: usize = 512;

fn is_long() -> bool {
    std::env::var_os("IMU2MUSIC_LONG").is_some()
}

/// Sends valid OSC that nobody knows, at an even rate, until it is dropped.
struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Flood {
    fn start(port: u16, per_second: u64) -> Flood {
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let senders = 4;
        let threads = (0..senders).map(|_| {
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            thread::spawn(move || {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
                let bytes = message("/flood", vec![rosc::OscType::Float(0.5); 8]);
                let (start, mut own) = (Instant::now(), 0);
                while !stop.load(Ordering::Relaxed) {
                    let due = (start.elapsed().as_secs_f64() * per_second as f64) as u64 / senders;
                    while own < due {
                        let _ = socket.send_to(&bytes, (Ipv4Addr::LOCALHOST, port));
                        own += 1;
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            })
        });
        let threads = threads.collect();
        Flood {
            stop,
            sent,
            threads,
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads
            .drain(..)
            .for_each(|thread| drop(thread.join()));
    }
}

/// Memory of this process in KiB, where the system tells.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// CPU seconds of each thread of this process with a name, where the system tells.
fn threads_called(name: &str) -> Option<Vec<f64>> {
    const TICKS_PER_S: f64 = 100.0;
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").trim() == name {
            let stat = read("stat");
            let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
            let ticks = |index: usize| {
                fields
                    .get(index)
                    .and_then(|field| field.parse::<f64>().ok())
            };
            found.push((ticks(11)? + ticks(12)?) / TICKS_PER_S);
        }
    }
    Some(found)
}

#[test]
fn sixteen_instances_are_served_by_one_thread() {
    let (seconds, per_second) = if is_long() {
        (20.0, 20_000_u64)
    } else {
        (0.5, 400)
    };
    let (first, output) = listen(0, Reach::Loopback).expect("a port");
    let port = first.port();
    let mut ears = vec![(first, output)];
    ears.extend((1..16).map(|_| listen(port, Reach::Loopback).expect("the same port")));
    let before = threads_called(&format!("osc-{port}"));
    if let Some(threads) = &before {
        assert_eq!(threads.len(), 1, "threads of port {port}");
    }
    let readings = performed(
        Performer::new(Style::Bow, 1),
        per_second as f64 / 2.0,
        Some(seconds),
    );
    let transmitter = Transmitter::start(
        (Ipv4Addr::LOCALHOST, port).into(),
        speak(readings, Spoken::RiotV2),
        1.0,
    )
    .expect("a sender");
    let expected = (seconds * per_second as f64) as u64;
    let mut heard = [0_u64; 16];
    let start = Instant::now();
    while heard.iter().any(|&count| count < expected)
        && start.elapsed().as_secs_f64() < seconds + 20.0
    {
        for ((_, output), count) in ears.iter_mut().zip(&mut heard) {
            *count += std::iter::from_fn(|| output.pop()).count() as u64;
        }
        thread::sleep(Duration::from_millis(2));
    }
    let after = threads_called(&format!("osc-{port}"));
    if let (Some(before), Some(after)) = (before, after) {
        let share = 100.0 * (after[0] - before[0]) / start.elapsed().as_secs_f64();
        println!(
            "16 instances, {per_second} messages/s: the hub's thread took {share:.1} % of a core"
        );
    }
    assert_eq!(transmitter.sent(), expected);
    assert_eq!(heard, [expected; 16]);
}

#[test]
fn the_engine_plays_on_through_a_flood() {
    let (seconds, per_second) = if is_long() {
        (30.0, 100_000)
    } else {
        (2.0, 2_000)
    };
    let (mut engine, mut shore) = Engine::new(SAMPLE_RATE_HZ);
    shipped::fill(&mut shore.gestures, &mut shore.sounds).expect("the shipped models load");
    let (subscription, readings) = listen(0, Reach::Loopback).expect("a port");
    let feed = Mail::Feed {
        index: 0,
        readings: Some(readings),
    };
    let _ = shore.mail.send(Box::new(feed));
    let inputs = ["right_forearm.energy", "left_forearm.energy"];
    let (map, _) = Mapping::default().compile(&inputs, &[]);
    let _ = shore.mail.send(Box::new(Mail::Seating(map.seating)));

    let plan = speak(
        performed(Performer::new(Style::Bow, 1), 100.0, None),
        Spoken::RiotV2,
    );
    let target = (Ipv4Addr::LOCALHOST, subscription.port()).into();
    let _sensors = Transmitter::start(target, Impaired::new(plan, Impairment::NONE), 1.0);
    let flood = Flood::start(subscription.port(), per_second);

    let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
    let (start, settings) = (Instant::now(), Settings::default());
    let (mut rendered, mut loudest, mut worst) = (0, 0.0_f32, 0.0_f32);
    let (mut memory_kib, mut last, mut first_counts, mut ticks) = (None, None, None, 0_u64);
    while (rendered as f32) < seconds * SAMPLE_RATE_HZ {
        let due = start + Duration::from_secs_f32(rendered as f32 / SAMPLE_RATE_HZ);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let begun = HostTime::now();
        engine.begin_block(begun, BLOCK, &settings, None);
        engine.render(&mut left, &mut right);
        engine.end_block(begun, HostTime::now(), BLOCK);
        rendered += BLOCK;
        assert!(left.iter().chain(&right).all(|sample| sample.is_finite()));
        loudest = left
            .iter()
            .fold(loudest, |most, sample| most.max(sample.abs()));
        while let Some(snapshot) = shore.telemetry.pop() {
            ticks += 1;
            // Two seconds to find the stream and warm up.
            if snapshot.song_s > 2.0_f64.min(f64::from(seconds) / 2.0) {
                first_counts.get_or_insert(snapshot.counts);
                memory_kib = memory_kib.or_else(resident_kib);
                worst = worst.max(snapshot.callback_load);
            }
            last = Some(snapshot);
        }
    }
    let sent = flood.sent.load(Ordering::Relaxed);
    drop(flood);
    let (last, first) = (last.expect("a snapshot"), first_counts.expect("a snapshot"));
    let grown_kib = resident_kib()
        .zip(memory_kib)
        .map_or(0, |(now, then)| now as i64 - then as i64);
    let counters = subscription.counters();
    println!(
        "{:.0} messages/s sent for {seconds} s, {} heard; dropouts {}, late blocks {}, worst block {:.0} %, memory {grown_kib:+} KiB",
        sent as f32 / seconds,
        counters.datagrams,
        last.counts.dropouts - first.dropouts,
        last.counts.overload - first.overload,
        100.0 * worst,
    );
    assert!(loudest > 0.0, "the bow is not heard");
    // A snapshot every control tick: no gap in the sound's own time.
    assert!(
        ticks as f64 >= f64::from(seconds) * 200.0 - 20.0,
        "{ticks} ticks"
    );
    assert!(counters.unknown > 0 && counters.frames > 0, "{counters:?}");
    if is_long() {
        assert_eq!(last.counts.dropouts - first.dropouts, 0);
        assert_eq!(last.counts.overload - first.overload, 0);
        assert!(grown_kib < 8 << 10, "memory grew by {grown_kib} KiB");
    }
}
