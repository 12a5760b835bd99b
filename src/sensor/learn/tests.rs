//! A device that nobody knows, with a layout of chance, moved by a hand that is not exact.

use super::*;
use crate::sensor::assembly::Assembly;
use crate::sensor::dialect::Dialects;
use crate::sensor::frame::{DeviceId, SensorFrame};
use crate::sensor::osc::Message;
use crate::sensor::performer::{Chance, Rotation};
use crate::units::HostTime;
use proptest::prelude::*;

const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 7));
const RATE_HZ: f64 = 60.0;
const GRAVITY: f64 = 9.806_65;
const QUARTER: f64 = std::f64::consts::FRAC_PI_2;

/// A device's secrets.
#[derive(Clone, Debug)]
struct Device {
    /// Case ← chip: the axes in which it sends are not those of its case.
    chip: Rotation,
    /// The order and the signs in which it sends a vector.
    order: [usize; 3],
    signs: [f64; 3],
    accel_scale: f64,
    rate_scale: Option<f64>,
    /// Whether w comes first, and whether it turns the other way round.
    quaternion: Option<(bool, bool)>,
    stamped: bool,
    counted: bool,
    junk: usize,
    in_one_message: bool,
    heading: f64,
}

/// What the case does at a moment: its pose and its rate in its own axes.
type Moment = (Rotation, [f64; 3]);

impl Device {
    fn any(seed: u64) -> Device {
        let mut chance = Chance::new(seed, 0);
        let quarter =
            |chance: &mut Chance, axis| Rotation::about(axis, QUARTER * chance.below(4) as f64);
        let chip = quarter(&mut chance, 0)
            .then_inner(quarter(&mut chance, 1))
            .then_inner(quarter(&mut chance, 2));
        let orders = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        Device {
            chip,
            order: chance.pick(&orders),
            signs: [0; 3].map(|_| if chance.happens(0.5) { 1.0 } else { -1.0 }),
            accel_scale: chance.pick(&[
                1.0 / GRAVITY,
                1.0,
                1000.0 / GRAVITY,
                4096.0 / GRAVITY,
                16384.0 / GRAVITY,
            ]),
            rate_scale: chance.pick(&[
                None,
                Some(1.0),
                Some(57.29578),
                Some(57.29578 * 16.384),
                Some(57.29578 * 131.072),
            ]),
            quaternion: chance.pick(&[
                None,
                Some((true, false)),
                Some((false, false)),
                Some((true, true)),
                Some((false, true)),
            ]),
            stamped: chance.happens(0.5),
            counted: chance.happens(0.5),
            junk: chance.below(3),
            in_one_message: chance.happens(0.5),
            heading: chance.between(-3.0, 3.0),
        }
    }

    /// A vector of the case as the device means it: in its chip's axes.
    fn meant(&self, case: [f64; 3]) -> [f64; 3] {
        self.chip.inverse().apply(case)
    }

    fn sent(&self, case: [f64; 3], scale: f64) -> Vec<Argument> {
        let meant = self.meant(case);
        let one = |i: usize| Argument::Number(scale * self.signs[i] * meant[self.order[i]]);
        (0..3).map(one).collect()
    }

    /// Everything it says at a moment of a step, heard as messages of no known dialect.
    fn tell(&self, recording: &mut Recording, step: Step, moment: Moment, at_s: f64, count: u64) {
        for (address, arguments) in self.says(moment, at_s, count) {
            let message = UnknownMessage {
                sender: SENDER,
                address,
                arguments,
                count,
            };
            recording.note(step, &message, at_s);
        }
    }

    fn says(&self, (pose, rate): Moment, at_s: f64, count: u64) -> Vec<(String, Vec<Argument>)> {
        let up = pose.inverse().apply([0.0, 0.0, 1.0]);
        let mut parts = vec![("/acc", self.sent(up.map(|u| u * GRAVITY), self.accel_scale))];
        if let Some(scale) = self.rate_scale {
            parts.push(("/gyr", self.sent(rate, scale)));
        }
        if let Some((w_first, inverse)) = self.quaternion {
            let q = Rotation::about(2, self.heading)
                .then_inner(pose)
                .then_inner(self.chip);
            let [w, x, y, z] = if inverse { q.inverse().0 } else { q.0 };
            let all = if w_first { [w, x, y, z] } else { [x, y, z, w] };
            parts.push(("/ori", all.map(Argument::Number).to_vec()));
        }
        let mut extra = vec![Argument::Number(3.7); self.junk];
        extra.extend((self.junk > 1).then(|| Argument::Text("glove".into())));
        extra.extend(
            self.stamped
                .then(|| Argument::Number(5000.0 + (at_s * 1e3).floor())),
        );
        extra.extend(self.counted.then_some(Argument::Number(count as f64)));
        if self.in_one_message {
            let all = parts.into_iter().flat_map(|(_, arguments)| arguments);
            return vec![("/x/42/all".into(), extra.into_iter().chain(all).collect())];
        }
        let one = |(name, arguments): (&str, Vec<Argument>)| {
            let all = extra.iter().cloned().chain(arguments);
            (format!("/x/42{name}"), all.collect())
        };
        parts.into_iter().map(one).collect()
    }
}

