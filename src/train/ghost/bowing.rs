//! A plausible bowing of music that was really played: strokes turn at onsets unless the sound says that notes are
//! slurred, the bow's speed follows the loudness that was heard, strings follow from pitch, the left arm's roll is the
//! vibrato that was heard. What a sound cannot say (which way the bow goes, which string of two, how far it is drawn,
//! how early a hand sets out) is thrown anew by every seed: one sound has many motions.

use super::score::Event;
use crate::controls::Controls;
use crate::sensor::performer::spline::{Spline, smoothed};
use crate::sensor::performer::{
    BOW_M, Chance, Joints, OPEN, Playing, VIBRATO_NOTE_PER_DEG, bow_arm, stop_arm,
};

/// Frames a second of the analysis that is followed, and of the splines.
pub const RATE_HZ: f64 = 200.0;
const KNOTS: usize = 4;
/// Highest stop on any string but the last, and on that.
const HIGHEST_STOP: f64 = 7.0;
const LAST_STOP: f64 = 24.0;
/// Bow speed at -10 dB, and loudness for ten times that: the virtual violinist's, so that both mean the same.
const LOUD_DB: f64 = -10.0;
const DB_PER_DECADE: f64 = 24.0;
const FASTEST_M_PER_S: f64 = 1.2;
/// Under this the bow is in the air or lies still.
const SILENT_DB: f64 = -52.0;
/// A dip of this much between two notes is certainly a new stroke; none is probably a slur.
const STROKE_DIP_DB: f64 = 7.0;
const DIP_REACH_S: f64 = 0.05;
/// In a rest of this length the bow may be set anew.
const REST_S: f64 = 0.25;

/// Loudness, pitch and so on at [`RATE_HZ`], levelled so that loud playing is near -14 dB.
pub struct Heard {
    pub controls: Vec<Controls>,
    pub voicing: Vec<f32>,
}

impl Heard {
    fn frame(&self, t_s: f64) -> usize {
        ((t_s * RATE_HZ).round().max(0.0) as usize).min(self.controls.len().saturating_sub(1))
    }

    fn loudness_db(&self, from_s: f64, to_s: f64) -> (f64, f64) {
        let span = self.frame(from_s)..self.frame(to_s) + 1;
        let levels = self.controls[span].iter().map(|c| f64::from(c.loudness_db));
        levels.fold((f64::MAX, f64::MIN), |(low, high), db| {
            (low.min(db), high.max(db))
        })
    }
}

/// One stroke: which events, which way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    pub first: usize,
    pub end: usize,
    /// +1 draws toward the tip, -1 pushes back.
    pub way: f64,
}

/// The ghost of a player.
pub struct Ghost {
    bow_m: Spline,
    string: Spline,
    hair_rad: Spline,
    stop: Spline,
    roll_deg: Spline,
    onsets_s: Vec<f64>,
    controls: Vec<Controls>,
    pub strokes: Vec<Stroke>,
}

impl Ghost {
    pub fn compose(events: &[Event], heard: Heard, seed: u64) -> Ghost {
        let mut chance = Chance::new(seed, 77);
        let count = heard.controls.len();
        let (strings, stops) = fingering(events, &mut chance);
        let slurred = slurs(events, &heard, &mut chance);
        let (bow_m, strokes) = draw(events, &slurred, &heard, &mut chance);
        let lead_s = chance.between(0.01, 0.05);
        let steps = |values: &[f64], early_s: f64| -> Vec<f64> {
            let mut now = 0;
            let held = (0..count).map(|frame| {
                let t_s = frame as f64 / RATE_HZ + early_s;
                while now + 1 < events.len() && events[now + 1].start_s <= t_s {
                    now += 1;
                }
                values[now]
            });
            held.collect()
        };
        let tilts: Vec<f64> = events.iter().map(|_| 0.10 * chance.normal()).collect();
        let soft = |values: Vec<f64>, spread_s: f64| curve(&smoothed(&values, spread_s * RATE_HZ));
        let crossing_s = chance.between(0.022, 0.035);
        let setting_s = chance.between(0.015, 0.025);
        Ghost {
            bow_m: soft(bow_m, chance.between(0.010, 0.018)),
            string: soft(steps(&strings, 0.01), crossing_s),
            hair_rad: soft(steps(&tilts, 0.0), 0.12),
            stop: soft(steps(&stops, lead_s), setting_s),
            roll_deg: soft(vibrato(events, &heard), 0.010),
            onsets_s: events.iter().map(|e| e.start_s).collect(),
            controls: heard.controls,
            strokes,
        }
    }
}

