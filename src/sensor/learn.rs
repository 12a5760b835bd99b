//! Learning an unknown device: its messages are recorded while the user moves it through guided poses, and what each
//! argument means follows from physics. At rest |a| is 1 g and |q| is 1; a quarter turn is 90° of rate.
//!
//! The result is a [`Profile`], the same file that a user would write. Control thread.

mod address;
mod fit;
mod infer;
mod turn;
mod units;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::intake::UnknownMessage;
use super::osc::Argument;
use super::profile::Profile;

/// What the user is asked to do, in this order. Every step begins with the sensor lying flat, its top up, and ends
/// with holding still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Still,
    Turn,
    RaiseFront,
    RaiseLeft,
}

/// How long a step is recorded.
pub const STEP_S: f64 = 4.0;
/// The end of a step, in which the pose is held.
const HELD_S: f64 = 1.0;
/// The beginning of a step, before the hand moves.
const BEFORE_S: f64 = 0.3;
/// Messages of one address that are remembered in one step.
const MOST_SAMPLES: usize = 8192;

impl Step {
    pub const ALL: [Step; 4] = [Step::Still, Step::Turn, Step::RaiseFront, Step::RaiseLeft];

    pub fn instruction(self) -> &'static str {
        match self {
            Step::Still => "Lay the sensor flat, its front away from you, and let go of it",
            Step::Turn => "Turn it a quarter to the left, flat on the table, and leave it there",
            Step::RaiseFront => {
                "Lay it as at first. Then stand it up so that its front points at the ceiling, and hold it"
            }
            Step::RaiseLeft => {
                "Lay it as at first. Then tip it so that its left side points at the ceiling, and hold it"
            }
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// Why nothing could be learned, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    #[error("nothing arrived in the step \"{0}\": is the sensor still sending?")]
    Silent(&'static str),
    #[error(
        "no argument behaves like acceleration, rate or orientation: begin each step with the sensor lying flat, turn \
         it by a whole quarter, and hold it until the step ends"
    )]
    NoMotion,
}

/// One message, as numbers; NaN for what is none.
#[derive(Clone, Debug)]
struct Sample {
    at_s: f64,
    /// How many messages of this address had come.
    count: u64,
    values: Vec<f64>,
}

/// Everything heard of one address.
#[derive(Clone, Debug, Default)]
struct Track {
    /// `true` where the argument was a number whenever it came.
    numeric: Vec<bool>,
    steps: [Vec<Sample>; 4],
    is_steady: bool,
}

/// What one sender said while it was moved.
#[derive(Clone, Debug)]
pub struct Recording {
    sender: IpAddr,
    tracks: BTreeMap<String, Track>,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    pub profile: Profile,
    /// A line for each quantity that was found, for the user to check.
    pub found: Vec<String>,
}

impl Recording {
    pub fn new(sender: IpAddr) -> Recording {
        Recording {
            sender,
            tracks: BTreeMap::new(),
        }
    }

    pub fn sender(&self) -> IpAddr {
        self.sender
    }

    /// Notes a message as last heard, at `at_s` of any steady clock. Others' messages, and ones that were noted
    /// already, are passed over.
    pub fn note(&mut self, step: Step, message: &UnknownMessage, at_s: f64) {
        if message.sender != self.sender {
            return;
        }
        let track = self
            .tracks
            .entry(message.address.clone())
            .or_insert_with(|| Track {
                numeric: vec![true; message.arguments.len()],
                is_steady: true,
                ..Track::default()
            });
        track.is_steady &= track.numeric.len() == message.arguments.len();
        let samples = &mut track.steps[step.index()];
        let is_old = samples
            .last()
            .is_some_and(|last| last.count == message.count);
        if !track.is_steady || is_old || samples.len() >= MOST_SAMPLES {
            return;
        }
        let number = |argument: &Argument| argument.number().unwrap_or(f64::NAN);
        let values: Vec<f64> = message.arguments.iter().map(number).collect();
        for (numeric, value) in track.numeric.iter_mut().zip(&values) {
            *numeric &= value.is_finite();
        }
        samples.push(Sample {
            at_s,
            count: message.count,
            values,
        });
    }

    /// Forgets a step, to record it again.
    pub fn clear(&mut self, step: Step) {
        for track in self.tracks.values_mut() {
            track.steps[step.index()].clear();
        }
    }

    /// What the messages mean, as a profile called `name`.
    pub fn learn(&self, name: &str) -> Result<Learned, LearnError> {
        for step in Step::ALL {
            let heard = |track: &Track| track.steps[step.index()].len() > 5;
            if !self.tracks.values().any(heard) {
                return Err(LearnError::Silent(step.instruction()));
            }
        }
        infer::infer(&self.tracks, name)
    }
}

#[cfg(test)]
mod tests;
