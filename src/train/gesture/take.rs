//! A take as the trainer sees it: one row of features and one of musical truth per model frame, and what to do with
//! many of them: split by performance, standardise on the training part alone.

use super::fit::Fed;
use crate::controls::{Controls, SILENCE_DB};

/// Louder than this a frame counts as sounding, and its pitch and tone matter.
pub const VOICED_DB: f32 = -50.0;
/// Loudness targets below this are all silence; the last 15 dB are inaudible and would dominate the squared error.
pub const FLOOR_DB: f32 = -65.0;

/// What should sound in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    pub controls: Controls,
    /// A note has just begun.
    pub onset: bool,
    /// The pitch is known: of noise it is not.
    pub pitched: bool,
}

impl Truth {
    /// Its pitch and tone matter.
    pub fn voiced(&self) -> bool {
        self.pitched && self.controls.loudness_db > VOICED_DB
    }

    /// What is silent stays silent.
    pub fn louder_by(&mut self, gain_db: f32) {
        let loudness_db = &mut self.controls.loudness_db;
        if *loudness_db > SILENCE_DB {
            *loudness_db = (*loudness_db + gain_db).clamp(SILENCE_DB, 0.0);
        }
    }

    pub fn loudness_db(&self) -> f32 {
        self.controls.loudness_db.max(FLOOR_DB)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Take {
    pub name: String,
    /// `[frames][width]`, in the features' own units.
    pub features: Vec<f32>,
    pub width: usize,
    pub truth: Vec<Truth>,
}

impl Take {
    pub fn frames(&self) -> usize {
        self.truth.len()
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f32]> + Clone {
        self.features.chunks_exact(self.width.max(1))
    }

    pub fn row(&self, frame: usize) -> &[f32] {
        &self.features[frame * self.width..][..self.width]
    }

    /// The same music with the motion turned round by `shift` frames: wrong motion of the right kind.
    pub fn shifted(&self, shift: usize) -> Take {
        let mut take = self.clone();
        take.features
            .rotate_left(shift % self.frames().max(1) * self.width);
        take
    }

    /// This music with another take's motion, as far as both last.
    pub fn with_motion_of(&self, other: &Take) -> Take {
        let frames = self.frames().min(other.frames());
        Take {
            name: format!("{} moved as {}", self.name, other.name),
            features: other.features[..frames * self.width].to_vec(),
            width: self.width,
            truth: self.truth[..frames].to_vec(),
        }
    }
}

/// Takes by purpose. A performance is in one of them only.
#[derive(Clone, Debug, Default)]
pub struct Split {
    pub train: Vec<Take>,
    pub validation: Vec<Take>,
    pub test: Vec<Take>,
    /// So many timbre latents are in their truth, 0 to 8.
    pub timbre: usize,
}

/// `(value - mean) * scale` makes each feature's training frames mean 0, deviation 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Standard {
    pub mean: Vec<f32>,
    pub scale: Vec<f32>,
}

/// A feature that hardly moves is not blown up beyond this.
const SMALLEST_DEVIATION: f64 = 0.02;

impl Standard {
    pub fn of(takes: &[Take]) -> Standard {
        let width = takes.first().map_or(0, |take| take.width);
        let rows = takes.iter().flat_map(Take::rows);
        Standard::over(rows, width, SMALLEST_DEVIATION)
    }

    /// Of rows of `width` values, no deviation less than `smallest`.
    pub fn over<'a>(
        rows: impl Iterator<Item = &'a [f32]> + Clone,
        width: usize,
        smallest: f64,
    ) -> Standard {
        let count = rows.clone().count().max(1) as f64;
        let mut mean = vec![0.0f64; width];
        let mut square = vec![0.0f64; width];
        for row in rows {
            for (index, value) in row.iter().enumerate() {
                mean[index] += f64::from(*value) / count;
                square[index] += f64::from(*value).powi(2) / count;
            }
        }
        let scale = mean.iter().zip(&square).map(|(mean, square)| {
            let variance = (square - mean * mean).max(0.0);
            (1.0 / variance.sqrt().max(smallest)) as f32
        });
        Standard {
            scale: scale.collect(),
            mean: mean.iter().map(|m| *m as f32).collect(),
        }
    }

    pub fn fed(&self, takes: &[Take]) -> Vec<Fed> {
        let fed = |take: &Take| Fed::new(self.apply(take), take.width, take.truth.clone());
        takes.iter().map(fed).collect()
    }

    pub fn apply(&self, take: &Take) -> Vec<f32> {
        take.rows().flat_map(|row| self.row(row)).collect()
    }

    pub fn row(&self, values: &[f32]) -> impl Iterator<Item = f32> {
        let lines = self.mean.iter().zip(&self.scale);
        let each = values.iter().zip(lines);
        each.map(|(value, (mean, scale))| (value - mean) * scale)
    }
}

/// The notes a categorical pitch can say: from the lowest to the highest that sounds in training, and one more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notes {
    pub lowest: f32,
    pub count: usize,
}

impl Notes {
    pub fn of(takes: &[Take]) -> Notes {
        let sounding = takes
            .iter()
            .flat_map(|take| &take.truth)
            .filter(|truth| truth.voiced());
        let (low, high) = sounding.fold((f32::MAX, f32::MIN), |(low, high), truth| {
            (
                low.min(truth.controls.pitch_note),
                high.max(truth.controls.pitch_note),
            )
        });
        if low > high {
            return Notes {
                lowest: 60.0,
                count: 1,
            };
        }
        let lowest = (low.floor() - 1.0).max(0.0);
        Notes {
            lowest,
            count: ((high.ceil() + 1.0).min(127.0) - lowest) as usize + 1,
        }
    }

    /// Index and weight of the two notes between which `pitch_note` lies.
    pub fn between(&self, pitch_note: f32) -> [(usize, f32); 2] {
        let place = (pitch_note - self.lowest).clamp(0.0, (self.count - 1) as f32);
        let below = (place.floor() as usize).min(self.count.saturating_sub(2));
        let part = place - below as f32;
        [(below, 1.0 - part), ((below + 1).min(self.count - 1), part)]
    }

    pub fn note(&self, index: usize) -> f32 {
        self.lowest + index as f32
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Silence under one feature.
    pub fn take(values: &[f32]) -> Take {
        let truth = Truth {
            controls: Controls::SILENT,
            onset: false,
            pitched: true,
        };
        Take {
            name: "t".into(),
            features: values.to_vec(),
            width: 1,
            truth: vec![truth; values.len()],
        }
    }

    #[test]
    fn standardised_features_have_mean_0_and_deviation_1() {
        let take = take(&[1.0, 3.0, 5.0, 7.0]);
        let values = Standard::of(std::slice::from_ref(&take)).apply(&take);
        let power: f32 = values.iter().map(|v| v * v).sum::<f32>() / 4.0;
        assert!(values.iter().sum::<f32>().abs() < 1e-5 && (power - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_pitch_between_two_notes_belongs_to_both() {
        let notes = Notes {
            lowest: 60.0,
            count: 5,
        };
        let [(below, low), (above, high)] = notes.between(61.25);
        assert_eq!((below, above), (1, 2));
        assert!((low - 0.75).abs() < 1e-6 && (high - 0.25).abs() < 1e-6);
        assert_eq!(notes.between(200.0)[1], (4, 1.0));
    }

    #[test]
    fn shifted_motion_keeps_the_music() {
        let take = take(&[1.0, 2.0, 3.0]);
        assert_eq!(take.shifted(1).features, [2.0, 3.0, 1.0]);
        assert_eq!(take.shifted(1).truth, take.truth);
    }
}
