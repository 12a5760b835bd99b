//! The features against motions whose answer is known on paper, and against real sensors.

use super::*;
use crate::gesture::TICK_RATE_HZ;
use crate::sensor::DeviceId;
use crate::units::HostTime;
use proptest::prelude::*;
use quat::{about_vertical, from_rotation_vector};

const GRAVITY: f64 = STANDARD_GRAVITY_M_PER_S2 as f64;

/// What a perfect sensor measures in `pose` with `rate` (sensor axes) and `linear` (earth axes).
fn perfect(pose: Quaternion, rate: Vector, linear: Vector) -> SensorFrame {
    let force = [linear[0], linear[1], linear[2] + GRAVITY];
    let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    frame.accel_m_per_s2 = rotate(conjugate(pose), force).map(|v| v as f32);
    frame.rate_rad_per_s = rate.map(|v| v as f32);
    frame.quaternion = pose.map(|v| v as f32);
    frame
}

fn without_quaternion(mut frame: SensorFrame) -> SensorFrame {
    frame.quaternion = [f32::NAN; 4];
    frame
}

/// Features of a device with its own quaternion, and of one that sends only raw data, for the same motion.
fn both(
    seconds: f64,
    motion: impl Fn(f64) -> (Quaternion, Vector, Vector),
) -> [[f32; LIMB_FEATURE_COUNT]; 2] {
    let (mut device, mut fused) = (Limb::new(), Limb::new());
    let mut features = [LimbFeature::NEUTRAL; 2];
    for tick in 0..(seconds * f64::from(TICK_RATE_HZ)).round() as u32 {
        let (pose, rate, linear) = motion(f64::from(tick) * TICK_S);
        let frame = perfect(pose, rate, linear);
        features = [device.step(&frame), fused.step(&without_quaternion(frame))];
    }
    assert_eq!(device.pose_source(), PoseSource::Device);
    assert_eq!(fused.pose_source(), PoseSource::Fused);
    features
}

fn get<const N: usize>(features: &[f32; LIMB_FEATURE_COUNT], first: LimbFeature) -> [f64; N] {
    std::array::from_fn(|i| f64::from(features[first.index() + i]))
}

fn assert_near<const N: usize>(got: [f64; N], want: [f64; N], tolerance: f64) {
    for (g, w) in got.iter().zip(want) {
        assert!((g - w).abs() < tolerance, "{got:?} is not {want:?}");
    }
}

#[test]
fn at_rest_and_tilted_only_up_says_so() {
    let tilt = from_rotation_vector([0.6, 0.0, 0.0]);
    for features in both(4.0, |_| (tilt, [0.0; 3], [0.0; 3])) {
        assert_near(get(&features, LimbFeature::LinearX), [0.0; 3], 1e-4);
        assert_near(get(&features, LimbFeature::RateX), [0.0; 3], 1e-4);
        let up = [0.0, 0.6f64.sin(), 0.6f64.cos()];
        assert_near(get(&features, LimbFeature::UpX), up, 1e-5);
        assert_near(get(&features, LimbFeature::HeadingSin), [0.0, 1.0], 1e-5);
        assert_near(get(&features, LimbFeature::Energy), [0.0; 3], 1e-2);
    }
}

#[test]
fn a_constant_turn_shows_in_rate_speed_and_heading() {
    let rate = 0.7;
    let motion = |t: f64| (about_vertical(rate * t), [0.0, 0.0, rate], [0.0; 3]);
    for features in both(3.0, motion) {
        let angle = rate * (3.0 - TICK_S);
        assert_near(get(&features, LimbFeature::RateX), [0.0, 0.0, rate], 1e-3);
        let heading = [angle.sin(), angle.cos()];
        assert_near(get(&features, LimbFeature::HeadingSin), heading, 5e-3);
        assert_near(get(&features, LimbFeature::Speed), [rate], 1e-3);
        assert_near(get(&features, LimbFeature::UpX), [0.0, 0.0, 1.0], 1e-4);
        let share = rate / ENERGY_RATE_RAD_PER_S;
        assert_near(
            get(&features, LimbFeature::Energy),
            [share / (1.0 + share)],
            1e-3,
        );
    }
}

