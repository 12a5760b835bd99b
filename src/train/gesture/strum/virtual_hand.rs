//! A virtual guitarist as the recordings know one: a sensor of one axis on the back of the hand at 18.75 readings a
//! second, which feels the hand's tilt as much as its swing. It becomes a [`Recording`], and goes every way that a real
//! one goes.
//!
//! Its ranges were set by what the recorded motion is like, without a look at any label: the spread of the signal, its
//! skew (a down stroke is slowed by the strings, an up stroke is not), how fast it rises and falls, how often the hand
//! turns. The test below holds them there.

use super::recording::Recording;
use super::session::{RATE_HZ, Strum};
use crate::sensor::performer::{Chance, Curve};
use crate::train::gesture::take::FLOOR_DB;

const LASTS_S: f64 = 30.0;
const READINGS_PER_S: f64 = 18.75;
/// Step of the second derivative, and the time over which a sensor takes its mean.
const STEP_S: f64 = 0.01;
/// What the recorded axis feels of gravity where the hand rests.
const REST_M_PER_S2: f64 = -3.9;
/// A struck guitar at its loudest, and the time in which it fades by e.
const STRUCK_DB: f64 = -9.0;
const RINGS_S: f64 = 0.5;

/// How this guitarist's hand moves and is felt.
struct Hand {
    /// Half of an ordinary swing.
    swing_rad: f64,
    /// A down stroke goes so much further than an up stroke.
    further_down: f64,
    /// What a tilt of a radian is felt as.
    tilt_m_per_s2: f64,
    /// From the wrist to the sensor.
    lever_m: f64,
    /// The strings stop the hand: what is felt upwards is felt so much more strongly for each m/s² of it.
    stopped: f64,
    noise_m_per_s2: f64,
}

impl Hand {
    fn any(chance: &mut Chance) -> Hand {
        Hand {
            swing_rad: chance.between(0.08, 0.2),
            further_down: chance.between(1.4, 2.4),
            tilt_m_per_s2: chance.between(7.0, 11.0),
            lever_m: chance.between(0.03, 0.09),
            stopped: chance.between(0.04, 0.1),
            noise_m_per_s2: chance.between(0.1, 0.3),
        }
    }

    /// Acceleration upwards, with what the tilt adds.
    fn feels(&self, angle: &Curve, time_s: f64) -> f64 {
        let at = |by_s: f64| self.swing_rad * angle.at(time_s + by_s);
        let turn = (at(STEP_S) - 2.0 * at(0.0) + at(-STEP_S)) / (STEP_S * STEP_S);
        let felt = self.tilt_m_per_s2 * at(0.0).sin() - self.lever_m * turn;
        felt + self.stopped * felt.max(0.0).powi(2)
    }
}

struct Strike {
    strum: Strum,
    strength: f64,
}

/// Where the hand is, 1 being a swing down, and what it struck.
struct Score {
    angle: Curve,
    strikes: Vec<Strike>,
}

impl Score {
    fn compose(hand: &Hand, chance: &mut Chance) -> Score {
        let mut score = Score {
            angle: Curve::resting_at(0.0),
            strikes: Vec::new(),
        };
        let mut at_s = chance.between(0.3, 1.5);
        while at_s < LASTS_S - 1.0 {
            at_s = score.passage(hand, chance, at_s);
            if chance.happens(0.4) {
                at_s += chance.between(0.3, 2.5);
            }
        }
        score
    }

    /// Some bars of one pattern of eighths; returns when the hand has come to rest. A swing that misses the strings is a
    /// slow way back.
    fn passage(&mut self, hand: &Hand, chance: &mut Chance, start_s: f64) -> f64 {
        let eighth_s = chance.between(0.2f64.ln(), 0.9f64.ln()).exp();
        let level = chance.between(0.6, 1.3);
        let struck = pattern(chance);
        let most = 8 * (1 + chance.below(4));
        let mut at_s = start_s;
        for eighth in 0..most.min((8.0 / eighth_s) as usize) {
            let (up, sounds) = (eighth % 2 == 1, struck[eighth % 8]);
            let slot_s = eighth_s * (1.0 + 0.04 * chance.normal());
            let swing_s = if sounds {
                chance.between(0.2, 0.34) * if up { 1.25 } else { 1.0 }
            } else {
                (0.9 * slot_s).max(0.3)
            };
            let swing_s = swing_s.min(0.98 * slot_s);
            let reach = if sounds { (0.9, 1.2) } else { (0.2, 0.6) };
            let reach = level * (1.0 + 0.15 * chance.normal()) * chance.between(reach.0, reach.1);
            let to = if up {
                -reach
            } else {
                reach * 0.9 * hand.further_down
            };
            self.angle.go(at_s, swing_s, to);
            if sounds {
                let time_s = at_s + chance.between(0.35, 0.6) * swing_s;
                self.strikes.push(Strike {
                    strum: Strum { time_s, up },
                    strength: level.min(1.0),
                });
            }
            at_s += slot_s;
        }
        self.angle.go(at_s, 0.5, 0.0);
        at_s + 0.55
    }

