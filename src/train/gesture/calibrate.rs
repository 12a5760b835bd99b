//! What the held-out takes say of a network: how sure its pitch may sound and, where it stands beside a straight line,
//! how far each control may leave the line before it does worse. All of it is folded into the weights, so the written
//! model has no more to compute.

use std::ops::Range;

use serde::Serialize;

use super::evaluate::note_nll;
use super::heads::Heads;
use super::loss::onset_nll;
use super::network::Network;
use super::ridge::Straight;
use super::spread::{Missed, Widening};
use super::tail::Tail;
use super::take::Truth;

/// Shares: 0 is the straight line alone, 1 the network as it learned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    pub pitch: f32,
    pub fine: f32,
    /// Of what is said as a number, in the order of the heads; what is left out is 1.
    pub points: Vec<f32>,
    /// Of their deviations, as many as there are.
    pub spreads: Vec<Widening>,
    pub onset: f32,
    /// Pitch logits are divided by it.
    pub temperature: f32,
    /// What lies under the notes.
    pub tail: Tail,
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
        points: Vec::new(),
        spreads: Vec::new(),
        onset: 1.0,
        temperature: 1.0,
        tail: Tail::NONE,
    };

    /// Of a network without a line: from what it says, `[frames][outputs]`.
    pub fn alone(heads: &Heads, says: &[f32], truths: &[Truth]) -> Calibration {
        let rows = Rows {
            heads,
            adds: says,
            lines: &vec![0.0; says.len()],
            truths,
        };
        let none = Tail::NONE;
        let voiced = rows.voiced(&none);
        let (nll, temperature) = voiced.temperature(1.0);
        let gained = voiced.nll(&none, 1.0, 1.0) - nll;
        Calibration {
            temperature: if gained > WORTH_NATS {
                temperature
            } else {
                1.0
            },
            spreads: rows.spreads(&[], Widening::alone),
            ..Calibration::NONE
        }
    }

    /// From what the network adds and what the line says of the same frames, `[frames][outputs]` both; `tail` lies under
    /// the notes.
    pub fn fit(
        heads: &Heads,
        adds: &[f32],
        lines: &[f32],
        truths: &[Truth],
        tail: &Tail,
    ) -> Calibration {
        let rows = Rows {
            heads,
            adds,
            lines,
            truths,
        };
        let voiced = rows.voiced(tail);
        let (pitch, temperature) = voiced.pitch();
        let points: Vec<f32> = (0..heads.points()).map(|which| rows.share(which)).collect();
        Calibration {
            pitch,
            fine: rows.fine(),
            spreads: rows.spreads(&points, Widening::beside),
            points,
            onset: rows.onset(),
            temperature,
            tail: voiced.tail(pitch, temperature),
        }
    }

    /// Of a number: how much of what the network adds to the line's is said.
    pub fn point(&self, which: usize) -> f32 {
        share_of(&self.points, which)
    }

    fn share(&self, heads: &Heads, output: usize) -> f32 {
        match output {
            index if index < heads.fine() => self.pitch / self.temperature,
            index if index < heads.loudness() => self.fine,
            index if index < heads.onset() => self.point(index - heads.loudness()),
            index if index == heads.onset() => self.onset,
            index if index == heads.confidence() => 1.0,
            index => {
                let spread = self.spreads.get(index - heads.confidence() - 1);
                spread.map_or(1.0, |spread| spread.share)
            }
        }
    }

    /// The network with its head as it shall be.
    pub fn of_network(&self, heads: &Heads, network: &Network) -> Network {
        let shares: Vec<f32> = (0..heads.width())
            .map(|output| self.share(heads, output))
            .collect();
        let network = network.with_head(|row| {
            row.iter_mut()
                .zip(&shares)
                .for_each(|(value, share)| *value *= share);
        });
        network.with_bias(|bias| {
            let deviations = &mut bias[heads.confidence() + 1..];
            deviations
                .iter_mut()
                .zip(&self.spreads)
                .for_each(|(log, spread)| *log += spread.more);
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

/// One that is left out is 1.
fn share_of(points: &[f32], which: usize) -> f32 {
    points.get(which).copied().unwrap_or(1.0)
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

    /// Frames that judge a number.
    fn judging(&self, which: usize) -> impl Iterator<Item = (&[f32], &[f32], &Truth)> {
        let each = self.each();
        each.filter(move |row| self.heads.counts(which, row.2))
    }

    /// Share of a number with the least squared error.
    fn share(&self, which: usize) -> f32 {
        let (mut along, mut square) = (0.0f64, 0.0f64);
        let output = self.heads.point(which);
        for (add, line, truth) in self.judging(which) {
            let rest = self.heads.raw_point(which, truth) - line[output];
            along += f64::from(add[output] * rest);
            square += f64::from(add[output]).powi(2);
        }
        (along / square.max(1e-9)).clamp(0.0, 1.0) as f32
    }

    /// How wide every distribution has to be, given the shares of the means.
    fn spreads(&self, points: &[f32], widening: fn(&[Missed]) -> Widening) -> Vec<Widening> {
        let of = |which: usize| {
            let (mean, log) = (self.heads.point(which), self.heads.spread(which)?);
            let missed = self.judging(which).map(|(add, line, truth)| {
                let said = line[mean] + share_of(points, which) * add[mean];
                Missed {
                    error: self.heads.raw_point(which, truth) - said,
                    add: add[log],
                    line: line[log],
                }
            });
            Some(widening(&missed.collect::<Vec<_>>()))
        };
        (0..self.heads.points()).filter_map(of).collect()
    }

    /// The share of the fine offset, at the two notes next to the true pitch.
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
    fn voiced<'a>(&'a self, tail: &'a Tail) -> Voiced<'a> {
        let all: Vec<_> = self.each().filter(|row| row.2.voiced()).collect();
        let every = all.len() / PITCH_FRAMES + 1;
        Voiced {
            heads: self.heads,
            tail,
            rows: all.into_iter().step_by(every).collect(),
        }
    }
}

/// What the network adds and the line says of frames that have a note.
struct Voiced<'a> {
    heads: &'a Heads,
    tail: &'a Tail,
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
        let tried = tried.map(|temperature| (self.nll(self.tail, share, temperature), temperature));
        tried
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or((f32::INFINITY, 1.0))
    }

    /// With the share that has the greatest likelihood.
    fn tail(&self, share: f32, temperature: f32) -> Tail {
        if self.tail.is_none() {
            return Tail::NONE;
        }
        let tried = Tail::SHARES.map(|of_tail| {
            let tail = self.tail.with_share(of_tail);
            (self.nll(&tail, share, temperature), tail)
        });
        let best = tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(Tail::NONE, |best| best.1)
    }

    /// Mean negative log-likelihood of the notes, in nats.
    fn nll(&self, tail: &Tail, share: f32, temperature: f32) -> f32 {
        let mut logits = vec![0.0; self.heads.notes.count];
        let mut sum = 0.0;
        for (add, line, truth) in &self.rows {
            for (logit, (add, line)) in logits.iter_mut().zip(add.iter().zip(*line)) {
                *logit = (line + share * add) / temperature;
            }
            tail.lift(&mut logits);
            sum += note_nll(self.heads, &logits, truth.controls.pitch_note);
        }
        sum / self.rows.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::super::edge::onset_edge;
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
        let heads = Heads::of(Notes {
            lowest: 60.0,
            count: 3,
        });
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
        let found = Calibration::fit(&heads, &add, &line, &take.truth, &Tail::NONE);
        assert_eq!((found.pitch, found.point(0), found.onset), (0.0, 0.0, 0.0));
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
        let heads = Heads::of(Notes {
            lowest: 60.0,
            count: 3,
        });
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
