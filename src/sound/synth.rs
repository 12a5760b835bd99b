//! One voice: partials and noise to stereo, on the audio thread.
//!
//! Frames in, samples out, in pieces of at most 16 samples if the caller wants any split to be bit-identical with
//! any other. Partials arrive where the frame wants them after its ramp; noise half a window later, see
//! [`Synth::noise_latency_samples`].

use super::frame::{NoiseBands, SoundFrame};
use super::harmonic::HarmonicBank;
use super::noise::NoiseBank;

const PIECE: usize = 16;

pub struct Synth {
    harmonic: HarmonicBank,
    noise: NoiseBank,
    f0_hz: f32,
    faults: u64,
}

impl Synth {
    pub fn new(sample_rate_hz: f32) -> Self {
        Synth::of_voice(sample_rate_hz, 0)
    }

    /// One voice of several: their noise adds as noise does, and is not made at the same moments.
    pub fn of_voice(sample_rate_hz: f32, voice: usize) -> Self {
        let sample_rate_hz = if sample_rate_hz.is_finite() {
            sample_rate_hz.clamp(1_000.0, 1_600_000.0)
        } else {
            48_000.0
        };
        Synth {
            harmonic: HarmonicBank::new(sample_rate_hz),
            noise: NoiseBank::new(sample_rate_hz, voice as u32),
            f0_hz: SoundFrame::SILENT.f0_hz,
            faults: 0,
        }
    }

    pub fn reset(&mut self) {
        self.harmonic.reset();
        self.noise.reset();
        self.f0_hz = SoundFrame::SILENT.f0_hz;
    }

    /// How many frames held something that was not finite, since `new`.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// How long after the partials a change of the noise is heard.
    pub fn noise_latency_samples(&self) -> u32 {
        self.noise.latency_samples()
    }

    /// Amplitudes go to the frame in straight lines over `ramp_samples`, pitch in octaves.
    pub fn set_target(&mut self, frame: &SoundFrame, bands: &NoiseBands, ramp_samples: u32) {
        let (frame, broken) = frame.playable(self.f0_hz);
        self.faults += u64::from(broken);
        self.f0_hz = frame.f0_hz;
        self.harmonic.set_target(&frame, ramp_samples);
        self.noise.set_target(&frame, bands, ramp_samples);
    }

    /// Fades what sounds in a straight line over `ramp_samples`, at the pitch that it has.
    pub fn hush(&mut self, bands: &NoiseBands, ramp_samples: u32) {
        let silent = SoundFrame {
            f0_hz: self.f0_hz,
            ..SoundFrame::SILENT
        };
        self.set_target(&silent, bands, ramp_samples);
    }

    /// Whether nothing will be heard until the next target.
    pub fn is_silent(&self) -> bool {
        self.harmonic.is_silent() && self.noise.is_silent()
    }

    /// Overwrites both channels (the shorter length counts).
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (left, right) in left.chunks_mut(PIECE).zip(right.chunks_mut(PIECE)) {
            let count = left.len().min(right.len());
            let (mut mid, mut side) = ([0.0; PIECE], [0.0; PIECE]);
            self.harmonic.add(&mut mid[..count], &mut side[..count]);
            self.noise.add(&mut mid[..count], &mut side[..count]);
            for i in 0..count {
                left[i] = mid[i] + side[i];
                right[i] = mid[i] - side[i];
            }
        }
    }
}

#[cfg(test)]
#[path = "synth_tests.rs"]
mod tests;
