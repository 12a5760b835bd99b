//! Jitter, loss, disorder, parts and nonsense, against readings whose value is known.

use super::*;
use proptest::prelude::*;

const DEVICE: DeviceId = DeviceId(3);

fn rate_frame(time_s: f64, value: f32) -> SensorFrame {
    let mut frame = SensorFrame::empty(DEVICE, HostTime(time_s));
    frame.rate_rad_per_s = [value, 0.0, -value];
    frame
}

/// Reads every tick of `seconds` from `start_s`, pushing each `(arrival, frame)` before the first tick not before
/// its arrival.
fn play(
    playout: &mut Playout,
    mut arrivals: Vec<(f64, SensorFrame)>,
    start_s: f64,
    seconds: f64,
) -> Vec<Played> {
    arrivals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut next = 0;
    (0..(seconds / TICK_S) as u32)
        .map(|tick| {
            let now_s = start_s + f64::from(tick) * TICK_S;
            while next < arrivals.len() && arrivals[next].0 <= now_s {
                playout.push(arrivals[next].1);
                next += 1;
            }
            playout.read(DEVICE, HostTime(now_s))
        })
        .collect()
}

fn noise(state: &mut u32) -> f64 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    f64::from(*state >> 8) / f64::from(1u32 << 24)
}

/// 100 Hz readings of a line (value = stamp), arriving up to `jitter_s` late.
fn jittered(seconds: f64, jitter_s: f64) -> Vec<(f64, SensorFrame)> {
    let mut state = 7;
    (0..(seconds * 100.0) as u32)
        .map(|i| {
            let stamp_s = f64::from(i) * 0.01;
            let arrival_s = stamp_s + jitter_s * noise(&mut state);
            (arrival_s, rate_frame(stamp_s, stamp_s as f32))
        })
        .collect()
}

#[test]
fn jittered_arrivals_are_interpolated_to_the_true_line() {
    let mut playout = Playout::new();
    let played = play(&mut playout, jittered(20.0, 0.012), 0.0, 20.0);
    let worst = played[800..]
        .iter()
        .map(|p| (f64::from(p.frame.rate_rad_per_s[0]) - p.frame.time.0).abs())
        .fold(0.0, f64::max);
    println!(
        "12 ms of jitter: delay {:.1} ms, worst {:.2} ms of motion",
        playout.delay_s() * 1e3,
        worst * 1e3
    );
    // One period of 10 ms and the jitter.
    assert!((0.015..0.024).contains(&playout.delay_s()));
    assert!(worst < 0.004, "{worst}");
    assert!(played[800..].iter().all(|p| p.freshness == 1.0));
    assert_eq!(playout.counters().dropouts, 0);
}

#[test]
fn the_delay_shrinks_when_the_stream_is_steady_and_stays_within_50_ms() {
    let mut steady = Playout::new();
    play(&mut steady, jittered(20.0, 0.0), 0.0, 20.0);
    assert!(steady.delay_s() <= 0.011, "{}", steady.delay_s());
    let mut wild = Playout::new();
    play(&mut wild, jittered(20.0, 0.09), 0.0, 20.0);
    assert_eq!(wild.delay_s(), 0.05);
    assert!(wild.counters().late > 0);
}

#[test]
fn a_fixed_delay_is_glided_to_and_kept() {
    let mut playout = Playout::new();
    playout.set_delay(Some(5.0));
    play(&mut playout, jittered(3.0, 0.02), 0.0, 3.0);
    assert!((playout.delay_s() - 0.005).abs() < 1e-9);
    playout.set_delay(Some(f32::NAN));
    playout.set_delay(Some(900.0));
    play(&mut playout, jittered(3.0, 0.0), 3.0, 3.0);
    assert!((playout.delay_s() - 0.05).abs() < 1e-9);
}

#[test]
fn parts_of_one_device_are_joined_with_their_own_stamps() {
    let mut playout = Playout::new();
    playout.set_delay(Some(20.0));
    let mut arrivals = Vec::new();
    for i in 0..200 {
        let time_s = f64::from(i) * 0.01;
        let mut accel = SensorFrame::empty(DEVICE, HostTime(time_s + 0.002));
        accel.accel_m_per_s2 = [time_s as f32 + 0.002; 3];
        let mut turn = SensorFrame::empty(DEVICE, HostTime(time_s + 0.004));
        let half = 0.5 * (time_s + 0.004);
        turn.quaternion = [half.cos() as f32, 0.0, 0.0, half.sin() as f32];
        let mut button = SensorFrame::empty(DEVICE, HostTime(time_s));
        button.aux[1] = if i >= 100 { 1.0 } else { 0.0 };
        arrivals.extend([(time_s, rate_frame(time_s, time_s as f32))]);
        arrivals.extend([(time_s + 0.002, accel), (time_s + 0.004, turn)]);
        if i % 50 == 0 {
            arrivals.push((time_s, button));
        }
    }
    for played in &play(&mut playout, arrivals, 0.0, 2.0)[40..390] {
        let (frame, time_s) = (played.frame, played.frame.time.0);
        assert!((f64::from(frame.rate_rad_per_s[0]) - time_s).abs() < 1e-5);
        assert!((f64::from(frame.accel_m_per_s2[2]) - time_s).abs() < 1e-5);
        let angle = 2.0 * f64::from(frame.quaternion[3]).asin();
        assert!((angle - time_s).abs() < 1e-5, "{angle} at {time_s}");
        assert_eq!(frame.aux[1], if time_s >= 1.0 { 1.0 } else { 0.0 });
        assert!(frame.mag_ut[0].is_nan() && frame.aux[0].is_nan());
    }
}