fn curve(samples: &[f64]) -> Spline {
    let knots: Vec<f64> = samples.iter().step_by(KNOTS).copied().collect();
    Spline::through(&knots, RATE_HZ / KNOTS as f64, 0.0)
}

/// Strings (0 to 3) and stops (semitones above open) of events: the hand stays where it can, mostly low.
fn fingering(events: &[Event], chance: &mut Chance) -> (Vec<f64>, Vec<f64>) {
    let stays = chance.between(0.6, 0.95);
    let mut here = 2usize;
    let mut fingers = (Vec::new(), Vec::new());
    for event in events {
        let stop = |string: usize| event.top - OPEN[string];
        let highest = |string: usize| if string == 3 { LAST_STOP } else { HIGHEST_STOP };
        let fits: Vec<usize> = (0..OPEN.len())
            .filter(|s| (0.0..=highest(*s)).contains(&stop(*s)))
            .collect();
        here = if fits.contains(&here) && stop(here) <= HIGHEST_STOP && chance.happens(stays) {
            here
        } else if fits.is_empty() {
            0
        } else if chance.happens(0.8) {
            fits[fits.len() - 1]
        } else {
            chance.pick(&fits)
        };
        // A chord is crossed toward its top: the arm is seen between its strings.
        let wide = ((event.top - event.bottom) / 7.0).min(here as f64);
        fingers.0.push(here as f64 - 0.35 * wide);
        fingers.1.push(stop(here).clamp(0.0, LAST_STOP));
    }
    fingers
}

/// Whether each event is in the stroke of the one before.
fn slurs(events: &[Event], heard: &Heard, chance: &mut Chance) -> Vec<bool> {
    let fondness = chance.between(0.5, 0.9);
    let mut slurred = vec![false];
    for pair in events.windows(2) {
        let (before, at_s) = (&pair[0], pair[1].start_s);
        let gap = at_s - before.end_s > 0.06;
        let (dip, _) = heard.loudness_db(at_s - DIP_REACH_S, at_s + 0.5 * DIP_REACH_S);
        let (_, left) = heard.loudness_db(at_s - 3.0 * DIP_REACH_S, at_s - DIP_REACH_S);
        let (_, right) = heard.loudness_db(at_s, at_s + 2.0 * DIP_REACH_S);
        let depth = (left.min(right) - dip).max(0.0) / STROKE_DIP_DB;
        slurred.push(!gap && chance.happens(fondness * (1.0 - depth).clamp(0.0, 1.0)));
    }
    slurred
}

