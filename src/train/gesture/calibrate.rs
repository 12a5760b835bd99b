//! What the held-out takes say of a network: how sure its pitch may sound and, where it stands beside a straight line,
//! how far each control may leave the line before it does worse. And where an onset begins, which they say together
//! with what was learned from: a few onsets alone would say it at random. All of it is folded into the weights, so the
//! written model has no more to compute.

use std::ops::Range;

use serde::Serialize;

use super::evaluate::{note_nll, onset_f1};
use super::loss::{Heads, onset_nll};
use super::network::Network;
use super::ridge::Straight;
use super::take::Truth;

/// Shares: 0 is the straight line alone, 1 the network as it learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Calibration {
    pub pitch: f32,
    pub fine: f32,
    pub loudness: f32,
    pub brightness: f32,
    pub noisiness: f32,
    pub onset: f32,
    /// Pitch logits are divided by it.
    pub temperature: f32,
}

/// Onset logits become `(logit - threshold) * sharpness`, so that notes begin and end where the engine has them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Edge {
    pub threshold: f32,
    pub sharpness: f32,
}

impl Edge {
    /// Changes nothing.
    pub const NONE: Edge = Edge {
        threshold: 0.0,
        sharpness: 1.0,
    };

    pub fn change(self, logit: f32) -> f32 {
        (logit - self.threshold) * self.sharpness
    }
}

/// Temperatures that are tried: 0.4 to 3.7.
const TEMPERATURES: Range<i32> = 0..17;
/// A network that learned from performances without end is seldom wrong about how sure it is: less than this is the
/// held-out ones' own chance.
const WORTH_NATS: f32 = 0.02;
const SHARES: usize = 10;
/// Neighbouring frames say the same; so many suffice.
const PITCH_FRAMES: usize = 1500;

impl Calibration {
    /// Changes nothing.
    pub const NONE: Calibration = Calibration {
        pitch: 1.0,
        fine: 1.0,
        loudness: 1.0,
        brightness: 1.0,
        noisiness: 1.0,
        onset: 1.0,
        temperature: 1.0,
    };

    /// Of a network without a line: from what it says, `[frames][outputs]`.
    pub fn alone(heads: &Heads, says: &[f32], truths: &[Truth]) -> Calibration {
        let rows = Rows {
            heads,
            adds: says,
            lines: &vec![0.0; says.len()],
            truths,
        };
        let voiced = rows.voiced();
        let (nll, temperature) = voiced.temperature(1.0);
        let gained = voiced.nll(1.0, 1.0) - nll;
        Calibration {
            temperature: if gained > WORTH_NATS {
                temperature
            } else {
                1.0
            },
            ..Calibration::NONE
        }
    }

    /// From what the network adds and what the line says of the same frames, `[frames][outputs]` both.
    pub fn fit(heads: &Heads, adds: &[f32], lines: &[f32], truths: &[Truth]) -> Calibration {
        let rows = Rows {
            heads,
            adds,
            lines,
            truths,
        };
        let (pitch, temperature) = rows.voiced().pitch();
        let point = |which: usize| rows.share(heads.loudness() + which, which > 0);
        Calibration {
            pitch,
            fine: rows.fine(),
            loudness: point(0),
            brightness: point(1),
            noisiness: point(2),
            onset: rows.onset(),
            temperature,
        }
    }

    fn share(&self, heads: &Heads, output: usize) -> f32 {
        match output {
            index if index < heads.fine() => self.pitch / self.temperature,
            index if index < heads.loudness() => self.fine,
            index if index == heads.loudness() => self.loudness,
            index if index == heads.loudness() + 1 => self.brightness,
            index if index == heads.loudness() + 2 => self.noisiness,
            index if index == heads.onset() => self.onset,
            _ => 1.0,
        }
    }

    /// The network with its head as it shall be.
    pub fn of_network(&self, heads: &Heads, network: &Network) -> Network {
        let shares: Vec<f32> = (0..heads.width())
            .map(|output| self.share(heads, output))
            .collect();
        network.with_head(|row| {
            row.iter_mut()
                .zip(&shares)
                .for_each(|(value, share)| *value *= share);
        })
    }

    /// The line as it shall be.
    pub fn of_line(&self, heads: &Heads, straight: &Straight) -> Straight {
        let mut straight = straight.clone();
        let cooled = |values: &mut [f32]| {
            for value in &mut values[..heads.notes.count] {
                *value /= self.temperature;
            }
        };
        straight
            .weight
            .chunks_exact_mut(heads.width())
            .for_each(cooled);
        cooled(&mut straight.bias);
        straight
    }
}

