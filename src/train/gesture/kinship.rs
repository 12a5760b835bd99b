//! Neighbouring notes learn from one another. A minute of playing holds few frames of any one note and none of some, and
//! a network that learns every note for itself only learns to deny those. So what it says of a note is spread over the
//! notes around it while it learns; for the file that is multiplied into the head.

use super::network::Network;

/// Deviation of the spread.
const REACH_SEMITONES: f32 = 1.0;

/// Farther notes have nothing to do with one another. (Weights of 1e-40 would, besides, take a hundred times as long to
/// multiply.)
const FARTHEST: usize = 6;

/// A symmetric matrix over the notes: spreading a gradient is the same as spreading what was said.
#[derive(Clone, Debug)]
pub struct Kinship {
    notes: usize,
    /// `[notes][notes]`
    matrix: Vec<f32>,
}

impl Kinship {
    /// Of one note or more.
    pub fn new(notes: usize) -> Kinship {
        let weight = |away: usize| match away {
            ..=FARTHEST => (-0.5 * (away as f32 / REACH_SEMITONES).powi(2)).exp(),
            _ => 0.0,
        };
        let each = (0..notes * notes).map(|at| weight((at / notes).abs_diff(at % notes)));
        Kinship {
            notes,
            matrix: each.collect(),
        }
    }

    /// Spreads the notes, which come first in each of the rows. As sums of whole rows, because that vectorises: done
    /// note by note it took as long as the LSTM.
    pub fn spread(&self, rows: &mut [f32], width: usize) {
        let mut sums = vec![0.0; self.notes];
        for row in rows.chunks_exact_mut(width) {
            let said = &mut row[..self.notes];
            sums.fill(0.0);
            let rows = self.matrix.chunks_exact(self.notes);
            for (note, (said, weights)) in said.iter().zip(rows).enumerate() {
                let near = note.saturating_sub(FARTHEST)..(note + FARTHEST + 1).min(self.notes);
                for (sum, weight) in sums[near.clone()].iter_mut().zip(&weights[near]) {
                    *sum += said * weight;
                }
            }
            said.copy_from_slice(&sums);
        }
    }

    pub fn matrix(&self) -> Vec<f32> {
        self.matrix.clone()
    }

    /// The network that says by itself what this one says spread.
    pub fn within(&self, network: &Network) -> Network {
        network.with_head(|row| self.spread(row, row.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::{Arch, Shape};
    use super::*;
    use burn::tensor::{Device, Tensor, TensorData};

    #[test]
    fn a_note_reaches_its_neighbours_and_no_farther() {
        let mut row = vec![0.0; 20];
        (row[10], row[19]) = (1.0, 7.0);
        Kinship::new(19).spread(&mut row, 20);
        let weight = |away: f32| (-0.5 * away * away).exp();
        for (note, said) in row[..19].iter().enumerate() {
            let away = note.abs_diff(10) as f32;
            assert!((said - weight(away)).abs() < 1e-7, "{note}: {said}");
            assert!(away <= 6.0 || *said == 0.0, "{note}: {said}");
        }
        assert_eq!(row[19], 7.0);
    }

    #[test]
    fn a_head_that_was_spread_says_what_is_spread_of_the_old_one() {
        let shape = Shape {
            arch: Arch::Lstm,
            inputs: 2,
            hidden: 3,
            layers: 1,
            outputs: 6,
        };
        let device = Device::flex();
        let network = Network::new(shape, 7, &device).with_head(|row| row[0] += 0.5);
        let kinship = Kinship::new(4);
        let said = |network: &Network| -> Vec<f32> {
            let x = Tensor::from_data(
                TensorData::new(vec![0.3, -0.8, 1.1, 0.2], [1, 2, 2]),
                &device,
            );
            let states = Network::initial_states(shape, 1, &device);
            let (raw, _) = network.forward(shape, x, states, None);
            raw.into_data().try_to_vec().unwrap()
        };
        let mut meant = said(&network);
        kinship.spread(&mut meant, 6);
        let own = said(&kinship.within(&network));
        assert!(own.iter().zip(&meant).all(|(a, b)| (a - b).abs() < 1e-5));
        assert_eq!(own[4..6], said(&network)[4..6]);
        assert!((own[0] - said(&network)[0]).abs() > 1e-3);
    }
}
