//! Which way is forward: where the sensor's x axis pointed when the performer said so ("recentre").
//!
//! Heading is the turn about the vertical since then, so it does not care how the sensor is mounted. Audio thread
//! and training.

use super::quaternion::{self as quat, Quaternion, Vector, about_vertical, multiply, rotate};

/// Which way is forward: the pose of the last recentring.
#[derive(Clone, Copy, Debug)]
pub struct Heading {
    reference: Option<Quaternion>,
    forward_rad: f64,
    heading: (f64, f64),
}

impl Heading {
    pub fn new() -> Self {
        Heading {
            reference: None,
            forward_rad: 0.0,
            heading: (0.0, 1.0),
        }
    }

    /// From now on this pose has heading 0 and its x axis, levelled, points forward. An x axis within 30° of the
    /// vertical has no clear direction: then it counts as levelled by the shortest turn.
    pub fn recentre(&mut self, pose: Quaternion) {
        let ahead = rotate(pose, [1.0, 0.0, 0.0]);
        let forward = if ahead[2].abs() < 0.866 {
            ahead[1].atan2(ahead[0])
        } else {
            quat::twist_about_vertical(pose).unwrap_or(0.0)
        };
        self.reference = Some(pose);
        self.forward_rad = forward;
        self.heading = (0.0, 1.0);
    }

    /// Sine and cosine of the turn about the vertical since the last recentring, which the first pose is too.
    /// Tilting does not change it, however the sensor is mounted; held where undefined (upside down).
    pub fn step(&mut self, pose: Quaternion) -> (f64, f64) {
        let Some(reference) = self.reference else {
            self.recentre(pose);
            return self.heading;
        };
        if let Some(twist) = quat::twist_about_vertical(multiply(pose, quat::conjugate(reference)))
        {
            self.heading = twist.sin_cos();
        }
        self.heading
    }

    /// Keeps heading and forward as they are while the source of the pose changes from `old` to `new`.
    pub fn carry_over(&mut self, old: Quaternion, new: Quaternion) {
        let turn = quat::twist_about_vertical(multiply(new, quat::conjugate(old))).unwrap_or(0.0);
        self.reference = self.reference.map(|r| multiply(about_vertical(turn), r));
        self.forward_rad += turn;
    }

    /// Turns a vector of earth axes so that x is forward.
    pub fn ahead(&self, earth: Vector) -> Vector {
        rotate(about_vertical(-self.forward_rad), earth)
    }
}

impl Default for Heading {
    fn default() -> Self {
        Heading::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quat::{length, subtract};

    #[test]
    fn heading_is_the_turn_since_recentring_however_the_sensor_is_mounted() {
        for mount in [
            [0.0, 0.0, 0.0],
            [1.5, 0.3, 0.2],
            [0.1, -1.6, 0.4],
            [3.0, 0.2, 0.1],
        ] {
            let mount = quat::from_rotation_vector(mount);
            let mut heading = Heading::new();
            heading.recentre(mount);
            let (sine, cosine) = heading.step(multiply(about_vertical(0.7), mount));
            assert!((sine.atan2(cosine) - 0.7).abs() < 1e-9);
        }
    }

    #[test]
    fn a_change_of_source_moves_neither_heading_nor_forward() {
        let mut heading = Heading::new();
        heading.recentre(about_vertical(0.3));
        let old = about_vertical(0.8);
        let before = heading.step(old);
        let ahead = heading.ahead(rotate(old, [1.0, 0.0, 0.0]));
        let new = about_vertical(-2.0);
        heading.carry_over(old, new);
        let after = heading.step(new);
        assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
        assert!(length(subtract(ahead, heading.ahead(rotate(new, [1.0, 0.0, 0.0])))) < 1e-9);
    }
}
