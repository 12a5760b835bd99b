//! What a latent does, in words: which bands it lifts and which it lowers.

use super::envelope::{ENVELOPE_BANDS, centre_hz};

/// A band belongs to a hill if it is at least so high as part of its top.
const FOOT: f32 = 0.5;
/// A valley that is not so deep, as part of the hill's height, goes without saying.
const WORTH_SAYING: f32 = 0.4;

/// `more at 300 to 640 Hz, less at 2.1 to 4.0 kHz`.
pub fn says(axis: &[f32]) -> String {
    let hill = hill(axis);
    let turned: Vec<f32> = axis.iter().map(|x| -x).collect();
    let valley = self::hill(&turned);
    let mut text = format!("more at {}", span(hill.1, hill.2));
    if valley.0 > WORTH_SAYING * hill.0 {
        text += &format!(", less at {}", span(valley.1, valley.2));
    }
    text
}

/// Its height, and its first and last band.
fn hill(axis: &[f32]) -> (f32, usize, usize) {
    let top = (0..axis.len()).fold(0, |top, i| if axis[i] > axis[top] { i } else { top });
    let height = axis.get(top).copied().unwrap_or(0.0);
    let inside = |i: &usize| axis[*i] > FOOT * height;
    let first = (0..top).rev().take_while(inside).last().unwrap_or(top);
    let last = (top..axis.len()).take_while(inside).last().unwrap_or(top);
    (height, first, last)
}

fn span(first: usize, last: usize) -> String {
    let ends = [first, last].map(centre_hz);
    if first == last {
        return named(ends[0]);
    }
    if last + 1 == ENVELOPE_BANDS {
        return format!("{} and above", named(ends[0]));
    }
    if first == 0 {
        return format!("{} and below", named(ends[1]));
    }
    format!("{} to {}", named(ends[0]), named(ends[1]))
}

fn named(hz: f32) -> String {
    if hz < 1000.0 {
        format!("{:.0} Hz", (hz / 10.0).round() * 10.0)
    } else {
        format!("{:.1} kHz", hz / 1000.0)
    }
}