/// What the hand does in a step: it is some degrees off, and trembles.
fn moved(step: Step, t_s: f64, chance: &mut Chance, off: f64) -> Moment {
    let (axis, sign) = match step {
        Step::Still => (2, 0.0),
        Step::Turn => (2, 1.0),
        Step::RaiseFront => (1, -1.0),
        Step::RaiseLeft => (0, 1.0),
    };
    let whole = sign * (QUARTER + off);
    // A smooth way there, from 0.6 s to 2.4 s.
    let way = ((t_s - 0.6) / 1.8).clamp(0.0, 1.0);
    let angle = whole * (0.5 - 0.5 * (std::f64::consts::PI * way).cos());
    let speed = if way > 0.0 && way < 1.0 {
        whole * 0.5 * (std::f64::consts::PI * way).sin() * std::f64::consts::PI / 1.8
    } else {
        0.0
    };
    let tremble = [0; 3].map(|_| 0.004 * chance.normal());
    let mut rate = tremble.map(|v| 2.0 * v);
    rate[axis] += speed;
    (
        Rotation::about(axis, angle).then_inner(Rotation::from_vector(tremble)),
        rate,
    )
}

fn recorded(device: &Device, seed: u64) -> Recording {
    let mut recording = Recording::new(SENDER);
    let mut chance = Chance::new(seed, 1);
    let mut count = 0;
    for (number, step) in Step::ALL.into_iter().enumerate() {
        let off = chance.between(-0.2, 0.2);
        for index in 0..(STEP_S * RATE_HZ) as u64 {
            let t_s = index as f64 / RATE_HZ;
            let at_s = 10.0 * number as f64 + t_s;
            count += 1;
            let moment = moved(step, t_s, &mut chance, off);
            device.tell(&mut recording, step, moment, at_s, count);
        }
    }
    recording
}

/// The frame that a learned profile makes of what the device says of a moment.
fn understood(profile: &Profile, device: &Device, moment: Moment) -> SensorFrame {
    let mut dialects = Dialects::with_user_rows(&profile.rows()).unwrap();
    let mut assembly = Assembly::default();
    let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    for (address, arguments) in device.says(moment, 60.0, 9000) {
        let message = Message {
            address,
            arguments,
            time_tag: None,
        };
        let reading = dialects
            .read(&message, None)
            .expect("the profile knows the address");
        assert_eq!(reading.id, "42");
        assembly.add(&reading.values, 60.0, &mut frame);
    }
    frame
}