struct Rows<'a> {
    heads: &'a Heads,
    adds: &'a [f32],
    lines: &'a [f32],
    truths: &'a [Truth],
}

impl Rows<'_> {
    fn each(&self) -> impl Iterator<Item = (&[f32], &[f32], &Truth)> {
        let width = self.heads.width();
        let rows = self
            .adds
            .chunks_exact(width)
            .zip(self.lines.chunks_exact(width));
        rows.zip(self.truths)
            .map(|((add, line), truth)| (add, line, truth))
    }

    /// Share of an output with the least squared error.
    fn share(&self, output: usize, sounding: bool) -> f32 {
        let (mut along, mut square) = (0.0f64, 0.0f64);
        let which = output - self.heads.loudness();
        for (add, line, truth) in self.each().filter(|row| !sounding || row.2.voiced()) {
            let rest = super::baseline::raw_points(truth)[which] - line[output];
            along += f64::from(add[output] * rest);
            square += f64::from(add[output]).powi(2);
        }
        (along / square.max(1e-9)).clamp(0.0, 1.0) as f32
    }

    /// The same for the fine offset, at the two notes next to the true pitch.
    fn fine(&self) -> f32 {
        let (mut along, mut square) = (0.0f64, 0.0f64);
        for (add, line, truth) in self.each().filter(|row| row.2.voiced()) {
            for (index, part) in self.heads.notes.between(truth.controls.pitch_note) {
                let at = self.heads.fine() + index;
                let rest = truth.controls.pitch_note - self.heads.notes.note(index) - line[at];
                along += f64::from(part * add[at] * rest);
                square += f64::from(part * add[at] * add[at]);
            }
        }
        (along / square.max(1e-9)).clamp(0.0, 1.0) as f32
    }

    /// Share of the onset with the greatest likelihood.
    fn onset(&self) -> f32 {
        let at = self.heads.onset();
        let nll = |share: f32| -> f32 {
            let each = self.each();
            each.map(|(add, line, truth)| onset_nll(line[at] + share * add[at], truth.onset))
                .sum()
        };
        let tried = (0..=SHARES).map(|step| step as f32 / SHARES as f32);
        let tried = tried.map(|share| (nll(share), share));
        let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(0.0, |best| best.1)
    }

    /// Frames by which the notes are judged.
    fn voiced(&self) -> Voiced<'_> {
        let all: Vec<_> = self.each().filter(|row| row.2.voiced()).collect();
        let every = all.len() / PITCH_FRAMES + 1;
        Voiced {
            heads: self.heads,
            rows: all.into_iter().step_by(every).collect(),
        }
    }
}

/// What the network adds and the line says of frames that have a note.
struct Voiced<'a> {
    heads: &'a Heads,
    rows: Vec<(&'a [f32], &'a [f32], &'a Truth)>,
}

impl Voiced<'_> {
    /// Share and temperature of the notes with the greatest likelihood.
    fn pitch(&self) -> (f32, f32) {
        if self.rows.is_empty() {
            return (0.0, 1.0);
        }
        let tried = (0..=SHARES).map(|step| step as f32 / SHARES as f32);
        let tried = tried.map(|share| (self.temperature(share), share));
        let best = tried.min_by(|a, b| a.0.0.total_cmp(&b.0.0));
        best.map_or((0.0, 1.0), |((_, temperature), share)| (share, temperature))
    }

    /// The least negative log-likelihood of the notes with this share, in nats, and its temperature.
    fn temperature(&self, share: f32) -> (f32, f32) {
        let tried = TEMPERATURES.map(|power| 0.4 * 1.15f32.powi(power));
        let tried = tried.map(|temperature| (self.nll(share, temperature), temperature));
        tried
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f32::INFINITY, 1.0))
    }

    /// Mean negative log-likelihood of the notes, in nats.
    fn nll(&self, share: f32, temperature: f32) -> f32 {
        let mut logits = vec![0.0; self.heads.notes.count];
        let mut sum = 0.0;
        for (add, line, truth) in &self.rows {
            for (logit, (add, line)) in logits.iter_mut().zip(add.iter().zip(*line)) {
                *logit = (line + share * add) / temperature;
            }
            sum += note_nll(self.heads, &logits, truth.controls.pitch_note);
        }
        sum / self.rows.len().max(1) as f32
    }
}

