//! How a sensor sits on its limb: a rotation from two guided poses, so that a strap turned the other way round sends
//! the same motion.
//!
//! Each pose shows where "up" is in the limb's own axes (a forearm's: x toward the hand, y left, z up when it points
//! forward, palm down); two such directions fix a rotation (TRIAD: Black 1964, "A passive system for determining the
//! attitude of a satellite"). Heading plays no part, so a magnetometer is not needed.

use serde::{Deserialize, Serialize};

use super::Role;
use super::quaternion::{
    self as quat, Quaternion, Vector, conjugate, cross, from_matrix, length, multiply, rotate,
    scale,
};
use crate::sensor::SensorFrame;

/// Poses closer than this say too little.
pub const LEAST_ANGLE_DEG: f64 = 25.0;

/// Limb ← sensor rotation, unit, w first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Alignment([f64; 4]);

/// A pose that the wearer is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuidedPose {
    pub instruction: &'static str,
    /// Where up is in the limb's axes.
    pub up: Vector,
}

impl Role {
    /// The two poses that tell how a sensor sits on this limb.
    pub fn poses(self) -> [GuidedPose; 2] {
        let (first, second) = match self {
            Role::Torso => ("Stand upright", "Bow forward, as far as is comfortable"),
            Role::Head => ("Look straight ahead", "Look down at your feet"),
            _ => (
                "Let the arm hang straight down",
                "Point the arm straight forward, palm down",
            ),
        };
        let up = match self {
            // Bowing takes "up" toward the back, by whatever angle.
            Role::Torso | Role::Head => [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]],
            _ => [[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        };
        [(first, up[0]), (second, up[1])].map(|(instruction, up)| GuidedPose { instruction, up })
    }
}

impl Alignment {
    /// From the directions of up that the sensor measured in the two poses of a role. `None` where they are alike.
    pub fn from_poses(role: Role, measured: [Vector; 2]) -> Option<Alignment> {
        let [first, second] = role.poses();
        let limb = triad(first.up, second.up)?;
        let sensor = triad(measured[0], measured[1])?;
        // Both triads are rows: limb = R sensor, so R = limbᵀ sensor with columns for rows.
        let mut matrix = [[0.0; 3]; 3];
        for (row, values) in matrix.iter_mut().enumerate() {
            for (column, value) in values.iter_mut().enumerate() {
                *value = (0..3).map(|k| limb[k][row] * sensor[k][column]).sum();
            }
        }
        from_matrix(matrix).map(Alignment)
    }

    /// The rotation, if the numbers are one.
    pub fn turn(self) -> Option<Quaternion> {
        quat::unit(self.0)
    }

    /// This alignment, corrected by one that was learned on top of it.
    pub fn then(self, correction: Alignment) -> Alignment {
        Alignment(multiply(correction.0, self.0))
    }
}

/// Three directions at right angles, the first as given.
fn triad(first: Vector, second: Vector) -> Option<[Vector; 3]> {
    let first = scale(first, 1.0 / length(first));
    let side = cross(first, scale(second, 1.0 / length(second)));
    let sine = length(side);
    if !sine.is_finite() || sine < LEAST_ANGLE_DEG.to_radians().sin() {
        return None;
    }
    let side = scale(side, 1.0 / sine);
    Some([first, side, cross(first, side)])
}

/// A reading as a sensor in the limb's own axes would make it.
pub fn aligned(frame: &SensorFrame, turn: Quaternion) -> SensorFrame {
    let turned = |v: [f32; 3]| rotate(turn, v.map(f64::from)).map(|x| x as f32);
    let mut out = *frame;
    out.accel_m_per_s2 = turned(frame.accel_m_per_s2);
    out.rate_rad_per_s = turned(frame.rate_rad_per_s);
    out.mag_ut = turned(frame.mag_ut);
    out.linear_accel_m_per_s2 = turned(frame.linear_accel_m_per_s2);
    let pose = frame.quaternion.map(f64::from);
    out.quaternion = multiply(pose, conjugate(turn)).map(|v| v as f32);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::DeviceId;
    use crate::units::HostTime;
    use proptest::prelude::*;
    use quat::{from_rotation_vector, subtract};

    proptest! {
        #[test]
        fn two_poses_undo_any_strap(strap in prop::array::uniform3(-3.0f64..3.0), role in 0usize..8, sloppy in 0.5f64..1.5) {
            let role = Role::ALL[role];
            let strap = from_rotation_vector(strap);
            let [first, second] = role.poses();
            // The second pose may go less far, or further, than it was asked to.
            let second: Vector = std::array::from_fn(|i| first.up[i] * sloppy.cos() + second.up[i] * sloppy.sin());
            let measured = [first.up, second].map(|up| rotate(strap, up));
            let turn = Alignment::from_poses(role, measured).unwrap().turn().unwrap();
            for v in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
                prop_assert!(length(subtract(rotate(turn, rotate(strap, v)), v)) < 1e-6);
            }
        }
    }

    #[test]
    fn poses_that_are_alike_are_refused() {
        let up = [0.1, 0.9, 0.3];
        assert!(Alignment::from_poses(Role::Head, [up, up]).is_none());
        assert!(Alignment::from_poses(Role::Head, [up, [f64::NAN; 3]]).is_none());
    }

    #[test]
    fn an_aligned_reading_is_the_limbs_own_and_what_is_absent_stays_absent() {
        let strap = from_rotation_vector([0.3, -1.2, 0.4]);
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
        frame.accel_m_per_s2 = rotate(strap, [1.0, 2.0, 3.0]).map(|v| v as f32);
        // The limb's own pose is the identity: the sensor's is its strap, undone.
        frame.quaternion = conjugate(strap).map(|v| v as f32);
        let own = aligned(&frame, conjugate(strap));
        let left: Vec<f32> = own
            .accel_m_per_s2
            .iter()
            .zip([1.0, 2.0, 3.0])
            .map(|(a, b)| a - b)
            .collect();
        assert!(left.iter().all(|d| d.abs() < 1e-5), "{left:?}");
        assert!(
            (own.quaternion[0].abs() - 1.0).abs() < 1e-6,
            "{:?}",
            own.quaternion
        );
        assert!(own.rate_rad_per_s.iter().all(|v| v.is_nan()));
    }
}
