//! Where each output stands in a row of raw outputs, and what it means. In order: note logits, fine offsets (semitones
//! from each note), the controls that are said as numbers (loudness, brightness, noisiness, timbre latents), onset
//! logit, confidence logit, and of each number that is a distribution the logarithm of its deviation.

use super::distributions::Distributions;
use super::spread;
use super::take::{Notes, Truth};
use crate::controls::Control;

/// `control = raw * scale + offset`, so that raw values are of order 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub scale: f32,
    pub offset: f32,
}

pub const LOUDNESS_DB: Line = Line {
    scale: 20.0,
    offset: -40.0,
};
const BRIGHTNESS: Line = Line {
    scale: 0.1,
    offset: 0.45,
};
const NOISINESS: Line = Line {
    scale: 0.1,
    offset: 0.1,
};
const AS_IT_IS: Line = Line {
    scale: 1.0,
    offset: 0.0,
};

impl Line {
    pub fn of(control: Control) -> Line {
        match control {
            Control::Loudness => LOUDNESS_DB,
            Control::Brightness => BRIGHTNESS,
            Control::Noisiness => NOISINESS,
            Control::Pitch | Control::Timbre(_) => AS_IT_IS,
        }
    }

    pub fn raw(self, value: f32) -> f32 {
        (value - self.offset) / self.scale
    }

    pub fn value(self, raw: f32) -> f32 {
        raw * self.scale + self.offset
    }
}

/// What is said, and where it stands in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    pub notes: Notes,
    /// So many timbre latents are said, 0 to 8.
    pub timbre: usize,
    pub distributions: Distributions,
}

impl Heads {
    /// Of these notes and no timbre; pitch alone is a distribution.
    pub fn of(notes: Notes) -> Heads {
        Heads {
            notes,
            timbre: 0,
            distributions: Distributions::default(),
        }
    }

    pub fn width(&self) -> usize {
        self.confidence() + 1 + self.spreads()
    }

    pub fn fine(&self) -> usize {
        self.notes.count
    }

    pub fn loudness(&self) -> usize {
        2 * self.notes.count
    }

    /// How many controls are said as numbers.
    pub fn points(&self) -> usize {
        3 + self.timbre
    }

    /// Where one of them stands; the first three are loudness, brightness and noisiness.
    pub fn point(&self, which: usize) -> usize {
        self.loudness() + which
    }

    pub fn onset(&self) -> usize {
        self.point(self.points())
    }

    pub fn confidence(&self) -> usize {
        self.onset() + 1
    }

    /// How many of the numbers are distributions.
    pub fn spreads(&self) -> usize {
        self.spread_until(self.points())
    }

    /// Where the logarithm of a number's deviation stands; none of a point.
    pub fn spread(&self, which: usize) -> Option<usize> {
        let is_one = self.distributions.has(self.control(which));
        is_one.then(|| self.confidence() + 1 + self.spread_until(which))
    }

    fn spread_until(&self, which: usize) -> usize {
        let before = (0..which).map(|which| self.control(which));
        before
            .filter(|control| self.distributions.has(*control))
            .count()
    }

    pub fn control(&self, which: usize) -> Control {
        match which {
            0 => Control::Loudness,
            1 => Control::Brightness,
            2 => Control::Noisiness,
            latent => Control::Timbre((latent - 3) as u8),
        }
    }

    /// What the outputs of the numbers should be.
    pub fn raw_points(&self, truth: &Truth) -> impl Iterator<Item = f32> {
        let (heads, truth) = (*self, *truth);
        (0..heads.points()).map(move |which| heads.raw_point(which, &truth))
    }

    pub fn raw_point(&self, which: usize, truth: &Truth) -> f32 {
        let control = self.control(which);
        let value = match control {
            Control::Loudness => truth.loudness_db(),
            other => truth.controls.get(other),
        };
        Line::of(control).raw(value)
    }

    /// What a row says of a number, in the control's own unit.
    pub fn value(&self, which: usize, row: &[f32]) -> f32 {
        Line::of(self.control(which)).value(row[self.point(which)])
    }

    /// Whether a number is judged by this frame: silence has a loudness and nothing else.
    pub fn counts(&self, which: usize, truth: &Truth) -> bool {
        which == 0 || truth.voiced()
    }

    /// From the raw pitch of a point. The unit is as large because a file is held against its reference to a millionth of
    /// the raw value, or of 1 where that is less, and a softmax of logits in the hundreds keeps no millionth of a
    /// semitone.
    pub fn pitch_line(&self) -> Line {
        Line {
            scale: 128.0,
            offset: self.notes.lowest,
        }
    }

    /// The mean of the distribution over notes.
    pub fn raw_pitch(&self, row: &[f32]) -> f32 {
        let logits = &row[..self.notes.count];
        let top = logits.iter().fold(f32::MIN, |top, logit| top.max(*logit));
        let (mut sum, mut along) = (0.0, 0.0);
        for (index, (logit, fine)) in logits.iter().zip(&row[self.fine()..]).enumerate() {
            let weight = (logit - top).exp();
            sum += weight;
            along += weight * (index as f32 + fine);
        }
        along / sum / self.pitch_line().scale
    }

    /// What a file states where a network has this row of raw outputs.
    pub fn stated(&self, row: &[f32]) -> Vec<f32> {
        let (pitch, rest) = row.split_at(self.loudness());
        let mut stated = if self.distributions.pitch {
            pitch.to_vec()
        } else {
            vec![self.raw_pitch(pitch)]
        };
        let (points, rest) = rest.split_at(self.points());
        let (chances, spreads) = rest.split_at(2);
        stated.extend(points);
        stated.extend(chances.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())));
        stated.extend(spreads.iter().map(|log| spread::deviation(*log)));
        stated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Controls;

    #[test]
    fn every_output_has_a_place_of_its_own_and_deviations_come_last() {
        let notes = Notes {
            lowest: 60.0,
            count: 4,
        };
        assert_eq!(Heads::of(notes).width(), 13);
        let mut heads = Heads::of(notes);
        heads.timbre = 2;
        heads.distributions.brightness = true;
        heads.distributions.timbre = true;
        assert_eq!(heads.width(), 18);
        assert_eq!((heads.onset(), heads.confidence()), (13, 14));
        let spreads: Vec<_> = (0..heads.points())
            .map(|which| heads.spread(which))
            .collect();
        assert_eq!(spreads, [None, Some(15), None, Some(16), Some(17)]);
        let mut truth = Truth {
            controls: Controls::SILENT,
            onset: false,
            pitched: true,
        };
        truth.controls.timbre[1] = -0.5;
        assert_eq!(heads.raw_points(&truth).last(), Some(-0.5));
    }

    #[test]
    fn a_pitch_that_is_a_point_lies_between_two_notes_as_likely() {
        let mut heads = Heads::of(Notes {
            lowest: 60.0,
            count: 3,
        });
        let mut row = vec![0.0; heads.width()];
        row[..6].copy_from_slice(&[5.0, -90.0, 5.0, 0.2, 0.0, 0.4]);
        let note = heads.pitch_line().value(heads.raw_pitch(&row));
        assert!((note - 61.3).abs() < 1e-5);
        assert_eq!(heads.stated(&row).len(), 11);
        heads.distributions.pitch = false;
        assert_eq!(heads.stated(&row).len(), 6);
    }
}
