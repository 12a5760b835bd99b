//! Acceleration without gravity: nothing in every pose, and something while a hand moves.

use super::super::fit::{Column, Order};
use super::super::units::accel_unit;
use super::{LEAST_NET, Message, STEPS, TURN_STEPS};

/// What it shows at rest, as a share of its peak.
const AT_REST: f64 = 0.12;
/// A calm quarter turn pulls by less than this many g, and by more than this many m/s².
const BETWEEN_UNITS: f64 = 1.5;

/// `accel` is the order and the length of 1 g of the acceleration with gravity, which most devices share.
pub(super) fn name(messages: &mut [Message], accel: Option<(Order, f64)>, found: &mut Vec<String>) {
    for message in messages {
        let linear = message
            .groups::<3>()
            .into_iter()
            .find_map(|(first, columns)| {
                let (peak, _) = message.lengths(first);
                is_linear(&columns, peak).then_some((first, peak))
            });
        let Some((first, peak)) = linear else {
            continue;
        };
        let token = match accel {
            Some((order, scale)) => format!("linear[{}]:{}", accel_unit(scale), order.text()),
            None if peak < BETWEEN_UNITS => "linear[g]:xyz".into(),
            None => "linear[m/s2]:xyz".into(),
        };
        message.name(first, 3, token, found);
        return;
    }
}

fn is_linear(columns: &[&Column; 3], peak: f64) -> bool {
    let at = |value: &dyn Fn(&Column, usize) -> f64, step: usize| {
        let squares = columns.iter().map(|column| value(column, step).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let rests = (0..STEPS).all(|step| {
        at(&|c, s| c.held[s], step) < AT_REST * peak
            && at(&|c, s| c.before[s], step) < AT_REST * peak
    });
    // What pulls away must pull back, or the sensor would still be flying.
    let returns = TURN_STEPS.iter().all(|&step| {
        let step = step as usize;
        at(&|c, s| c.area[s], step) < LEAST_NET * at(&|c, s| c.travel[s], step)
    });
    peak > 0.0 && rests && returns && columns.iter().all(|column| column.varies)
}
