//! What several voices are told at once: the same vocabulary, one copy a voice. `Copy`, used on every thread.

use super::Controls;

/// Voices that an instrument can have.
pub const VOICES_MAX: usize = 8;

/// Some of the voices 0 to [`VOICES_MAX`] - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoiceSet(u8);

impl VoiceSet {
    pub const NONE: VoiceSet = VoiceSet(0);

    /// One voice alone.
    pub const fn only(voice: usize) -> VoiceSet {
        VoiceSet(1 << (voice % VOICES_MAX))
    }

    pub fn contains(self, voice: usize) -> bool {
        self.0 & VoiceSet::only(voice).0 != 0
    }

    pub fn insert(&mut self, voice: usize) {
        self.0 |= VoiceSet::only(voice).0;
    }

    pub fn remove(&mut self, voice: usize) {
        self.0 &= !VoiceSet::only(voice).0;
    }

    pub fn with(self, others: VoiceSet) -> VoiceSet {
        VoiceSet(self.0 | others.0)
    }

    pub fn without(self, others: VoiceSet) -> VoiceSet {
        VoiceSet(self.0 & !others.0)
    }

    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its voices, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..VOICES_MAX).filter(move |voice| self.contains(*voice))
    }
}

/// One frame of musical intent for every voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chord {
    /// Those that are not `live` say nothing.
    pub voices: [Controls; VOICES_MAX],
    /// The voices that are played. One that leaves has faded before; one that comes starts afresh.
    pub live: VoiceSet,
    /// What a model hears that plays one voice only; silent where there is none.
    pub lead: usize,
}

impl Chord {
    /// The one voice of an instrument that rests.
    pub const SILENT: Chord = Chord::solo(Controls::SILENT);

    pub const fn solo(controls: Controls) -> Chord {
        let mut voices = [Controls::SILENT; VOICES_MAX];
        voices[0] = controls;
        Chord {
            voices,
            live: VoiceSet::only(0),
            lead: 0,
        }
    }

    pub fn lead(&self) -> &Controls {
        &self.voices[self.lead % VOICES_MAX]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let mut set = VoiceSet::only(7);
        set.insert(2);
        assert_eq!(set.iter().collect::<Vec<_>>(), [2, 7]);
        assert_eq!(set.without(VoiceSet::only(7)), VoiceSet::only(2));
        set.remove(2);
        assert_eq!((set, set.count()), (VoiceSet::only(7), 1));
    }
}
