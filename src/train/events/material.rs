//! Takes as pieces by purpose: standardised motion at the grid of events, and the notes that were played to it. The
//! split is the one of gesture models: whole takes, or blocks of time with a gap.

use std::path::Path;

use serde_json::json;

use super::notes::{Note, RATE_HZ, heard};
use super::score;
use super::sequence::{Sequence, encode};
use super::vary::Vary;
use crate::gesture::features::FEATURE_SCHEMA;
use crate::neural::events::Alphabet;
use crate::train::gesture::recorded::Recording;
use crate::train::gesture::split::{split, spoken};
use crate::train::gesture::take::Standard;
use crate::train::gesture::{Args as Lesson, Take, TrainError, Truth, from_takes};
use crate::train::takes::perform::SYNTHETIC;

/// Frames of a window: 6 s.
pub const WINDOW: usize = 6 * RATE_HZ as usize;

/// A stretch of one take.
#[derive(Clone, Debug)]
pub struct Piece {
    pub take: String,
    /// `[frames][width]`, standardised.
    pub motion: Vec<f32>,
    pub width: usize,
    pub frames: usize,
    /// Frames of a window that is cut from it.
    pub window: usize,
    /// On the take's own clock, of which this piece begins at `from`.
    pub notes: Vec<Note>,
    pub from: usize,
    /// Controls of its frames, for the ear and the eye.
    pub truth: Vec<Truth>,
}

impl Piece {
    /// What happens in the window that begins at frame `at` of this piece.
    pub fn events(&self, at: usize, frames: usize, alphabet: &Alphabet) -> Sequence {
        encode(&self.notes, self.from + at, frames, alphabet)
    }

    pub fn motion(&self, at: usize, frames: usize) -> &[f32] {
        &self.motion[at * self.width..(at + frames) * self.width]
    }

    /// The same notes, moved by something else.
    pub fn moved(&self, motion: Vec<f32>) -> Piece {
        Piece {
            motion,
            ..self.clone()
        }
    }

    /// The same with its motion as a network hears it.
    pub fn standardised(self, standard: &Standard) -> Piece {
        let motion = standard.apply(&raw(&self));
        Piece { motion, ..self }
    }

    /// Where windows begin, so many frames apart.
    pub fn windows(&self, phase: usize, apart: usize) -> impl Iterator<Item = usize> {
        let last = (self.frames + 1).saturating_sub(self.window);
        (phase.min(last.saturating_sub(1))..last).step_by(apart.max(1))
    }
}

/// Everything that is learned from and judged by.
pub struct Material {
    pub train: Vec<Piece>,
    pub validation: Vec<Piece>,
    pub test: Vec<Piece>,
    pub standard: Standard,
    pub inputs: Vec<String>,
    pub alphabet: Alphabet,
    pub licence: String,
    /// What the file and the report say of the data.
    pub data: serde_json::Value,
    /// None where the motion is heard as it was recorded only.
    pub vary: Option<Vary>,
}