/// Where the bow is at every frame, and its strokes.
fn draw(
    events: &[Event],
    slurred: &[bool],
    heard: &Heard,
    chance: &mut Chance,
) -> (Vec<f64>, Vec<Stroke>) {
    let amount = chance.between(0.75, 1.25);
    let speed = |frame: usize| {
        let db = f64::from(heard.controls[frame].loudness_db);
        let sounding = ((db - SILENT_DB) / 6.0).clamp(0.0, 1.0);
        let speed = 10f64.powf((db - LOUD_DB) / DB_PER_DECADE);
        amount * sounding * speed.min(FASTEST_M_PER_S)
    };
    let mut at_m = chance.between(0.06, 0.2);
    let mut way = if chance.happens(0.8) { 1.0 } else { -1.0 };
    let (mut track, mut strokes) = (Vec::with_capacity(heard.controls.len()), Vec::new());
    let mut first = 0;
    while first < events.len() {
        let mut end = first + 1;
        let length = |end: usize| -> f64 {
            let span = heard.frame(events[first].start_s)..heard.frame(events[end - 1].end_s);
            span.map(speed).sum::<f64>() / RATE_HZ
        };
        while end < events.len() && slurred[end] && length(end + 1) < 0.9 * BOW_M {
            end += 1;
        }
        let begins = heard.frame(events[first].start_s);
        let rest_s = (begins as f64 - track.len() as f64) / RATE_HZ;
        if rest_s > REST_S && chance.happens(0.6) {
            (at_m, way) = (
                hover(&mut track, begins, at_m, chance.between(0.05, 0.25)),
                1.0,
            );
        }
        track.resize(begins.max(track.len()), at_m);
        let room = |way: f64| if way > 0.0 { BOW_M - at_m } else { at_m };
        let wish = length(end);
        if room(way) < wish.min(0.5 * BOW_M) && room(-way) > room(way) {
            way = -way;
        }
        strokes.push(Stroke { first, end, way });
        let until = events
            .get(end)
            .map_or(heard.controls.len(), |next| heard.frame(next.start_s));
        for frame in track.len()..until {
            let next = at_m + way * speed(frame) / RATE_HZ;
            // A note longer than the bow is taken back where the bow ends.
            if !(0.0..=BOW_M).contains(&next) {
                way = -way;
            }
            at_m = (at_m + way * speed(frame) / RATE_HZ).clamp(0.0, BOW_M);
            track.push(at_m);
        }
        way = -way;
        first = end;
    }
    track.resize(heard.controls.len(), at_m);
    (track, strokes)
}

/// Carries the bow through the air to `to_m`, from where the track ends to the frame `until`.
fn hover(track: &mut Vec<f64>, until: usize, from_m: f64, to_m: f64) -> f64 {
    let (first, count) = (track.len(), until - track.len());
    for frame in first..until {
        let u = (frame - first) as f64 / count.max(1) as f64;
        let step = u * u * u * (10.0 + u * (6.0 * u - 15.0));
        track.push(from_m + (to_m - from_m) * step);
    }
    to_m
}

/// Degrees that the left forearm is rolled by: how far the pitch that was heard is from the note that was meant.
fn vibrato(events: &[Event], heard: &Heard) -> Vec<f64> {
    let mut roll = vec![0.0; heard.controls.len()];
    for event in events {
        let span = heard.frame(event.start_s)..heard.frame(event.end_s);
        let off: Vec<f64> = span
            .clone()
            .map(|frame| {
                let away = f64::from(heard.controls[frame].pitch_note) - event.top;
                let sure = heard.voicing[frame] > 0.5 && away.abs() < 0.8;
                if sure { away } else { 0.0 }
            })
            .collect();
        let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
        for (frame, away) in span.zip(off) {
            roll[frame] = (away - mean) / VIBRATO_NOTE_PER_DEG;
        }
    }
    roll
}

impl Playing for Ghost {
    fn joints(&self, limb: usize, t_s: f64) -> Joints {
        if limb == 0 {
            bow_arm(
                self.string.at(t_s),
                self.bow_m.at(t_s),
                self.hair_rad.at(t_s),
            )
        } else {
            stop_arm(self.stop.at(t_s), self.roll_deg.at(t_s))
        }
    }

    fn controls(&self, t_s: f64) -> Controls {
        let frame = (t_s * RATE_HZ).round().max(0.0) as usize;
        let last = self.controls.len().saturating_sub(1);
        self.controls
            .get(frame.min(last))
            .copied()
            .unwrap_or(Controls::SILENT)
    }

    fn onsets_s(&self) -> &[f64] {
        &self.onsets_s
    }
}

#[cfg(test)]
#[path = "bowing_tests.rs"]
mod tests;
