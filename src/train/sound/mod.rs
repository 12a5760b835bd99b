//! `imu2music train sound`: from a folder of recordings to a sound model that plays. Recordings are taken apart into
//! controls, partials and noise; a network learns the way back; the result is written as ONNX, loaded as the plugin
//! loads it, and measured on phrases it has not heard.

pub mod card;
pub mod corpus;
pub mod dice;
pub mod distance;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod hiss;
pub mod listen;
pub mod network;
pub mod phrases;
pub mod tones;
pub mod tune;
pub mod vary;

use std::path::{Path, PathBuf};

use crate::neural::sound_model::SoundModel;
use crate::train::analysis::audio::AudioError;
use crate::train::analysis::timbre::Timbre;
use corpus::{Corpus, Stiffness};
use evaluate::Scores;
use export::Label;
use fit::{Fitted, Plan};
use network::Bounds;
use tune::Tuned;

/// Fine-tuning moves a network that is already near: a fifth of the regression's rate.
const TUNING_RATE: f64 = 6e-4;

/// What to train on, and what to call it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// Folder of WAV files (any rate, mono or stereo).
    #[cfg_attr(feature = "standalone", arg(long))]
    pub audio: PathBuf,
    /// The model file to write; its card goes beside it.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    /// The name that musicians see.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub name: String,
    #[cfg_attr(feature = "standalone", arg(long, default_value = ""))]
    pub author: String,
    /// Licence of the model, with the attribution that the recordings ask for.
    #[cfg_attr(feature = "standalone", arg(long, default_value = ""))]
    pub licence: String,
    #[cfg_attr(feature = "standalone", arg(long, default_value = ""))]
    pub description: String,
    /// Where the recordings come from, for the card.
    #[cfg_attr(feature = "standalone", arg(long, default_value = ""))]
    pub source: String,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub seed: u64,
    /// Longest time to learn, after the recordings are taken apart.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 60.0))]
    pub minutes: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 3000))]
    pub steps: usize,
    /// Longest time to fine-tune by ear, through the synth, after that; 0 leaves it out.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 15.0))]
    pub tune_minutes: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 2000))]
    pub tune_steps: usize,
    /// Timbre latents to find in the recordings and to hear, 0 to 8: what their spectra do beyond pitch, loudness,
    /// brightness and noisiness.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=8)))]
    pub timbre: u8,
    /// Frames per second: 200, 100 or 50.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 200))]
    pub frame_rate: u32,
    /// Lowest and highest note that the instrument plays (MIDI numbers): no other pitch is looked for.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 36.0))]
    pub lowest_note: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 100.0))]
    pub highest_note: f32,
    /// Stiffness of the sounding body at middle C, B of `f_k = k f0 sqrt(1 + B k²)`; 0 for bowed and blown sounds.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 0.0))]
    pub stiffness: f32,
    /// How many times larger B is an octave higher.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1.0))]
    pub stiffness_per_octave: f32,
    /// Writes held-out phrases, recorded and played, to this folder.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub listen: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Audio(#[from] AudioError),
    #[error(
        "only {seconds:.1} s of pitched sound in {folder}: record at least 20 s, without accompaniment"
    )]
    TooLittle { folder: PathBuf, seconds: f32 },
    #[error("a frame rate of {0} does not divide 200: use 200, 100 or 50")]
    FrameRate(u32),
    #[error("{file} is not a sound model that plays: {cause}")]
    NoModel { file: PathBuf, cause: String },
    #[error("{file} cannot be written: {cause}. Choose a folder that exists and can be written to")]
    Unwritable { file: PathBuf, cause: String },
    #[error(
        "the trained model does not load: {0}. This is a fault of the program; please report it"
    )]
    Refused(String),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    pub file: PathBuf,
    pub card: PathBuf,
    pub scores: Scores,
    pub steps: usize,
    pub seconds_of_audio: f32,
    pub stopped: bool,
}

