use rosc::OscType;

use super::*;
use crate::sensor::device::DeviceStatus;
use crate::sensor::encode::{Spoken, bundle, message};
use crate::sensor::frame::DeviceId;

fn sender(port: u16) -> SocketAddr {
    // Names are shared by the process: each test has a host of its own.
    SocketAddr::from(([10, 0, (port >> 8) as u8, port as u8], port))
}

fn floats(numbers: &[f32]) -> Vec<OscType> {
    numbers
        .iter()
        .map(|&number| OscType::Float(number))
        .collect()
}

fn hear(intake: &mut Intake, bytes: &[u8], from: SocketAddr, at_s: f64) -> Vec<SensorFrame> {
    let mut frames = Vec::new();
    intake.accept(bytes, from, HostTime(at_s), &mut frames);
    frames
}

fn status(intake: &Intake, at_s: f64) -> DeviceStatus {
    intake.devices(HostTime(at_s)).remove(0)
}

#[test]
fn a_bundle_becomes_one_frame() {
    let mut intake = Intake::new(Dialects::built_in());
    let mut reading = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    reading.accel_m_per_s2 = [0.0, 1.0, 9.5];
    reading.rate_rad_per_s = [1.0, 2.0, 3.0];
    reading.quaternion = [1.0, 0.0, 0.0, 0.0];
    let bytes = &Spoken::RiotV3.encode(3, 1.5, &reading)[0];
    let frames = hear(&mut intake, bytes, sender(1), 20.0);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].accel_m_per_s2, reading.accel_m_per_s2);
    assert_eq!(frames[0].rate_rad_per_s, reading.rate_rad_per_s);
    assert_eq!(frames[0].quaternion, reading.quaternion);
    assert_eq!(status(&intake, 20.0).name, "R-IoT v3 3");
}

#[test]
fn what_every_spoken_dialect_sends_is_heard_in_si_units() {
    let mut reading = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    reading.accel_m_per_s2 = [1.0, -2.0, 11.0];
    reading.linear_accel_m_per_s2 = [1.0, -2.0, 1.193_35];
    reading.rate_rad_per_s = [0.5, -4.0, 2.0];
    reading.quaternion = [1.0, 0.0, 0.0, 0.0];
    for (number, (name, spoken)) in Spoken::ALL.into_iter().enumerate() {
        let mut intake = Intake::new(Dialects::built_in());
        for step in 0..3 {
            let at_s = f64::from(step) * 0.01;
            for datagram in spoken.encode(7, at_s, &reading) {
                hear(&mut intake, &datagram, sender(100 + number as u16), at_s);
            }
        }
        let counters = intake.counters();
        assert_eq!(
            (counters.malformed, counters.unknown, counters.implausible),
            (0, 0, 0),
            "{name}"
        );
        let status = status(&intake, 0.03);
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-3);
        let heard = status.latest;
        assert!(
            close(&heard.accel_m_per_s2, &reading.accel_m_per_s2),
            "{name}: {heard:?}"
        );
        assert!(
            close(&heard.rate_rad_per_s, &reading.rate_rad_per_s),
            "{name}: {heard:?}"
        );
        assert!(
            close(&heard.quaternion, &reading.quaternion),
            "{name}: {heard:?}"
        );
    }
}

