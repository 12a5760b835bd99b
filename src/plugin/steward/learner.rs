//! Learns an unknown sensor for the editor: records its messages step by step, and saves the profile that follows.

use super::super::desk::{Desk, LearnView};
use super::ports::Ports;
use crate::sensor::learn::{Learned, Recording, STEP_S, Step};
use crate::sensor::profile;
use crate::units::HostTime;
use std::net::IpAddr;

#[derive(Default)]
pub struct Learner {
    lesson: Option<Lesson>,
}

struct Lesson {
    recording: Recording,
    done: [bool; Step::ALL.len()],
    /// The step that is recorded, and since when.
    running: Option<(Step, HostTime)>,
    learned: Option<Learned>,
    error: Option<String>,
}

impl Learner {
    pub fn begin(&mut self, sender: IpAddr) {
        self.lesson = Some(Lesson {
            recording: Recording::new(sender),
            done: [false; Step::ALL.len()],
            running: None,
            learned: None,
            error: None,
        });
    }

    pub fn record(&mut self, step: Step) {
        if let Some(lesson) = &mut self.lesson {
            lesson.recording.clear(step);
            lesson.done[step as usize] = false;
            lesson.learned = None;
            lesson.running = Some((step, HostTime::now()));
        }
    }

    pub fn end(&mut self) {
        self.lesson = None;
    }

    /// Saves what was learned and reads every port by it from now on.
    pub fn save(&mut self, name: &str, ports: &Ports, desk: &Desk) {
        let learned = self.lesson.take().and_then(|lesson| lesson.learned);
        let Some(mut learned) = learned else { return };
        learned.profile.profile = name.trim().to_owned();
        let saved = profile::folder().and_then(|folder| learned.profile.save(&folder));
        match saved {
            Ok(path) => {
                ports.read_profiles_again();
                desk.done(format!("saved as {}", path.display()));
            }
            Err(error) => desk.trouble(error.to_string()),
        }
    }

    /// Notes what arrived since the last round.
    pub fn follow(&mut self, ports: &Ports, desk: &Desk) {
        let unknown = ports.unknown();
        if let Some(lesson) = &mut self.lesson {
            let now = HostTime::now();
            if let Some((step, since)) = lesson.running {
                for message in &unknown {
                    lesson.recording.note(step, message, now.0);
                }
                if now.seconds_since(since) >= STEP_S {
                    lesson.finish(step);
                }
            }
        }
        let view = self.lesson.as_ref().map(Lesson::view);
        desk.write(|desk| {
            desk.unknown = unknown;
            desk.learning = view;
        });
    }
}

impl Lesson {
    fn finish(&mut self, step: Step) {
        self.running = None;
        self.done[step as usize] = true;
        if self.done != [true; Step::ALL.len()] {
            return;
        }
        match self.recording.learn("My sensor") {
            Ok(learned) => (self.learned, self.error) = (Some(learned), None),
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    fn view(&self) -> LearnView {
        let done = |(step, since): (Step, HostTime)| {
            (step, (HostTime::now().seconds_since(since) / STEP_S) as f32)
        };
        LearnView {
            sender: self.recording.sender(),
            done: self.done,
            running: self.running.map(done),
            found: self.learned.as_ref().map(|learned| learned.found.clone()),
            error: self.error.clone(),
        }
    }
}
