//! A written file, played as the engine plays it: over whole pieces with the events that really came, which holds it
//! against the network that was trained, and freely, which is what a listener would hear.

use super::batch::{Batch, Lane};
use super::evaluate::{Score, Tally};
use super::export::{FEATURES, HEAR_EVERY, HEARS, LOGITS, PREVIOUS, SAYS};
use super::material::Piece;
use super::network::{Form, Network};
use super::notes::Note;
use super::sequence::Sequence;
use crate::gesture::TICK_RATE_HZ;
use crate::neural::events::{Alphabet, Event};
use crate::neural::gesture_model::GestureModel;
use crate::neural::{Model, ModelError};
use crate::train::gesture::take::Standard;

/// Frames over which a file is held against its network.
pub const COMPARED: usize = 500;
/// Quieter than this is silence.
const SILENT_DB: f32 = -70.0;

/// The logits before every event of a sequence, from the file.
pub fn foreseen(
    bytes: &[u8],
    motion: &[f32],
    sequence: &Sequence,
    start: usize,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut model = Model::load_exact(bytes)?;
    let input = |model: &Model, name: &str| {
        let found = model.input_index(name);
        found.ok_or_else(|| ModelError::contract(format!("there is no input '{name}'")))
    };
    let [features, previous, hears, says] = [
        input(&model, FEATURES)?,
        input(&model, PREVIOUS)?,
        input(&model, HEARS)?,
        input(&model, SAYS)?,
    ];
    let logits = model
        .output_index(LOGITS)
        .ok_or_else(|| ModelError::contract(format!("there is no output '{LOGITS}'")))?;
    let width = model.input_mut(features).len();
    let (mut place, mut before) = (0, start);
    let mut rows = Vec::with_capacity(sequence.events.len());
    for (frame, motion) in motion.chunks_exact(width).enumerate() {
        let mut hears_now = 1.0;
        loop {
            let says_now = sequence.frames.get(place) == Some(&frame);
            model.input_mut(features).copy_from_slice(motion);
            model.input_mut(previous)[0] = before as f32;
            model.input_mut(hears)[0] = hears_now;
            model.input_mut(says)[0] = f32::from(u8::from(says_now));
            model.step();
            if !says_now {
                break;
            }
            rows.push(model.output(logits).to_vec());
            before = sequence.events[place];
            place += 1;
            hears_now = 0.0;
            if sequence.frames.get(place) != Some(&frame) {
                break;
            }
        }
    }
    Ok(rows)
}

/// How well the file foresees the events of whole pieces, without beginning anew at windows.
pub fn score(bytes: &[u8], pieces: &[Piece], alphabet: &Alphabet) -> Result<Score, ModelError> {
    let mut tally = Tally::default();
    for piece in pieces {
        let sequence = piece.events(0, piece.frames, alphabet);
        let rows = foreseen(
            bytes,
            &piece.motion,
            &sequence,
            alphabet.number(Event::Start),
        )?;
        for (row, event) in rows.iter().zip(&sequence.events) {
            if alphabet.event(*event) != Event::End {
                tally.add_row(alphabet, row, *event);
            }
        }
    }
    Ok(tally.score())
}

/// The largest difference between the file's logits and the network's over [`COMPARED`] frames; relative where one is
/// larger than 1.
pub fn difference(
    bytes: &[u8],
    form: Form,
    network: &Network,
    piece: &Piece,
    alphabet: &Alphabet,
) -> Result<f32, ModelError> {
    let frames = piece.frames.min(COMPARED);
    let sequence = piece.events(0, frames, alphabet);
    let motion = piece.motion(0, frames);
    let lane = Lane {
        motion,
        sequence: sequence.clone(),
    };
    let batch = Batch::new(&[lane], piece.width, form.arch, alphabet);
    let meant = network.forward(form, &batch, None);
    let meant: Vec<f32> = meant.into_data().try_to_vec().unwrap_or_default();
    let said = foreseen(bytes, motion, &sequence, alphabet.number(Event::Start))?;
    if said.len() * form.symbols != meant.len() {
        return Ok(f32::INFINITY);
    }
    let pairs = said.iter().flatten().zip(&meant);
    Ok(pairs.fold(0.0, |worst: f32, (said, meant)| {
        worst.max((said - meant).abs() / meant.abs().max(1.0))
    }))
}

/// The notes that the file plays freely to a stretch of motion, drawn as it was taught to.
pub fn played(
    bytes: &[u8],
    piece: &Piece,
    frames: usize,
    standard: &Standard,
    alphabet: &Alphabet,
    seed: u32,
) -> Result<Vec<Note>, ModelError> {
    let mut model = GestureModel::load(bytes)?;
    let every = HEAR_EVERY as usize;
    let mut notes: Vec<Note> = Vec::new();
    let mut sounding = false;
    for (frame, motion) in piece
        .motion
        .chunks_exact(piece.width)
        .take(frames)
        .enumerate()
    {
        let row: Vec<f32> = motion
            .iter()
            .zip(&standard.mean)
            .zip(&standard.scale)
            .map(|((value, mean), scale)| value / scale + mean)
            .collect();
        for step in 0..every {
            let dice = (frame * every + step) as u32 ^ seed.wrapping_mul(0x9e37_79b9);
            let intent = model.step(&row, 1.0, dice.wrapping_mul(2_654_435_761));
            if intent.onset > 0.5 {
                notes.push(Note {
                    begin: frame,
                    end: frame + 1,
                    note: intent.controls.pitch_note.round() as u8,
                    velocity: alphabet.velocity(intent.controls.loudness_db),
                });
            }
            sounding = intent.controls.loudness_db > SILENT_DB;
        }
        if sounding && let Some(note) = notes.last_mut() {
            note.end = frame + 1;
        }
    }
    Ok(notes)
}

/// Events of the engine's steps are of its own rate.
const _: () = assert!(TICK_RATE_HZ.is_multiple_of(super::notes::RATE_HZ));
