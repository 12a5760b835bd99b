//! Chunks of a waveform model, at its own rate, to samples at the host's. Audio thread, but for `new`.
//!
//! Where the rates differ a windowed sinc resamples (rubato), and a few samples are kept in hand because its chunks
//! vary by one. Both delays are constant: see [`WaveStream::delay_samples`].

use crate::neural::error::ModelError;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// The loudest sample a model may ask for (12 dB over full scale).
const MAX_AMPLITUDE: f32 = 4.0;
const SINC: SincInterpolationParameters = SincInterpolationParameters {
    sinc_len: 64,
    f_cutoff: None,
    oversampling_factor: 256,
    interpolation: SincInterpolationType::Linear,
    window: WindowFunction::BlackmanHarris2,
};

pub struct WaveStream {
    rates_hz: (u32, f32),
    /// None where the rates are the same.
    resampler: Option<Async<f32>>,
    chunk: Box<[f32]>,
    resampled: Box<[f32]>,
    /// Samples in hand, because resampled chunks vary in length by what up to three input samples become.
    in_hand: usize,
    /// A ring: `count` samples from `first`.
    waiting: Box<[f32]>,
    first: usize,
    count: usize,
    underruns: u64,
}

impl WaveStream {
    /// A stream of chunks of `hop` samples at `model_rate_hz`.
    pub fn new(hop: usize, model_rate_hz: u32, host_rate_hz: f32) -> Result<Self, ModelError> {
        let ratio = f64::from(host_rate_hz) / f64::from(model_rate_hz);
        let resampler = if ratio == 1.0 {
            None
        } else {
            let resampler = Async::new_sinc(ratio, 1.0, &SINC, hop, 1, FixedAsync::Input);
            Some(resampler.map_err(|error| {
                ModelError::contract(format!(
                    "its {model_rate_hz} Hz cannot be resampled to {host_rate_hz} Hz: {error}"
                ))
            })?)
        };
        let in_hand = resampler
            .as_ref()
            .map_or(0, |_| (3.0 * ratio).ceil() as usize + 2);
        let most = resampler
            .as_ref()
            .map_or(hop, |resampler| resampler.output_frames_max());
        let mut stream = WaveStream {
            rates_hz: (model_rate_hz, host_rate_hz),
            resampler,
            chunk: vec![0.0; hop].into_boxed_slice(),
            resampled: vec![0.0; most].into_boxed_slice(),
            waiting: vec![0.0; 2 * most + in_hand].into_boxed_slice(),
            in_hand,
            first: 0,
            count: 0,
            underruns: 0,
        };
        stream.begin();
        Ok(stream)
    }

    /// The same stream, empty, at another host rate.
    pub fn at_rate(&self, host_rate_hz: f32) -> Result<Self, ModelError> {
        WaveStream::new(self.chunk.len(), self.rates_hz.0, host_rate_hz)
    }

    pub fn host_rate_hz(&self) -> f32 {
        self.rates_hz.1
    }

    /// From a sample of the model to the host's: the resampler's delay and what is in hand.
    pub fn delay_samples(&self) -> usize {
        let resampling = |resampler: &Async<f32>| resampler.output_delay() + self.in_hand;
        self.resampler.as_ref().map_or(0, resampling)
    }

    /// Samples that were asked for before a chunk had come, since `new`.
    pub fn underruns(&self) -> u64 {
        self.underruns
    }

    pub fn reset(&mut self) {
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
        self.begin();
    }

    /// Drops what waits, so that the next chunk is heard from where the model is now.
    pub fn begin(&mut self) {
        (self.first, self.count) = (0, self.in_hand);
        self.waiting[..self.in_hand].fill(0.0);
    }

