//! One trained network and its numbers, as a small JSON file; and, once for all, what every network must beat.

use std::path::{Path, PathBuf};

use burn::module::Module;
use serde::{Deserialize, Serialize};

use super::evaluate::{Counts, Score, Wrong, ends_count, score};
use super::export;
use super::imagine::imagined;
use super::lesson::{Learned, Plan, learn};
use super::material::{Material, Piece, WINDOW};
use super::network::{Arch, Form};
use super::notes::{Note, RATE_HZ};
use super::roll::{TRACE_HZ, draw, trace};
use super::sequence::decode;
use super::stream;
use crate::neural::ModelError;
use crate::neural::report;
use crate::train::explore::done::noted;
use crate::train::explore::origin::{commit, machine};
use crate::train::explore::run::{keep, read, read_all};
use crate::train::explore::sound::sung;
use crate::train::gesture::TrainError;
use crate::train::gesture::export::write;

/// Names of finished runs begin with this.
const PREFIX: &str = "events-run-";
const BASELINES: &str = "events-baselines.json";
/// Two implementations of one network in `f32`, fed 500 frames.
const EXPORT_TOLERANCE: f32 = 1e-4;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub arch: String,
    pub seed: u64,
    /// It never heard any motion.
    pub blind: bool,
    pub parameters: usize,
    pub seconds: f32,
    pub epochs: usize,
    pub own: Score,
    /// The same network with wrong motion; none where it never hears any.
    pub wrong: Option<WrongMotion>,
    /// Of a network that was written as a file.
    pub file: Option<File>,
    /// Per epoch: training and held-out cross-entropy.
    pub curve: Vec<[f32; 2]>,
    /// What it says to the first test window: a picture, and a WAV file in base 64.
    pub picture: String,
    pub sound: String,
    pub command: String,
    pub commit: String,
    pub machine: String,
    /// What it learned from and how; empty where it was stopped.
    #[serde(default)]
    pub lesson: String,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WrongMotion {
    /// Of half a piece later.
    pub shifted: Score,
    /// Of another take; none where there is one take only.
    pub another: Option<Score>,
    /// Every feature at its mean.
    pub stilled: Score,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct File {
    pub us_per_step: f64,
    /// From the network, over 500 streamed frames.
    pub difference: f32,
    /// Over whole held-out pieces without beginning anew.
    pub streamed: Score,
}

/// What is to be trained.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub form: Form,
    pub seed: u64,
    pub epochs: usize,
    pub blind: bool,
}

impl Order {
    pub fn name(&self) -> String {
        let blind = if self.blind { "-blind" } else { "" };
        format!("{}{blind}-{}", self.form.arch.name(), self.seed)
    }
}

/// Trains one network and writes its numbers, and its model where it plays along. `command` and `ground` are what the run
/// notes of how it came about.
pub fn one(
    material: &Material,
    order: &Order,
    folder: &Path,
    [command, ground]: [&str; 2],
    quiet: bool,
) -> Result<(), TrainError> {
    let form = order.form;
    let plan = Plan::new(order.seed, order.epochs, order.blind);
    let learned = learn(form, material, &plan, quiet);
    let judge = |pieces: &[Piece], blind: bool| {
        score(form, &learned.kept, pieces, &material.alphabet, blind)
    };
    let own = judge(&material.test, order.blind);
    let wrong = (!order.blind).then(|| {
        let others = [&material.test[..], &material.validation, &material.train];
        let Wrong { shifted, another } = Wrong::of(&material.test, &others);
        WrongMotion {
            shifted: judge(&shifted, false),
            another: another.map(|pieces| judge(&pieces, false)),
            stilled: judge(&material.test, true),
        }
    });
    let exported = (form.arch.streams() && !order.blind)
        .then(|| exported(material, order, &learned, &own))
        .transpose()?;
    if let Some((bytes, _)) = &exported {
        let path = folder.join(format!("events-{}.onnx", order.name()));
        write(&path, bytes).map_err(|cause| TrainError::Write { path, cause })?;
    }
    let (picture, sound) = example(
        material,
        order,
        &learned,
        exported.as_ref().map(|e| &e.0[..]),
    )?;
    let run = Run {
        arch: form.arch.name().into(),
        seed: order.seed,
        blind: order.blind,
        parameters: learned.kept.num_params(),
        seconds: learned.seconds as f32,
        epochs: learned.epochs,
        own,
        wrong,
        file: exported.map(|(_, file)| file),
        curve: learned.curve.clone(),
        picture,
        sound,
        command: command.into(),
        commit: commit(),
        machine: machine(),
        lesson: noted(ground, learned.stopped_by_hand),
    };
    keep(&Run::path(folder, order), &run)
}

