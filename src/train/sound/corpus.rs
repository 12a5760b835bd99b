//! What a sound model learns from: recordings taken apart into frames, split into what is trained on and phrases that
//! are held out.

use std::path::Path;

use crate::controls::Controls;
use crate::train::analysis::audio::{ANALYSIS_RATE_HZ, AudioError, read_wav, wav_files};
use crate::train::analysis::partials::{BANDS, Parts};
use crate::train::analysis::timbre::{self, Envelope, Timbre};
use crate::train::analysis::{Analysis, analyse, describe};
use crate::units::{hz_to_note, note_to_hz};

/// The loud end (95th percentile) of every recording is brought here, so that models agree about loudness.
const LOUD_END_DB: f32 = -14.0;
/// The end of every recording that is held out for the final figures, the stretch before it that chooses the best
/// network, and the gap before each.
const HELD_OUT_SHARE: f32 = 0.08;
const CHOOSING_SHARE: f32 = 0.05;
const GAP_S: f32 = 1.0;
/// Softer frames do not say what a timbre is.
const TIMBRE_DB: f32 = -50.0;
/// Noise levels are averaged over this many frames: one frame's are a throw of dice.
const NOISE_FRAMES: usize = 5;

/// One frame to learn from.
#[derive(Clone)]
pub struct Example {
    pub controls: Controls,
    pub voicing: f32,
    pub parts: Parts,
}

impl Example {
    pub fn envelope(&self, stiffness: Stiffness) -> Envelope {
        let inharmonicity = stiffness.at_note(self.controls.pitch_note);
        timbre::envelope(&self.parts, &self.controls, inharmonicity)
    }
}

/// A stretch of consecutive frames, and its sound at the analysis rate.
pub struct Phrase {
    pub examples: Vec<Example>,
    pub samples: Vec<f32>,
}

impl Phrase {
    /// Takes off the last `count` frames; `gap` frames before them are dropped.
    fn split_end(&mut self, count: usize, gap: usize) -> Phrase {
        let frames = self.examples.len().max(1);
        let samples_per_frame = self.samples.len() as f64 / frames as f64;
        let sample = |frame: usize| (frame as f64 * samples_per_frame).round() as usize;
        let first = frames.saturating_sub(count);
        let end = Phrase {
            examples: self.examples.split_off(first.min(self.examples.len())),
            samples: self.samples.split_off(sample(first)),
        };
        let last = first.saturating_sub(gap);
        self.examples.truncate(last);
        self.samples.truncate(sample(last));
        end
    }
}

pub struct Corpus {
    pub frame_rate_hz: u32,
    pub stiffness: Stiffness,
    /// What the latents of the examples mean; they are 0 where there is none.
    pub timbre: Option<Timbre>,
    pub train: Vec<Phrase>,
    /// Chooses among networks while one is trained; never scored.
    pub choosing: Vec<Phrase>,
    pub held_out: Vec<Phrase>,
    pub seconds: f32,
}

/// B of the partials as a function of pitch: `exp(level + slope · (note - 60))`, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stiffness {
    pub level: f32,
    pub slope: f32,
}

impl Stiffness {
    pub const NONE: Stiffness = Stiffness {
        level: -30.0,
        slope: 0.0,
    };

    /// From B at middle C (0 for none) and how many times larger it is an octave higher.
    pub fn new(at_middle_c: f32, per_octave: f32) -> Stiffness {
        if at_middle_c <= 0.0 {
            return Stiffness::NONE;
        }
        Stiffness {
            level: at_middle_c.ln(),
            slope: per_octave.max(0.01).ln() / 12.0,
        }
    }

    pub fn is_none(&self) -> bool {
        *self == Stiffness::NONE
    }

    pub fn at_note(&self, note: f32) -> f32 {
        if self.is_none() {
            0.0
        } else {
            (self.level + self.slope * (note - 60.0)).exp()
        }
    }
}

impl Corpus {
    /// Reads and takes apart every WAV file of a folder.
    pub fn read(
        folder: &Path,
        frame_rate_hz: u32,
        notes: (f32, f32),
        stiffness: Stiffness,
        watch: &mut dyn FnMut(f64, &str) -> bool,
    ) -> Result<Corpus, AudioError> {
        let mut corpus = Corpus {
            frame_rate_hz,
            stiffness,
            timbre: None,
            train: Vec::new(),
            choosing: Vec::new(),
            held_out: Vec::new(),
            seconds: 0.0,
        };
        let files = wav_files(folder)?;
        for (i, file) in files.iter().enumerate() {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            watch(
                i as f64 / files.len() as f64,
                &format!("taking {name} apart"),
            );
            let mut samples = read_wav(file)?;
            let range_hz = (note_to_hz(notes.0), note_to_hz(notes.1));
            let stiff = |hz: f32| stiffness.at_note(hz_to_note(hz));
            let analysis = analyse(&samples, frame_rate_hz, range_hz, stiff);
            let gain = matching_gain(&analysis);
            samples.iter_mut().for_each(|x| *x *= gain);
            corpus.seconds += samples.len() as f32 / ANALYSIS_RATE_HZ;
            let examples = corpus.examples(analysis, gain);
            corpus.divide(examples, samples);
        }
        Ok(corpus)
    }

