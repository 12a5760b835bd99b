//! Which voice has which place in a model's batch. Taken places have no gaps, so that a step costs what sounds: when
//! a voice leaves, the one in the last place moves into its own. Audio thread.

use crate::controls::{VOICES_MAX, VoiceSet};
use crate::neural::runner::Runner;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seats {
    voices: [u8; VOICES_MAX],
    count: usize,
}

impl Seats {
    /// Seats the voices that are live, and no others; says who came. A newcomer has no past.
    pub(super) fn follow(&mut self, live: VoiceSet, lead: usize, model: &mut Runner) -> VoiceSet {
        if model.seats() == 1 && live != VoiceSet::NONE {
            return self.follow_lead(lead);
        }
        for seat in (0..self.count).rev() {
            if !live.contains(self.voice(seat)) {
                self.count -= 1;
                self.voices[seat] = self.voices[self.count];
                if seat != self.count {
                    model.move_seat(self.count, seat);
                }
            }
        }
        let came = live.without(self.seated());
        for voice in came.iter() {
            model.reset_seat(self.count);
            self.voices[self.count] = voice as u8;
            self.count += 1;
        }
        came
    }

    /// The only voice of a model is whichever leads, and keeps its past.
    fn follow_lead(&mut self, lead: usize) -> VoiceSet {
        let is_first = self.count == 0;
        (self.voices[0], self.count) = (lead as u8, 1);
        if is_first {
            VoiceSet::only(lead)
        } else {
            VoiceSet::NONE
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Seats and their voices.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let seats = *self;
        (0..seats.count).map(move |seat| (seat, seats.voice(seat)))
    }

    fn voice(&self, seat: usize) -> usize {
        usize::from(self.voices[seat]) % VOICES_MAX
    }

    fn seated(&self) -> VoiceSet {
        let mut seated = VoiceSet::NONE;
        self.iter().for_each(|(_, voice)| seated.insert(voice));
        seated
    }
}
