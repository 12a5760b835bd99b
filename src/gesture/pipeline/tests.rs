//! The whole gesture side: seats, alignment, engagement, and the same features however the readings are handed in.

use super::*;
use crate::gesture::alignment::Alignment;
use crate::gesture::mapping::{KnownDevice, Mapping};
use crate::gesture::quaternion::{from_rotation_vector, rotate};

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
    motion.set_seating(&mapping.compile(&INPUTS, devices).0.seating);
    motion
}

#[test]
fn the_first_devices_to_come_fill_the_roles_in_order() {
    let mut motion = mapped(&Mapping::default(), &[]);
    assert_eq!(*motion.tick(HostTime(0.0)), Motion::NEUTRAL);
    run(&mut motion, 0, 40, &[5]);
    let last = run(&mut motion, 40, 100, &[5, 2]);
    assert_eq!(motion.worn()[Role::RightForearm.index()], Some(DeviceId(5)));
    assert_eq!(motion.worn()[Role::LeftForearm.index()], Some(DeviceId(2)));
    let rates = [Role::RightForearm, Role::LeftForearm]
        .map(|role| last.bank.limb(role)[LimbFeature::RateZ.index()]);
    assert!(
        (rates[0] - 6.0).abs() < 0.05 && (rates[1] - 3.0).abs() < 0.05,
        "{rates:?}"
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
        last_seen: HostTime(0.0),
    };
    let mut motion = mapped(&mapping, &[known]);
    run(&mut motion, 0, 50, &[1, 2]);
    assert_eq!(motion.worn()[Role::LeftForearm.index()], Some(DeviceId(1)));
    assert_eq!(motion.worn()[Role::RightForearm.index()], Some(DeviceId(2)));
}

#[test]
fn a_spare_takes_the_automatic_seat_of_a_dead_sensor() {
    let mut motion = mapped(&Mapping::default(), &[]);
    run(&mut motion, 0, 100, &[1, 2]);
    run(&mut motion, 100, 700, &[2, 9]);
    assert_eq!(motion.worn()[Role::RightForearm.index()], Some(DeviceId(9)));
    assert_eq!(motion.worn()[Role::LeftForearm.index()], Some(DeviceId(2)));
}

#[test]
fn release_glides_to_rest() {
    let mut motion = mapped(&Mapping::default(), &[]);
    run(&mut motion, 0, 100, &[1]);
    let faded = run(&mut motion, 100, 501, &[]);
    assert_eq!(faded.freshness, [0.0; ROLE_COUNT]);

    let moving = run(&mut motion, 501, 700, &[1]);
    assert_eq!(moving.freshest(motion.seating()), 1.0);
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
fn an_aligned_strap_gives_the_features_of_the_limb_itself() {
    let strap = from_rotation_vector([0.7, -1.9, 0.3]);
    let role = Role::RightForearm;
    let poses = role.poses().map(|pose| rotate(strap, pose.up));
    let mut mapping = Mapping::default();
    mapping.calibration.entry(role).or_default().alignment = Alignment::from_poses(role, poses);
    let mut motion = mapped(&mapping, &[]);
    for tick in 0..400 {
        let time_s = f64::from(tick) * TICK_S;
        // The limb lies level and turns about its own y axis a little.
        let own = [0.0, 0.4 * (3.0 * time_s).cos(), 0.0];
        let mut frame = reading(1, time_s, 0.0);
        frame.accel_m_per_s2 = rotate(strap, [0.0, 0.0, 9.806_65]).map(|v| v as f32);
        frame.rate_rad_per_s = rotate(strap, own).map(|v| v as f32);
        motion.push(frame);
        motion.tick(HostTime(time_s));
    }
    let limb = motion.motion().bank.limb(role);
    assert!(limb[LimbFeature::UpZ.index()] > 0.98, "{limb:?}");
    let rates = [LimbFeature::RateX, LimbFeature::RateZ].map(|f| limb[f.index()].abs());
    assert!(rates.iter().all(|rate| *rate < 0.02), "{limb:?}");
    assert!(limb[LimbFeature::RateY.index()].abs() > 0.1, "{limb:?}");
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
    motion.set_seating(&Mapping::default().compile(&inputs, &[]).0.seating);
    run(&mut motion, 0, 200, &devices);
    let start = std::time::Instant::now();
    run(&mut motion, 200, 2200, &devices);
    let per_tick = start.elapsed() / 2000;
    println!("one tick of 8 limbs and 16 devices: {per_tick:?}");
}
