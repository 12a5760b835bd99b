//! From recorded columns to a profile. A quaternion comes first, for it says what the device's own axes are; without
//! one, x is the front, y the left and z the top that the poses speak of.

mod angles;
mod linear;

use std::collections::BTreeMap;
use std::f64::consts::FRAC_PI_2;

use super::address::{id_segment, with_hole};
use super::fit::{Column, Order, Vector, best_order};
use super::turn::Turn;
use super::units::{accel_unit, rate_unit};
use super::{LearnError, Learned, Step, Track};
use crate::sensor::profile::{Profile, ProfileMessage};

/// How well an order must explain what was measured: hands are some 15° off.
const LEAST_AGREEMENT: f64 = 0.9;
/// A length that is to be constant may differ by this share.
const SAME_LENGTH: f64 = 0.2;
/// A turn's rate must mostly go one way.
const LEAST_NET: f64 = 0.6;
/// A hand that is asked to be calm does not pull harder than this many g.
const LOUDEST: f64 = 6.0;
const AUX_MOST: usize = 8;
const STEPS: usize = Step::ALL.len();

/// What a column is.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    Unknown,
    /// In the layout's words; the others of its group follow and say nothing.
    Token(String),
    Follows,
}

/// The columns of one address with what is known of them.
struct Message<'a> {
    address: &'a str,
    track: &'a Track,
    columns: Vec<Option<Column>>,
    meanings: Vec<Meaning>,
}

/// What the sensor's axes did: where up was at the ends of three steps, and how it turned in three.
struct Motion {
    up: [Vector; 3],
    turn: [Vector; 3],
}

/// Four columns that may be a quaternion, and what the sensor did if they are.
struct Quaternion {
    first: usize,
    order: &'static str,
    motion: Motion,
}

const UP_STEPS: [Step; 3] = [Step::Still, Step::RaiseFront, Step::RaiseLeft];
const TURN_STEPS: [Step; 3] = [Step::Turn, Step::RaiseFront, Step::RaiseLeft];

impl Motion {
    /// As the user was asked to move it: x front, y left, z top.
    const ASKED: Motion = Motion {
        up: [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        turn: [
            [0.0, 0.0, FRAC_PI_2],
            [0.0, -FRAC_PI_2, 0.0],
            [FRAC_PI_2, 0.0, 0.0],
        ],
    };
}

pub(super) fn infer(tracks: &BTreeMap<String, Track>, name: &str) -> Result<Learned, LearnError> {
    let mut messages: Vec<Message> = tracks
        .iter()
        .filter(|(_, track)| track.is_steady && track.steps.iter().all(|s| s.len() > 5))
        .map(|(address, track)| Message::of(address, track))
        .collect();
    let mut found = Vec::new();
    messages.iter_mut().for_each(Message::find_clocks);
    let turned = find_quaternion(&mut messages, &mut found);
    let has_pose = turned.is_some();
    let mut motion = turned.unwrap_or(Motion::ASKED);
    if !has_pose {
        angles::name(&mut messages, &mut found);
    }
    let accel = name_accel(&mut messages, &motion, &mut found);
    if let Some(accel) = accel.as_ref().filter(|_| !has_pose) {
        motion.turn[1][1] = -accel.tilts[0];
        motion.turn[2][0] = accel.tilts[1];
    }
    if let Some(message) = messages.iter_mut().find(|m| m.rate_at(&motion).is_some()) {
        message.name_rate(&motion, &mut found);
    }
    let accel = accel.map(|accel| (accel.order, accel.scale));
    linear::name(&mut messages, accel, &mut found);
    if found.is_empty() {
        return Err(LearnError::NoMotion);
    }
    let mut aux = 0;
    let addresses: Vec<&str> = messages.iter().map(|m| m.address).collect();
    let hole = id_segment(&addresses);
    let messages = messages
        .iter_mut()
        .map(|message| ProfileMessage {
            layout: message.layout(&mut aux),
            address: with_hole(message.address, hole),
        })
        .collect();
    let profile = Profile {
        profile: name.to_owned(),
        messages,
    };
    Ok(Learned { profile, found })
}

impl<'a> Message<'a> {
    fn of(address: &'a str, track: &'a Track) -> Message<'a> {
        let numeric = track.numeric.iter().enumerate();
        let columns: Vec<_> = numeric
            .map(|(number, is)| is.then(|| Column::of(track, number)))
            .collect();
        Message {
            address,
            track,
            meanings: vec![Meaning::Unknown; columns.len()],
            columns,
        }
    }

    /// The first column of each group of `N` numbers that mean nothing yet.
    fn groups<const N: usize>(&self) -> Vec<(usize, [&Column; N])> {
        let free = |number: usize| {
            (self.meanings.get(number) == Some(&Meaning::Unknown))
                .then(|| self.columns[number].as_ref())?
        };
        let firsts = 0..self.columns.len();
        let group = |first: usize| {
            let columns: Vec<&Column> = (first..first + N).filter_map(free).collect();
            Some((first, columns.try_into().ok()?))
        };
        firsts.filter_map(group).collect()
    }

