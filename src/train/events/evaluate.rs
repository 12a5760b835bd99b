//! How well the next event is foreseen: cross-entropy in nats and the share of events that were the likeliest, all in
//! all and by kind; the same for networks and for what they must beat.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::material::Piece;
use super::network::{Arch, Form, Network};
use crate::neural::events::{Alphabet, Event};

const LANES: usize = 8;
/// Kinds of events, as the columns of a report.
pub const KINDS: [&str; 4] = ["note-on", "note-off", "shift", "velocity"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub events: usize,
    /// Nats per event.
    pub cross_entropy: f32,
    /// Share of events that were held likeliest.
    pub accuracy: f32,
    /// Cross-entropy by [`KINDS`]; none where no such event came.
    pub by_kind: [Option<f32>; 4],
}

/// A score in the making.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    nll: f64,
    right: usize,
    events: usize,
    kinds: [(f64, usize); 4],
}

impl Tally {
    /// Adds an event that was foreseen with log-probability `log_p`.
    pub fn add(&mut self, event: Event, log_p: f64, right: bool) {
        self.nll -= log_p;
        self.right += usize::from(right);
        self.events += 1;
        let kind = match event {
            Event::On(_) => 0,
            Event::Off(_) => 1,
            Event::Shift(_) => 2,
            Event::Velocity(_) => 3,
            Event::Start | Event::End | Event::Pad => return,
        };
        self.kinds[kind].0 -= log_p;
        self.kinds[kind].1 += 1;
    }

    /// Adds an event by a row of logits or log-probabilities.
    pub fn add_row(&mut self, alphabet: &Alphabet, row: &[f32], event: usize) {
        let top = row.iter().fold(f32::MIN, |top, value| top.max(*value));
        let sum: f64 = row.iter().map(|v| f64::from(v - top).exp()).sum();
        let log_p = f64::from(row[event] - top) - sum.ln();
        let best = row.iter().position(|value| *value == top);
        self.add(alphabet.event(event), log_p, best == Some(event));
    }

    pub fn score(&self) -> Score {
        let mean = |(sum, count): (f64, usize)| (count > 0).then(|| (sum / count as f64) as f32);
        let count = self.events.max(1);
        Score {
            events: self.events,
            cross_entropy: (self.nll / count as f64) as f32,
            accuracy: self.right as f32 / count as f32,
            by_kind: self.kinds.map(mean),
        }
    }
}

/// All windows that are judged, each a piece and where it begins. They overlap by half.
pub fn windows(pieces: &[Piece]) -> Vec<(&Piece, usize)> {
    let of = |piece| Piece::windows(piece, 0, piece.window / 2).map(move |at| (piece, at));
    pieces.iter().flat_map(of).collect()
}

/// Scores a network; `blind`: its motion is at rest.
pub fn score(
    form: Form,
    network: &Network,
    pieces: &[Piece],
    alphabet: &Alphabet,
    blind: bool,
) -> Score {
    let network = network.valid();
    let mut tally = Tally::default();
    for windows in windows(pieces).chunks(LANES) {
        let mut batch = Batch::of_windows(windows, form.arch, alphabet);
        if blind {
            batch = batch.stilled();
        }
        let logits = log_softmax(network.forward(form, &batch, None), 1);
        let logits: Vec<f32> = logits.into_data().try_to_vec().unwrap_or_default();
        let rows = logits.chunks_exact(form.symbols);
        for ((row, event), weight) in rows.zip(&batch.target).zip(&batch.weight) {
            if *weight > 0.0 {
                tally.add_row(alphabet, row, *event);
            }
        }
    }
    tally.score()
}

/// How often each event follows each, from the training pieces.
pub struct Counts {
    size: usize,
    single: Vec<f64>,
    pairs: Vec<f64>,
    start: usize,
}