fn assert_near(got: [f32; 3], want: [f64; 3], share: f64, what: &str) {
    let size = want.iter().map(|v| v * v).sum::<f64>().sqrt();
    let off = got
        .iter()
        .zip(want)
        .map(|(g, w)| (f64::from(*g) - w).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!(off < share * size, "{what}: {got:?} is not {want:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn any_layout_is_learned_from_four_movements(seed in 0u64..1_000_000) {
        let device = Device::any(seed);
        let learned = recorded(&device, seed).learn("Glove").unwrap();
        // A moment that was not part of the lesson.
        let pose = Rotation::from_vector([0.5, -0.8, 0.3]);
        let rate = [1.0, -2.0, 0.5];
        let frame = understood(&learned.profile, &device, (pose, rate));
        let force = pose.inverse().apply([0.0, 0.0, GRAVITY]);
        // A quaternion speaks of the chip's axes; without one the poses say what the axes are.
        let own = |v| if device.quaternion.is_some() { device.meant(v) } else { v };
        assert_near(frame.accel_m_per_s2, own(force), 0.02, "acceleration");
        if device.rate_scale.is_some() {
            assert_near(frame.rate_rad_per_s, own(rate), 0.02, "rate");
        }
        if device.quaternion.is_some() {
            let q = Rotation(frame.quaternion.map(f64::from));
            let up = q.apply(frame.accel_m_per_s2.map(f64::from));
            prop_assert!(up[2] > 0.98 * GRAVITY, "{:?} {:?}", up, learned);
        }
        let text = serde_json::to_string(&learned.profile).unwrap();
        prop_assert!(!device.stamped || text.contains("stamp[ms]"), "{}", text);
        prop_assert!(!device.counted || text.contains("seq"), "{}", text);
    }
}

#[test]
fn a_sensor_that_nobody_moves_teaches_nothing() {
    let device = Device::any(1);
    let mut recording = Recording::new(SENDER);
    assert!(matches!(recording.learn("x"), Err(LearnError::Silent(_))));
    let mut chance = Chance::new(1, 1);
    for (number, step) in Step::ALL.into_iter().enumerate() {
        for index in 0..200 {
            let moment = moved(Step::Still, 0.0, &mut chance, 0.0);
            let count = 200 * number as u64 + index;
            let at_s = 0.02 * count as f64;
            device.tell(&mut recording, step, moment, at_s, count);
        }
    }
    assert_eq!(recording.learn("x"), Err(LearnError::NoMotion));
}

#[test]
fn others_and_repeated_messages_are_passed_over() {
    let mut recording = Recording::new(SENDER);
    let message = |sender: IpAddr, count: u64| UnknownMessage {
        sender,
        address: "/a".into(),
        arguments: vec![Argument::Number(1.0)],
        count,
    };
    recording.note(Step::Still, &message(SENDER, 1), 0.0);
    recording.note(Step::Still, &message(SENDER, 1), 0.1);
    recording.note(Step::Still, &message([10, 0, 0, 8].into(), 2), 0.2);
    assert_eq!(recording.tracks["/a"].steps[0].len(), 1);
    recording.clear(Step::Still);
    assert!(recording.tracks["/a"].steps[0].is_empty());
}

/// A device that sends what a phone's browser would: angles, and acceleration with and without gravity.
fn angles_and_linear(with_accel: bool, in_degrees: bool) -> Learned {
    let mut recording = Recording::new(SENDER);
    let mut chance = Chance::new(5, 1);
    let unit = if in_degrees { 1f64.to_degrees() } else { 1.0 };
    for (number, step) in Step::ALL.into_iter().enumerate() {
        for index in 0..(STEP_S * RATE_HZ) as u64 {
            let t_s = index as f64 / RATE_HZ;
            let count = 1000 * number as u64 + index;
            let (pose, rate) = moved(step, t_s, &mut chance, 0.1);
            let [w, x, y, z] = pose.0;
            let yaw = (2.0 * (x * y + w * z)).atan2(w * w + x * x - y * y - z * z);
            let pitch = (2.0 * (w * y - x * z)).clamp(-1.0, 1.0).asin();
            let roll = (2.0 * (w * x + y * z)).atan2(w * w - x * x - y * y + z * z);
            // It begins near the seam, and counts the other way round.
            let yaw = (3.0 - yaw + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
                - std::f64::consts::PI;
            let swing =
                3.0 * (5.0 * t_s).sin() * rate.iter().map(|r| r.abs()).sum::<f64>().min(1.0);
            let hand = [swing, 0.6 * swing, 0.0].map(|pull| pull + 0.02 * chance.normal());
            let up = pose.inverse().apply([0.0, 0.0, GRAVITY]);
            let mut say = |address: &str, values: [f64; 3]| {
                let message = UnknownMessage {
                    sender: SENDER,
                    address: address.into(),
                    arguments: values.map(Argument::Number).to_vec(),
                    count,
                };
                recording.note(step, &message, 10.0 * number as f64 + t_s);
            };
            say("/angles", [pitch, roll, yaw].map(|angle| unit * angle));
            say("/user", [-hand[1], hand[0], hand[2]]);
            if with_accel {
                let all: [f64; 3] = std::array::from_fn(|i| up[i] + hand[i]);
                say("/all", [-all[1], all[0], all[2]]);
            }
        }
    }
    recording.learn("Phone").expect("it moves")
}

#[test]
fn angles_are_learned_where_there_is_no_quaternion() {
    for (in_degrees, unit) in [(true, "deg"), (false, "rad")] {
        let learned = angles_and_linear(true, in_degrees);
        Dialects::with_user_rows(&learned.profile.rows()).expect("a profile that reads");
        let text = serde_json::to_string(&learned.profile).unwrap();
        assert!(text.contains(&format!("euler[{unit}]:pr-y")), "{text}");
    }
}

#[test]
fn what_is_nothing_at_rest_is_acceleration_without_gravity() {
    let text = |learned: Learned| serde_json::to_string(&learned.profile).unwrap();
    let beside = text(angles_and_linear(true, true));
    assert!(beside.contains("linear[m/s2]:-yxz"), "{beside}");
    assert!(beside.contains("accel[m/s2]:-yxz"), "{beside}");
    let alone = text(angles_and_linear(false, true));
    assert!(alone.contains("linear[m/s2]:xyz"), "{alone}");
}
