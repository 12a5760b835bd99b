//! `imu2music train listen`: held-out phrases as sound, so that others than this program judge them: as recorded, as
//! a model plays them, as the two baselines do, and the controls that were asked for.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::TrainError;
use super::corpus::{Corpus, Phrase, Stiffness};
use super::evaluate::{self, Scores};
use crate::controls::Control;
use crate::neural::sound_model::SoundModel;
use crate::train::analysis::timbre::{Timbre, timbre_of};

/// Which model, and the recordings it was trained on: the same ends of them are held out.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// The sound model.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub model: PathBuf,
    /// The folder of WAV files that it was trained on.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub audio: PathBuf,
    /// The folder to write to.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    /// As they were in training.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 36.0))]
    pub lowest_note: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 100.0))]
    pub highest_note: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 0.0))]
    pub stiffness: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1.0))]
    pub stiffness_per_octave: f32,
}

/// Writes `N_recorded.wav`, `N_model.wav`, `N_resynthesis.wav`, `N_nearest.wav`, `N_controls.csv` and prints scores.
pub fn run(args: &Args) -> Result<(), TrainError> {
    let refused = |cause: String| TrainError::NoModel {
        file: args.model.clone(),
        cause,
    };
    let bytes = std::fs::read(&args.model).map_err(|e| refused(e.to_string()))?;
    let model = SoundModel::load(&bytes).map_err(|e| refused(e.to_string()))?;
    let notes = (args.lowest_note, args.highest_note);
    let mut corpus = Corpus::read(
        &args.audio,
        model.frame_rate_hz(),
        notes,
        Stiffness::new(args.stiffness, args.stiffness_per_octave),
        &mut |_, text| {
            eprintln!("{text}");
            true
        },
    )?;
    if let Some(timbre) = timbre_of(model.contract()) {
        corpus.hear_timbre(timbre);
    }
    write(&args.out, &model, &corpus)?;
    let scores = evaluate::evaluate(&model, &corpus, notes);
    println!("{}", summary(&scores));
    Ok(())
}

fn summary(scores: &Scores) -> String {
    format!(
        "spectral distance {:.3} (ceiling {:.3}, nearest frame {:.3}), pitch {:.1} cents, loudness r {:.3}",
        scores.spectral_model,
        scores.spectral_resynthesis,
        scores.spectral_nearest_frame,
        scores.pitch_error_cents,
        scores.loudness_correlation
    )
}

/// Every held-out phrase into a folder, at 48 kHz and as loud as the corpus is matched.
pub fn write(folder: &Path, model: &SoundModel, corpus: &Corpus) -> Result<(), TrainError> {
    let unwritable = |cause: String| TrainError::Unwritable {
        file: folder.into(),
        cause,
    };
    std::fs::create_dir_all(folder).map_err(|e| unwritable(e.to_string()))?;
    for (i, phrase) in corpus.held_out.iter().enumerate() {
        let r = evaluate::render(model, corpus, phrase);
        let takes = [
            ("recorded", r.recorded),
            ("model", r.model),
            ("resynthesis", r.resynthesis),
            ("nearest", r.nearest),
        ];
        for (name, samples) in takes {
            let path = folder.join(format!("{i}_{name}.wav"));
            wav(&path, &samples).map_err(|e| unwritable(e.to_string()))?;
        }
        let table = controls(phrase, corpus);
        std::fs::write(folder.join(format!("{i}_controls.csv")), table)
            .map_err(|e| unwritable(e.to_string()))?;
    }
    Ok(())
}

fn wav(path: &Path, samples: &[f32]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    samples.iter().try_for_each(|x| writer.write_sample(*x))?;
    writer.finalize()
}

fn controls(phrase: &Phrase, corpus: &Corpus) -> String {
    let latents = corpus.timbre.as_ref().map_or(0, Timbre::count);
    let mut table = String::from("seconds,pitch_note,voicing,loudness_db,brightness,noisiness");
    for control in Control::ALL.iter().skip(4).take(latents) {
        let _ = write!(table, ",{}", control.name());
    }
    table.push('\n');
    for (i, example) in phrase.examples.iter().enumerate() {
        let (c, seconds) = (&example.controls, i as f32 / corpus.frame_rate_hz as f32);
        let _ = write!(
            table,
            "{seconds:.4},{:.4},{:.3},{:.3},{:.4},{:.5}",
            c.pitch_note, example.voicing, c.loudness_db, c.brightness, c.noisiness
        );
        for latent in &c.timbre[..latents] {
            let _ = write!(table, ",{latent:.3}");
        }
        table.push('\n');
    }
    table
}
