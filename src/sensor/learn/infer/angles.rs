//! Three angles, where a device sends no quaternion: each of three quarter turns moves one of them by a quarter.

use super::Message;
use crate::sensor::learn::Step;
use crate::sensor::learn::fit::Column;

/// A quarter turn by hand is this share off at most.
const QUARTER_OFF: f64 = 0.28;
/// What the two other angles may move by meanwhile, as a share of a quarter.
const STRAY: f64 = 0.35;
/// A front that points at the ceiling is where pitch ends: it may stay some way short.
const LEAST_PITCH: f64 = 0.6;

/// How our angles move in the steps: yaw by a quarter to the left, the left side up is roll, the front up is negative
/// pitch (turns about z, x and y).
const MOVED: [(Step, &str, f64); 3] = [
    (Step::Turn, "y", 1.0),
    (Step::RaiseLeft, "r", 1.0),
    (Step::RaiseFront, "p", -1.0),
];

pub(super) fn name(messages: &mut [Message], found: &mut Vec<String>) {
    for message in messages {
        let angles = message
            .groups::<3>()
            .into_iter()
            .find_map(|(first, columns)| {
                let in_unit = |(unit, quarter): (&str, f64)| {
                    Some(format!("euler[{unit}]:{}", order(&columns, quarter)?))
                };
                let units = [("deg", 90.0), ("rad", std::f64::consts::FRAC_PI_2)];
                Some((first, units.into_iter().find_map(in_unit)?))
            });
        if let Some((first, token)) = angles {
            message.name(first, 3, token, found);
            return;
        }
    }
}

/// Which angle each column is, with its sign, as a layout writes it.
fn order(columns: &[&Column; 3], quarter: f64) -> Option<String> {
    let mut letters = [const { String::new() }; 3];
    for (step, letter, sign) in MOVED {
        let moved = columns.map(|column| {
            let way = column.held[step as usize] - column.before[step as usize];
            // Over the seam at half a turn.
            (way / quarter + 2.0).rem_euclid(4.0) - 2.0
        });
        let free: Vec<usize> = (0..3).filter(|&i| letters[i].is_empty()).collect();
        let own = match letter {
            "p" => *free.first()?,
            _ => free
                .into_iter()
                .find(|&i| (moved[i].abs() - 1.0).abs() < QUARTER_OFF)?,
        };
        let is_alone = (0..3).all(|i| i == own || moved[i].abs() < STRAY);
        // With the front straight up, yaw and roll are anybody's guess.
        let fits = match letter {
            "p" => (LEAST_PITCH..1.0 + QUARTER_OFF).contains(&moved[own].abs()),
            _ => is_alone,
        };
        if !fits {
            return None;
        }
        let minus = if moved[own] * sign < 0.0 { "-" } else { "" };
        letters[own] = format!("{minus}{letter}");
    }
    Some(letters.concat())
}
