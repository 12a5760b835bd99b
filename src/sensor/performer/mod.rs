//! The virtual performer: a person with an IMU on each forearm, as pure seeded kinematics. The motion comes first and
//! the music follows from it, so the ground-truth [`Controls`] are a function of the motion (each style says which).
//! It plays demos and tests without hardware, and makes paired data for training. No sockets here: `transmit` sends.
//!
//! Ambiguity that is left on purpose: the sounding string rings on for some 40 ms after the bow, intonation is within
//! the sensors' tilt error (strap 3°, so about 0.3 semitones), and heading is arbitrary, as it is for a 6-axis sensor.

pub mod arm;
mod bowing;
mod chance;
mod conducting;
mod curve;
mod melody;
mod placement;
mod shaking;
pub mod spline;
mod strumming;

pub use arm::{Flaws, Joints, Pose, Reading, Rotation};
pub use bowing::{BOW_M, OPEN, VIBRATO_NOTE_PER_DEG, bow_arm, stop_arm};
pub use chance::Chance;
pub use curve::Curve;
pub use placement::{Placement, Strapped};

use crate::controls::Controls;
use placement::Sway;

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Right arm bows (speed is loudness, inclination the string), left arm stops the note and makes vibrato.
    Bow,
    /// Right arm strums (swing is loudness, direction the octave), left arm chooses the chord.
    Strum,
    /// Both arms shake: energy is loudness, tilt is pitch, roll is brightness.
    Shake,
    /// Right arm beats time (size is loudness), left arm's height is pitch and its roll brightness.
    Conduct,
    /// Arms hang still: silence.
    Still,
}

impl Style {
    pub const ALL: [Style; 5] = [
        Style::Bow,
        Style::Strum,
        Style::Shake,
        Style::Conduct,
        Style::Still,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Style::Bow => "bow",
            Style::Strum => "strum",
            Style::Shake => "shake",
            Style::Conduct => "conduct",
            Style::Still => "still",
        }
    }

    pub fn from_name(name: &str) -> Option<Style> {
        Style::ALL.into_iter().find(|style| style.name() == name)
    }
}

/// Where the sensors are worn, in the order of [`Performance::limbs`].
pub const LIMBS: [&str; 2] = [Placement::ALL[0].name, Placement::ALL[1].name];
/// A score is this long; after it the performer begins again.
pub const SCORE_S: f64 = 3600.0;

/// What a style must answer: joint angles and the music they make, at any time within the score.
pub trait Playing: Send + Sync {
    fn joints(&self, limb: usize, t_s: f64) -> Joints;
    fn controls(&self, t_s: f64) -> Controls;
    /// Starts of notes in seconds, ascending.
    fn onsets_s(&self) -> &[f64];
}

/// One moment of a performance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Performance {
    pub time_s: f64,
    /// What each sensor reads, in the order of [`LIMBS`].
    pub limbs: [Reading; 2],
    /// The music that this motion means.
    pub controls: Controls,
    /// A note began within the last [`ONSET_S`].
    pub onset: bool,
}

/// How long after its start a note counts as beginning.
pub const ONSET_S: f64 = 0.05;

pub struct Performer {
    style: Style,
    seed: u64,
    playing: Box<dyn Playing>,
    flaws: [Flaws; 2],
}

impl Performer {
    /// A person whose sensors have typical flaws. The same style and seed give the same performance for ever.
    /// Seed 1 of [`Style::Bow`] begins with the demo piece of 30 s: still for a second, and still again at its end.
    pub fn new(style: Style, seed: u64) -> Self {
        let mut chance = Chance::new(seed, 100);
        let flaws = [Flaws::typical(&mut chance), Flaws::typical(&mut chance)];
        Self::with_flaws(style, seed, flaws)
    }

