//! Where on the virtual performer's body a sensor is strapped, and which way round.

use super::arm::{
    FOREARM_AND_HAND_M, Flaws, Joints, Pose, Rotation, SENSOR_M, UPPER_ARM_M, Vec3, shoulder,
};

/// Which way a shoulder lies from the middle.
const SIDE: [f64; 2] = [-1.0, 1.0];

/// A part of the body that moves as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    UpperArm,
    /// With the hand: this performer's wrist is stiff.
    Forearm,
    Torso,
    Head,
}

impl Part {
    /// How far along it a sensor can be worn.
    fn length_m(self) -> f64 {
        match self {
            Part::UpperArm => UPPER_ARM_M,
            Part::Forearm => FOREARM_AND_HAND_M,
            Part::Torso => 0.5,
            Part::Head => 0.25,
        }
    }
}

/// The limb's own axes are those of [`super::arm`]: x away from the body, y left and z up when it points forward, palm
/// down. The torso and the head have earth axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// As the engine's roles are named: `right_forearm` and so on.
    pub name: &'static str,
    pub part: Part,
    /// 0 the right arm, 1 the left one.
    pub arm: usize,
    /// From the joint nearer to the body: shoulder or elbow; on the torso above the hips, on the head above the neck.
    pub along_m: f64,
    /// The strap's rotation, as a rotation vector from the limb's axes.
    pub strap_rad: Vec3,
}

const fn usual(name: &'static str, part: Part, arm: usize, along_m: f64) -> Placement {
    Placement {
        name,
        part,
        arm,
        along_m,
        strap_rad: [0.0; 3],
    }
}

impl Placement {
    /// Where each is usually worn.
    pub const ALL: [Placement; 8] = [
        usual("right_forearm", Part::Forearm, 0, SENSOR_M),
        usual("left_forearm", Part::Forearm, 1, SENSOR_M),
        usual("right_wrist", Part::Forearm, 0, 0.25),
        usual("left_wrist", Part::Forearm, 1, 0.25),
        usual("right_upper_arm", Part::UpperArm, 0, 0.15),
        usual("left_upper_arm", Part::UpperArm, 1, 0.15),
        usual("torso", Part::Torso, 0, 0.35),
        usual("head", Part::Head, 0, 0.15),
    ];

    /// A name, and if you like where along the part in metres and how the strap is turned, in degrees about the limb's x,
    /// y and z in that order: `right_wrist`, `right_wrist=0.27`, `left_upper_arm=0.1,0,0,90`.
    ///
    /// # Errors
    /// Says what to write.
    pub fn parse(text: &str) -> Result<Placement, String> {
        let (name, numbers) = text.split_once('=').unwrap_or((text, ""));
        let usual = Placement::ALL.into_iter().find(|place| place.name == name);
        let Some(mut place) = usual else {
            let names = Placement::ALL.map(|place| place.name).join(", ");
            return Err(format!("'{name}' is no place on the body: one of {names}"));
        };
        let wrong = || {
            format!(
                "'{numbers}': write PLACE=METRES or PLACE=METRES,X,Y,Z with the strap's degrees"
            )
        };
        let read = |part: &str| part.trim().parse().ok().filter(|n: &f64| n.is_finite());
        let numbers = numbers.split(',').filter(|part| !part.is_empty()).map(read);
        match numbers.collect::<Option<Vec<f64>>>().as_deref() {
            Some([]) => {}
            Some([along_m]) => place.along_m = *along_m,
            Some([along_m, turns @ ..]) if turns.len() == 3 => {
                place.along_m = *along_m;
                let turned = (0..3).fold(Rotation::NONE, |turned, axis| {
                    turned.then_inner(Rotation::about(axis, turns[axis].to_radians()))
                });
                place.strap_rad = turned.vector();
            }
            _ => return Err(wrong()),
        }
        let reach = place.part.length_m();
        if !(0.0..=reach).contains(&place.along_m) {
            let along = place.along_m;
            return Err(format!("{name} is {reach} m long: {along} m is beyond it"));
        }
        Ok(place)
    }

