//! What there is to learn from: recordings in many manners, the virtual performer's strumming, virtual hands that move
//! as the recorded ones do, and hands that rest.

use super::learner::Lesson;
use super::recording::{Manner, Recording};
use super::session::{RATE_HZ, Session};
use super::{virtual_arm, virtual_hand};
use crate::sensor::performer::Chance;
use crate::train::gesture::take::FLOOR_DB;

/// Manners of each recording beside its own.
const MANNERS: u64 = 20;
/// Share of what is learned that the virtual performer strums, so that other sensors and rests are known too.
const VIRTUAL_SHARE: f64 = 0.2;
/// Resting hands among so many other lessons.
const RESTS_EVERY: usize = 25;
/// As many virtual sessions as teach a hand by themselves.
const VIRTUAL_SESSIONS: u64 = 80;

pub struct Material {
    /// As recorded.
    pub own: Vec<Session>,
    /// Of each recording, in its own manner and in others.
    lessons: Vec<Vec<Lesson>>,
    pub arms: Vec<Session>,
    arm_lessons: Vec<Lesson>,
    /// Virtual guitarists who move as the recorded ones do.
    pub hands: Vec<Session>,
    hand_lessons: Vec<Lesson>,
    rests: Vec<Lesson>,
}

/// So many arms tell, beside the recordings, how vigour is loudness.
const ARMS_BESIDE: usize = 4;

impl Material {
    pub fn of(recordings: &[Recording], seed: u64, lag_s: f64) -> Material {
        let own: Vec<Session> = recordings.iter().map(Recording::own_session).collect();
        let lessons = recordings
            .iter()
            .zip(&own)
            .enumerate()
            .map(|(index, (recording, own))| {
                let varied = (0..MANNERS).map(|manner| {
                    let mut chance = Chance::new(seed ^ 0x3a77, index as u64 * 1000 + manner);
                    let manner = Manner::any(&mut chance);
                    Lesson::of(&recording.session(&manner, &mut chance), lag_s)
                });
                [Lesson::of(own, lag_s)].into_iter().chain(varied).collect()
            });
        let lessons = lessons.collect();
        let arms: Vec<Session> = (0..VIRTUAL_SESSIONS)
            .map(|index| virtual_arm::session(seed, index))
            .collect();
        let hands: Vec<Session> = (0..VIRTUAL_SESSIONS)
            .map(|index| {
                let mut chance = Chance::new(seed ^ 0x6b21, index);
                let manner = Manner::any(&mut chance);
                virtual_hand::recording(seed, index).session(&manner, &mut chance)
            })
            .collect();
        Material {
            lessons,
            hand_lessons: hands.iter().map(|hand| Lesson::of(hand, lag_s)).collect(),
            hands,
            arm_lessons: arms.iter().map(|arm| Lesson::of(arm, lag_s)).collect(),
            rests: (0..8)
                .map(|index| Lesson::of(&resting(seed, index), lag_s))
                .collect(),
            arms,
            own,
        }
    }

    /// Everything but one recording, or everything.
    pub fn without(&self, left_out: Option<usize>) -> Vec<&Lesson> {
        let kept = self
            .lessons
            .iter()
            .enumerate()
            .filter(|(index, _)| Some(*index) != left_out);
        let mut lessons: Vec<&Lesson> = kept.flat_map(|(_, lessons)| lessons).collect();
        let arms = (lessons.len() as f64 * VIRTUAL_SHARE / (1.0 - VIRTUAL_SHARE)) as usize;
        lessons.extend(self.arm_lessons.iter().take(arms));
        self.with_rests(lessons)
    }

    /// What a player's loudness is fitted to beside recordings.
    pub fn beside(&self) -> Vec<&Session> {
        self.arms.iter().take(ARMS_BESIDE).collect()
    }

    /// Virtual hands alone.
    pub fn virtual_only(&self) -> Vec<&Lesson> {
        self.with_rests(self.hand_lessons.iter().collect())
    }

    fn with_rests<'a>(&'a self, mut lessons: Vec<&'a Lesson>) -> Vec<&'a Lesson> {
        let rests = lessons.len().div_ceil(RESTS_EVERY);
        lessons.extend(self.rests.iter().cycle().take(rests));
        lessons
    }
}

/// A hand that does nothing but tremble and drift, and makes no sound.
fn resting(seed: u64, index: u64) -> Session {
    let mut chance = Chance::new(seed ^ 0x5e57, index);
    let tremor = 0.15 * chance.unit();
    let (drift, pace) = (0.3 * chance.unit(), chance.between(0.1, 0.6));
    let frames = 20 * RATE_HZ as usize;
    let motion = (0..frames).map(|frame| {
        let time_s = frame as f64 / f64::from(RATE_HZ);
        (tremor * chance.normal() + drift * (pace * std::f64::consts::TAU * time_s).sin()) as f32
    });
    Session {
        name: format!("rest {index}"),
        strums: Vec::new(),
        motion: motion.collect(),
        loudness_db: vec![FLOOR_DB; frames],
    }
}