#[test]
fn a_known_acceleration_is_seen_in_earth_axes_turned_to_forward() {
    // The sensor is rolled and points 90° to the left of the earth's x axis, which is where forward is taken.
    let pose = multiply(
        about_vertical(std::f64::consts::FRAC_PI_2),
        from_rotation_vector([1.1, 0.0, 0.0]),
    );
    let swing = |t: f64| 3.0 * (std::f64::consts::TAU * 2.0 * t).sin();
    let seconds = 4.0 + 0.125 + TICK_S;
    // Along the earth's y axis: straight ahead.
    for features in both(seconds, |t| (pose, [0.0; 3], [0.0, swing(t), 0.0])) {
        assert_near(get(&features, LimbFeature::LinearX), [3.0, 0.0, 0.0], 0.15);
    }
    // Up.
    for features in both(seconds, |t| (pose, [0.0; 3], [0.0, 0.0, swing(t)])) {
        assert_near(get(&features, LimbFeature::LinearX), [0.0, 0.0, 3.0], 0.15);
    }
}

#[test]
fn jerk_is_the_change_of_acceleration() {
    let omega = std::f64::consts::TAU * 2.0;
    let motion = |t: f64| (IDENTITY, [0.0; 3], [5.0 * (omega * t).sin(), 0.0, 0.0]);
    let features = both(5.0, motion)[0];
    let jerk = f64::from(features[LimbFeature::Jerk.index()].exp_m1()) * JERK_M_PER_S3;
    // |cos| smoothed over 30 ms of a 250 ms half-wave lies between its mean, 0.64, and its peak.
    assert!((0.6..1.0).contains(&(jerk / (5.0 * omega))), "{jerk}");
}

#[test]
fn both_sources_of_pose_agree_on_a_lively_arm() {
    let motion = |t: f64| {
        let bow = 0.8 * (std::f64::consts::TAU * 1.3 * t).sin();
        let lift = 0.4 * (std::f64::consts::TAU * 0.4 * t).sin();
        multiply(about_vertical(bow), from_rotation_vector([0.3, lift, 0.0]))
    };
    let whole = |t: f64| {
        let turn = multiply(conjugate(motion(t - TICK_S)), motion(t));
        let rate = scale(quat::to_rotation_vector(turn), 1.0 / TICK_S);
        let pull = 2.0 * (std::f64::consts::TAU * 1.3 * t).cos();
        (motion(t), rate, [pull, 0.5 * pull, 0.0])
    };
    let [device, fused] = both(20.0, whole);
    assert_near(
        get::<3>(&fused, LimbFeature::UpX),
        get(&device, LimbFeature::UpX),
        0.03,
    );
    assert_near(
        get::<2>(&fused, LimbFeature::HeadingSin),
        get(&device, LimbFeature::HeadingSin),
        0.03,
    );
    assert_near(
        get::<3>(&fused, LimbFeature::LinearX),
        get(&device, LimbFeature::LinearX),
        0.3,
    );
    assert_near(
        get::<3>(&fused, LimbFeature::RateX),
        get(&device, LimbFeature::RateX),
        0.01,
    );
}

#[test]
fn recentring_makes_here_forward() {
    let mut limb = Limb::new();
    let pose = about_vertical(1.2);
    limb.step(&perfect(IDENTITY, [0.0; 3], [0.0; 3]));
    let turned = limb.step(&perfect(pose, [0.0; 3], [0.0; 3]));
    assert_near(
        get(&turned, LimbFeature::HeadingSin),
        [1.2f64.sin(), 1.2f64.cos()],
        1e-5,
    );
    limb.recentre();
    let ahead = scale(rotate(pose, [1.0, 0.0, 0.0]), 2.0);
    let features = limb.step(&perfect(pose, [0.0; 3], ahead));
    assert_near(get(&features, LimbFeature::HeadingSin), [0.0, 1.0], 1e-5);
    assert_near(get(&features, LimbFeature::LinearX), [2.0, 0.0, 0.0], 1e-4);
}