    /// Takes the model's next chunk at a gain. What is not a number is silent.
    pub fn push(&mut self, samples: &[f32], gain: f32) {
        for (kept, sample) in self.chunk.iter_mut().zip(samples) {
            let sample = if sample.is_finite() { *sample } else { 0.0 };
            *kept = gain * sample.clamp(-MAX_AMPLITUDE, MAX_AMPLITUDE);
        }
        let Some(resampler) = &mut self.resampler else {
            return enqueue(&mut self.waiting, self.first, &mut self.count, &self.chunk);
        };
        let (taken, most) = (self.chunk.len(), self.resampled.len());
        let source = InterleavedSlice::new(&self.chunk[..], 1, taken);
        let target = InterleavedSlice::new_mut(&mut self.resampled[..], 1, most);
        let made = match (source, target) {
            (Ok(source), Ok(mut target)) => resampler
                .process_into_buffer(&source, &mut target, None)
                .map_or(0, |(_, made)| made),
            _ => 0,
        };
        let made = &self.resampled[..made.min(most)];
        enqueue(&mut self.waiting, self.first, &mut self.count, made);
    }

    /// Adds the next samples to both channels; the gain goes in a straight line from `gain` by `step` a sample.
    pub fn add(&mut self, left: &mut [f32], right: &mut [f32], mut gain: f32, step: f32) {
        for (left, right) in left.iter_mut().zip(right) {
            if self.count == 0 {
                self.underruns += 1;
                continue;
            }
            let sample = self.waiting[self.first];
            self.first = (self.first + 1) % self.waiting.len();
            self.count -= 1;
            gain += step;
            *left += gain * sample;
            *right += gain * sample;
        }
    }
}

/// What finds no room is dropped: nobody listens then.
fn enqueue(waiting: &mut [f32], first: usize, count: &mut usize, samples: &[f32]) {
    let room = waiting.len() - *count;
    for sample in &samples[..samples.len().min(room)] {
        let end = (first + *count) % waiting.len();
        waiting[end] = *sample;
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sine through the stream, read in the pieces that ticks of 5 ms make.
    fn played(model_rate_hz: u32, host_rate_hz: f32, frame_rate_hz: u32) -> (Vec<f32>, WaveStream) {
        let hop = (model_rate_hz / frame_rate_hz) as usize;
        let mut stream = WaveStream::new(hop, model_rate_hz, host_rate_hz).unwrap();
        let (mut out, mut n) = (Vec::new(), 0);
        for frame in 0..3 * u64::from(frame_rate_hz) {
            let sample = |n: usize| {
                (440.0 * std::f64::consts::TAU * n as f64 / f64::from(model_rate_hz)).sin()
            };
            let chunk: Vec<f32> = (n..n + hop).map(|n| sample(n) as f32).collect();
            n += hop;
            stream.push(&chunk, 1.0);
            let end = (frame + 1) as f64 * f64::from(host_rate_hz) / f64::from(frame_rate_hz);
            let length = end.ceil() as usize - out.len();
            let (mut left, mut right) = (vec![0.0; length], vec![0.0; length]);
            stream.add(&mut left, &mut right, 1.0, 0.0);
            out.extend(left);
        }
        (out, stream)
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_comes_when_it_says_at_every_pair_of_rates() {
        for model_rate_hz in [16_000, 24_000, 44_000, 48_000] {
            for host_rate_hz in [44_100.0, 48_000.0, 96_000.0] {
                for frame_rate_hz in [200, 50] {
                    let (out, stream) = played(model_rate_hz, host_rate_hz, frame_rate_hz);
                    let pair = format!("{model_rate_hz} to {host_rate_hz} by {frame_rate_hz}");
                    assert_eq!(stream.underruns(), 0, "{pair}");
                    let delay = stream.delay_samples() as f64;
                    let worst = (host_rate_hz as usize..out.len()).map(|n| {
                        let at_s = (n as f64 - delay) / f64::from(host_rate_hz);
                        let expected = (440.0 * std::f64::consts::TAU * at_s).sin();
                        (f64::from(out[n]) - expected).abs()
                    });
                    // The delay is told in whole samples: one of the slowest model's at 440 Hz is 0.17.
                    let worst = worst.fold(0.0, f64::max);
                    assert!(worst < 0.18, "{pair}: {worst}");
                }
            }
        }
    }
}
