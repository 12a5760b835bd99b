//! Motion capture in the Biovision format: a tree of joints with offsets, then one line of channel values a frame.
//! Angles are degrees, turned in the order in which the channels are listed.

use super::PoseError;
use super::limb::{Motion, Up, earth, rotation_of};
use crate::sensor::performer::{Pose, Rotation};
use std::path::Path;

/// One joint of the tree. `End Site`s are joints without channels.
#[derive(Clone, Debug)]
struct Joint {
    name: String,
    parent: Option<usize>,
    offset: [f64; 3],
    /// Which number of a frame's line drives what: 0 to 2 position, 3 to 5 turn about x, y, z.
    channels: Vec<usize>,
    first_channel: usize,
}

pub struct Bvh {
    joints: Vec<Joint>,
    frame_s: f64,
    frames: Vec<Vec<f64>>,
}

const CHANNELS: [&str; 6] = [
    "Xposition",
    "Yposition",
    "Zposition",
    "Xrotation",
    "Yrotation",
    "Zrotation",
];

/// Words with the number of their line.
struct Words<'a> {
    path: &'a Path,
    words: Vec<(usize, &'a str)>,
    next: usize,
}

impl<'a> Words<'a> {
    fn take(&mut self) -> Result<&'a str, PoseError> {
        let word = self.words.get(self.next).map(|w| w.1);
        self.next += 1;
        word.ok_or_else(|| self.wrong("the file ends too early"))
    }

    fn peek(&self) -> &'a str {
        self.words.get(self.next).map_or("", |w| w.1)
    }

    fn number(&mut self) -> Result<f64, PoseError> {
        let word = self.take()?;
        let number = word.parse().ok().filter(|x: &f64| x.is_finite());
        number.ok_or_else(|| self.wrong(&format!("'{word}' is no number")))
    }

    fn expect(&mut self, wanted: &str) -> Result<(), PoseError> {
        let word = self.take()?;
        if word.eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        Err(self.wrong(&format!("'{word}' stands where {wanted} belongs")))
    }

    fn wrong(&self, cause: &str) -> PoseError {
        let at = self
            .next
            .saturating_sub(1)
            .min(self.words.len().saturating_sub(1));
        PoseError::Line {
            file: self.path.into(),
            line: self.words.get(at).map_or(1, |w| w.0),
            cause: cause.into(),
        }
    }
}

/// Most numbers that a file may promise in one frame.
const MOST_CHANNELS: usize = 4096;

impl Bvh {
    pub fn read(path: &Path) -> Result<Bvh, PoseError> {
        let text = std::fs::read_to_string(path).map_err(|e| PoseError::unreadable(path, &e))?;
        Bvh::parse(&text, path)
    }

    pub fn parse(text: &str, path: &Path) -> Result<Bvh, PoseError> {
        let lines = text.lines().enumerate();
        let words = lines.flat_map(|(i, line)| line.split_whitespace().map(move |w| (i + 1, w)));
        let mut words = Words {
            path,
            words: words.collect(),
            next: 0,
        };
        words.expect("HIERARCHY")?;
        let (joints, channels) = tree(&mut words)?;
        words.expect("MOTION")?;
        words.expect("Frames:")?;
        let count = words.number()? as usize;
        words.expect("Frame")?;
        words.expect("Time:")?;
        let frame_s = words.number()?;
        if !(1e-4..=1.0).contains(&frame_s) || count < 4 {
            return Err(words.wrong("at least 4 frames of 0.1 to 1000 ms are needed"));
        }
        let mut frames = Vec::new();
        for _ in 0..count {
            let frame: Result<Vec<f64>, _> = (0..channels).map(|_| words.number()).collect();
            frames.push(frame?);
        }
        Ok(Bvh {
            joints,
            frame_s,
            frames,
        })
    }

