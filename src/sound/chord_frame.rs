//! What a sound model says once per control frame for every voice. `Copy` and of fixed size, like one frame.

use super::frame::SoundFrame;
use crate::controls::{VOICES_MAX, VoiceSet};

/// One frame of every voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChordFrame {
    /// Those that are not `live` say nothing.
    pub voices: [SoundFrame; VOICES_MAX],
    pub live: VoiceSet,
}

impl ChordFrame {
    /// One voice that rests.
    pub const SILENT: ChordFrame = ChordFrame {
        voices: [SoundFrame::SILENT; VOICES_MAX],
        live: VoiceSet::only(0),
    };

    /// Straight line from `self` (`amount` 0) to `target` (`amount` 1), voice by voice. One that is live at one end
    /// only keeps its pitch there, and comes from silence or goes to it.
    pub fn toward(&self, target: &ChordFrame, amount: f32) -> ChordFrame {
        let mut out = *self;
        out.live = self.live.with(target.live);
        for voice in out.live.iter() {
            let (from, to) = (&self.voices[voice], &target.voices[voice]);
            let frame = &mut out.voices[voice];
            match (self.live.contains(voice), target.live.contains(voice)) {
                (true, true) => *frame = from.toward(to, amount),
                (true, false) => frame.scale(1.0 - amount),
                _ => {
                    *frame = *to;
                    frame.scale(amount);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_that_comes_does_not_glide_in_pitch() {
        let (mut from, mut to) = (ChordFrame::SILENT, ChordFrame::SILENT);
        for (frame, voice, f0_hz) in [(&mut from, 1, 100.0), (&mut to, 2, 400.0)] {
            frame.live.insert(voice);
            frame.voices[voice].f0_hz = f0_hz;
            frame.voices[voice].harmonics[0] = 1.0;
        }
        let half = from.toward(&to, 0.25);
        assert_eq!(half.live.iter().collect::<Vec<_>>(), [0, 1, 2]);
        let heard = |voice: usize| (half.voices[voice].f0_hz, half.voices[voice].harmonics[0]);
        assert_eq!((heard(1), heard(2)), ((100.0, 0.75), (400.0, 0.25)));
    }
}
