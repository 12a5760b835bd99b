//! Events as music: draws one when its time has come, tells the network which, and keeps what sounds. Audio thread.
//!
//! One event a step at most, so that a step always costs the same: a chord begins over as many steps. A shift is
//! counted from where the time stood, not from the step in which it was said, so nothing drifts.

use super::feed;
use super::pitch::Dice;
use crate::controls::SILENCE_DB;
use crate::controls::scale::Scale;
use crate::neural::contract::Events;
use crate::neural::error::ModelError;
use crate::neural::events::{Alphabet, Event};
use crate::neural::runner::Runner;

/// Notes that can sound together; a further one ends the oldest.
const TOGETHER: usize = 16;
/// After so many events at one moment only a shift may follow: a network must not stand still for ever.
const MOST_AT_ONCE: u32 = 64;
/// Where events lie further back than so many steps, they begin anew at the present.
const MOST_BEHIND: u64 = 200;

/// What the events have come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    pub pitch_note: Option<f32>,
    pub loudness_db: f32,
    /// A note began in this step.
    pub onset: bool,
    /// How likely the network held the last event, 0 to 1.
    pub confidence: f32,
}

#[derive(Clone)]
pub struct EventPlayer {
    logits: usize,
    /// Inputs `previous`, `hears` and `says`.
    fed: [usize; 3],
    every: u64,
    alphabet: Alphabet,
    course: Course,
}

/// Everything that a reset forgets.
#[derive(Clone)]
struct Course {
    /// Steps made, and the step at which the next event is due.
    step: u64,
    due: u64,
    previous: usize,
    at_once: u32,
    drawn: u32,
    velocity: usize,
    sounding: Sounding,
    said: Said,
}

impl Course {
    fn new(alphabet: &Alphabet) -> Course {
        Course {
            step: 0,
            due: 0,
            previous: alphabet.number(Event::Start),
            at_once: 0,
            drawn: 0,
            velocity: alphabet.velocities * 2 / 3,
            sounding: Sounding::default(),
            said: Said {
                pitch_note: None,
                loudness_db: SILENCE_DB,
                onset: false,
                confidence: 1.0,
            },
        }
    }
}

impl EventPlayer {
    pub fn new(model: &Runner, events: &Events) -> Result<EventPlayer, ModelError> {
        if model.helped().is_some() {
            return Err(ModelError::contract(
                "a model of events is asked what it says in the step in which it says it, so it cannot run on a helper thread: use operations that have a packed kernel",
            ));
        }
        let mut fed = [0; 3];
        for (index, tensor) in fed.iter_mut().zip(events.fed()) {
            let found = model.input_index(tensor);
            *index = found
                .ok_or_else(|| ModelError::contract(format!("there is no input '{tensor}'")))?;
        }
        let alphabet = events.alphabet();
        Ok(EventPlayer {
            logits: feed::output(model, &events.logits)?,
            fed,
            every: u64::from(events.hear_every.max(1)),
            course: Course::new(&alphabet),
            alphabet,
        })
    }

    pub fn reset(&mut self) {
        self.course = Course::new(&self.alphabet);
    }

    /// Before a step: what the network is told of the course of events.
    pub fn ask(&self, model: &mut Runner) {
        let course = &self.course;
        let hears = course.step.is_multiple_of(self.every);
        let says = course.step >= course.due;
        let values = [
            course.previous as f32,
            f32::from(u8::from(hears)),
            f32::from(u8::from(says)),
        ];
        for (input, value) in self.fed.iter().zip(values) {
            model.input_mut(*input)[0] = value;
        }
    }

    /// After a step: draws an event where one is due; notes begin within `scale`. `temperature` and `random` as for the
    /// model's step.
    pub fn listen(&mut self, model: &Runner, temperature: f32, random: u32, scale: Scale) -> Said {
        self.course.said.onset = false;
        if self.course.step >= self.course.due {
            let logits = model.output(self.logits);
            let number = self.draw(logits, temperature, random, scale);
            self.course.said.confidence = chance_of(logits, number);
            self.course.previous = number;
            self.take_up(self.alphabet.event(number));
        }
        self.course.step += 1;
        self.course.said
    }