/// The edge with which the onsets of these takes are found best, the bluntest that does, in the middle of the thresholds
/// that do as well; `answers` are raw outputs of each take and its truth. None is needed where there are no onsets.
pub fn onset_edge(heads: &Heads, answers: &[(Vec<f32>, &[Truth])], rate_hz: f32) -> Edge {
    const TRIED: usize = 40;
    const AS_GOOD: f32 = 0.98;
    let mut logits: Vec<f32> = answers
        .iter()
        .flat_map(|(raw, _)| {
            raw.chunks_exact(heads.width())
                .map(|row| row[heads.onset()])
        })
        .collect();
    logits.sort_by(f32::total_cmp);
    let at = |share: f32| logits.get((logits.len() as f32 * share) as usize).copied();
    // Onsets are rare: above the middle lies every threshold worth trying.
    let (low, high) = (at(0.5).unwrap_or(0.0), at(0.999).unwrap_or(0.0));
    let thresholds = (0..TRIED).map(|n| low + (high - low) * n as f32 / TRIED as f32);
    let thresholds: Vec<f32> = thresholds.collect();
    let mut tried = Vec::new();
    for sharpness in [1.0, 2.0, 4.0, 8.0] {
        for threshold in thresholds.iter().copied() {
            let edge = Edge {
                threshold,
                sharpness,
            };
            let f1 = onset_f1(heads, rate_hz, answers, |logit| edge.change(logit));
            tried.push((f1, edge));
        }
    }
    let best = tried.iter().fold(0.0, |best: f32, (f1, _)| best.max(*f1));
    let good = |(f1, edge): &(f32, Edge)| (best > 0.0 && *f1 >= AS_GOOD * best).then_some(*edge);
    let good: Vec<Edge> = tried.iter().filter_map(good).collect();
    let blunt: Vec<Edge> = good
        .iter()
        .copied()
        .filter(|edge| edge.sharpness == good[0].sharpness)
        .collect();
    blunt.get(blunt.len() / 2).copied().unwrap_or(Edge::NONE)
}

#[cfg(test)]
mod tests {
    use super::super::take::{Notes, Take};
    use super::*;
    use crate::controls::Controls;

    /// Sounding frames on note 61 of 60 to 62, but every fourth on 60.
    fn take() -> Take {
        let truth = |frame: usize| Truth {
            controls: Controls {
                pitch_note: if frame.is_multiple_of(4) { 60.0 } else { 61.0 },
                loudness_db: -20.0,
                ..Controls::SILENT
            },
            onset: frame.is_multiple_of(20),
            pitched: true,
        };
        Take {
            name: "steps".into(),
            features: vec![0.0; 200],
            width: 1,
            truth: (0..200).map(truth).collect(),
        }
    }

    #[test]
    fn what_only_makes_worse_is_left_out_and_boasting_is_cooled() {
        let take = take();
        let heads = Heads {
            notes: Notes {
                lowest: 60.0,
                count: 3,
            },
        };
        let mut line = vec![0.0; 200 * heads.width()];
        let mut add = line.clone();
        for (frame, row) in line.chunks_exact_mut(heads.width()).enumerate() {
            row[1] = 8.0;
            row[heads.loudness()] = 1.0;
            row[heads.onset()] = if frame % 20 == 0 { 3.0 } else { 2.0 };
        }
        for row in add.chunks_exact_mut(heads.width()) {
            row[2] = 20.0;
            row[heads.loudness()] = -5.0;
            row[heads.onset()] = 4.0;
        }
        let found = Calibration::fit(&heads, &add, &line, &take.truth);
        assert_eq!((found.pitch, found.loudness, found.onset), (0.0, 0.0, 0.0));
        assert!(found.temperature > 3.0, "{found:?}");
        let edge = onset_edge(&heads, &[(line, &take.truth)], 100.0);
        assert!(
            edge.change(3.0) > 0.0 && edge.change(2.0) < -0.85,
            "{edge:?}"
        );
    }

    #[test]
    fn a_network_without_a_line_becomes_as_sure_as_it_is_right() {
        let take = take();
        let heads = Heads {
            notes: Notes {
                lowest: 60.0,
                count: 3,
            },
        };
        for says in [1.0, 3.0] {
            let mut raw = vec![0.0; 200 * heads.width()];
            let rows = raw.chunks_exact_mut(heads.width());
            rows.for_each(|row| row[1] = says);
            let found = Calibration::alone(&heads, &raw, &take.truth);
            let weight = (says / found.temperature).exp();
            let chance = weight / (weight + 2.0);
            assert!((chance - 0.75).abs() < 0.04, "{chance} {found:?}");
        }
    }
}
