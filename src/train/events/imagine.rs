//! What a network that hears a whole window says to it, freely: event after event, each drawn from what it foresees and
//! handed back.

use burn::tensor::activation::softmax;

use super::batch::{Batch, Lane};
use super::material::{Piece, WINDOW};
use super::network::{Form, Network};
use super::notes::Note;
use super::sequence::{Sequence, decode};
use crate::neural::events::{Alphabet, Event};
use crate::sensor::performer::Chance;

/// More than any window holds.
const MOST_EVENTS: usize = 240;

/// Notes over the piece's first window.
pub fn imagined(
    form: Form,
    network: &Network,
    piece: &Piece,
    alphabet: &Alphabet,
    seed: u64,
) -> Vec<Note> {
    let mut chance = Chance::new(seed, 29);
    let motion = piece.motion(0, WINDOW);
    let mut events: Vec<usize> = Vec::new();
    let mut now = 0;
    // The last place is what is asked for: whatever stands there is not looked at.
    let batch = |events: &[usize]| {
        let sequence = Sequence {
            events: events.iter().copied().chain([0]).collect(),
            frames: vec![0; events.len() + 1],
        };
        let lane = Lane { motion, sequence };
        Batch::new(&[lane], piece.width, form.arch, alphabet)
    };
    let heard = network.encode(form, &batch(&events));
    while events.len() < MOST_EVENTS && now < WINDOW {
        let logits = network.decode(form, &heard, &batch(&events), None);
        let last = logits.narrow(0, events.len(), 1);
        let chances: Vec<f32> = softmax(last, 1)
            .into_data()
            .try_to_vec()
            .unwrap_or_default();
        let event = drawn(&chances, chance.unit() as f32);
        events.push(event);
        match alphabet.event(event) {
            Event::Shift(units) => now += units,
            Event::End => break,
            _ => {}
        }
    }
    decode(&events, WINDOW, alphabet)
}

fn drawn(chances: &[f32], mut at: f32) -> usize {
    for (number, chance) in chances.iter().enumerate() {
        at -= chance;
        if at <= 0.0 {
            return number;
        }
    }
    chances.len().saturating_sub(1)
}