    fn examples(&self, analysis: Analysis, gain: f32) -> Vec<Example> {
        let quiet = steady_noise(&analysis.parts);
        let rows = analysis
            .parts
            .into_iter()
            .zip(analysis.controls)
            .zip(analysis.voicing)
            .zip(quiet);
        rows.map(|(((mut parts, controls), voicing), noise_rms)| {
            parts.noise_rms = noise_rms;
            parts
                .harmonics
                .iter_mut()
                .chain(&mut parts.noise_rms)
                .for_each(|a| *a *= gain);
            let f0_hz = note_to_hz(controls.pitch_note);
            let controls = describe(&parts, f0_hz, self.stiffness.at_note(controls.pitch_note));
            Example {
                controls,
                voicing,
                parts,
            }
        })
        .collect()
    }

    fn divide(&mut self, examples: Vec<Example>, samples: Vec<f32>) {
        let mut rest = Phrase { examples, samples };
        let frames = rest.examples.len();
        let gap = (GAP_S * self.frame_rate_hz as f32) as usize;
        if frames > 12 * gap {
            let share = |share: f32| (share * frames as f32) as usize;
            self.held_out
                .push(rest.split_end(share(HELD_OUT_SHARE), gap));
            self.choosing
                .push(rest.split_end(share(CHOOSING_SHARE), gap));
        }
        self.train.push(rest);
    }

    /// Finds at most `count` latents in what is trained on, and hears everything in them.
    pub fn learn_timbre(&mut self, count: usize) {
        let sounding = |e: &&Example| e.voicing > 0.5 && e.controls.loudness_db > TIMBRE_DB;
        let examples = self.train.iter().flat_map(|p| &p.examples).filter(sounding);
        let frames = examples.map(|e| (e.envelope(self.stiffness), &e.controls));
        if let Some(timbre) = timbre::learn(frames, count) {
            self.hear_timbre(timbre);
        }
    }

    /// Hears everything in the latents of a timbre.
    pub fn hear_timbre(&mut self, timbre: Timbre) {
        let parts = [&mut self.train, &mut self.choosing, &mut self.held_out];
        for phrase in parts.into_iter().flatten() {
            let examples = phrase.examples.iter();
            let frames = examples.map(|e| (e.envelope(self.stiffness), &e.controls));
            let track = timbre.track(frames, self.frame_rate_hz);
            for (example, latents) in phrase.examples.iter_mut().zip(track) {
                example.controls.timbre = latents;
            }
        }
        self.timbre = Some(timbre);
    }

    pub fn train_frames(&self) -> usize {
        self.train.iter().map(|p| p.examples.len()).sum()
    }

    /// The 1st and the 99th percentile of a word over frames that sound.
    pub fn range_of(&self, word: impl Fn(&Controls) -> f32) -> (f32, f32) {
        let sounding = self
            .train
            .iter()
            .flat_map(|p| &p.examples)
            .filter(|e| e.voicing > 0.5);
        let mut values: Vec<f32> = sounding.map(|e| word(&e.controls)).collect();
        values.sort_by(f32::total_cmp);
        let at = |share: f32| {
            values
                .get(((values.len() as f32 - 1.0) * share) as usize)
                .copied()
                .unwrap_or(0.0)
        };
        (at(0.01), at(0.99))
    }
}

fn matching_gain(analysis: &Analysis) -> f32 {
    let mut levels: Vec<f32> = analysis.controls.iter().map(|c| c.loudness_db).collect();
    levels.sort_by(f32::total_cmp);
    let loud = levels
        .get(levels.len() * 95 / 100)
        .copied()
        .unwrap_or(LOUD_END_DB);
    crate::units::db_to_gain(LOUD_END_DB - loud)
}

fn steady_noise(parts: &[Parts]) -> Vec<[f32; BANDS]> {
    let reach = NOISE_FRAMES / 2;
    (0..parts.len())
        .map(|frame| {
            let near = &parts[frame.saturating_sub(reach)..(frame + reach + 1).min(parts.len())];
            std::array::from_fn(|band| {
                let power: f32 = near.iter().map(|p| p.noise_rms[band].powi(2)).sum();
                (power / near.len() as f32).sqrt()
            })
        })
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::sound::frame::MAX_PARTIALS;

    /// Nothing yet.
    pub fn corpus() -> Corpus {
        Corpus {
            frame_rate_hz: 200,
            stiffness: Stiffness::NONE,
            timbre: None,
            train: Vec::new(),
            choosing: Vec::new(),
            held_out: Vec::new(),
            seconds: 0.0,
        }
    }

    pub fn example() -> Example {
        let mut parts = Parts {
            harmonics: [0.0; MAX_PARTIALS],
            noise_rms: [1e-4; BANDS],
        };
        // An envelope that falls 12 dB an octave, at 200 Hz.
        for (i, a) in parts.harmonics.iter_mut().enumerate() {
            *a = 0.1 / ((i + 1) as f32).powi(2);
        }
        Example {
            controls: describe(&parts, 200.0, 0.0),
            voicing: 1.0,
            parts,
        }
    }

    #[test]
    fn the_end_of_a_phrase_comes_off_with_its_own_sound() {
        let mut phrase = Phrase {
            examples: vec![example(); 100],
            samples: (0..24_000).map(|n| n as f32).collect(),
        };
        let end = phrase.split_end(20, 10);
        assert_eq!((end.examples.len(), end.samples.len()), (20, 4_800));
        assert_eq!(end.samples[0], 80.0 * 240.0);
        assert_eq!((phrase.examples.len(), phrase.samples.len()), (70, 16_800));
    }
}