/// The file, held against its network.
fn exported(
    material: &Material,
    order: &Order,
    learned: &Learned,
    own: &Score,
) -> Result<(Vec<u8>, File), TrainError> {
    let engine = |error: ModelError| TrainError::Engine(error.to_string());
    let metrics = serde_json::json!({
        "cross_entropy": own.cross_entropy,
        "accuracy": own.accuracy,
        "test_events": own.events,
    });
    let bytes = export::onnx(order.form, &learned.kept, material, metrics);
    let alphabet = &material.alphabet;
    let longest = material.test.iter().max_by_key(|piece| piece.frames);
    let difference = longest.map(|piece| {
        stream::difference(&bytes, order.form, &learned.kept, piece, alphabet).map_err(engine)
    });
    let difference = difference.transpose()?.unwrap_or(0.0);
    if difference > EXPORT_TOLERANCE {
        return Err(TrainError::Parity(difference));
    }
    let file = File {
        us_per_step: report::check(&bytes).timing.map_or(0.0, |t| t.median_us),
        difference,
        streamed: stream::score(&bytes, &material.test, alphabet).map_err(engine)?,
    };
    Ok((bytes, file))
}

/// The first stretch of the test that lasts a window.
fn shown(material: &Material) -> Option<&Piece> {
    material.test.iter().find(|piece| piece.frames >= WINDOW)
}

fn true_notes(piece: &Piece, material: &Material) -> Vec<Note> {
    let sequence = piece.events(0, WINDOW, &material.alphabet);
    decode(&sequence.events, WINDOW, &material.alphabet)
}

/// What it says freely: picture and sound.
fn example(
    material: &Material,
    order: &Order,
    learned: &Learned,
    file: Option<&[u8]>,
) -> Result<(String, String), TrainError> {
    let Some(piece) = shown(material) else {
        return Ok(Default::default());
    };
    let Material {
        standard, alphabet, ..
    } = material;
    let seed = order.seed as u32;
    let said = match file {
        Some(bytes) => stream::played(bytes, piece, WINDOW, standard, alphabet, seed)
            .map_err(|error| TrainError::Engine(error.to_string()))?,
        None if order.form.arch.streams() => return Ok(Default::default()),
        None => {
            let still = piece.moved(vec![0.0; piece.motion.len()]);
            let heard = if order.blind { &still } else { piece };
            imagined(order.form, &learned.kept, heard, alphabet, order.seed)
        }
    };
    let title = "6 s of the test: what was played grey, what the network says to it red";
    let picture = draw(title, &true_notes(piece, material), &said, alphabet);
    Ok((picture, sung(&trace(&said, alphabet), TRACE_HZ)?))
}

/// What needs no network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baselines {
    /// How often events come, and how often they follow the one before: with the ends of windows, and without.
    pub windows: [Score; 2],
    pub streams: [Score; 2],
    /// The truth of what is shown, as a WAV file in base 64.
    pub sound: String,
    pub data: serde_json::Value,
    pub train_minutes: f32,
    pub test_minutes: f32,
    pub train_notes: usize,
    pub test_events: usize,
}

impl Baselines {
    /// Counts and scores them, and writes them into `folder`.
    pub fn make(material: &Material, folder: &Path) -> Result<(), TrainError> {
        let Material {
            train,
            validation,
            test,
            alphabet,
            ..
        } = material;
        let counts = Counts::of(train, alphabet);
        let of = |arch: Arch| counts.baselines(validation, test, alphabet, ends_count(arch));
        let sound = match shown(material) {
            Some(piece) => sung(&trace(&true_notes(piece, material), alphabet), TRACE_HZ)?,
            None => String::new(),
        };
        let minutes = |pieces: &[Piece]| {
            pieces.iter().map(|p| p.frames).sum::<usize>() as f32 / RATE_HZ as f32 / 60.0
        };
        let within = |piece: &Piece| {
            let span = piece.from..piece.from + piece.frames;
            piece
                .notes
                .iter()
                .filter(|note| span.contains(&note.begin))
                .count()
        };
        let windows = of(Arch::Lstm);
        let baselines = Baselines {
            streams: of(Arch::LstmStream),
            sound,
            data: material.data.clone(),
            train_minutes: minutes(train),
            test_minutes: minutes(test),
            train_notes: train.iter().map(within).sum(),
            test_events: windows[0].events,
            windows,
        };
        keep(&folder.join(BASELINES), &baselines)
    }

    pub fn read(folder: &Path) -> Result<Baselines, TrainError> {
        read(&folder.join(BASELINES))
    }
}

impl Run {
    /// Where the run of an order is kept.
    pub fn path(folder: &Path, order: &Order) -> PathBuf {
        folder.join(format!("{PREFIX}{}.json", order.name()))
    }

    /// Every finished run, by name.
    pub fn read_all(folder: &Path) -> Result<Vec<Run>, TrainError> {
        read_all(folder, PREFIX)
    }
}