/// Reads and splits the takes that `args` names.
pub fn read(args: &Lesson) -> Result<Material, TrainError> {
    let recordings = from_takes::read(args)?;
    let alphabet = Alphabet::PIANO;
    let names = recordings[0].input_names();
    let (mut takes, mut notes, mut sources) = (Vec::new(), Vec::new(), Vec::new());
    for (recording, folder) in recordings.iter().zip(&args.take) {
        let take = recording.take(&names, RATE_HZ, None);
        let (own, source) = notes_of(folder, recording, &take, &alphabet)?;
        if own.is_empty() {
            return Err(TrainError::Data(format!(
                "{}: no note is found in {source}: record some pitched playing, or put a notes.csv (onset,offset,pitch in seconds of the sound) into the take",
                folder.display()
            )));
        }
        notes.push(own);
        sources.push(source);
        takes.push(take);
    }
    let cut = split(&takes.iter().map(ruler).collect::<Vec<_>>(), RATE_HZ);
    let piece = |part: &Take| {
        let index = takes.iter().position(|take| take.name == part.name);
        piece(part, &takes[index.unwrap_or(0)], &notes[index.unwrap_or(0)])
    };
    let pieces = |parts: &[Take]| -> Vec<Piece> { parts.iter().map(piece).collect() };
    let (train, validation, test) = (
        pieces(&cut.train),
        pieces(&cut.validation),
        pieces(&cut.test),
    );
    for (what, pieces) in [
        ("to learn from", &train),
        ("to stop by", &validation),
        ("for the test", &test),
    ] {
        if !pieces.iter().any(|piece| piece.frames >= WINDOW) {
            return Err(TrainError::Data(format!(
                "the part of the takes {what} has no stretch of 6 s: record at least two minutes"
            )));
        }
    }
    let standard = standard(&train);
    let [train, validation, test] = [train, validation, test].map(|pieces| -> Vec<Piece> {
        let pieces = pieces.into_iter();
        pieces.map(|piece| piece.standardised(&standard)).collect()
    });
    let varied = from_takes::is_varied(args, &recordings)?;
    let data = data(args, &recordings, &notes, &sources, varied);
    let licence = recordings[0].document.licence.clone();
    let vary = varied.then(|| Vary {
        recordings,
        notes,
        inputs: names.clone(),
        standard: standard.clone(),
        seed: args.seed,
    });
    Ok(Material {
        train,
        validation,
        test,
        standard,
        inputs: names,
        alphabet,
        licence,
        data,
        vary,
    })
}

/// From the take's own table or MIDI file, else heard in its sound.
fn notes_of(
    folder: &Path,
    recording: &Recording,
    take: &Take,
    alphabet: &Alphabet,
) -> Result<(Vec<Note>, String), TrainError> {
    match score::beside(folder, alphabet)? {
        Some((notes, source)) => {
            let begins = (recording.begins_s * f64::from(RATE_HZ)).round() as usize;
            let frames = take.frames();
            Ok((score::within(&notes, begins, frames), source))
        }
        None => Ok((heard(&take.truth, alphabet), "its sound".into())),
    }
}

/// A take whose one feature is the frame's number: what is cut from it says where it was.
pub(super) fn ruler(take: &Take) -> Take {
    Take {
        name: take.name.clone(),
        features: (0..take.frames()).map(|frame| frame as f32).collect(),
        width: 1,
        truth: take.truth.clone(),
    }
}

/// The stretch of `take` that a cut ruler names, its motion as it is.
pub(super) fn piece(part: &Take, take: &Take, notes: &[Note]) -> Piece {
    let from = part.features.first().map_or(0, |frame| *frame as usize);
    let frames = part.frames();
    Piece {
        take: take.name.clone(),
        motion: take.features[from * take.width..(from + frames) * take.width].to_vec(),
        width: take.width,
        frames,
        window: WINDOW,
        notes: notes.to_vec(),
        from,
        truth: part.truth.clone(),
    }
}

fn raw(piece: &Piece) -> Take {
    Take {
        name: piece.take.clone(),
        features: piece.motion.clone(),
        width: piece.width,
        truth: piece.truth.clone(),
    }
}

fn standard(train: &[Piece]) -> Standard {
    Standard::of(&train.iter().map(raw).collect::<Vec<_>>())
}

fn data(
    args: &Lesson,
    recordings: &[Recording],
    notes: &[Vec<Note>],
    sources: &[String],
    varied: bool,
) -> serde_json::Value {
    let takes = recordings.iter().zip(notes).zip(sources);
    let takes = takes.map(|((recording, notes), source)| {
        let mut origin = recording.origin();
        origin["notes_played"] = json!(notes.len());
        origin["notes_from"] = json!(source);
        origin
    });
    json!({
        "synthetic": recordings.iter().any(|r| r.document.notes.starts_with(SYNTHETIC)),
        "takes": takes.collect::<Vec<_>>(),
        "split": spoken(recordings.len()),
        "varied": varied,
        "seed": args.seed,
        "feature_schema": FEATURE_SCHEMA,
    })
}