    /// In words, for a take's document.
    pub fn words(&self) -> String {
        let [x, y, z] = self.strap_rad.map(f64::to_degrees);
        format!(
            "{:.2} m from the joint, strap turned by the rotation vector ({x:.0}, {y:.0}, {z:.0})°",
            self.along_m
        )
    }

    /// Where the sensor is and how it is turned.
    pub(super) fn pose(&self, joints: &Joints, sway: &Sway) -> Pose {
        let pose = match self.part {
            Part::Forearm => joints.forearm(SIDE[self.arm], self.along_m),
            Part::UpperArm => Sway::upper_arm(joints, SIDE[self.arm], self.along_m),
            Part::Torso => sway.torso(joints, [0.1, 0.0, self.along_m]),
            Part::Head => sway.head(joints, [0.0, 0.0, self.along_m]),
        };
        Pose {
            rotation: pose
                .rotation
                .then_inner(Rotation::from_vector(self.strap_rad)),
            ..pose
        }
    }
}

/// A sensor with its flaws, strapped on.
#[derive(Clone, Copy, Debug)]
pub struct Strapped {
    pub place: Placement,
    pub flaws: Flaws,
    /// Of its noise.
    pub seed: u64,
}

/// What a standing body does besides playing: it sways and breathes. The arms feel their part of it in their joints.
pub(super) struct Sway {
    heading_rad: f64,
    lean_rad: f64,
    breath_rad: f64,
}

/// So much of a forearm's turns and lifts its upper arm goes along with, and the trunk with the right one's. The pose of
/// the forearm itself has them in its joints.
const ARM_FOLLOWS: f64 = 0.2;
const TRUNK_FOLLOWS: f64 = 0.05;
/// And the trunk leans by itself.
const LEANS_RAD: f64 = 0.05;

impl Sway {
    pub fn at(phase: f64, t_s: f64) -> Sway {
        Sway {
            heading_rad: 0.02 * (0.61 * t_s + phase).sin(),
            lean_rad: LEANS_RAD * (0.37 * t_s + 3.0 * phase).sin(),
            breath_rad: 0.003 * (1.53 * t_s + 2.0 * phase).sin(),
        }
    }

    /// A limb's joints as they sway.
    pub fn of_arm(&self, joints: Joints) -> Joints {
        Joints {
            heading_rad: joints.heading_rad + self.heading_rad,
            incline_rad: joints.incline_rad + self.breath_rad,
            ..joints
        }
    }

    /// How the rest of the body goes along with a forearm.
    fn following(joints: &Joints, share: f64) -> Rotation {
        let turn_rad = joints.heading_rad + joints.sweep_rad;
        let lift_rad = joints.incline_rad + 0.2 * joints.roll_rad;
        Rotation::about(2, share * turn_rad).then_inner(Rotation::about(1, -share * lift_rad))
    }

    /// On the upper arm, so far from the shoulder.
    fn upper_arm(joints: &Joints, side: f64, along_m: f64) -> Pose {
        let still = joints.upper_arm(side, along_m);
        let moved = Sway::following(joints, ARM_FOLLOWS);
        let shoulder = shoulder(side);
        let out = moved.apply(std::array::from_fn(|i| still.position_m[i] - shoulder[i]));
        Pose {
            position_m: std::array::from_fn(|i| shoulder[i] + out[i]),
            rotation: moved.then_inner(still.rotation),
        }
    }

    /// A point above the hips; the trunk goes along with the right arm.
    fn torso(&self, joints: &Joints, at_m: Vec3) -> Pose {
        let leaning = Sway::following(joints, TRUNK_FOLLOWS)
            .then_inner(Rotation::about(1, self.lean_rad))
            .then_inner(Rotation::about(0, 0.5 * self.lean_rad));
        let place = leaning.apply(at_m);
        Pose {
            position_m: [place[0], place[1], HIPS_M + place[2]],
            rotation: leaning.then_inner(Rotation::about(1, -self.breath_rad)),
        }
    }

