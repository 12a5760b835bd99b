//! Which voice plays which key, and what it is told. Audio thread.
//!
//! The newest keys that are down have a voice each. A voice keeps its key, its model's memory and its synth until it is
//! silent: one whose key is lifted falls, and a key that is struck again takes its old voice. Where more keys are struck
//! than there are voices, the oldest is crowded out and the quietest voice taken. Without a key the arm plays alone,
//! on the voice that was heard last; a chord whose words come from the keys ends with them.

use super::keys::{HeldKey, Keys};
use super::mix::{Override, Source, mix};
use super::tick::GONE_DB;
use crate::controls::{CONTROL_COUNT, Chord, Control, Controls, SILENCE_DB, VOICES_MAX, VoiceSet};
use crate::gesture::TICK_RATE_HZ;

/// A voice that is let go falls by 60 dB in a quarter of a second: a bow that leaves the string.
const FALL_DB: f32 = 240.0 / TICK_RATE_HZ as f32;
/// A voice of a chord begins so far down and rises in four ticks: its model has an onset to hear, and no click.
const RISE_FROM_DB: f32 = 32.0;
const RISE_TICKS: f32 = 4.0;
/// In which a voice gives its share of the loudness back to the others.
const SHARE_TICKS: f32 = 12.0;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Part {
    #[default]
    Idle,
    /// Plays what the arm plays without a key.
    Free,
    /// Plays a key that is down.
    Held,
    /// Was let go, and is still heard.
    Falling,
}

#[derive(Clone, Copy, Debug, Default)]
struct Voice {
    part: Part,
    /// Of a voice that falls, the one that was lifted.
    key: Option<HeldKey>,
    /// How far under the loudness that it is told otherwise.
    below_db: f32,
    /// 0 to 1: how far it has come in since it rested. A model may begin at once where its loudness rises.
    entered: f32,
    /// 0 to 1: how much of the sound's power is its own.
    share: f32,
}

/// Every voice of the instrument.
#[derive(Clone, Debug, Default)]
pub struct Voices {
    voices: [Voice; VOICES_MAX],
    lead: usize,
    /// Whether any has played since the reset.
    begun: bool,
}

/// What decides the words, the same for every voice.
#[derive(Clone, Copy)]
pub struct Arm<'a> {
    pub overrides: &'a [Override; CONTROL_COUNT],
    pub gesture: &'a Controls,
    pub presence: f32,
    pub transpose_semitones: f32,
}

impl Arm<'_> {
    fn tell(&self, keys: &Keys, key: Option<HeldKey>) -> Controls {
        mix(
            self.overrides,
            self.gesture,
            &keys.finger(key),
            self.presence,
            self.transpose_semitones,
        )
    }

    /// Whether a voice has something to play without a key.
    fn plays_alone(&self) -> bool {
        let [pitch, loudness, ..] = self.overrides;
        pitch.source != Source::Keys && loudness.source != Source::Keys
    }
}

impl Voices {
    pub fn reset(&mut self) {
        *self = Voices::default();
    }

    /// One tick with at most `limit` voices: what each is told.
    pub fn tick(&mut self, keys: &Keys, limit: usize, arm: &Arm) -> Chord {
        let limit = limit.clamp(1, VOICES_MAX);
        self.let_go(keys, limit);
        for key in keys.newest(limit) {
            self.strike(key, limit);
        }
        let alone = keys.speaking().is_none() && (limit == 1 || arm.plays_alone());
        self.free(alone);
        self.lead = self.leading(keys);
        self.begun = true;
        self.voices.iter_mut().for_each(Voice::advance);
        self.tell(keys, arm)
    }

    /// The gain that each voice is heard at, so that the power of all is that of one.
    pub fn gains(&self) -> [f32; VOICES_MAX] {
        let power: f32 = self.voices.iter().map(|voice| voice.share).sum();
        let gain = 1.0 / power.max(1.0).sqrt();
        self.voices.map(|voice| gain * voice.entered)
    }

    /// Held voices hear what their fingers say now; those whose key is gone, or crowded out, fall.
    fn let_go(&mut self, keys: &Keys, limit: usize) {
        for voice in self.voices.iter_mut().filter(|v| v.part == Part::Held) {
            let down = keys.newest(limit).find(|down| voice.plays(down));
            match down {
                Some(down) => voice.key = Some(down),
                None => voice.part = Part::Falling,
            }
        }
    }

