//! What a performer is led through: two poses that align a sensor with its limb, or a while of moving that shows how
//! far they move. Fed with one feature bank a tick, on a control thread; it needs no hand on the mouse.

use super::alignment::{Alignment, LEAST_ANGLE_DEG};
use super::features::{FeatureBank, LimbFeature};
use super::mapping::RoleCalibration;
use super::quaternion::{self as quat, Vector};
use super::{ROLE_COUNT, Role, TICK_RATE_HZ};

/// Time to put the mouse down.
const READY_S: f32 = 3.0;
/// A pose counts once it was held this long.
const HOLD_S: f32 = 1.5;
/// More motion than this is not holding.
const STILL_ENERGY: f32 = 0.12;
/// A pose that is not found in this time is given up.
const PATIENCE_S: f32 = 30.0;
/// How long moving through the range takes; it may be ended sooner.
const RANGE_S: f32 = 15.0;
/// Readings this rare at either end are strays.
const STRAY_SHARE: f64 = 0.01;
/// A feature that covers less of its span was not meant.
const LEAST_COVERED: f32 = 0.02;

/// What the performer is led through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// Two poses.
    Align(Role),
    /// Moving through one's range.
    Range(Role),
}

impl Lesson {
    pub fn role(self) -> Role {
        match self {
            Lesson::Align(role) | Lesson::Range(role) => role,
        }
    }
}

/// Where a lesson stands, to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub lesson: Lesson,
    pub instruction: String,
    /// 0 to 1, of this step.
    pub done: f32,
    /// From 1.
    pub step: usize,
    pub steps: usize,
}

/// What a tick brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Going,
    /// What is to be kept for the role from now on.
    Learned(RoleCalibration),
    Failed(String),
}

/// A lesson that is under way.
#[derive(Clone, Debug)]
pub struct Guide {
    lesson: Lesson,
    known: RoleCalibration,
    step: usize,
    step_s: f32,
    held_s: f32,
    up_sum: Vector,
    up_anchor: Vector,
    poses: Vec<Vector>,
    covered: Vec<[f32; LimbFeature::ALL.len()]>,
}

impl Guide {
    /// `known`: what was learned of the role before; the other half of it is kept.
    pub fn new(lesson: Lesson, known: RoleCalibration) -> Guide {
        Guide {
            lesson,
            known,
            step: 0,
            step_s: 0.0,
            held_s: 0.0,
            up_sum: [0.0; 3],
            up_anchor: [0.0; 3],
            poses: Vec::new(),
            covered: Vec::new(),
        }
    }

    pub fn progress(&self) -> Progress {
        let (instruction, done) = match (self.lesson, self.step) {
            (_, 0) => ("Get ready".to_string(), self.step_s / READY_S),
            (Lesson::Align(role), step) => {
                let pose = &role.poses()[(step - 1).min(1)];
                let text = format!("{}, and hold still", pose.instruction);
                (text, self.held_s / HOLD_S)
            }
            (Lesson::Range(_), _) => (
                "Move through your whole range, as you will play".into(),
                self.step_s / RANGE_S,
            ),
        };
        Progress {
            lesson: self.lesson,
            instruction,
            done: done.clamp(0.0, 1.0),
            step: self.step + 1,
            steps: match self.lesson {
                Lesson::Align(_) => 3,
                Lesson::Range(_) => 2,
            },
        }
    }

    /// One tick, with how fresh each role's motion is (0 to 1).
    pub fn push(&mut self, bank: &FeatureBank, freshness: &[f32; ROLE_COUNT]) -> Outcome {
        self.step_s += 1.0 / TICK_RATE_HZ as f32;
        let role = self.lesson.role();
        if self.step == 0 {
            if self.step_s >= READY_S {
                self.next_step();
            }
            return Outcome::Going;
        }
        let limb = bank.limb(role);
        let is_heard = freshness[role.index()] > 0.9;
        match self.lesson {
            Lesson::Align(_) => self.hold(limb, is_heard),
            Lesson::Range(_) => {
                if is_heard {
                    self.covered.push(*limb);
                }
                if self.step_s >= RANGE_S {
                    return self.finish();
                }
                Outcome::Going
            }
        }
    }