    /// A point above the neck; the head goes where the trunk carries it, looks along and leans less.
    fn head(&self, joints: &Joints, at_m: Vec3) -> Pose {
        let neck = self.torso(joints, [0.0, 0.0, NECK_M - HIPS_M]).position_m;
        let rotation = Sway::following(joints, TRUNK_FOLLOWS)
            .then_inner(Rotation::about(1, -0.5 * self.lean_rad));
        let place = rotation.apply(at_m);
        Pose {
            position_m: std::array::from_fn(|axis| neck[axis] + place[axis]),
            rotation,
        }
    }
}

const HIPS_M: f64 = 0.95;
const NECK_M: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::super::{Performer, Reading, Style};
    use super::*;

    fn strapped(text: &str) -> Strapped {
        Strapped {
            place: Placement::parse(text).unwrap(),
            flaws: Flaws::NONE,
            seed: 1,
        }
    }

    #[test]
    fn a_wrist_feels_more_than_a_forearm_and_an_upper_arm_less() {
        let performer = Performer::new(Style::Strum, 3);
        let power = |text: &str| -> f32 {
            let worn = strapped(text);
            let readings = (0..1000).map(|n| performer.reads(&worn, 2.0 + f64::from(n) * 0.01));
            let rates = readings.map(|reading| reading.accel_m_per_s2);
            rates
                .map(|a| (a.iter().map(|x| x * x).sum::<f32>().sqrt() - 9.81).powi(2))
                .sum()
        };
        let [wrist, forearm, upper, head] = [
            "right_wrist=0.4",
            "right_forearm=0.1",
            "right_upper_arm=0.1",
            "head",
        ]
        .map(power);
        assert!(
            wrist > 1.5 * forearm && forearm > 1.5 * upper && forearm > 1.5 * head,
            "{wrist} {forearm} {upper} {head}"
        );
    }

    #[test]
    fn whatever_is_worn_moves_enough_to_learn_from() {
        for (style, place) in Style::ALL
            .into_iter()
            .filter(|style| *style != Style::Still)
            .flat_map(|style| Placement::ALL.map(|place| (style, place)))
        {
            let performer = Performer::new(style, 3);
            let worn = strapped(place.name);
            let readings: Vec<_> = (0..1500)
                .map(|n| performer.reads(&worn, 1.0 + f64::from(n) * 0.02))
                .collect();
            let deviation = |of: fn(&Reading) -> [f32; 3]| -> f32 {
                let mean: [f32; 3] = std::array::from_fn(|axis| {
                    readings
                        .iter()
                        .map(|reading| of(reading)[axis])
                        .sum::<f32>()
                        / 1500.0
                });
                let away = |reading| {
                    (0..3)
                        .map(|axis| (of(reading)[axis] - mean[axis]).powi(2))
                        .sum::<f32>()
                };
                (readings.iter().map(away).sum::<f32>() / 1500.0).sqrt()
            };
            let force = deviation(|reading| reading.accel_m_per_s2);
            let turn = deviation(|reading| reading.rate_rad_per_s);
            assert!(
                force > 0.2 || turn > 0.07,
                "{style:?} {place:?}: {force} {turn}"
            );
        }
    }

    #[test]
    fn a_turned_strap_turns_what_is_read_and_nothing_else() {
        let performer = Performer::new(Style::Bow, 3);
        let reading = |text: &str| performer.reads(&strapped(text), 5.0);
        let (straight, turned) = (
            reading("right_forearm"),
            reading("right_forearm=0.21,0,0,90"),
        );
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-3, "{straight:?} {turned:?}");
        // The sensor's x points where its y did.
        for (straight, turned) in [
            (straight.accel_m_per_s2, turned.accel_m_per_s2),
            (straight.rate_rad_per_s, turned.rate_rad_per_s),
        ] {
            near(turned[0], straight[1]);
            near(turned[1], -straight[0]);
            near(turned[2], straight[2]);
        }
    }

    #[test]
    fn what_cannot_be_worn_is_told_with_the_cure() {
        let told = |text: &str| Placement::parse(text).unwrap_err();
        assert!(told("left_knee").contains("right_forearm, left_forearm"));
        assert!(told("head=0.9").contains("0.25 m long"));
        for text in ["head=x", "head=0.1,2", "head=nan", "head=0.1,1,2,3,4"] {
            assert!(told(text).contains("PLACE=METRES,X,Y,Z"), "{text}");
        }
    }
}
