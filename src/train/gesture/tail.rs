//! A tail under the distribution over notes. A network that learned from a few minutes does not doubt what it never saw:
//! where it is wrong it is wrong by tens of nats, and draws nothing but the wrong note. So every note has a small part of
//! the likeliest one's chance, more where the player's own notes lie.

use serde::Serialize;

use super::fit::Fed;
use super::heads::Heads;
use super::loss::softplus;
use crate::neural::graph::{GraphBuilder, Tensor};

/// Half of the tail lies where the training notes do, half on all notes alike.
const ALIKE: f32 = 0.5;

/// Each chance becomes `chance + share * own part * likeliest chance`, but for what all have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tail {
    pub share: f32,
    /// Of every note; they sum to 1. Empty: no tail.
    #[serde(skip)]
    parts: Vec<f32>,
    /// How far under the highest logit each note's lift lies.
    #[serde(skip)]
    lifts: Vec<f32>,
}

impl Tail {
    pub const NONE: Tail = Tail {
        share: 0.0,
        parts: Vec::new(),
        lifts: Vec::new(),
    };
    /// Shares that are tried; none has less than the first, however sure the held-out part is.
    pub const SHARES: [f32; 4] = [0.02, 0.05, 0.1, 0.2];

    /// Over the notes of these takes, with the least share. None where the mean of the distribution is said: a tail would
    /// draw it to the middle.
    pub fn of(heads: &Heads, takes: &[Fed]) -> Tail {
        if !heads.distributions.pitch {
            return Tail::NONE;
        }
        let count = heads.notes.count;
        let mut played = vec![0.0f32; count];
        let truths = takes.iter().flat_map(Fed::truth);
        for truth in truths.filter(|truth| truth.voiced()) {
            for (index, part) in heads.notes.between(truth.controls.pitch_note) {
                played[index] += part;
            }
        }
        let all = played.iter().sum::<f32>().max(1.0);
        let part = |played: &f32| (1.0 - ALIKE) * played / all + ALIKE / count as f32;
        let parts = played.iter().map(part).collect();
        Tail {
            parts,
            ..Tail::NONE
        }
        .with_share(Tail::SHARES[0])
    }

    pub fn is_none(&self) -> bool {
        self.parts.is_empty()
    }

    pub fn with_share(&self, share: f32) -> Tail {
        Tail {
            share,
            parts: self.parts.clone(),
            lifts: self.parts.iter().map(|part| (share * part).ln()).collect(),
        }
    }

    /// Puts the tail under the logits of the notes, with which a row of raw outputs begins.
    pub fn lift(&self, row: &mut [f32]) {
        let logits = &mut row[..self.parts.len()];
        let top = logits.iter().fold(f32::MIN, |top, logit| top.max(*logit));
        for (logit, lift) in logits.iter_mut().zip(&self.lifts) {
            *logit += softplus(top + lift - *logit);
        }
    }

    /// The same in a graph.
    pub fn write(&self, graph: &mut GraphBuilder, logits: &Tensor) -> Tensor {
        if self.is_none() {
            return logits.clone();
        }
        let lifts = graph.constant(&[1, self.lifts.len()], &self.lifts);
        let top = graph.max(logits);
        let lifted = graph.add(&lifts, &top);
        let above = graph.sub(&lifted, logits);
        let above = graph.softplus(&above);
        graph.add(logits, &above)
    }
}

#[cfg(test)]
mod tests {
    use super::super::evaluate::note_nll;
    use super::super::take::{Notes, Truth};
    use super::*;
    use crate::controls::Controls;

    #[test]
    fn a_note_that_was_thought_impossible_costs_some_nats_and_the_likeliest_stays() {
        let heads = Heads::of(Notes {
            lowest: 60.0,
            count: 5,
        });
        let truth = |pitch_note: f32| Truth {
            controls: Controls {
                pitch_note,
                loudness_db: -20.0,
                ..Controls::SILENT
            },
            onset: false,
            pitched: true,
        };
        let played = Fed::new(vec![0.0; 4], 1, [61.0, 61.0, 63.0, 63.0].map(truth).into());
        let tail = Tail::of(&heads, &[played]);
        let plain = [-90.0, 3.0, 1.0, -90.0, -90.0, 0.25, 0.5];
        let mut row = plain;
        tail.lift(&mut row);
        assert_eq!(row[5..], plain[5..]);
        let cost = |note: f32| note_nll(&heads, &row[..5], note);
        let before = |note: f32| note_nll(&heads, &plain[..5], note);
        assert!((cost(61.0) - before(61.0)).abs() < 0.02 && cost(61.0) < cost(62.0));
        assert!(before(63.0) > 90.0);
        assert!((4.0..6.0).contains(&cost(63.0)), "{}", cost(63.0));
        // What the player plays is the likelier surprise.
        assert!(cost(63.0) < cost(64.0) - 1.0 && cost(64.0) < 8.0);
        let mut heads = heads;
        heads.distributions.pitch = false;
        assert!(Tail::of(&heads, &[]).is_none());
    }
}