    fn name(&mut self, first: usize, count: usize, token: String, found: &mut Vec<String>) {
        found.push(format!(
            "{token} at {}, arguments {} to {}",
            self.address,
            first + 1,
            first + count
        ));
        self.meanings[first] = Meaning::Token(token);
        self.meanings[first + 1..first + count].fill(Meaning::Follows);
    }

    /// Columns that count messages or tell the time.
    fn find_clocks(&mut self) {
        for number in 0..self.columns.len() {
            if self.columns[number].is_none() {
                continue;
            }
            let all: Vec<(f64, u64, f64)> = (self.track.steps.iter().flatten())
                .map(|s| (s.at_s, s.count, s.values[number]))
                .collect();
            let (Some(first), Some(last)) = (all.first(), all.last()) else {
                continue;
            };
            let rises = all.windows(2).all(|pair| pair[1].2 >= pair[0].2);
            if !rises || last.2 <= first.2 {
                continue;
            }
            let per_message = (last.2 - first.2) / (last.1 - first.1) as f64;
            let per_s = (last.2 - first.2) / (last.0 - first.0);
            let near = |unit: f64| (per_s / unit - 1.0).abs() < 0.05;
            let token = match () {
                () if (per_message - 1.0).abs() < 1e-3 => "seq",
                () if near(1.0) => "stamp[s]",
                () if near(1e3) => "stamp[ms]",
                () if near(1e6) => "stamp[us]",
                () => continue,
            };
            self.meanings[number] = Meaning::Token(token.into());
        }
    }

    /// Four numbers of length 1 that turn about the vertical when the sensor does, in each order in which they do.
    fn quaternions(&self) -> Vec<Quaternion> {
        const ORDERS: [(&str, usize, f64); 4] = [
            ("wxyz", 0, 1.0),
            ("xyzw", 3, 1.0),
            ("w-x-y-z", 0, -1.0),
            ("-x-y-zw", 3, -1.0),
        ];
        let mut all = Vec::new();
        for (first, columns) in self.groups::<4>() {
            if !self.is_unit(first) {
                continue;
            }
            for (order, w, sign) in ORDERS {
                let turn = |ends: &dyn Fn(&Column) -> [f64; 4], step: Step| {
                    let q = columns.map(|column| ends(column)[step.index()]);
                    let vector = [0, 1, 2].map(|i| sign * q[i + usize::from(w == 0)]);
                    Turn::new(q[w], vector)
                };
                let before = |step| turn(&|column| column.before, step);
                let held = |step| turn(&|column| column.held, step);
                let turned = held(Step::Turn)
                    .after(before(Step::Turn).inverse())
                    .vector();
                if turned[2] > 0.9 && turned[0].hypot(turned[1]) < 0.5 * turned[2] {
                    all.push(Quaternion {
                        first,
                        order,
                        motion: Motion {
                            up: UP_STEPS.map(|step| held(step).up()),
                            turn: TURN_STEPS
                                .map(|step| before(step).inverse().after(held(step)).vector()),
                        },
                    });
                }
            }
        }
        all
    }

    fn is_unit(&self, first: usize) -> bool {
        let samples = self.track.steps.iter().flatten();
        let lengths = samples.map(|s| {
            let q = &s.values[first..first + 4];
            q.iter().map(|v| v * v).sum::<f64>().sqrt()
        });
        let (mut near, mut all) = (0, 0);
        for length in lengths {
            near += usize::from((length - 1.0).abs() < 0.03);
            all += 1;
        }
        near * 100 >= all * 98
    }

    /// The greatest length of three columns while the sensor moves, and how much it changes.
    fn lengths(&self, first: usize) -> (f64, f64) {
        let length = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
        let samples = self.track.steps.iter().flatten();
        let lengths: Vec<f64> = samples
            .map(|sample| length(&sample.values[first..first + 3]))
            .collect();
        let peak = lengths.iter().copied().fold(0.0, f64::max);
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        let spread = lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>();
        (peak, (spread / lengths.len() as f64).sqrt() / mean)
    }

    /// The first column, the order, the scale and how well it fits.
    fn rate_at(&self, motion: &Motion) -> Option<(usize, Order, f64, f64)> {
        let size = |v: &Vector| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        self.groups::<3>().into_iter().find_map(|(first, columns)| {
            let areas = TURN_STEPS.map(|step| columns.map(|column| column.area[step.index()]));
            let (order, agreement, _) = best_order(&areas, &motion.turn)?;
            // What only shakes comes back to where it was.
            let goes_one_way = TURN_STEPS.iter().zip(&areas).all(|(step, area)| {
                let travel = columns.map(|column| column.travel[step.index()]);
                size(area) > LEAST_NET * size(&travel)
            });
            // How far the first turn went, nobody saw; of the other two gravity tells.
            let measured: f64 = areas[1..].iter().map(size).sum();
            let expected: f64 = motion.turn[1..].iter().map(size).sum();
            let fits = agreement > LEAST_AGREEMENT && goes_one_way;
            fits.then_some((first, order, measured / expected, agreement))
        })
    }

