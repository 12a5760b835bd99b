//! How a network hears motion: every feature as it is, and beside it the logarithm of its size. Loudness is said in
//! decibels, so it follows a motion's power as a logarithm does; a line and a small network that hear the power alone
//! have to learn that bend from a minute of playing. The file computes the same from the features as they are.

use super::fit::Fed;
use super::take::{Standard, Take};
use crate::neural::graph::{GraphBuilder, Tensor};

/// Below this part of its deviation a feature's size is as good as 0.
const FLOOR: f32 = 0.05;
/// A size that hardly changes is not blown up beyond this, in nepers.
const SMALLEST_DEVIATION: f64 = 0.1;

/// What is fed to a network: `2 · features` numbers a frame, the features in deviations and their sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Hearing {
    pub standard: Standard,
    /// Where a standardised feature stands for nothing at all, negated.
    zero: Vec<f32>,
    /// Of `ln √(u² + FLOOR²)`, where `u` is a feature in deviations from its own zero.
    sizes: Standard,
}

impl Hearing {
    /// For features as these takes have them.
    pub fn of(takes: &[Take]) -> Hearing {
        let standard = Standard::of(takes);
        let zero = standard.mean.iter().zip(&standard.scale);
        let zero: Vec<f32> = zero.map(|(mean, scale)| mean * scale).collect();
        let rows = takes.iter().flat_map(Take::rows);
        let sizes: Vec<f32> = rows
            .flat_map(|row| sizes(standard.row(row), &zero))
            .collect();
        let rows = sizes.chunks_exact(zero.len().max(1));
        Hearing {
            sizes: Standard::over(rows, zero.len(), SMALLEST_DEVIATION),
            standard,
            zero,
        }
    }

    /// Features that the file is given.
    pub fn features(&self) -> usize {
        self.standard.mean.len()
    }

    /// Numbers that a network is given.
    pub fn width(&self) -> usize {
        2 * self.features()
    }

    pub fn fed(&self, takes: &[Take]) -> Vec<Fed> {
        let fed = takes.iter().map(|take| {
            let heard = take.rows().flat_map(|row| self.heard(row));
            Fed::new(heard.collect(), self.width(), take.truth.clone())
        });
        fed.collect()
    }

    fn heard(&self, features: &[f32]) -> Vec<f32> {
        let plain: Vec<f32> = self.standard.row(features).collect();
        let sizes: Vec<f32> = sizes(plain.iter().copied(), &self.zero).collect();
        plain.into_iter().chain(self.sizes.row(&sizes)).collect()
    }

    /// The same in a graph: from `[1, features]` to `[1, 2 · features]`.
    pub fn write(&self, graph: &mut GraphBuilder, x: &Tensor) -> Tensor {
        let Standard { mean, scale } = &self.sizes;
        let row = |graph: &mut GraphBuilder, values: &[f32]| graph.constant(&x.dims, values);
        let zero = row(graph, &self.zero);
        let u = graph.add(x, &zero);
        let square = graph.mul(&u, &u);
        let square = graph.affine(&square, 1.0, FLOOR * FLOOR);
        let log = graph.node("Log", &[&square.name], &square.dims, &[]);
        let half: Vec<f32> = scale.iter().map(|scale| 0.5 * scale).collect();
        let offset: Vec<f32> = mean.iter().zip(scale).map(|(m, s)| -m * s).collect();
        let (half, offset) = (row(graph, &half), row(graph, &offset));
        let sizes = graph.mul(&log, &half);
        let sizes = graph.add(&sizes, &offset);
        graph.concat(&[x, &sizes], 1)
    }
}

fn sizes(standardised: impl Iterator<Item = f32>, zero: &[f32]) -> impl Iterator<Item = f32> {
    let from_zero = standardised.zip(zero).map(|(x, zero)| x + zero);
    from_zero.map(|u| 0.5 * (u * u + FLOOR * FLOOR).ln())
}

#[cfg(test)]
mod tests {
    use super::super::take::tests::take;
    use super::*;

    #[test]
    fn decibels_are_a_line_of_what_is_heard() {
        // Powers from -60 to 0 dB.
        let powers: Vec<f32> = (0..600).map(|n| 10f32.powf(-0.01 * n as f32)).collect();
        let take = take(&powers);
        let fed = &Hearing::of(std::slice::from_ref(&take)).fed(std::slice::from_ref(&take))[0];
        let rows: Vec<&[f32]> = fed.rows().collect();
        assert!(rows.iter().all(|row| row.len() == 2));
        // Equal steps in dB are equal steps of the second number, down to the floor; of the first they are not.
        let step = |column: usize, at: usize| rows[at][column] - rows[at + 10][column];
        assert!((step(1, 0) / step(1, 80) - 1.0).abs() < 0.1);
        assert!(step(0, 0) / step(0, 80) > 4.0);
        let mean = rows.iter().map(|row| row[1]).sum::<f32>() / 600.0;
        assert!(mean.abs() < 1e-4, "{mean}");
    }

    #[test]
    fn either_sign_is_as_large() {
        let take = take(&[-2.0, -1.0, 0.0, 1.0, 2.0]);
        let fed = &Hearing::of(std::slice::from_ref(&take)).fed(std::slice::from_ref(&take))[0];
        let sizes: Vec<f32> = fed.rows().map(|row| row[1]).collect();
        assert_eq!((sizes[0], sizes[1]), (sizes[4], sizes[3]));
        assert!(sizes[2] < sizes[1] && sizes[1] < sizes[0]);
    }
}
