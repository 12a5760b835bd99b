//! A limb from its two ends. Two points do not say how a limb is turned about its own length: its z axis begins as near
//! to the sky as it can and is carried along by the smallest turns, so a forearm's roll is not seen. Points without depth
//! are lifted by four assumptions: the camera is level, far away and at rest; the limb is a rigid rod of typical length;
//! it lay across the view at the time when it looked longest; it leans toward the camera, never away.

use std::path::Path;

use super::PoseError;
use super::limb::{Motion, Up, earth, rotation_of};
use super::points::Points;
use crate::sensor::performer::{Pose, Rotation};

/// Name, near end, far end, length in metres: of an adult of 1.75 m (Drillis & Contini 1966).
const SEGMENTS: [(&str, &str, &str, f64); 8] = [
    ("RightForeArm", "right_elbow", "right_wrist", 0.255),
    ("LeftForeArm", "left_elbow", "left_wrist", 0.255),
    ("RightArm", "right_shoulder", "right_elbow", 0.325),
    ("LeftArm", "left_shoulder", "left_elbow", 0.325),
    ("RightLeg", "right_knee", "right_ankle", 0.43),
    ("LeftLeg", "left_knee", "left_ankle", 0.43),
    ("RightUpLeg", "right_hip", "right_knee", 0.43),
    ("LeftUpLeg", "left_hip", "left_knee", 0.43),
];
/// The limb looks longest in this share of frames; the rest are mistakes of the estimator.
const LONGEST_SHARE: f64 = 0.98;
/// A limb that looks this long lies across the view: just below its whole length, pixels would become centimetres.
const ACROSS_SHARE: f64 = 0.97;

/// What is wanted of the points.
pub struct Wanted<'a> {
    pub segment: &'a str,
    /// Where the sensor sits, 0 at the near end to 1 at the far end.
    pub along: f64,
    pub metres_per_unit: f64,
    pub up: Up,
    pub smooth_s: f64,
}

pub fn motion(points: &Points, wanted: &Wanted, file: &Path) -> Result<Motion, PoseError> {
    let named = SEGMENTS
        .iter()
        .find(|s| s.0.eq_ignore_ascii_case(wanted.segment));
    let Some((_, near, far, length_m)) = named else {
        return Err(PoseError::NoSegment {
            wanted: wanted.segment.into(),
            known: SEGMENTS.map(|s| s.0).join(", "),
        });
    };
    let track = |name: &str| {
        points.tracks.get(name).ok_or_else(|| PoseError::Points {
            file: file.into(),
            cause: format!("{name} is missing, or unseen in more than half of the frames"),
        })
    };
    let (near, far) = (track(near)?, track(far)?);
    let ends: Vec<_> = if points.deep {
        let scaled = |p: &[f64; 3]| earth(p.map(|x| x * wanted.metres_per_unit), wanted.up);
        near.iter()
            .zip(far)
            .map(|(n, f)| (scaled(n), scaled(f)))
            .collect()
    } else {
        lift(near, far, *length_m, wanted.up)
    };
    let mut turn: Option<([f64; 3], Rotation)> = None;
    let poses = ends.iter().map(|(near, far)| {
        let reach: [f64; 3] = std::array::from_fn(|i| far[i] - near[i]);
        let size = reach.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-9);
        let x = reach.map(|r| r / size);
        let rotation = match turn {
            Some((before, rotation)) => Rotation::between(before, x).then_inner(rotation),
            None => first_turn(x),
        };
        turn = Some((x, rotation));
        Pose {
            position_m: std::array::from_fn(|i| near[i] + wanted.along * reach[i]),
            rotation,
        }
    });
    Ok(Motion::new(
        poses.collect(),
        points.rate_hz,
        wanted.smooth_s,
    ))
}

fn first_turn(x: [f64; 3]) -> Rotation {
    // Straight up or down, the sky says nothing: forward takes its place.
    let steep = x[2].abs() > 0.99;
    let sky = if steep {
        [1.0, 0.0, 0.0]
    } else {
        [0.0, 0.0, 1.0]
    };
    rotation_of(x, sky)
}

/// Both ends in metres in the earth's axes.
fn lift(near: &[[f64; 3]], far: &[[f64; 3]], length_m: f64, up: Up) -> Vec<([f64; 3], [f64; 3])> {
    let seen = |n: &[f64; 3], f: &[f64; 3]| (f[0] - n[0]).hypot(f[1] - n[1]);
    let mut lengths: Vec<f64> = near.iter().zip(far).map(|(n, f)| seen(n, f)).collect();
    lengths.sort_by(f64::total_cmp);
    let longest = lengths[((lengths.len() - 1) as f64 * LONGEST_SHARE) as usize].max(1e-9);
    let scale = length_m / longest;
    let ends = near.iter().zip(far).map(|(n, f)| {
        let flat = seen(n, f) * scale;
        let across = ACROSS_SHARE * length_m;
        let depth = (across * across - flat * flat).max(0.0).sqrt();
        // Images count downward and away: toward the camera is negative.
        let toward = if up == Up::MinusY { -depth } else { depth };
        (
            earth([n[0] * scale, n[1] * scale, 0.0], up),
            earth([f[0] * scale, f[1] * scale, toward], up),
        )
    });
    ends.collect()
}