    fn loudness_db(&self, time_s: f64) -> f32 {
        let until = self
            .strikes
            .partition_point(|strike| strike.strum.time_s <= time_s);
        let last = self.strikes[..until].last();
        let db = last.map_or(f64::MIN, |strike| {
            let rung_s = time_s - strike.strum.time_s;
            let fallen = strike.strength * (-rung_s / RINGS_S).exp();
            STRUCK_DB + 20.0 * fallen.log10()
        });
        (db as f32).max(FLOOR_DB)
    }
}

/// Which eighths sound: now and then only the down strokes or only the up strokes.
fn pattern(chance: &mut Chance) -> [bool; 8] {
    match chance.unit() {
        kind if kind < 0.2 => std::array::from_fn(|eighth| eighth % 2 == 0),
        kind if kind < 0.28 => std::array::from_fn(|eighth| eighth % 2 == 1),
        _ => std::array::from_fn(|eighth| chance.happens([0.9, 0.6][eighth % 2])),
    }
}

/// One performance; `index` makes it another.
pub fn recording(seed: u64, index: u64) -> Recording {
    let mut chance = Chance::new(seed ^ 0x4a4d, index);
    let hand = Hand::any(&mut chance);
    let score = Score::compose(&hand, &mut chance);
    let (sway_hz, sway) = (chance.between(0.05, 0.2), chance.unit());
    let readings = (0..(LASTS_S * READINGS_PER_S) as usize).map(|index| {
        let time_s = index as f64 / READINGS_PER_S;
        let near = [-STEP_S, 0.0, STEP_S].map(|by_s| hand.feels(&score.angle, time_s + by_s));
        let mean = near.iter().sum::<f64>() / 3.0;
        let sway = 0.3 * (std::f64::consts::TAU * (sway_hz * time_s + sway)).sin();
        let noise = hand.noise_m_per_s2 * chance.normal();
        [time_s, REST_M_PER_S2 - mean - sway - noise]
    });
    Recording {
        name: format!("virtual hand {index}"),
        sha256: String::new(),
        readings: readings.collect(),
        loudness_db: (0..(LASTS_S * f64::from(RATE_HZ)) as usize)
            .map(|frame| score.loudness_db(frame as f64 / f64::from(RATE_HZ)))
            .collect(),
        strums: score
            .strikes
            .iter()
            .map(|strike| strike.strum)
            .filter(|strum| strum.time_s < LASTS_S)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn middle(mut of: Vec<f64>) -> f64 {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    }

    /// Spread, skew, and the steepest hundredth of falls and of rises between readings, upwards.
    fn manner(recording: &Recording) -> [f64; 4] {
        let motion = recording.own_session().motion;
        let count = motion.len() as f64;
        let moment = |power: i32| {
            motion
                .iter()
                .map(|v| f64::from(*v).powi(power))
                .sum::<f64>()
        };
        let spread = (moment(2) / count).sqrt();
        let rows = recording.readings.windows(2);
        let mut steps: Vec<f64> = rows.map(|two| two[0][1] - two[1][1]).collect();
        steps.sort_by(f64::total_cmp);
        let far = steps.len() / 100;
        let skew = moment(3) / count / spread.powi(3);
        [spread, skew, steps[far], steps[steps.len() - 1 - far]]
    }

    /// The medians of the eight recordings are 1.6 m/s², 0.33, -2.5 and 3.6 m/s².
    #[test]
    fn a_virtual_hand_moves_as_the_recorded_ones_do() {
        let all: Vec<[f64; 4]> = (0..40).map(|index| manner(&recording(1, index))).collect();
        let typical: [f64; 4] =
            std::array::from_fn(|place| middle(all.iter().map(|row| row[place]).collect()));
        println!("{typical:?}");
        let ranges = [(1.2, 2.1), (0.15, 0.6), (-3.5, -1.8), (2.7, 4.5)];
        for (value, (low, high)) in typical.into_iter().zip(ranges) {
            assert!((low..high).contains(&value), "{typical:?}");
        }
    }

    #[test]
    fn it_strums_both_ways_and_rings_after_each_stroke() {
        let strums: Vec<Strum> = (0..20)
            .flat_map(|index| recording(1, index).strums)
            .collect();
        let up = strums.iter().filter(|strum| strum.up).count() as f64 / strums.len() as f64;
        assert!((0.25..0.5).contains(&up), "{up}");
        let one = recording(1, 3);
        let at = |time_s: f64| one.loudness_db[(time_s * f64::from(RATE_HZ)) as usize];
        let first = one.strums[0].time_s;
        assert_eq!(at(first - 0.1), FLOOR_DB);
        assert!(at(first + 0.1) > -20.0);
    }
}