#[test]
fn a_biased_gyroscope_is_calibrated_by_lying_still() {
    let bias = [0.02, -0.015, 0.025];
    let features = both(12.0, |_| (IDENTITY, bias, [0.0; 3]))[1];
    assert_near(get(&features, LimbFeature::RateX), [0.0; 3], 5e-4);
    // What heading drifted until then stays small.
    assert!(f64::from(features[LimbFeature::HeadingSin.index()]).abs() < 0.06);
}

#[test]
fn a_lost_sensor_comes_to_rest_in_its_pose_and_returns_without_a_jump_of_heading() {
    let mut limb = Limb::new();
    let tilt = from_rotation_vector([0.0, 0.5, 0.0]);
    let moving = without_quaternion(perfect(tilt, [0.0, 0.0, 2.0], [3.0, 0.0, 0.0]));
    limb.step(&without_quaternion(perfect(tilt, [0.0; 3], [0.0; 3])));
    for freshness in [1.0, 0.8, 0.6, 0.4, 0.2] {
        limb.step_fresh(&moving, freshness);
    }
    let mut features = LimbFeature::NEUTRAL;
    for _ in 0..400 {
        features = limb.step_fresh(&moving, 0.0);
    }
    assert_near(get(&features, LimbFeature::LinearX), [0.0; 6], 1e-6);
    assert_near(get(&features, LimbFeature::Energy), [0.0; 3], 1e-2);
    let heading: [f64; 2] = get(&features, LimbFeature::HeadingSin);
    // It comes back at another tilt: levelled at once.
    let other = from_rotation_vector([0.9, 0.0, 0.0]);
    let back = limb.step_fresh(&without_quaternion(perfect(other, [0.0; 3], [0.0; 3])), 0.1);
    assert_near(get(&back, LimbFeature::UpZ), [0.9f64.cos()], 1e-4);
    assert_near(get(&back, LimbFeature::LinearX), [0.0; 3], 1e-3);
    assert_near(get(&back, LimbFeature::HeadingSin), heading, 0.3);
}

#[test]
fn a_phone_with_only_an_accelerometer_shows_its_tilt() {
    let mut limb = Limb::new();
    let mut frame = perfect(from_rotation_vector([0.0, 0.7, 0.0]), [0.0; 3], [0.0; 3]);
    frame.quaternion = [f32::NAN; 4];
    frame.rate_rad_per_s = [f32::NAN; 3];
    frame.aux[2] = 0.25;
    let features = limb.step(&frame);
    assert_eq!(limb.pose_source(), PoseSource::Tilt);
    assert_near(
        get(&features, LimbFeature::UpX),
        [-(0.7f64.sin()), 0.0, 0.7f64.cos()],
        1e-5,
    );
    assert_eq!(features[LimbFeature::Aux3.index()], 0.25);
}

fn any_value() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -30.0f32..30.0,
        1 => Just(0.0f32),
        1 => Just(f32::NAN),
        1 => prop::num::f32::ANY,
    ]
}

fn any_reading() -> impl Strategy<Value = SensorFrame> {
    prop::array::uniform24(any_value()).prop_map(|v| {
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
        frame.accel_m_per_s2.copy_from_slice(&v[0..3]);
        frame.rate_rad_per_s.copy_from_slice(&v[3..6]);
        frame.mag_ut.copy_from_slice(&v[6..9]);
        frame.quaternion.copy_from_slice(&v[9..13]);
        frame.linear_accel_m_per_s2.copy_from_slice(&v[13..16]);
        frame.aux.copy_from_slice(&v[16..24]);
        frame
    })
}