/// Every event is thought possible.
const UNSEEN: f64 = 0.1;
/// How far single frequencies back up pairs: the one that serves the validation pieces best.
const BACKINGS: [f64; 6] = [0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

impl Counts {
    pub fn of(pieces: &[Piece], alphabet: &Alphabet) -> Counts {
        let size = alphabet.size();
        let mut counts = Counts {
            size,
            single: vec![UNSEEN; size],
            pairs: vec![0.0; size * size],
            start: alphabet.number(Event::Start),
        };
        for (piece, at) in windows(pieces) {
            let mut before = counts.start;
            for event in piece.events(at, piece.window, alphabet).events {
                counts.single[event] += 1.0;
                counts.pairs[before * size + event] += 1.0;
                before = event;
            }
        }
        counts
    }

    /// Log-probabilities of what follows; without a backing the single frequencies.
    fn row(&self, before: usize, backing: Option<f64>) -> Vec<f32> {
        let total: f64 = self.single.iter().sum();
        let Some(backing) = backing else {
            return self
                .single
                .iter()
                .map(|n| (n / total).ln() as f32)
                .collect();
        };
        let pairs = &self.pairs[before * self.size..][..self.size];
        let seen: f64 = pairs.iter().sum();
        let chance = |(pair, single): (&f64, &f64)| {
            ((pair + backing * single / total) / (seen + backing)).ln() as f32
        };
        pairs.iter().zip(&self.single).map(chance).collect()
    }

    fn score(
        &self,
        pieces: &[Piece],
        alphabet: &Alphabet,
        backing: Option<f64>,
        ends: bool,
    ) -> Score {
        let mut tally = Tally::default();
        let end = alphabet.number(Event::End);
        for (piece, at) in windows(pieces) {
            let mut before = self.start;
            for event in piece.events(at, piece.window, alphabet).events {
                if ends || event != end {
                    tally.add_row(alphabet, &self.row(before, backing), event);
                }
                before = event;
            }
        }
        tally.score()
    }

    /// How often events come, and how often they follow the one before: scores on the test pieces. `ends`: the end
    /// of a window counts.
    pub fn baselines(
        &self,
        validation: &[Piece],
        test: &[Piece],
        alphabet: &Alphabet,
        ends: bool,
    ) -> [Score; 2] {
        let on_validation = |backing: &f64| {
            self.score(validation, alphabet, Some(*backing), ends)
                .cross_entropy
        };
        let best = BACKINGS
            .iter()
            .min_by(|a, b| on_validation(a).total_cmp(&on_validation(b)));
        [
            self.score(test, alphabet, None, ends),
            self.score(test, alphabet, Some(*best.unwrap_or(&BACKINGS[2])), ends),
        ]
    }
}

/// The test pieces with wrong motion of the right kind.
pub struct Wrong {
    /// Their own, half a piece later.
    pub shifted: Vec<Piece>,
    /// Of another take; none where no other lasts long enough.
    pub another: Option<Vec<Piece>>,
}

impl Wrong {
    /// `others` are all pieces that may lend their motion, held-out ones first.
    pub fn of(test: &[Piece], others: &[&[Piece]]) -> Wrong {
        let shifted = test.iter().map(|piece| {
            let mut motion = piece.motion.clone();
            motion.rotate_left(piece.frames / 2 * piece.width);
            piece.moved(motion)
        });
        let another: Vec<Piece> = test
            .iter()
            .filter_map(|piece| borrowed(piece, others))
            .collect();
        Wrong {
            shifted: shifted.collect(),
            another: (!another.is_empty()).then_some(another),
        }
    }
}

/// A piece moved by the longest one of another take, held out where one lasts a window; repeated until the piece ends,
/// so that the same windows are judged.
fn borrowed(piece: &Piece, others: &[&[Piece]]) -> Option<Piece> {
    let lenders = others.iter().filter_map(|pieces| {
        let strangers = pieces.iter().filter(|other| other.take != piece.take);
        strangers.max_by_key(|other| other.frames)
    });
    let lender = lenders
        .into_iter()
        .find(|other| other.frames >= piece.window)?;
    let motion = lender.motion.iter().cycle().copied();
    Some(piece.moved(motion.take(piece.motion.len()).collect()))
}

/// Whether the ends of windows count for a network.
pub fn ends_count(arch: Arch) -> bool {
    !arch.streams()
}
