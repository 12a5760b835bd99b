//! Leads the performer through a lesson (align a sensor, move through the range) and writes what was learned into
//! the song's map.

use super::super::desk::Desk;
use crate::engine::EngineShore;
use crate::gesture::guided::{Guide, Lesson, Outcome};
use crate::gesture::mapping::RoleCalibration;
use crate::gesture::{ROLE_COUNT, Role};
use crate::params::InstrumentParams;

#[derive(Default)]
pub struct Lessons {
    guide: Option<(Lesson, Guide)>,
    /// As last heard, by role.
    freshness: [f32; ROLE_COUNT],
}

impl Lessons {
    pub fn begin(&mut self, lesson: Lesson, params: &InstrumentParams, desk: &Desk) {
        desk.dismiss();
        let session = params.session.read();
        let known = session.mapping.calibration.get(&lesson.role()).cloned();
        self.guide = Some((lesson, Guide::new(lesson, known.unwrap_or_default())));
    }

    /// Ends moving through the range and keeps it; a pose that is not held yet is given up.
    pub fn end(&mut self, params: &InstrumentParams, desk: &Desk) {
        if let Some((Lesson::Range(role), mut guide)) = self.guide.take() {
            let outcome = guide.finish();
            settle(outcome, Lesson::Range(role), params, desk);
        }
    }

    pub fn give_up(&mut self) {
        self.guide = None;
    }

    /// Takes every feature bank since the last round.
    pub fn follow(
        &mut self,
        shore: &mut EngineShore,
        freshness: Option<[f32; ROLE_COUNT]>,
        params: &InstrumentParams,
        desk: &Desk,
    ) {
        self.freshness = freshness.unwrap_or(self.freshness);
        let mut newest = None;
        while let Some(bank) = shore.telemetry.pop_bank() {
            newest = Some(bank);
            let Some((lesson, guide)) = &mut self.guide else {
                continue;
            };
            let (lesson, outcome) = (*lesson, guide.push(&bank, &self.freshness));
            if outcome != Outcome::Going {
                self.guide = None;
                settle(outcome, lesson, params, desk);
            }
        }
        let progress = self.guide.as_ref().map(|(_, guide)| guide.progress());
        desk.write(|view| {
            view.lesson = progress;
            if let Some(bank) = newest {
                view.bank = bank;
            }
        });
    }
}

fn settle(outcome: Outcome, lesson: Lesson, params: &InstrumentParams, desk: &Desk) {
    match outcome {
        Outcome::Going => {}
        Outcome::Learned(learned) => {
            keep(learned, lesson, params);
            desk.done(match lesson {
                Lesson::Align(role) => format!("the sensor is aligned with the {}", spoken(role)),
                Lesson::Range(role) => format!("the range of the {} is learned", spoken(role)),
            });
        }
        Outcome::Failed(why) => desk.trouble(why),
    }
}

fn spoken(role: Role) -> String {
    role.name().replace('_', " ")
}

fn keep(learned: RoleCalibration, lesson: Lesson, params: &InstrumentParams) {
    let mut session = params.session.write();
    session.mapping.calibration.insert(lesson.role(), learned);
}
