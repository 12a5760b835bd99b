//! Curves as SVG, and what is drawn.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// Pitch and loudness over some frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    pub notes: Vec<f32>,
    pub loudness_db: Vec<f32>,
}

impl Trace {
    pub fn of(frames: impl Iterator<Item = (f32, f32)>) -> Trace {
        let (notes, loudness_db) = frames
            .filter(|(note, loudness_db)| note.is_finite() && loudness_db.is_finite())
            .unzip();
        Trace { notes, loudness_db }
    }
}

/// One line of a picture.
pub struct Curve<'a> {
    pub values: &'a [f32],
    pub colour: &'a str,
}

const WIDTH: f32 = 460.0;
const HEIGHT: f32 = 120.0;

/// Curves over a common axis, each from the left edge to the right.
pub fn draw(title: &str, curves: &[Curve]) -> String {
    let all = || {
        curves
            .iter()
            .flat_map(|curve| curve.values)
            .filter(|value| value.is_finite())
    };
    let (low, high) = all().fold((f32::MAX, f32::MIN), |(low, high), v| {
        (low.min(*v), high.max(*v))
    });
    let span = (high - low).max(1e-6);
    let mut svg = format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#f6f6f4\"/>"
    );
    for curve in curves {
        let last = curve.values.len().saturating_sub(1).max(1) as f32;
        let mut points = String::new();
        for (index, value) in curve
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite())
        {
            let (x, y) = (
                WIDTH * index as f32 / last,
                HEIGHT - 6.0 - (HEIGHT - 12.0) * (value - low) / span,
            );
            let _ = write!(points, "{x:.1},{y:.1} ");
        }
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke-width=\"1.4\" stroke=\"{}\" points=\"{points}\"/>",
            curve.colour
        );
    }
    let _ = write!(
        svg,
        "</svg><figcaption>{title}: {low:.2} to {high:.2}</figcaption></figure>"
    );
    svg
}