    /// Where a joint's limb is: at `along` (0 to 1) of the way to its first child, x toward that child.
    pub fn motion(
        &self,
        segment: &str,
        along: f64,
        metres_per_unit: f64,
        smooth_s: f64,
    ) -> Result<Motion, PoseError> {
        let named = |j: &Joint| j.name.eq_ignore_ascii_case(segment);
        let Some(joint) = self.joints.iter().position(named) else {
            let names = self.joints.iter().filter(|j| !j.channels.is_empty());
            let names: Vec<&str> = names.map(|j| &*j.name).collect();
            return Err(PoseError::NoSegment {
                wanted: segment.into(),
                known: names.join(", "),
            });
        };
        let child = self.joints.iter().find(|j| j.parent == Some(joint));
        let reach = child.map_or([0.0; 3], |c| c.offset);
        let own = axes_toward(reach);
        let poses = self.frames.iter().map(|frame| {
            let (at, turn) = self.place(joint, frame);
            let tip = turn.apply(reach.map(|x| x * along));
            let position: [f64; 3] = std::array::from_fn(|i| (at[i] + tip[i]) * metres_per_unit);
            Pose {
                position_m: earth(position, Up::Y),
                rotation: upright().then_inner(turn).then_inner(own),
            }
        });
        Ok(Motion::new(poses.collect(), 1.0 / self.frame_s, smooth_s))
    }

    /// Where a joint is and how it is turned, in the file's axes and units.
    fn place(&self, joint: usize, frame: &[f64]) -> ([f64; 3], Rotation) {
        let joint = &self.joints[joint];
        let (mut at, turn) = joint.parent.map_or(([0.0; 3], Rotation::NONE), |parent| {
            self.place(parent, frame)
        });
        let (mut shift, mut own) = (joint.offset, Rotation::NONE);
        for (i, channel) in joint.channels.iter().enumerate() {
            let value = frame[joint.first_channel + i];
            if *channel < 3 {
                shift[*channel] += value;
            } else {
                own = own.then_inner(Rotation::about(channel - 3, value.to_radians()));
            }
        }
        let shift = turn.apply(shift);
        (0..3).for_each(|i| at[i] += shift[i]);
        (at, turn.then_inner(own))
    }
}

fn tree(words: &mut Words) -> Result<(Vec<Joint>, usize), PoseError> {
    let (mut joints, mut open, mut channels): (Vec<Joint>, Vec<usize>, usize) =
        (Vec::new(), Vec::new(), 0);
    loop {
        let word = words.take()?;
        match word.to_ascii_uppercase().as_str() {
            "ROOT" | "JOINT" | "END" => {
                let name = words.take()?.to_owned();
                words.expect("{")?;
                words.expect("OFFSET")?;
                let offset = [words.number()?, words.number()?, words.number()?];
                joints.push(Joint {
                    name,
                    parent: open.last().copied(),
                    offset,
                    channels: Vec::new(),
                    first_channel: channels,
                });
                open.push(joints.len() - 1);
                if words.peek().eq_ignore_ascii_case("CHANNELS") {
                    words.take()?;
                    let listed = listed_channels(words)?;
                    channels += listed.len();
                    let last = joints.len() - 1;
                    joints[last].channels = listed;
                }
            }
            "}" if open.pop().is_none() => return Err(words.wrong("one } too many")),
            "}" if open.is_empty() => return Ok((joints, channels)),
            "}" => {}
            _ => return Err(words.wrong(&format!("'{word}' is no part of a skeleton"))),
        }
        if channels > MOST_CHANNELS {
            return Err(words.wrong("more channels than any skeleton has"));
        }
    }
}

fn listed_channels(words: &mut Words) -> Result<Vec<usize>, PoseError> {
    let count = words.number()? as usize;
    (0..count.min(6))
        .map(|_| {
            let word = words.take()?;
            let known = CHANNELS.iter().position(|c| c.eq_ignore_ascii_case(word));
            known.ok_or_else(|| words.wrong(&format!("'{word}' is no channel")))
        })
        .collect()
}

/// The file's axes (y up) seen from the earth's (z up): x forward is the file's z, y left its x.
fn upright() -> Rotation {
    let third = 1.0 / 3f64.sqrt();
    let turn = std::f64::consts::TAU / 3.0;
    Rotation::from_vector([third * turn, third * turn, third * turn])
}

/// A limb's own axes in the joint's: x along it, z as near to the joint's least parallel axis as can be.
fn axes_toward(reach: [f64; 3]) -> Rotation {
    let length = reach.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length < 1e-9 {
        return Rotation::NONE;
    }
    let x = reach.map(|r| r / length);
    let least = (0..3).min_by(|a, b| x[*a].abs().total_cmp(&x[*b].abs()));
    let mut z = [0.0; 3];
    z[least.unwrap_or(2)] = 1.0;
    rotation_of(x, z)
}