    pub fn with_flaws(style: Style, seed: u64, flaws: [Flaws; 2]) -> Self {
        let playing: Box<dyn Playing> = match style {
            Style::Bow => Box::new(bowing::Bowing::compose(seed)),
            Style::Strum => Box::new(strumming::Strumming::compose(seed)),
            Style::Shake => Box::new(shaking::Shaking::compose(seed, 1.0)),
            Style::Still => Box::new(shaking::Shaking::compose(seed, 0.0)),
            Style::Conduct => Box::new(conducting::Conducting::compose(seed)),
        };
        Performer {
            style,
            seed,
            playing,
            flaws,
        }
    }

    /// A person with typical sensors who plays what is given.
    pub fn playing(style: Style, seed: u64, playing: Box<dyn Playing>) -> Self {
        Performer {
            style,
            playing,
            ..Self::new(Style::Still, seed)
        }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    pub fn flaws(&self) -> &[Flaws; 2] {
        &self.flaws
    }

    /// The sensors of [`LIMBS`].
    pub fn sensors(&self) -> [Strapped; 2] {
        [0, 1].map(|limb| self.sensor(limb))
    }

    fn sensor(&self, limb: usize) -> Strapped {
        Strapped {
            place: Placement::ALL[limb],
            flaws: self.flaws[limb],
            seed: self.seed.wrapping_mul(2).wrapping_add(limb as u64),
        }
    }

    /// Sensors worn elsewhere, each with typical flaws of its own.
    pub fn wearing(&self, places: &[Placement]) -> Vec<Strapped> {
        let mut chance = Chance::new(self.seed, 101);
        let mut strap = |(number, place): (usize, &Placement)| Strapped {
            place: *place,
            flaws: Flaws::typical(&mut chance),
            seed: self.seed.wrapping_mul(31).wrapping_add(number as u64),
        };
        places.iter().enumerate().map(&mut strap).collect()
    }

    /// Where limb 0 or 1 truly is, without the sensor's flaws. Small slow sway and breath are part of every pose.
    pub fn pose(&self, limb: usize, t_s: f64) -> Pose {
        self.pose_within(&Placement::ALL[limb], t_s.rem_euclid(SCORE_S))
    }

    /// As [`Performer::pose`], without beginning again: derivatives are taken across the score's ends.
    fn pose_within(&self, place: &Placement, t_s: f64) -> Pose {
        let phase = self.seed as f64 * 0.7 + place.arm as f64;
        let sway = Sway::at(phase, t_s);
        let joints = sway.of_arm(self.playing.joints(place.arm, t_s));
        place.pose(&joints, &sway)
    }

    pub fn controls(&self, t_s: f64) -> Controls {
        self.playing.controls(t_s.rem_euclid(SCORE_S))
    }

    /// A note began within the last [`ONSET_S`].
    pub fn onset(&self, t_s: f64) -> bool {
        let t_s = t_s.rem_euclid(SCORE_S);
        let onsets = self.playing.onsets_s();
        let after = onsets.partition_point(|onset| *onset <= t_s);
        after > 0 && t_s - onsets[after - 1] < ONSET_S
    }

    /// What limb 0 or 1's sensor reads.
    pub fn reading(&self, limb: usize, t_s: f64) -> Reading {
        self.reads(&self.sensor(limb), t_s)
    }

    /// What a sensor reads.
    pub fn reads(&self, worn: &Strapped, t_s: f64) -> Reading {
        let t_s = t_s.rem_euclid(SCORE_S);
        let pose = |t_s| self.pose_within(&worn.place, t_s);
        arm::read(pose, &worn.flaws, worn.seed, t_s)
    }

    pub fn at(&self, t_s: f64) -> Performance {
        Performance {
            time_s: t_s,
            limbs: [self.reading(0, t_s), self.reading(1, t_s)],
            controls: self.controls(t_s),
            onset: self.onset(t_s),
        }
    }

    /// The performance sampled at `rate_hz` from 0 to `duration_s`, exactly on the grid; a network's jitter is the
    /// sender's business.
    pub fn readings(
        &self,
        rate_hz: f64,
        duration_s: f64,
    ) -> impl Iterator<Item = Performance> + '_ {
        let count = (duration_s * rate_hz).round().max(0.0) as u64;
        (0..count).map(move |index| self.at(index as f64 / rate_hz))
    }
}

#[cfg(test)]
mod tests;
