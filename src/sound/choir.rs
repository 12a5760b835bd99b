//! The synths of all voices, on the audio thread. A voice that is not live fades; once it is silent it costs nothing.

use super::chord_frame::ChordFrame;
use super::frame::NoiseBands;
use super::synth::Synth;
use crate::controls::{VOICES_MAX, VoiceSet};

/// Most samples of a further voice that are held at once.
const PIECE: usize = 16;

pub struct Choir {
    synths: [Box<Synth>; VOICES_MAX],
    /// As the last target had it.
    live: VoiceSet,
    /// What has to be rendered: live or still fading.
    sounding: VoiceSet,
}

impl Choir {
    pub fn new(sample_rate_hz: f32) -> Self {
        Choir {
            synths: std::array::from_fn(|voice| Box::new(Synth::of_voice(sample_rate_hz, voice))),
            live: ChordFrame::SILENT.live,
            sounding: ChordFrame::SILENT.live,
        }
    }

    /// As [`ChordFrame::SILENT`]: one voice that rests.
    pub fn reset(&mut self) {
        self.synths.iter_mut().for_each(|synth| synth.reset());
        self.live = ChordFrame::SILENT.live;
        self.sounding = self.live;
    }

    /// How many frames held something that was not finite, since `new`.
    pub fn faults(&self) -> u64 {
        self.synths.iter().map(|synth| synth.faults()).sum()
    }

    /// Every live voice goes to its frame in `ramp_samples`; one that is live no more goes to silence.
    pub fn set_target(&mut self, chord: &ChordFrame, bands: &NoiseBands, ramp_samples: u32) {
        for voice in chord.live.iter() {
            self.synths[voice].set_target(&chord.voices[voice], bands, ramp_samples);
        }
        for voice in self.live.without(chord.live).iter() {
            self.synths[voice].hush(bands, ramp_samples);
        }
        self.live = chord.live;
        self.sounding = self.sounding.with(chord.live);
    }

    /// Overwrites both channels (the shorter length counts).
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        let mut voices = self.sounding.iter();
        match voices.next() {
            Some(first) => self.synths[first].render(left, right),
            None => {
                left.fill(0.0);
                right.fill(0.0);
            }
        }
        for voice in voices {
            add(&mut self.synths[voice], left, right);
        }
        for voice in self.sounding.without(self.live).iter() {
            if self.synths[voice].is_silent() {
                self.sounding.remove(voice);
            }
        }
    }

    /// The voices that still have to be rendered.
    pub fn sounding(&self) -> VoiceSet {
        self.sounding
    }
}

fn add(synth: &mut Synth, left: &mut [f32], right: &mut [f32]) {
    for (left, right) in left.chunks_mut(PIECE).zip(right.chunks_mut(PIECE)) {
        let (mut own_left, mut own_right) = ([0.0; PIECE], [0.0; PIECE]);
        let count = left.len().min(right.len());
        synth.render(&mut own_left[..count], &mut own_right[..count]);
        for (sum, own) in left.iter_mut().zip(&own_left[..count]) {
            *sum += own;
        }
        for (sum, own) in right.iter_mut().zip(&own_right[..count]) {
            *sum += own;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::frame::SoundFrame;

    const TICK: usize = 240;

    fn tone(f0_hz: f32) -> SoundFrame {
        let mut frame = SoundFrame {
            f0_hz,
            ..SoundFrame::SILENT
        };
        frame.harmonics[0] = 0.2;
        frame.noise_rms[0] = 0.01;
        frame
    }

    fn bands() -> NoiseBands {
        NoiseBands::from_edges(&[0.0, 8_000.0]).unwrap()
    }

    fn render(choir: &mut Choir, chord: &ChordFrame) -> Vec<f32> {
        let (mut left, mut right) = ([0.0; TICK], [0.0; TICK]);
        choir.set_target(chord, &bands(), TICK as u32);
        choir.render(&mut left, &mut right);
        left.to_vec()
    }

    #[test]
    fn voices_add_up() {
        let mut chord = ChordFrame::SILENT;
        (chord.voices[0], chord.voices[3]) = (tone(200.0), tone(300.0));
        chord.live.insert(3);
        let mut choir = Choir::new(48_000.0);
        let together = render(&mut choir, &chord);
        let mut alone = Choir::new(48_000.0);
        chord.live = VoiceSet::only(0);
        let first = render(&mut alone, &chord);
        chord.live = VoiceSet::only(3);
        alone.reset();
        let second = render(&mut alone, &chord);
        for ((sum, a), b) in together.iter().zip(&first).zip(&second) {
            assert!((sum - a - b).abs() < 1e-6);
        }
        assert!(together != first);
    }

    #[test]
    fn a_voice_that_leaves_fades_and_then_costs_nothing() {
        let mut chord = ChordFrame::SILENT;
        (chord.live, chord.voices[2]) = (VoiceSet::only(2), tone(500.0));
        let mut choir = Choir::new(48_000.0);
        let mut last = 0.0;
        let mut steepest = 0.0f32;
        for tick in 0..40 {
            if tick == 20 {
                chord.live = VoiceSet::NONE;
            }
            for sample in render(&mut choir, &chord) {
                steepest = steepest.max((sample - last).abs());
                last = sample;
            }
            assert!(tick > 20 || choir.sounding().contains(2), "{tick}");
            assert!(tick < 5 || !choir.sounding().contains(0), "{tick}");
        }
        assert_eq!((choir.sounding(), last), (VoiceSet::NONE, 0.0));
        assert!(steepest < 0.1, "a jump of {steepest}");
    }
}