#[test]
fn not_a_number_is_left_out_and_counted() {
    let mut intake = Intake::new(Dialects::built_in());
    let mut numbers = [0.1; 22];
    numbers[1] = f32::NAN;
    numbers[4] = f32::INFINITY;
    numbers[14..18].copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
    let frames = hear(
        &mut intake,
        &message("/0/raw", floats(&numbers)),
        sender(2),
        0.0,
    );
    assert!(frames[0].accel_m_per_s2.iter().all(|value| value.is_nan()));
    assert!(frames[0].rate_rad_per_s.iter().all(|value| value.is_nan()));
    assert_eq!(frames[0].quaternion, [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(intake.counters().implausible, 1);
}

#[test]
fn unknown_and_malformed_are_told_apart_and_unknown_ones_are_kept_to_be_shown() {
    let mut intake = Intake::new(Dialects::built_in());
    hear(
        &mut intake,
        &message("/fader/1", floats(&[0.5])),
        sender(3),
        0.0,
    );
    hear(
        &mut intake,
        &message("/fader/1", floats(&[0.6])),
        sender(3),
        0.0,
    );
    hear(&mut intake, b"rubbish", sender(3), 0.0);
    let counters = intake.counters();
    assert_eq!(
        (counters.unknown, counters.malformed, counters.datagrams),
        (2, 1, 3)
    );
    assert_eq!(intake.unknown()[0].address, "/fader/1");
    assert_eq!(intake.unknown()[0].count, 2);
}

#[test]
fn senders_without_an_id_on_one_host_are_told_apart_by_port() {
    let mut intake = Intake::new(Dialects::built_in());
    let quaternion = message("/quaternion", floats(&[1.0, 0.0, 0.0, 0.0]));
    let (left, right) = (sender(4), SocketAddr::new(sender(4).ip(), 5000));
    let mut ids = Vec::new();
    for step in 0..20 {
        let at_s = f64::from(step) * 0.01;
        ids.push(hear(&mut intake, &quaternion, left, at_s)[0].device);
        ids.push(hear(&mut intake, &quaternion, right, at_s)[0].device);
    }
    assert_eq!(intake.devices(HostTime(0.2)).len(), 2);
    assert!(
        ids[4..]
            .chunks(2)
            .all(|pair| pair[0] == ids[4] && pair[1] == ids[5] && pair[0] != pair[1])
    );
}

#[test]
fn an_app_that_changes_its_port_stays_one_device() {
    let mut intake = Intake::new(Dialects::built_in());
    let quaternion = message("/quaternion", floats(&[1.0, 0.0, 0.0, 0.0]));
    for step in 0..200_u16 {
        let from = SocketAddr::new(sender(5).ip(), 10_000 + step);
        hear(&mut intake, &quaternion, from, f64::from(step) * 0.01);
    }
    assert_eq!(intake.devices(HostTime(2.0)).len(), 1);
}

#[test]
fn made_up_devices_do_not_use_up_memory() {
    let mut intake = Intake::new(Dialects::built_in());
    for number in 0..1_000 {
        let address = format!("/made-up-{number}/quat");
        hear(
            &mut intake,
            &message(&address, floats(&[1.0, 0.0, 0.0, 0.0])),
            sender(6),
            0.0,
        );
    }
    assert_eq!(intake.devices(HostTime(0.0)).len(), 64);
    assert_eq!(intake.counters().refused, 1_000 - 64);
}

#[test]
fn holes_in_a_devices_own_stamps_are_its_losses() {
    let mut intake = Intake::new(Dialects::built_in());
    for step in (0..1_000).filter(|step| step % 100 != 99) {
        let arguments = [floats(&[0.0, 0.0, 9.81]), vec![OscType::Int(step * 5)]].concat();
        let bytes = bundle(0, vec![("/riot/v3/0/accelerometer".into(), arguments)]);
        hear(&mut intake, &bytes, sender(7), f64::from(step) * 0.005);
    }
    let status = status(&intake, 5.0);
    assert_eq!(status.lost, 9);
    assert!((status.rate_hz - 200.0).abs() < 10.0, "{}", status.rate_hz);
    assert_eq!(status.clock, crate::sensor::clock::ClockSource::Stamp);
}

/// The fuzz target of the whole path from bytes to frames: datagrams of every spoken dialect, mutated by bytes, cuts,
/// insertions and type tags, from a few senders, at times that go back and forth. Seeded: a failure repeats. A crash
/// found here becomes a test of its own beside this one.
#[test]
fn random_and_mutated_datagrams_never_panic() {
    let mut intake = Intake::new(Dialects::built_in());
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut reading = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    reading.accel_m_per_s2 = [0.0, 0.0, 9.8];
    reading.rate_rad_per_s = [0.0; 3];
    reading.quaternion = [1.0, 0.0, 0.0, 0.0];
    let ximu3 = [
        &b"I,1000000,0,0,0,0,0,1\r\nQ,1000000,1,0,0,0\r\n"[..],
        b"\xd1\xdb\xdc\xdb\xdd\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\0\0\0\0\0\0\0\0\0\n",
    ];
    let whole: Vec<Vec<u8>> = Spoken::ALL
        .iter()
        .flat_map(|(_, spoken)| spoken.encode(1, 2.0, &reading))
        .chain(ximu3.map(<[u8]>::to_vec))
        .collect();
    let mut frames = Vec::new();
    // 10⁷ in the long run.
    let rounds = if std::env::var_os("IMU2MUSIC_LONG").is_some() {
        10_000_000
    } else {
        200_000
    };
    for round in 0..rounds {
        let mut bytes = whole[next() as usize % whole.len()].clone();
        for _ in 0..next() % 6 {
            let at = next() as usize % bytes.len();
            match next() % 4 {
                0 => bytes[at] = next() as u8,
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b",[]fisbTd/#\0"[next() as usize % 12]),
                _ => drop(bytes.splice(at..at, next().to_be_bytes())),
            }
        }
        let from = SocketAddr::from(([10, 9, 9, (next() % 3) as u8], (next() % 5) as u16));
        intake.accept(
            &bytes,
            from,
            HostTime(f64::from(round) * 1e-3 + (next() % 100) as f64 * 1e-3),
            &mut frames,
        );
        assert!(frames.iter().all(|frame| frame.time.0.is_finite()));
        frames.clear();
    }
    let counters = intake.counters();
    assert!(
        counters.malformed > 0 && counters.frames > 0 && counters.unknown > 0,
        "{counters:?}"
    );
}

#[test]
fn an_x_imu3_is_heard_through_its_own_text() {
    let mut intake = Intake::new(Dialects::built_in());
    let bytes = b"I,1000000,0,0,0,0,0,1\r\nQ,1000000,1,0,0,0\r\nB,1000000,80,4.1,1\r\n";
    let frames = hear(&mut intake, bytes, sender(8), 1.0);
    assert_eq!(frames.len(), 1);
    assert!((frames[0].accel_m_per_s2[2] - 9.806_65).abs() < 1e-4);
    assert_eq!(frames[0].quaternion, [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(intake.counters().unknown, 0);
}