    /// Gives a key a voice, unless it has one.
    fn strike(&mut self, key: HeldKey, limit: usize) {
        let mut voices = self.voices.iter();
        if voices.any(|voice| voice.part == Part::Held && voice.plays(&key)) {
            return;
        }
        let begun = self.begun;
        let Some(place) = self.place_for(&key, limit) else {
            return;
        };
        let voice = &mut self.voices[place];
        voice.begin(begun);
        (voice.part, voice.key) = (Part::Held, Some(key));
    }

    /// Its old voice, the one that the arm plays alone, one that rests, or the quietest that falls.
    fn place_for(&self, key: &HeldKey, limit: usize) -> Option<usize> {
        let all = || self.voices.iter().enumerate();
        let active = all().filter(|(_, v)| v.part != Part::Idle).count();
        let falling = || all().filter(|(_, v)| v.part == Part::Falling);
        let idle = || all().find(|(_, v)| v.part == Part::Idle);
        let quietest = falling().max_by(|a, b| a.1.below_db.total_cmp(&b.1.below_db));
        falling()
            .find(|(_, v)| v.plays(key))
            .or_else(|| all().find(|(_, v)| v.part == Part::Free))
            .or_else(|| idle().filter(|_| active < limit))
            .or(quietest)
            .or_else(idle)
            .map(|(place, _)| place)
    }

    /// Sees to it that one voice plays without a key, or none.
    fn free(&mut self, alone: bool) {
        let begun = self.begun;
        let is_free = |voice: &&mut Voice| voice.part == Part::Free;
        match (self.voices.iter_mut().find(is_free), alone) {
            (Some(free), false) => (free.part, free.key) = (Part::Falling, None),
            (None, true) => {
                let lead = &mut self.voices[self.lead];
                lead.begin(begun);
                (lead.part, lead.key) = (Part::Free, None);
            }
            _ => {}
        }
    }

    /// The voice of the newest key, else the one that led last.
    fn leading(&self, keys: &Keys) -> usize {
        let newest = keys.speaking();
        let voice = newest.and_then(|key| {
            let leads = |voice: &Voice| voice.part == Part::Held && voice.plays(&key);
            self.voices.iter().position(leads)
        });
        voice.unwrap_or(self.lead)
    }

    fn tell(&mut self, keys: &Keys, arm: &Arm) -> Chord {
        let mut chord = Chord {
            voices: [Controls::SILENT; VOICES_MAX],
            live: VoiceSet::NONE,
            lead: self.lead,
        };
        for (place, voice) in self.voices.iter_mut().enumerate() {
            if voice.part == Part::Idle {
                continue;
            }
            let mut told = arm.tell(keys, voice.key);
            if voice.below_db > 0.0 {
                told.set(Control::Loudness, told.loudness_db - voice.below_db);
            }
            if voice.part == Part::Falling && told.loudness_db <= GONE_DB {
                (voice.part, voice.key) = (Part::Idle, None);
                continue;
            }
            chord.voices[place] = told;
            chord.live.insert(place);
        }
        if !chord.live.contains(self.lead) {
            let rest = &mut chord.voices[self.lead];
            *rest = arm.tell(keys, None);
            rest.set(Control::Loudness, SILENCE_DB);
        }
        chord
    }
}

impl Voice {
    fn plays(&self, key: &HeldKey) -> bool {
        self.key.is_some_and(|own| own.is(key))
    }

    /// A voice that rests begins from below, but for the instrument's very first.
    fn begin(&mut self, is_later: bool) {
        if self.part == Part::Idle {
            (self.below_db, self.entered, self.share) = if is_later {
                (RISE_FROM_DB, 0.0, self.share)
            } else {
                (0.0, 1.0, 1.0)
            };
        }
        self.below_db = self.below_db.min(RISE_FROM_DB);
    }

    fn advance(&mut self) {
        let is_on = matches!(self.part, Part::Free | Part::Held);
        let (below_db, entered, share) = if is_on {
            let rise = 1.0 / RISE_TICKS;
            (-RISE_FROM_DB * rise, rise, rise)
        } else {
            (FALL_DB, 0.0, -1.0 / SHARE_TICKS)
        };
        self.entered = (self.entered + entered).min(1.0);
        self.below_db = (self.below_db + below_db).clamp(0.0, -SILENCE_DB);
        self.share = (self.share + share).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests;
