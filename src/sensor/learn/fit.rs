//! Numbers of one argument over the steps, and which signed order of axes explains three of them.

use super::{BEFORE_S, HELD_S, Sample, Step, Track};

pub(super) type Vector = [f64; 3];

/// One argument of one address over all steps.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Mean while the end of each step is held, and before the hand moves.
    pub held: [f64; 4],
    pub before: [f64; 4],
    /// Integral over each step in seconds, what it shows at rest taken away; and the same of its size.
    pub area: [f64; 4],
    pub travel: [f64; 4],
    pub varies: bool,
}

impl Column {
    pub(super) fn of(track: &Track, number: usize) -> Column {
        let value = |sample: &Sample| sample.values[number];
        let rest = mean(track.steps[Step::Still.index()].iter().map(value));
        let mut column = Column {
            held: [0.0; 4],
            before: [0.0; 4],
            area: [0.0; 4],
            travel: [0.0; 4],
            varies: false,
        };
        let first = track.steps.iter().flatten().map(value).next();
        column.varies = track
            .steps
            .iter()
            .flatten()
            .any(|s| Some(value(s)) != first);
        for (step, samples) in track.steps.iter().enumerate() {
            let (Some(begin), Some(end)) = (samples.first(), samples.last()) else {
                continue;
            };
            let late = samples.iter().filter(|s| s.at_s >= end.at_s - HELD_S);
            column.held[step] = mean(late.map(value));
            let early = samples.iter().filter(|s| s.at_s <= begin.at_s + BEFORE_S);
            column.before[step] = mean(early.map(value));
            for pair in samples.windows(2) {
                let gap_s = pair[1].at_s - pair[0].at_s;
                let height = 0.5 * (value(&pair[0]) + value(&pair[1])) - rest;
                column.area[step] += height * gap_s;
                column.travel[step] += height.abs() * gap_s;
            }
        }
        column
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), v| (sum + v, count + 1.0));
    if count > 0.0 { sum / count } else { f64::NAN }
}

/// Which axis each of three columns carries, and which way round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Order {
    pub axis: [usize; 3],
    pub sign: [f64; 3],
}

impl Order {
    /// As a layout writes it: `zx-y`.
    pub(super) fn text(&self) -> String {
        let letter = |(axis, sign): (&usize, &f64)| {
            let minus = if *sign < 0.0 { "-" } else { "" };
            format!("{minus}{}", ["x", "y", "z"][*axis])
        };
        self.axis.iter().zip(&self.sign).map(letter).collect()
    }

    fn apply(&self, columns: Vector) -> Vector {
        let mut out = [0.0; 3];
        for (column, value) in columns.into_iter().enumerate() {
            out[self.axis[column]] = self.sign[column] * value;
        }
        out
    }

    fn all() -> impl Iterator<Item = Order> {
        const AXES: [[usize; 3]; 6] = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        AXES.into_iter().flat_map(|axis| {
            (0..8).map(move |bits| Order {
                axis,
                sign: [0, 1, 2].map(|i| if bits >> i & 1 == 1 { -1.0 } else { 1.0 }),
            })
        })
    }
}

/// The order in which measured columns agree best with expected vectors, how well (a cosine), and how many of the
/// columns' units make one of the expectation's.
pub(super) fn best_order(
    measured: &[Vector; 3],
    expected: &[Vector; 3],
) -> Option<(Order, f64, f64)> {
    let size = |all: &[Vector; 3]| all.iter().flatten().map(|v| v * v).sum::<f64>().sqrt();
    let (of_measured, of_expected) = (size(measured), size(expected));
    if !(of_measured > 1e-9 && of_measured.is_finite() && of_expected > 1e-9) {
        return None;
    }
    let agreement = |order: &Order| {
        let turned = measured.map(|columns| order.apply(columns));
        let both = turned.as_flattened().iter().zip(expected.as_flattened());
        both.map(|(a, b)| a * b).sum::<f64>() / (of_measured * of_expected)
    };
    Order::all()
        .map(|order| (order, agreement(&order), of_measured / of_expected))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}