#[test]
fn short_gaps_are_bridged_and_long_ones_fade_and_hold() {
    let mut playout = Playout::new();
    playout.set_delay(Some(20.0));
    // 80 ms are lost at 1 s, and everything from 2 s to 3 s.
    let arrivals = jittered(5.0, 0.0)
        .into_iter()
        .filter(|(t, _)| !(1.0..1.075).contains(t) && !(2.0..3.0).contains(t))
        .collect();
    let played = play(&mut playout, arrivals, 0.0, 5.0);
    let at = |time_s: f64| &played[(time_s / TICK_S).round() as usize];
    assert_eq!(at(1.05).freshness, 1.0);
    assert_eq!(playout.counters().bridged, 1);
    assert_eq!(playout.counters().dropouts, 1);
    assert!(
        (at(2.3).freshness - 0.5).abs() < 0.1,
        "{}",
        at(2.3).freshness
    );
    assert_eq!(at(2.8).freshness, 0.0);
    assert!((at(2.8).frame.rate_rad_per_s[0] - 1.99).abs() < 1e-5);
    assert!(at(3.04).freshness > 0.0 && at(3.04).freshness < 1.0);
    assert_eq!(at(3.2).freshness, 1.0);
}

#[test]
fn a_field_that_is_no_longer_sent_becomes_absent_while_others_go_on() {
    let mut playout = Playout::new();
    let mut arrivals = jittered(3.0, 0.0);
    for (_, frame) in &mut arrivals[..100] {
        frame.quaternion = [1.0, 0.0, 0.0, 0.0];
    }
    let played = play(&mut playout, arrivals, 0.0, 3.0);
    assert_eq!(played[150].frame.quaternion[0], 1.0);
    assert_eq!(played[250].frame.quaternion[0], 1.0);
    assert!(played[400].frame.quaternion[0].is_nan());
    assert_eq!(played[400].freshness, 1.0);
}

#[test]
fn a_device_whose_clock_steps_back_is_followed_after_eight_readings() {
    let mut playout = Playout::new();
    for i in 0..100 {
        playout.push(rate_frame(1000.0 + f64::from(i) * 0.01, 1.0));
    }
    for i in 0..100 {
        playout.push(rate_frame(f64::from(i) * 0.01, 2.0));
    }
    playout.read(DEVICE, HostTime(1.0));
    let played = playout.read(DEVICE, HostTime(1.005));
    assert_eq!(played.frame.rate_rad_per_s[0], 2.0);
    assert_eq!(playout.counters().restarts, 1);
    assert_eq!(playout.counters().stale, 8);
}

#[test]
fn sixteen_devices_have_a_place_and_a_silent_one_gives_way() {
    let mut playout = Playout::new();
    for id in 0..17 {
        let mut frame = rate_frame(f64::from(id), 1.0);
        frame.device = DeviceId(id);
        playout.push(frame);
    }
    assert_eq!(playout.counters().crowded, 1);
    assert_eq!(playout.devices().len(), DEVICE_CAPACITY);
    let mut spare = rate_frame(40.0, 1.0);
    spare.device = DeviceId(99);
    playout.push(spare);
    assert_eq!(playout.devices().len(), DEVICE_CAPACITY);
    assert_eq!(playout.devices()[0], DeviceId(1));
    assert_eq!(playout.devices().last(), Some(&DeviceId(99)));
    assert_eq!(playout.read(DeviceId(0), HostTime(40.0)).freshness, 0.0);
}

fn any_time() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0u32..2000).prop_map(|t| f64::from(t) * 0.001),
        1 => Just(f64::NAN),
        1 => prop::num::f64::ANY,
    ]
}

fn any_frame() -> impl Strategy<Value = SensorFrame> {
    let value = || prop_oneof![4 => -30.0f32..30.0, 1 => Just(f32::NAN), 1 => prop::num::f32::ANY];
    (0u16..20, any_time(), prop::array::uniform20(value())).prop_map(|(id, time_s, v)| {
        let mut frame = SensorFrame::empty(DeviceId(id), HostTime(time_s));
        frame.accel_m_per_s2.copy_from_slice(&v[0..3]);
        frame.rate_rad_per_s.copy_from_slice(&v[3..6]);
        frame.quaternion.copy_from_slice(&v[6..10]);
        frame.mag_ut.copy_from_slice(&v[10..13]);
        frame.aux[..7].copy_from_slice(&v[13..20]);
        frame
    })
}

proptest! {
    #[test]
    fn any_pushes_and_reads_give_no_infinity_and_unit_quaternions(
        steps in prop::collection::vec((any_frame(), any_time(), 0u16..20), 1..200),
    ) {
        let mut playout = Playout::new();
        for (frame, time_s, id) in steps {
            playout.push(frame);
            let first = playout.read(DeviceId(id), HostTime(time_s));
            let again = playout.read(DeviceId(id), HostTime(time_s));
            prop_assert_eq!(format!("{:?}", first), format!("{:?}", again));
            prop_assert!((0.0..=1.0).contains(&first.freshness));
            let frame = first.frame;
            let values = frame.accel_m_per_s2.iter().chain(&frame.rate_rad_per_s);
            prop_assert!(values.chain(&frame.aux).all(|v| !v.is_infinite()));
            let norm = frame.quaternion.iter().map(|v| v * v).sum::<f32>();
            prop_assert!(norm.is_nan() || (norm - 1.0).abs() < 1e-5);
            prop_assert!((0.0..=0.05).contains(&playout.delay_s()));
        }
    }
}