    /// By the Gumbel-max method, as pitches are.
    fn draw(&mut self, logits: &[f32], temperature: f32, random: u32, scale: Scale) -> usize {
        let course = &mut self.course;
        let mut dice = Dice::default();
        // While a model catches up on the past, many steps come with one number.
        dice.throw(random ^ course.drawn.wrapping_mul(0x85eb_ca6b));
        course.drawn = course.drawn.wrapping_add(1);
        let temperature = temperature.clamp(0.0, 4.0);
        let mut best = (f32::NEG_INFINITY, self.alphabet.number(Event::Shift(1)));
        for (number, logit) in logits.iter().enumerate() {
            if !course.may_follow(self.alphabet.event(number), scale) {
                continue;
            }
            let noise = if temperature > 0.0 {
                temperature * dice.gumbel(number as u32)
            } else {
                0.0
            };
            if logit + noise > best.0 {
                best = (logit + noise, number);
            }
        }
        best.1
    }

    fn take_up(&mut self, event: Event) {
        let course = &mut self.course;
        course.at_once += 1;
        match event {
            Event::On(note) => {
                course.sounding.begin(note);
                course.said.onset = true;
                course.said.loudness_db = self.alphabet.loudness_db(course.velocity);
            }
            Event::Off(note) => course.sounding.end(note),
            Event::Velocity(velocity) => course.velocity = velocity,
            Event::Shift(units) => {
                course.at_once = 0;
                course.due += units as u64 * self.every;
                if course.due + MOST_BEHIND < course.step {
                    course.due = course.step + 1;
                }
            }
            Event::Start | Event::End | Event::Pad => {}
        }
        match course.sounding.newest() {
            Some(note) => course.said.pitch_note = Some(f32::from(note)),
            None => course.said.loudness_db = SILENCE_DB,
        }
    }
}

impl Course {
    /// What cannot be played is not drawn: notes that sound do not begin, those that do not sound do not end.
    fn may_follow(&self, event: Event, scale: Scale) -> bool {
        match event {
            Event::Shift(_) => true,
            _ if self.at_once >= MOST_AT_ONCE => false,
            Event::On(note) => !self.sounding.holds(note) && scale.allows(f32::from(note)),
            Event::Off(note) => self.sounding.holds(note),
            Event::Velocity(_) => true,
            Event::Start | Event::End | Event::Pad => false,
        }
    }
}

