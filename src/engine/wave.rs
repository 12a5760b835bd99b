//! How the waveforms of all voices are mixed in during one tick. Audio thread.

use crate::controls::VOICES_MAX;
use crate::neural::voice::SoundRack;

/// A gain a voice, in a straight line through the tick.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaveTick {
    from: [f32; VOICES_MAX],
    to: [f32; VOICES_MAX],
    length: u32,
    done: u32,
}

impl WaveTick {
    /// A tick at whose end the voices have these gains.
    pub fn begin(&mut self, gains: [f32; VOICES_MAX], length: u32) {
        *self = WaveTick {
            from: self.to,
            to: gains,
            length: length.max(1),
            done: 0,
        };
    }

    /// Adds the next samples of every waveform that is heard.
    pub fn add(&mut self, sounds: &mut SoundRack, left: &mut [f32], right: &mut [f32]) {
        let (tick, length) = (*self, self.length.max(1) as f32);
        self.done += left.len() as u32;
        sounds.each_heard(|model, from, to| {
            model.add_waves(left, right, |voice| {
                let (from, to) = (from * tick.from[voice], to * tick.to[voice]);
                let step = (to - from) / length;
                (from + step * tick.done as f32, step)
            });
        });
    }
}
