//! How well a sound model does, measured by playing it: held-out phrases through the file as the plugin loads it and
//! the synth as the plugin runs it, beside two baselines; and a sweep over all of pitch and loudness.

use serde::Serialize;
pub use timbre::TimbreScores;
use timbre::TimbreTest;

mod timbre;

use super::corpus::{Corpus, Example, Phrase, Stiffness};
use super::distance::Ruler;
use crate::controls::Controls;
use crate::neural::sound_model::{SoundModel, standard_bands};
use crate::sound::frame::{NoiseBands, SoundFrame};
use crate::sound::synth::Synth;
use crate::train::analysis::audio::ANALYSIS_RATE_HZ;
use crate::train::analysis::partials::{BANDS, Parts, band_edges_hz};
use crate::train::analysis::pitch::WIDEST_HZ;
use crate::train::analysis::{analyse, describe_bands};
use crate::units::{hz_to_note, note_to_hz};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Scores {
    /// Multi-resolution spectral distance to the recording: mean over window sizes of the spectral convergence and
    /// of the mean difference of log magnitudes, in nepers.
    pub spectral_model: f32,
    pub spectral_resynthesis: f32,
    pub spectral_nearest_frame: f32,
    /// Median distance between the commanded pitch and the one that is heard.
    pub pitch_error_cents: f32,
    /// Loudness heard against the recording's, over frames above -60 dB.
    pub loudness_correlation: f32,
    pub loudness_error_db: f32,
    pub brightness_error: f32,
    /// Worst difference between loudness asked and played, over pitches 36 to 100 and loudness -60 to -10 dB.
    pub sweep_loudness_error_db: f32,
    pub held_out_seconds: f32,
    /// Of a model that hears a timbre; the distance above is with it said as the recording has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timbre: Option<TimbreScores>,
}

/// The sound of one frame after another, one per control frame, as one channel at the analysis rate.
pub fn play(
    frames: impl Iterator<Item = SoundFrame>,
    bands: &NoiseBands,
    frame_rate_hz: u32,
) -> Vec<f32> {
    let mut synth = Synth::new(ANALYSIS_RATE_HZ);
    let hop = ANALYSIS_RATE_HZ as usize / frame_rate_hz as usize;
    let mut out = Vec::new();
    let (mut left, mut right) = (vec![0.0; hop], vec![0.0; hop]);
    for frame in frames {
        synth.set_target(&frame, bands, hop as u32);
        synth.render(&mut left, &mut right);
        out.extend(left.iter().zip(&right).map(|(l, r)| 0.5 * (l + r)));
    }
    // A ramp ends one frame after its target was set.
    out.drain(..hop.min(out.len()));
    out
}

pub fn frame_of(parts: &Parts, note: f32, stiffness: Stiffness) -> SoundFrame {
    let mut frame = SoundFrame {
        f0_hz: note_to_hz(note),
        inharmonicity: stiffness.at_note(note),
        ..SoundFrame::SILENT
    };
    frame.harmonics = parts.harmonics;
    frame.noise_rms[..BANDS].copy_from_slice(&parts.noise_rms);
    frame
}

fn bands() -> NoiseBands {
    NoiseBands::from_edges(&band_edges_hz()).unwrap_or(NoiseBands::NONE)
}

/// The model's answer to a row of controls, from rest.
pub fn answer(model: &SoundModel, controls: impl Iterator<Item = Controls>) -> Vec<SoundFrame> {
    let mut model = model.clone();
    model.reset();
    let mut frame = SoundFrame::SILENT;
    controls
        .map(|c| {
            model.step(&c, &mut frame);
            frame
        })
        .collect()
}

/// A held-out phrase as recorded, as the model plays it, as its own parts play it, as the nearest frames play it.
pub struct Rendered {
    pub recorded: Vec<f32>,
    pub model: Vec<f32>,
    pub resynthesis: Vec<f32>,
    pub nearest: Vec<f32>,
}

pub fn render(model: &SoundModel, corpus: &Corpus, phrase: &Phrase) -> Rendered {
    let rate = corpus.frame_rate_hz;
    let played = answer(model, phrase.examples.iter().map(|e| e.controls));
    let own = phrase
        .examples
        .iter()
        .map(|e| frame_of(&e.parts, e.controls.pitch_note, corpus.stiffness));
    let nearest = Nearest::new(corpus);
    let near = phrase
        .examples
        .iter()
        .map(|e| nearest.find(&e.controls, corpus.stiffness));
    Rendered {
        recorded: phrase.samples.clone(),
        model: play(played.into_iter(), &standard_bands(), rate),
        resynthesis: play(own, &bands(), rate),
        nearest: play(near, &bands(), rate),
    }
}

/// The baseline without learning: the training frame whose controls are nearest, at the commanded level.
struct Nearest<'a> {
    examples: Vec<&'a Example>,
}