    /// Ends moving through the range, before its time too.
    pub fn finish(&mut self) -> Outcome {
        let mut learned = self.known.clone();
        learned.ranges.clear();
        for feature in LimbFeature::ALL.into_iter().filter(|f| !f.is_direction()) {
            if let Some(range) = self.range(feature) {
                learned.ranges.insert(feature.name().into(), range);
            }
        }
        if learned.ranges.is_empty() {
            return Outcome::Failed(format!(
                "nothing moved on {}: switch its sensor on and move while the bar fills",
                spoken(self.lesson.role())
            ));
        }
        Outcome::Learned(learned)
    }

    fn range(&self, feature: LimbFeature) -> Option<(f32, f32)> {
        let mut values: Vec<f32> = self
            .covered
            .iter()
            .map(|limb| limb[feature.index()])
            .collect();
        values.sort_by(f32::total_cmp);
        let stray = (values.len() as f64 * STRAY_SHARE) as usize;
        let least = *values.get(stray)?;
        let most = *values.get(values.len().checked_sub(1 + stray)?)?;
        let span = feature.span();
        (most - least > LEAST_COVERED * (span.1 - span.0)).then_some((least, most))
    }

    fn next_step(&mut self) {
        self.step += 1;
        self.step_s = 0.0;
        self.let_go();
    }

    fn let_go(&mut self) {
        self.held_s = 0.0;
        self.up_sum = [0.0; 3];
    }

    fn hold(&mut self, limb: &[f32; LimbFeature::ALL.len()], is_heard: bool) -> Outcome {
        let up = [LimbFeature::UpX, LimbFeature::UpY, LimbFeature::UpZ]
            .map(|f| f64::from(limb[f.index()]));
        let moved = self.held_s > 0.0 && angle_deg(up, self.up_anchor) > 8.0;
        let is_new = self
            .poses
            .iter()
            .all(|pose| angle_deg(up, *pose) > LEAST_ANGLE_DEG + 5.0);
        if !is_heard || limb[LimbFeature::Energy.index()] > STILL_ENERGY || moved || !is_new {
            self.let_go();
            if self.step_s > PATIENCE_S {
                return Outcome::Failed(self.gave_up(is_heard, is_new));
            }
            return Outcome::Going;
        }
        if self.held_s == 0.0 {
            self.up_anchor = up;
        }
        self.held_s += 1.0 / TICK_RATE_HZ as f32;
        self.up_sum = [0, 1, 2].map(|i| self.up_sum[i] + up[i]);
        if self.held_s < HOLD_S {
            return Outcome::Going;
        }
        self.poses
            .push(quat::scale(self.up_sum, 1.0 / quat::length(self.up_sum)));
        self.next_step();
        match self.poses[..] {
            [first, second] => self.align([first, second]),
            _ => Outcome::Going,
        }
    }

    fn align(&self, poses: [Vector; 2]) -> Outcome {
        let Some(correction) = Alignment::from_poses(self.lesson.role(), poses) else {
            return Outcome::Failed("the two poses look alike to the sensor: try again".into());
        };
        let mut learned = self.known.clone();
        // The poses were measured through what was learned before.
        learned.alignment = Some(match learned.alignment {
            Some(known) => known.then(correction),
            None => correction,
        });
        Outcome::Learned(learned)
    }

    fn gave_up(&self, is_heard: bool, is_new: bool) -> String {
        let role = spoken(self.lesson.role());
        match (is_heard, is_new) {
            (false, _) => format!("no sensor is heard on {role}: switch it on and try again"),
            (_, false) => {
                format!("the sensor on {role} did not turn between the poses: is it worn there?")
            }
            _ => format!("the sensor on {role} was never still: hold the pose and try again"),
        }
    }
}

fn spoken(role: Role) -> String {
    format!("the {}", role.name().replace('_', " "))
}

