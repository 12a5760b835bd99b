//! The whole gesture side: seats, freeze, engagement, and the same features however the readings are handed in.

use super::*;
use crate::gesture::mapping::{KnownDevice, Mapping};

const INPUTS: [&str; 2] = ["right_forearm.rate_z", "left_forearm.rate_z"];

fn reading(device: u16, time_s: f64, rate: f32) -> SensorFrame {
    let mut frame = SensorFrame::empty(DeviceId(device), HostTime(time_s));
    frame.accel_m_per_s2 = [0.0, 0.0, 9.806_65];
    frame.rate_rad_per_s = [0.0, 0.0, rate];
    frame
}

/// Ticks from `from` to `to` (in ticks) with each of `devices` turning at its number plus one, at 100 Hz.
fn run(motion: &mut MotionTick, from: u32, to: u32, devices: &[u16]) -> Motion {
    for tick in from..to {
        let time_s = f64::from(tick) * TICK_S;
        if tick % 2 == 0 {
            for device in devices {
                motion.push(reading(*device, time_s, f32::from(*device) + 1.0));
            }
        }
        motion.tick(HostTime(time_s));
    }
    *motion.motion()
}

fn mapped(mapping: &Mapping, devices: &[KnownDevice<'_>]) -> MotionTick {
    let mut motion = MotionTick::new();
    motion.set_map(&mapping.compile(&INPUTS, devices).0);
    motion
}

#[test]
fn the_first_devices_to_come_fill_the_roles_in_order() {
    let mut motion = mapped(&Mapping::default(), &[]);
    assert_eq!(*motion.tick(HostTime(0.0)), Motion::NEUTRAL);
    run(&mut motion, 0, 40, &[5]);
    let last = run(&mut motion, 40, 100, &[5, 2]);
    assert_eq!(motion.worn(Role::RightForearm), Some(DeviceId(5)));
    assert_eq!(motion.worn(Role::LeftForearm), Some(DeviceId(2)));
    let mut inputs = [0.0; 2];
    motion.inputs(&mut inputs);
    assert!(
        (inputs[0] - 6.0).abs() < 0.05 && (inputs[1] - 3.0).abs() < 0.05,
        "{inputs:?}"
    );
    assert_eq!(last.freshness[Role::LeftForearm.index()], 1.0);
    assert_eq!(*last.bank.limb(Role::Head), LimbFeature::NEUTRAL);
}

#[test]
fn a_chosen_device_takes_its_seat_from_the_queue() {
    let mut mapping = Mapping::default();
    mapping.seats.insert(Role::LeftForearm, "b".into());
    let known = KnownDevice {
        id: DeviceId(1),
        key: "b",
    };
    let mut motion = mapped(&mapping, &[known]);
    run(&mut motion, 0, 50, &[1, 2]);
    assert_eq!(motion.worn(Role::LeftForearm), Some(DeviceId(1)));
    assert_eq!(motion.worn(Role::RightForearm), Some(DeviceId(2)));
}

#[test]
fn a_spare_takes_the_automatic_seat_of_a_dead_sensor() {
    let mut motion = mapped(&Mapping::default(), &[]);
    run(&mut motion, 0, 100, &[1, 2]);
    run(&mut motion, 100, 700, &[2, 9]);
    assert_eq!(motion.worn(Role::RightForearm), Some(DeviceId(9)));
    assert_eq!(motion.worn(Role::LeftForearm), Some(DeviceId(2)));
}

#[test]
fn freeze_holds_and_release_glides_to_rest() {
    let mut motion = mapped(&Mapping::default(), &[]);
    let before = run(&mut motion, 0, 100, &[1]);
    motion.freeze(true);
    assert_eq!(run(&mut motion, 100, 500, &[]), before);
    motion.freeze(false);
    let faded = run(&mut motion, 500, 501, &[]);
    assert_eq!(faded.freshness, [0.0; ROLE_COUNT]);

    let moving = run(&mut motion, 501, 700, &[1]);
    assert_eq!(moving.freshest(&motion.map.seating), 1.0);
    motion.engage(false);
    let gliding = run(&mut motion, 700, 710, &[1]);
    let freshness = gliding.freshness[Role::RightForearm.index()];
    assert!((freshness - 0.5).abs() < 1e-3, "{freshness}");
    assert_eq!(run(&mut motion, 710, 740, &[1]), Motion::NEUTRAL);
    motion.engage(true);
    let back = run(&mut motion, 740, 800, &[1]);
    assert!((back.bank.0[0][LimbFeature::RateZ.index()] - 2.0).abs() < 0.05);
}

#[test]
fn where_time_stands_still_the_features_hold() {
    let mut motion = mapped(&Mapping::default(), &[]);
    let before = run(&mut motion, 0, 100, &[1]);
    for _ in 0..1000 {
        assert_eq!(*motion.tick(HostTime(99.0 * TICK_S)), before);
    }
    motion.tick(HostTime(f64::NAN));
    assert_eq!(*motion.motion(), before);
}

#[test]
fn recentring_is_heard_by_every_limb() {
    let mut motion = mapped(&Mapping::default(), &[]);
    let turned = run(&mut motion, 0, 300, &[1, 2]);
    assert!(turned.bank.limb(Role::LeftForearm)[LimbFeature::HeadingCos.index()] < 0.9);
    motion.recentre();
    let here = run(&mut motion, 300, 301, &[1, 2]);
    for role in [Role::RightForearm, Role::LeftForearm] {
        assert!(here.bank.limb(role)[LimbFeature::HeadingCos.index()] > 0.999);
    }
}

#[test]
fn readings_handed_in_early_or_at_their_tick_give_the_same_bits() {
    // A host block of many ticks hands over its readings at its start: they wait until the playhead is there.
    let fingerprint = |block: usize| {
        let mut motion = mapped(&Mapping::default(), &[]);
        motion.playout.set_delay(Some(20.0));
        let mut frames = (0..200).map(|i| reading(0, f64::from(i) * 0.01, (i as f32).sin()));
        let mut bits = Vec::new();
        for first in (0..400).step_by(block) {
            frames
                .by_ref()
                .take(block / 2)
                .for_each(|frame| motion.push(frame));
            for tick in first..first + block {
                let bank = motion.tick(HostTime(tick as f64 * TICK_S)).bank;
                if tick >= 100 {
                    bits.extend(bank.0.as_flattened().iter().map(|v| v.to_bits()));
                }
            }
        }
        bits
    };
    let whole = fingerprint(80);
    assert_eq!(whole, fingerprint(2));
    assert_eq!(whole, fingerprint(16));
}

#[test]
fn a_tick_of_sixteen_devices_is_quick() {
    let mut motion = mapped(&Mapping::default(), &[]);
    let devices: Vec<u16> = (0..16).collect();
    let inputs: Vec<String> = Role::ALL
        .iter()
        .map(|role| format!("{}.speed", role.name()))
        .collect();
    motion.set_map(&Mapping::default().compile(&inputs, &[]).0);
    run(&mut motion, 0, 200, &devices);
    let start = std::time::Instant::now();
    run(&mut motion, 200, 2200, &devices);
    let per_tick = start.elapsed() / 2000;
    println!("one tick of 8 limbs and 16 devices: {per_tick:?}");
}