/// The share of `number` in the distribution that the logits state.
fn chance_of(logits: &[f32], number: usize) -> f32 {
    let sum: f32 = logits.iter().map(|l| (l - logits[number]).exp()).sum();
    if sum.is_finite() && sum > 0.0 {
        (1.0 / sum).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Notes that sound, oldest first.
#[derive(Clone, Copy, Debug, Default)]
struct Sounding {
    notes: [u8; TOGETHER],
    count: usize,
}

impl Sounding {
    fn holds(&self, note: u8) -> bool {
        self.notes[..self.count].contains(&note)
    }

    fn begin(&mut self, note: u8) {
        self.end(note);
        if self.count == TOGETHER {
            self.notes.rotate_left(1);
            self.count -= 1;
        }
        self.notes[self.count] = note;
        self.count += 1;
    }

    fn end(&mut self, note: u8) {
        if let Some(place) = self.notes[..self.count].iter().position(|n| *n == note) {
            self.notes[place..self.count].rotate_left(1);
            self.count -= 1;
        }
    }

    fn newest(&self) -> Option<u8> {
        self.notes[..self.count].last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::GestureModel;
    use super::Sounding;
    use crate::controls::scale::{Scale, ScaleKind};
    use crate::neural::zoo::tune;

    /// Per step: the note that sounds, rounded; none in silence.
    fn played(
        model: &mut GestureModel,
        motion: f32,
        temperature: f32,
        steps: u32,
    ) -> Vec<Option<u8>> {
        let step = |n: u32| {
            let dice = n.wrapping_mul(2_654_435_761);
            let intent = model.step(&[motion], temperature, dice);
            let sounds = intent.controls.loudness_db > -60.0;
            sounds.then_some(intent.controls.pitch_note as u8)
        };
        (0..steps).map(step).collect()
    }

    /// The steps at which what sounds changes, and to what.
    fn changes(played: &[Option<u8>]) -> Vec<(usize, Option<u8>)> {
        let mut before = None;
        let mut changes = Vec::new();
        for (step, now) in played.iter().enumerate() {
            if *now != before {
                changes.push((step, *now));
                before = *now;
            }
        }
        changes
    }

    #[test]
    fn a_tune_is_played_in_time_and_the_motion_chooses_the_note() {
        let mut model = GestureModel::load(&tune::tune()).unwrap();
        // Velocity, note-on, a shift of 5 units of 4 steps, note-off, a shift of 3.
        let low = changes(&played(&mut model, -1.0, 0.0, 100));
        let expected = [
            (1, Some(60)),
            (20, None),
            (33, Some(60)),
            (52, None),
            (65, Some(60)),
            (84, None),
            (97, Some(60)),
        ];
        assert_eq!(low, expected);
        model.reset();
        let high = changes(&played(&mut model, 1.0, 0.0, 30));
        assert_eq!(high, [(1, Some(72)), (20, None)]);
    }

    #[test]
    fn the_velocity_that_was_said_is_the_loudness_and_a_note_begins_once() {
        let mut model = GestureModel::load(&tune::tune()).unwrap();
        let intents: Vec<_> = (0..20).map(|_| model.step(&[1.0], 0.0, 7)).collect();
        assert_eq!(intents[5].controls.loudness_db, -15.0);
        assert_eq!(intents.iter().filter(|i| i.onset > 0.5).count(), 1);
        assert!(intents[1].onset > 0.5 && intents[1].confidence > 0.5);
        assert_eq!(intents[5].stated[..3], [true, true, false]);
    }

    #[test]
    fn the_same_dice_play_the_same_and_others_do_not() {
        let mut model = GestureModel::load(&tune::tune()).unwrap();
        let first = played(&mut model, 0.0, 3.0, 2000);
        model.reset();
        assert_eq!(played(&mut model, 0.0, 3.0, 2000), first);
        let notes: std::collections::HashSet<_> = first.iter().flatten().collect();
        assert!(notes.len() > 3, "{notes:?}");
    }

    #[test]
    fn notes_begin_within_the_scale() {
        let mut model = GestureModel::load(&tune::tune()).unwrap();
        let scale = Scale {
            root: 2,
            kind: ScaleKind::MajorPentatonic,
        };
        model.set_scale(scale);
        let notes = played(&mut model, 0.0, 3.0, 4000);
        assert!(notes.iter().flatten().any(|note| *note != 62));
        let outside = notes
            .iter()
            .flatten()
            .find(|note| !scale.allows(f32::from(**note)));
        assert_eq!(outside, None);
    }

    #[test]
    fn notes_that_sound_together_end_in_any_order() {
        let mut sounding = Sounding::default();
        for note in [60, 64, 67] {
            sounding.begin(note);
        }
        sounding.end(64);
        assert_eq!(sounding.newest(), Some(67));
        sounding.end(67);
        assert!(sounding.holds(60) && !sounding.holds(64));
        assert_eq!(sounding.newest(), Some(60));
        (0..40).for_each(|note| sounding.begin(note));
        assert_eq!(sounding.newest(), Some(39));
        assert!(!sounding.holds(60));
    }
}