/// Trains and writes. `watch` hears how far it is (0 to 1) and what is being done, and answers whether to go on:
/// after `false` the best network so far is kept, written and measured.
pub fn run(args: &Args, watch: &mut dyn FnMut(f64, &str) -> bool) -> Result<Report, TrainError> {
    if !(10..=200).contains(&args.frame_rate) || 200 % args.frame_rate != 0 {
        return Err(TrainError::FrameRate(args.frame_rate));
    }
    let started = std::time::Instant::now();
    let stiffness = Stiffness::new(args.stiffness, args.stiffness_per_octave);
    let notes = (args.lowest_note, args.highest_note);
    let mut corpus = Corpus::read(
        &args.audio,
        args.frame_rate,
        notes,
        stiffness,
        &mut |done, text| watch(0.1 * done, text),
    )?;
    check_amount(args, &corpus)?;
    corpus.learn_timbre(usize::from(args.timbre));
    let bounds = bounds_of(&corpus);
    let plan = Plan {
        seed: args.seed,
        steps: args.steps,
        minutes: args.minutes,
        lanes: 16,
        frames: (args.frame_rate as usize * 2 / 5).max(40),
        rate: 3e-3,
        notes: corpus.range_of(|c| c.pitch_note),
    };
    let fitted = fit::fit(&corpus, &bounds, &plan, &mut |done, text| {
        watch(0.1 + 0.45 * done, text)
    });
    let tuned = fine_tune(args, &corpus, &bounds, &plan, &fitted, watch);
    watch(0.95, "measuring on held-out phrases");
    let mut label = label_of(args, &corpus);
    let load =
        |bytes: &[u8]| SoundModel::load(bytes).map_err(|e| TrainError::Refused(e.to_string()));
    let model = load(&export::export(&tuned.network, &bounds, stiffness, &label))?;
    let scores = evaluate::evaluate(&model, &corpus, notes);
    label.metrics = serde_json::to_value(&scores).unwrap_or_default();
    let bytes = export::export(&tuned.network, &bounds, stiffness, &label);
    load(&bytes)?;
    write_whole(&args.out, &bytes)?;
    let card = args.out.with_extension("md");
    let minutes = started.elapsed().as_secs_f32() / 60.0;
    write_whole(
        &card,
        card::text(args, &corpus, &bounds, &scores, (&fitted, &tuned), minutes).as_bytes(),
    )?;
    if let Some(folder) = &args.listen {
        listen::write(folder, &model, &corpus)?;
    }
    watch(1.0, &format!("{} is ready", args.out.display()));
    Ok(Report {
        file: args.out.clone(),
        card,
        scores,
        steps: fitted.steps + tuned.steps,
        seconds_of_audio: corpus.seconds,
        stopped: fitted.stopped || tuned.stopped,
    })
}

/// Through the synth, from where the regression ended; not at all where it was stopped or no time is given.
fn fine_tune(
    args: &Args,
    corpus: &Corpus,
    bounds: &Bounds,
    plan: &Plan,
    fitted: &Fitted,
    watch: &mut dyn FnMut(f64, &str) -> bool,
) -> Tuned {
    let off = fitted.stopped || args.tune_minutes <= 0.0;
    let plan = Plan {
        steps: if off { 0 } else { args.tune_steps },
        minutes: args.tune_minutes.max(1e-3),
        // 0.8 s: long enough for the widest window several times over.
        frames: (args.frame_rate as usize * 4 / 5).max(40),
        rate: TUNING_RATE,
        ..*plan
    };
    tune::tune(
        fitted.network.clone(),
        corpus,
        bounds,
        &plan,
        &mut |done, text| watch(0.55 + 0.4 * done, text),
    )
}

fn check_amount(args: &Args, corpus: &Corpus) -> Result<(), TrainError> {
    let sounding = corpus
        .train
        .iter()
        .flat_map(|p| &p.examples)
        .filter(|e| e.voicing > 0.5)
        .count();
    let seconds = sounding as f32 / args.frame_rate as f32;
    if seconds < 10.0 {
        return Err(TrainError::TooLittle {
            folder: args.audio.clone(),
            seconds,
        });
    }
    Ok(())
}

/// Controls are heard a little beyond what was played; variation has filled in the rest.
fn bounds_of(corpus: &Corpus) -> Bounds {
    let widen = |(low, high): (f32, f32), by: f32| (low - by, high + by);
    Bounds {
        pitch: (34.0, 102.0),
        loudness: widen(corpus.range_of(|c| c.loudness_db), 6.0),
        brightness: widen(corpus.range_of(|c| c.brightness), 0.12),
        noisiness: (1e-4, 0.98),
        timbre: corpus.timbre.as_ref().map_or(0, Timbre::count),
    }
}

fn label_of(args: &Args, corpus: &Corpus) -> Label {
    Label {
        name: args.name.clone(),
        author: args.author.clone(),
        licence: args.licence.clone(),
        description: args.description.clone(),
        frame_rate_hz: args.frame_rate,
        timbre: corpus
            .timbre
            .as_ref()
            .map_or(Vec::new(), |timbre| timbre.says.clone()),
        data: serde_json::json!({
            "source": args.source,
            "seconds": corpus.seconds.round(),
            "timbre": corpus.timbre,
        }),
        metrics: serde_json::Value::Null,
    }
}

/// All or nothing: a temporary file beside it, then a new name.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let unwritable = |e: std::io::Error| TrainError::Unwritable {
        file: file.into(),
        cause: e.to_string(),
    };
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let temporary = file.with_file_name(name);
    let written =
        std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(unwritable)
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
