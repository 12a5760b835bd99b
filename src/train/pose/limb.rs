//! A limb over time, as curves that an accelerometer and a gyroscope can be read from.

use crate::sensor::performer::spline::{Spline, smoothed};
use crate::sensor::performer::{Flaws, Pose, Reading, Rotation, arm};

/// Which axis of the source points to the sky.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "standalone", derive(clap::ValueEnum))]
pub enum Up {
    X,
    Y,
    Z,
    /// Down is positive, as in images and MediaPipe's world landmarks.
    MinusY,
}

/// A point in the earth's axes (z up). Hands stay what they are: every case is a rotation.
pub fn earth(p: [f64; 3], up: Up) -> [f64; 3] {
    match up {
        Up::X => [p[1], p[2], p[0]],
        Up::Y => [p[2], p[0], p[1]],
        Up::Z => p,
        Up::MinusY => [p[0], p[2], -p[1]],
    }
}

/// Poses on an even grid, as smooth curves.
pub struct Motion {
    position: [Spline; 3],
    quaternion: [Spline; 4],
    seconds: f64,
}

impl Motion {
    /// `smooth_s` is the deviation of a Gaussian that they are read through; 0 takes them as they are.
    pub fn new(poses: Vec<Pose>, rate_hz: f64, smooth_s: f64) -> Motion {
        let mut last = [1.0, 0.0, 0.0, 0.0];
        let turns: Vec<[f64; 4]> = poses
            .iter()
            .map(|pose| {
                let q = pose.rotation.0;
                let same: f64 = (0..4).map(|i| q[i] * last[i]).sum();
                last = if same < 0.0 { q.map(|c| -c) } else { q };
                last
            })
            .collect();
        let curve = |samples: Vec<f64>| {
            let samples = if smooth_s > 0.0 {
                smoothed(&samples, smooth_s * rate_hz)
            } else {
                samples
            };
            Spline::through(&samples, rate_hz, 0.0)
        };
        Motion {
            position: std::array::from_fn(|i| {
                curve(poses.iter().map(|p| p.position_m[i]).collect())
            }),
            quaternion: std::array::from_fn(|i| curve(turns.iter().map(|q| q[i]).collect())),
            seconds: poses.len().saturating_sub(1) as f64 / rate_hz,
        }
    }

    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    pub fn pose(&self, t_s: f64) -> Pose {
        let q: [f64; 4] = std::array::from_fn(|i| self.quaternion[i].at(t_s));
        let size = q.iter().map(|c| c * c).sum::<f64>().sqrt().max(1e-9);
        Pose {
            position_m: std::array::from_fn(|i| self.position[i].at(t_s)),
            rotation: Rotation(q.map(|c| c / size)),
        }
    }

    /// What a sensor there would read.
    pub fn reading(&self, flaws: &Flaws, seed: u64, t_s: f64) -> Reading {
        arm::read(|t| self.pose(t), flaws, seed, t_s)
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let size = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    (size > 1e-6).then(|| v.map(|x| x / size))
}

/// The rotation whose x axis is `x` (a unit vector) and whose z axis is as near to `z` as that allows.
pub fn rotation_of(x: [f64; 3], z: [f64; 3]) -> Rotation {
    let Some(y) = unit(cross(z, x)) else {
        return Rotation::NONE;
    };
    let z = cross(x, y);
    // Columns are the limb's axes; Shepperd's method, by the largest of the four.
    let (m00, m11, m22) = (x[0], y[1], z[2]);
    let squares = [
        1.0 + m00 + m11 + m22,
        1.0 + m00 - m11 - m22,
        1.0 - m00 + m11 - m22,
        1.0 - m00 - m11 + m22,
    ];
    let largest = (0..4)
        .max_by(|a, b| squares[*a].total_cmp(&squares[*b]))
        .unwrap_or(0);
    let s = 2.0 * squares[largest].max(1e-12).sqrt();
    let (yz, zx, xy) = (y[2] - z[1], z[0] - x[2], x[1] - y[0]);
    let (sxy, sxz, syz) = (x[1] + y[0], x[2] + z[0], y[2] + z[1]);
    Rotation(match largest {
        0 => [0.25 * s, yz / s, zx / s, xy / s],
        1 => [yz / s, 0.25 * s, sxy / s, sxz / s],
        2 => [zx / s, sxy / s, 0.25 * s, syz / s],
        _ => [xy / s, sxz / s, syz / s, 0.25 * s],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_has_the_axes_it_was_made_from() {
        for i in 0..50 {
            let a = f64::from(i) * 0.37;
            let x = unit([a.cos(), a.sin() * 0.6, (2.0 * a).sin()]).unwrap();
            let r = rotation_of(x, [0.1, 0.2, 1.0]);
            let back = r.apply([1.0, 0.0, 0.0]);
            assert!((0..3).all(|k| (back[k] - x[k]).abs() < 1e-9), "{i}");
            assert!(r.apply([0.0, 0.0, 1.0])[2] > 0.0);
        }
    }

    #[test]
    fn every_up_is_a_rotation() {
        for (up, sky) in [
            (Up::X, [1.0, 0.0, 0.0]),
            (Up::Y, [0.0, 1.0, 0.0]),
            (Up::Z, [0.0, 0.0, 1.0]),
            (Up::MinusY, [0.0, -1.0, 0.0]),
        ] {
            assert_eq!(earth(sky, up), [0.0, 0.0, 1.0]);
            let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|a| earth(a, up));
            assert_eq!(cross(axes[0], axes[1]), axes[2], "{up:?}");
        }
    }
}
