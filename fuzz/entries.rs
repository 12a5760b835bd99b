//! What strangers can hand us, as functions of bytes that must never panic: for the fuzz targets and for
//! `tests/fuzz_entries.rs`.
#![allow(dead_code)]

use imu2music::neural::runner::Runner;
use imu2music::sensor::SensorFrame;
use imu2music::sensor::dialect::Dialects;
use imu2music::sensor::intake::Intake;
use imu2music::units::HostTime;
use std::net::{Ipv4Addr, SocketAddr};

/// Steps of a model that was accepted.
const STEPS: u64 = 4;

/// A model file: screened, lowered and compared, or timed on the helper thread, then stepped. Says whether it plays.
pub fn model(bytes: &[u8]) -> bool {
    let Ok(mut runner) = Runner::load(bytes, true) else {
        return false;
    };
    for tick in 1..=STEPS {
        runner.submit(tick);
        runner.fetch(tick, true);
        runner.step();
    }
    true
}

/// Datagrams from one sender into one port, each behind its length in two bytes. Says how many frames they made.
pub fn datagrams(mut bytes: &[u8]) -> usize {
    let mut intake = Intake::new(Dialects::built_in());
    let sender = SocketAddr::from((Ipv4Addr::LOCALHOST, 9000));
    let mut frames = Vec::new();
    let mut arrival_s = 1.0;
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (datagram, rest) = rest.split_at(length);
        intake.accept(datagram, sender, HostTime(arrival_s), &mut frames);
        arrival_s += 0.01;
        bytes = rest;
    }
    assert!(frames.iter().all(is_sane), "a frame that no sensor makes");
    frames.len()
}

/// What a message does not carry is NaN; nothing is infinite.
fn is_sane(frame: &SensorFrame) -> bool {
    let vectors = [
        frame.accel_m_per_s2,
        frame.rate_rad_per_s,
        frame.mag_ut,
        frame.linear_accel_m_per_s2,
    ];
    let numbers = vectors.as_flattened().iter();
    let mut numbers = numbers.chain(&frame.quaternion).chain(&frame.aux);
    frame.time.0.is_finite() && numbers.all(|number| !number.is_infinite())
}
