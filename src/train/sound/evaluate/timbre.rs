//! What the latents of a timbre are worth: the same phrases with their timbre said, not said, and said of other moments;
//! and whether what is asked for is heard.

use serde::Serialize;

use super::{Ruler, answer, play};
use crate::controls::{Controls, TIMBRE_COUNT};
use crate::neural::sound_model::{SoundModel, standard_bands};
use crate::train::analysis::Analysis;
use crate::train::analysis::timbre::{Timbre, envelope};
use crate::train::gesture::evaluate::Pearson;
use crate::train::sound::corpus::{Corpus, Phrase};

#[derive(Clone, Debug, Default, Serialize)]
pub struct TimbreScores {
    /// Spectral distance to the recording with all latents 0, and with those of half a phrase later.
    pub spectral_unsaid: f32,
    pub spectral_wrong: f32,
    /// For each latent, Pearson's r of what was asked and what is heard in the answer.
    pub heard_r: Vec<f32>,
}

/// Adds up over phrases.
pub struct TimbreTest<'a> {
    timbre: &'a Timbre,
    seconds: f32,
    unsaid: f32,
    wrong: f32,
    heard: [Pearson; TIMBRE_COUNT],
}

impl<'a> TimbreTest<'a> {
    /// `None` for a corpus without latents.
    pub fn of(corpus: &'a Corpus) -> Option<TimbreTest<'a>> {
        Some(TimbreTest {
            timbre: corpus.timbre.as_ref()?,
            seconds: 0.0,
            unsaid: 0.0,
            wrong: 0.0,
            heard: Default::default(),
        })
    }

    /// A phrase of so many seconds; `analysis` is of what the model played with the timbre said.
    pub fn add(
        &mut self,
        model: &SoundModel,
        corpus: &Corpus,
        phrase: &Phrase,
        analysis: &Analysis,
        (ruler, seconds): (&mut Ruler, f32),
    ) {
        let count = phrase.examples.len();
        let mut distance = |latents: &dyn Fn(usize) -> [f32; TIMBRE_COUNT]| {
            let controls = phrase.examples.iter().enumerate().map(|(i, e)| Controls {
                timbre: latents(i),
                ..e.controls
            });
            let frames = answer(model, controls).into_iter();
            let played = play(frames, &standard_bands(), corpus.frame_rate_hz);
            seconds * ruler.distance(&phrase.samples, &played)
        };
        self.unsaid += distance(&|_| [0.0; TIMBRE_COUNT]);
        self.wrong += distance(&|i| phrase.examples[(i + count / 2) % count].controls.timbre);
        self.seconds += seconds;
        let frames = analysis.parts.iter().zip(&analysis.controls);
        let frames = frames.map(|(parts, controls)| {
            let b = corpus.stiffness.at_note(controls.pitch_note);
            (envelope(parts, controls, b), controls)
        });
        let heard = self.timbre.track(frames, corpus.frame_rate_hz);
        let sounding = |i: &usize| {
            let example = &phrase.examples[*i];
            example.controls.loudness_db > LEAST_DB && example.voicing > 0.5
        };
        for i in (0..count.min(heard.len())).filter(sounding) {
            let asked = &phrase.examples[i].controls.timbre;
            for (pairs, (asked, heard)) in self.heard.iter_mut().zip(asked.iter().zip(heard[i])) {
                pairs.add(*asked, heard);
            }
        }
    }

    pub fn scores(&self) -> TimbreScores {
        let heard = self.heard.iter().take(self.timbre.count());
        TimbreScores {
            spectral_unsaid: self.unsaid / self.seconds.max(1e-3),
            spectral_wrong: self.wrong / self.seconds.max(1e-3),
            heard_r: heard.map(Pearson::r).collect(),
        }
    }
}

/// Softer frames are not asked.
const LEAST_DB: f32 = -50.0;
