//! The alphabet of a model that says notes as a sequence of events, and what each of its numbers means.
//!
//! After Oore et al., "This Time with Feeling" (2018): a velocity holds for every note that begins after it, a shift
//! moves the time on, and notes begin and end where the time stands. Numbers, in order: note-ons, note-offs, shifts of
//! 1, 2, … units of time, velocities from soft to loud, start, end, pad. `Copy`, used on every thread.

/// How many notes, shifts and velocities there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alphabet {
    /// MIDI note number of the first note-on.
    pub lowest_note: u8,
    pub notes: usize,
    pub shifts: usize,
    pub velocities: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// MIDI note number.
    On(u8),
    Off(u8),
    /// Units of time, from 1.
    Shift(usize),
    /// From 0, the softest.
    Velocity(usize),
    /// Stands before the first event; never said.
    Start,
    /// Nothing follows.
    End,
    /// Fills what is shorter than its neighbours; never said.
    Pad,
}

/// The softest velocity is this much below the loudest, as the engine's own notes have it.
const RANGE_DB: f32 = 60.0;

impl Alphabet {
    /// A piano's keys, 32 shifts and 32 velocities: 243 events.
    pub const PIANO: Alphabet = Alphabet {
        lowest_note: 21,
        notes: 88,
        shifts: 32,
        velocities: 32,
    };

    /// How many numbers there are.
    pub fn size(&self) -> usize {
        2 * self.notes + self.shifts + self.velocities + 3
    }

    /// The event of a number; what is out of range is a pad.
    pub fn event(&self, number: usize) -> Event {
        let note = |index: usize| self.lowest_note + index as u8;
        let Alphabet {
            notes,
            shifts,
            velocities,
            ..
        } = *self;
        let rest = 2 * notes + shifts;
        match number {
            n if n < notes => Event::On(note(n)),
            n if n < 2 * notes => Event::Off(note(n - notes)),
            n if n < rest => Event::Shift(n - 2 * notes + 1),
            n if n < rest + velocities => Event::Velocity(n - rest),
            n if n == rest + velocities => Event::Start,
            n if n == rest + velocities + 1 => Event::End,
            _ => Event::Pad,
        }
    }

    /// The number of an event. Notes, shifts and velocities beyond the alphabet are held to its nearest.
    pub fn number(&self, event: Event) -> usize {
        let note = |note: u8| {
            usize::from(note.saturating_sub(self.lowest_note)).min(self.notes.saturating_sub(1))
        };
        let rest = 2 * self.notes + self.shifts;
        match event {
            Event::On(n) => note(n),
            Event::Off(n) => self.notes + note(n),
            Event::Shift(units) => 2 * self.notes + units.clamp(1, self.shifts) - 1,
            Event::Velocity(v) => rest + v.min(self.velocities - 1),
            Event::Start => rest + self.velocities,
            Event::End => rest + self.velocities + 1,
            Event::Pad => rest + self.velocities + 2,
        }
    }

    /// The loudness of a note of this velocity, in dB.
    pub fn loudness_db(&self, velocity: usize) -> f32 {
        ((velocity + 1) as f32 / self.velocities as f32 - 1.0) * RANGE_DB
    }

    /// The velocity that is nearest to a loudness.
    pub fn velocity(&self, loudness_db: f32) -> usize {
        let share = 1.0 + loudness_db / RANGE_DB;
        let place = (share * self.velocities as f32).round() - 1.0;
        place.clamp(0.0, self.velocities as f32 - 1.0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_event_and_the_piano_has_243() {
        let piano = Alphabet::PIANO;
        assert_eq!(piano.size(), 243);
        for number in 0..piano.size() {
            assert_eq!(piano.number(piano.event(number)), number);
        }
        assert_eq!(piano.event(0), Event::On(21));
        assert_eq!(piano.event(175), Event::Off(108));
        assert_eq!(piano.event(176), Event::Shift(1));
        assert_eq!(piano.event(242), Event::Pad);
    }

    #[test]
    fn a_velocity_keeps_its_loudness() {
        let piano = Alphabet::PIANO;
        for velocity in 0..32 {
            assert_eq!(piano.velocity(piano.loudness_db(velocity)), velocity);
        }
        assert_eq!(piano.loudness_db(31), 0.0);
        assert_eq!(piano.velocity(-90.0), 0);
    }
}