fn angle_deg(a: Vector, b: Vector) -> f64 {
    let lengths = quat::length(a) * quat::length(b);
    if lengths < 1e-9 {
        return 180.0;
    }
    (quat::dot(a, b) / lengths)
        .clamp(-1.0, 1.0)
        .acos()
        .to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gesture::quaternion::{from_rotation_vector, rotate};

    const FRESH: [f32; ROLE_COUNT] = [1.0; ROLE_COUNT];

    fn limb(up: Vector, energy: f32) -> FeatureBank {
        let mut bank = FeatureBank::NEUTRAL;
        let row = &mut bank.0[Role::LeftForearm.index()];
        for (feature, value) in [LimbFeature::UpX, LimbFeature::UpY, LimbFeature::UpZ]
            .iter()
            .zip(up)
        {
            row[feature.index()] = value as f32;
        }
        row[LimbFeature::Energy.index()] = energy;
        bank
    }

    fn push_for(
        guide: &mut Guide,
        seconds: f32,
        bank: &FeatureBank,
        fresh: &[f32; ROLE_COUNT],
    ) -> Outcome {
        for _ in 0..(seconds * TICK_RATE_HZ as f32) as usize {
            let outcome = guide.push(bank, fresh);
            if outcome != Outcome::Going {
                return outcome;
            }
        }
        Outcome::Going
    }

    #[test]
    fn two_held_poses_align_the_sensor_without_a_click() {
        let strap = from_rotation_vector([0.4, -0.9, 1.3]);
        let role = Role::LeftForearm;
        let [hanging, forward] = role.poses().map(|pose| rotate(strap, pose.up));
        let mut guide = Guide::new(Lesson::Align(role), RoleCalibration::default());
        // While the mouse is put down, and while the arm moves, nothing is learned.
        assert_eq!(
            push_for(&mut guide, 3.1, &limb([0.0, 0.0, 1.0], 0.5), &FRESH),
            Outcome::Going
        );
        assert_eq!(guide.progress().step, 2);
        push_for(&mut guide, 1.0, &limb(hanging, 0.0), &FRESH);
        assert!(
            (0.5..0.8).contains(&guide.progress().done),
            "{:?}",
            guide.progress()
        );
        push_for(&mut guide, 0.1, &limb(hanging, 0.5), &FRESH);
        assert_eq!(guide.progress().done, 0.0);
        push_for(&mut guide, 1.6, &limb(hanging, 0.0), &FRESH);
        // The arm still hangs: that is not the second pose.
        push_for(&mut guide, 5.0, &limb(hanging, 0.0), &FRESH);
        assert_eq!(guide.progress().step, 3);
        let outcome = push_for(&mut guide, 2.0, &limb(forward, 0.0), &FRESH);
        let Outcome::Learned(learned) = outcome else {
            panic!("{outcome:?}")
        };
        let turn = learned.alignment.unwrap().turn().unwrap();
        let back = rotate(turn, rotate(strap, [1.0, 0.0, 0.0]));
        assert!((back[0] - 1.0).abs() < 1e-4, "{back:?}");
    }

    #[test]
    fn a_range_leaves_strays_out_and_directions_alone() {
        let mut guide = Guide::new(Lesson::Range(Role::LeftForearm), RoleCalibration::default());
        push_for(&mut guide, 3.1, &FeatureBank::NEUTRAL, &FRESH);
        let mut outcome = Outcome::Going;
        for tick in 0..4000 {
            let energy = if tick == 700 {
                1.0
            } else {
                0.1 + 0.3 * (tick % 100) as f32 / 100.0
            };
            outcome = guide.push(&limb([0.0, (tick as f64).sin(), 0.0], energy), &FRESH);
            if outcome != Outcome::Going {
                break;
            }
        }
        let Outcome::Learned(learned) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(learned.ranges.keys().collect::<Vec<_>>(), ["energy"]);
        let (least, most) = learned.ranges["energy"];
        assert!(
            (least - 0.1).abs() < 0.01 && (most - 0.4).abs() < 0.01,
            "{least} {most}"
        );
    }

    #[test]
    fn a_lesson_that_cannot_succeed_says_why() {
        let role = Role::LeftForearm;
        let mut silent = Guide::new(Lesson::Align(role), RoleCalibration::default());
        let outcome = push_for(&mut silent, 60.0, &FeatureBank::NEUTRAL, &[0.0; ROLE_COUNT]);
        assert!(
            matches!(&outcome, Outcome::Failed(text) if text.contains("no sensor")),
            "{outcome:?}"
        );
        let mut still = Guide::new(Lesson::Range(role), RoleCalibration::default());
        let outcome = push_for(&mut still, 60.0, &FeatureBank::NEUTRAL, &FRESH);
        assert!(
            matches!(&outcome, Outcome::Failed(text) if text.contains("left forearm")),
            "{outcome:?}"
        );
    }
}