impl<'a> Nearest<'a> {
    fn new(corpus: &'a Corpus) -> Nearest<'a> {
        let all = corpus.train.iter().flat_map(|p| &p.examples);
        Nearest {
            examples: all
                .filter(|e| e.controls.loudness_db > -60.0)
                .step_by(5)
                .collect(),
        }
    }

    fn find(&self, wanted: &Controls, stiffness: Stiffness) -> SoundFrame {
        let latents = |c: &Controls| -> f32 {
            let pairs = c.timbre.iter().zip(&wanted.timbre);
            pairs.map(|(a, b)| (a - b).powi(2)).sum()
        };
        let distance = |c: &Controls| {
            ((c.pitch_note - wanted.pitch_note) / 0.5).powi(2)
                + ((c.loudness_db - wanted.loudness_db) / 4.0).powi(2)
                + ((c.brightness - wanted.brightness) / 0.04).powi(2)
                + (((c.noisiness + 1e-3) / (wanted.noisiness + 1e-3)).ln() / 0.7).powi(2)
                + latents(c)
        };
        let best = self
            .examples
            .iter()
            .min_by(|a, b| distance(&a.controls).total_cmp(&distance(&b.controls)));
        let Some(best) = best else {
            return SoundFrame::SILENT;
        };
        let gain = crate::units::db_to_gain(wanted.loudness_db - best.controls.loudness_db);
        let mut frame = frame_of(&best.parts, wanted.pitch_note, stiffness);
        frame
            .harmonics
            .iter_mut()
            .chain(&mut frame.noise_rms)
            .for_each(|a| *a *= gain);
        frame
    }
}

pub fn evaluate(model: &SoundModel, corpus: &Corpus, notes: (f32, f32)) -> Scores {
    let phrases = if corpus.held_out.is_empty() {
        &corpus.train
    } else {
        &corpus.held_out
    };
    let mut scores = Scores {
        sweep_loudness_error_db: sweep(model),
        ..Scores::default()
    };
    let (mut cents, mut asked, mut heard, mut bright) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut ruler = Ruler::new();
    let mut timbre = TimbreTest::of(corpus);
    for phrase in phrases {
        let rendered = render(model, corpus, phrase);
        let seconds = phrase.samples.len() as f32 / ANALYSIS_RATE_HZ;
        scores.held_out_seconds += seconds;
        scores.spectral_model += seconds * ruler.distance(&rendered.recorded, &rendered.model);
        scores.spectral_resynthesis +=
            seconds * ruler.distance(&rendered.recorded, &rendered.resynthesis);
        scores.spectral_nearest_frame +=
            seconds * ruler.distance(&rendered.recorded, &rendered.nearest);
        let range_hz = (
            note_to_hz(notes.0).max(WIDEST_HZ.0),
            note_to_hz(notes.1).min(WIDEST_HZ.1),
        );
        let stiff = |hz: f32| corpus.stiffness.at_note(hz_to_note(hz));
        let analysis = analyse(&rendered.model, corpus.frame_rate_hz, range_hz, stiff);
        if let Some(timbre) = &mut timbre {
            timbre.add(model, corpus, phrase, &analysis, (&mut ruler, seconds));
        }
        for (i, example) in phrase
            .examples
            .iter()
            .enumerate()
            .take(analysis.controls.len())
        {
            if example.controls.loudness_db < -60.0 {
                continue;
            }
            asked.push(example.controls.loudness_db);
            heard.push(analysis.controls[i].loudness_db);
            if example.voicing > 0.5 && analysis.voicing[i] > 0.5 {
                cents.push(
                    100.0 * (analysis.controls[i].pitch_note - example.controls.pitch_note).abs(),
                );
                bright.push((analysis.controls[i].brightness - example.controls.brightness).abs());
            }
        }
    }
    for s in [
        &mut scores.spectral_model,
        &mut scores.spectral_resynthesis,
        &mut scores.spectral_nearest_frame,
    ] {
        *s /= scores.held_out_seconds.max(1e-3);
    }
    scores.pitch_error_cents = median(&mut cents);
    scores.brightness_error = median(&mut bright);
    scores.loudness_correlation = correlation(&asked, &heard);
    let mut errors: Vec<f32> = asked
        .iter()
        .zip(&heard)
        .map(|(a, h)| (a - h).abs())
        .collect();
    scores.loudness_error_db = median(&mut errors);
    scores.timbre = timbre.map(|timbre| timbre.scores());
    scores
}

/// The worst error of the loudness that frames have, over all of pitch and loudness.
fn sweep(model: &SoundModel) -> f32 {
    let mut worst = 0.0f32;
    for note in (36..=100).step_by(4) {
        for level in [-60.0, -40.0, -25.0, -10.0] {
            for brightness in [0.3, 0.45, 0.6] {
                let controls = Controls {
                    pitch_note: note as f32,
                    loudness_db: level,
                    brightness,
                    ..Controls::SILENT
                };
                let frames = answer(model, std::iter::repeat_n(controls, 40));
                let last = frames[frames.len() - 1];
                let (b, bands) = (last.inharmonicity, standard_bands());
                let edges = &bands.edges_hz[..=bands.count];
                let heard = describe_bands(
                    &last.harmonics,
                    &last.noise_rms[..bands.count],
                    edges,
                    last.f0_hz,
                    b,
                );
                let error = (heard.loudness_db - level).abs();
                worst = worst.max(if error.is_finite() {
                    error
                } else {
                    f32::INFINITY
                });
            }
        }
    }
    worst
}

fn median(values: &mut [f32]) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f32::NAN)
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().max(1) as f32;
    let mean = |x: &[f32]| x.iter().sum::<f32>() / n;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma).powi(2);
        bb += (y - mb).powi(2);
    }
    ab / (aa * bb).sqrt().max(1e-9)
}