    fn name_rate(&mut self, motion: &Motion, found: &mut Vec<String>) {
        if let Some((first, order, scale, _)) = self.rate_at(motion) {
            let token = format!("rate[{}]:{}", rate_unit(scale), order.text());
            self.name(first, 3, token, found);
        }
    }

    /// The message in the grammar of profiles; what is left over and varies is a user channel.
    fn layout(&mut self, aux: &mut usize) -> String {
        let mut tokens = Vec::new();
        for (number, meaning) in self.meanings.iter().enumerate() {
            let varies = self.columns[number].as_ref().map(|column| column.varies);
            match (meaning, varies) {
                (Meaning::Token(token), _) => tokens.push(token.clone()),
                (Meaning::Follows, _) => {}
                (Meaning::Unknown, None) => tokens.push("any".into()),
                (Meaning::Unknown, Some(true)) if *aux < AUX_MOST => {
                    *aux += 1;
                    tokens.push(format!("aux:{aux}"));
                }
                (Meaning::Unknown, Some(_)) => tokens.push("skip".into()),
            }
        }
        tokens.join(" ")
    }
}

/// The quaternion that gravity and rate agree with best: read the other way round it may turn about the vertical too.
fn find_quaternion(messages: &mut [Message], found: &mut Vec<String>) -> Option<Motion> {
    let mut best: Option<(f64, usize, Quaternion)> = None;
    for place in 0..messages.len() {
        for candidate in messages[place].quaternions() {
            let columns = candidate.first..candidate.first + 4;
            messages[place].meanings[columns.clone()].fill(Meaning::Follows);
            let score = consent(messages, &candidate.motion);
            messages[place].meanings[columns].fill(Meaning::Unknown);
            if best.as_ref().is_none_or(|best| score > best.0) {
                best = Some((score, place, candidate));
            }
        }
    }
    let (_, place, chosen) = best?;
    let token = format!("quat:{}", chosen.order);
    messages[place].name(chosen.first, 4, token, found);
    Some(chosen.motion)
}

/// How well acceleration and rate fit what the sensor did, and each other.
fn consent(messages: &[Message], motion: &Motion) -> f64 {
    let accels = accels(messages, motion);
    let accel = accels
        .iter()
        .max_by(|a, b| a.agreement.total_cmp(&b.agreement));
    let rate = messages.iter().find_map(|message| message.rate_at(motion));
    let agreement = accel.map_or(0.0, |accel| accel.agreement) + rate.map_or(0.0, |rate| rate.3);
    match (accel, rate) {
        (Some(accel), Some(rate)) if accel.order == rate.1 => agreement + 1.0,
        _ => agreement,
    }
}

/// Three columns that are one length long in every pose, and point up.
struct Accel {
    place: usize,
    first: usize,
    order: Order,
    agreement: f64,
    scale: f64,
    unsteadiness: f64,
    /// How far the last two steps tilted it, in radians.
    tilts: [f64; 2],
}

fn accels(messages: &[Message], motion: &Motion) -> Vec<Accel> {
    let mut all = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        for (first, columns) in message.groups::<3>() {
            let held = UP_STEPS.map(|step| columns.map(|column| column.held[step.index()]));
            let lengths = held.map(|v| v.iter().map(|x| x * x).sum::<f64>().sqrt());
            let Some((order, agreement, scale)) = best_order(&held, &motion.up) else {
                continue;
            };
            let is_steady = lengths
                .iter()
                .all(|l| (l / scale - 1.0).abs() < SAME_LENGTH);
            let (peak, unsteadiness) = message.lengths(first);
            if agreement > LEAST_AGREEMENT && is_steady && peak < LOUDEST * scale {
                let tilts = [Step::RaiseFront, Step::RaiseLeft].map(|step| {
                    let before = columns.map(|column| column.before[step.index()]);
                    angle(before, columns.map(|column| column.held[step.index()]))
                });
                all.push(Accel {
                    place,
                    first,
                    order,
                    agreement,
                    scale,
                    unsteadiness,
                    tilts,
                });
            }
        }
    }
    all
}

/// Gravity alone looks like acceleration, so of several the one that feels the hand move is taken, and the others are
/// left out.
fn name_accel(messages: &mut [Message], motion: &Motion, found: &mut Vec<String>) -> Option<Accel> {
    let mut all = accels(messages, motion);
    all.sort_by(|a, b| b.unsteadiness.total_cmp(&a.unsteadiness));
    for (rank, accel) in all.iter().enumerate() {
        let (message, first) = (&mut messages[accel.place], accel.first);
        let is_free = message.meanings[first..first + 3]
            .iter()
            .all(|meaning| *meaning == Meaning::Unknown);
        if rank == 0 {
            let token = format!("accel[{}]:{}", accel_unit(accel.scale), accel.order.text());
            message.name(first, 3, token, found);
        } else if is_free {
            message.meanings[first] = Meaning::Token("skip:3".into());
            message.meanings[first + 1..first + 3].fill(Meaning::Follows);
        }
    }
    all.into_iter().next()
}

fn angle(a: Vector, b: Vector) -> f64 {
    let dot = |a: Vector, b: Vector| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())
        .clamp(-1.0, 1.0)
        .acos()
}