proptest! {
    #[test]
    fn any_reading_gives_finite_features_and_a_unit_pose(
        readings in prop::collection::vec((any_reading(), any_value()), 1..80),
        recentre_at in 0usize..80,
    ) {
        let mut limb = Limb::new();
        for (index, (reading, freshness)) in readings.iter().enumerate() {
            let features = limb.step_fresh(reading, *freshness);
            prop_assert!(features.iter().all(|v| v.is_finite()), "{features:?}");
            let norm = limb.pose().iter().map(|v| v * v).sum::<f64>();
            prop_assert!((norm - 1.0).abs() < 1e-9);
            if index == recentre_at {
                limb.recentre();
            }
        }
    }
}

/// The columns of a CSV file with a header line, as numbers.
fn rows(path: &std::path::Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .skip(1)
        .map(|line| line.split(',').filter_map(|v| v.parse().ok()).collect())
        .collect()
}

/// Degrees between our "up" and that of the sensor's own filter while a person walks, per sensor.
#[test]
fn tilt_agrees_with_seven_worn_sensors_own() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/imu/xio_lower_body");
    let Ok(sensors) = std::fs::read_dir(&folder) else {
        println!("skipped: the recordings are not here");
        return;
    };
    for sensor in sensors.flatten() {
        let inertial = rows(&sensor.path().join("Inertial.csv"));
        let quaternions = rows(&sensor.path().join("Quaternion.csv"));
        let errors = tilt_errors_deg(&inertial, &quaternions);
        let root_mean_square =
            (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt();
        let worst = errors.iter().fold(0.0f64, |w, e| w.max(*e));
        println!(
            "{:?}: tilt differs by {root_mean_square:.2}° rms, {worst:.2}° at worst",
            sensor.file_name()
        );
        assert!(root_mean_square < 5.0);
    }
}

/// Plays a recording through the playout, raw data and quaternion as two devices, and compares after 2 s.
fn tilt_errors_deg(inertial: &[Vec<f64>], quaternions: &[Vec<f64>]) -> Vec<f64> {
    use crate::gesture::playout::Playout;
    let start_us = inertial[0][0];
    let mut playout = Playout::new();
    let (mut raw, mut own) = (Limb::new(), Limb::new());
    let (mut next_raw, mut next_own) = (0, 0);
    let mut errors = Vec::new();
    let seconds = (inertial[inertial.len() - 1][0] - start_us) * 1e-6;
    for tick in 0..(seconds / TICK_S) as u32 {
        let now_s = f64::from(tick) * TICK_S;
        while let Some(row) = inertial.get(next_raw)
            && (row[0] - start_us) * 1e-6 <= now_s
        {
            let mut frame = SensorFrame::empty(DeviceId(0), HostTime((row[0] - start_us) * 1e-6));
            frame.rate_rad_per_s = [1, 2, 3].map(|i| row[i].to_radians() as f32);
            frame.accel_m_per_s2 = [4, 5, 6].map(|i| (row[i] * GRAVITY) as f32);
            playout.push(frame);
            next_raw += 1;
        }
        while let Some(row) = quaternions.get(next_own)
            && (row[0] - start_us) * 1e-6 <= now_s
        {
            let mut frame = SensorFrame::empty(DeviceId(1), HostTime((row[0] - start_us) * 1e-6));
            frame.quaternion = [1, 2, 3, 4].map(|i| row[i] as f32);
            playout.push(frame);
            next_own += 1;
        }
        let time = HostTime(now_s);
        let features = [DeviceId(0), DeviceId(1)]
            .map(|id| playout.read(id, time))
            .map(|played| (played.frame, played.freshness));
        let a: Vector = get(
            &raw.step_fresh(&features[0].0, features[0].1),
            LimbFeature::UpX,
        );
        let b: Vector = get(
            &own.step_fresh(&features[1].0, features[1].1),
            LimbFeature::UpX,
        );
        if now_s > 2.0 {
            errors.push(quat::dot(a, b).clamp(-1.0, 1.0).acos().to_degrees());
        }
    }
    errors
}
