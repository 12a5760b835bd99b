//! The virtual performer's strumming as sessions: any sensor on the strumming forearm, at any rate, on any strap.

use super::super::sensing::{Circumstances, Kind, send};
use super::super::take::FLOOR_DB;
use super::session::{RATE_HZ, Session, Strum, heard};
use crate::sensor::performer::{Chance, Flaws, Performer, Style};

const SESSION_S: f64 = 30.0;
/// Down strokes sound below this note and up strokes above it, whatever the root.
const UP_FROM_NOTE: f32 = 56.5;
/// How finely a beginning is looked for.
const LOOK_S: f64 = 1e-3;

/// One performance; `index` makes it another.
pub fn session(seed: u64, index: u64) -> Session {
    let mut chance = Chance::new(seed ^ 0x57a3, index);
    // Seeds 1 to 999 are left to demos, as for every trained model.
    let player = 1000 + chance.next_bits() % 1_000_000_000;
    let flaws = [Flaws::typical(&mut chance); 2];
    let performer = Performer::with_flaws(Style::Strum, player, flaws);
    let from_s = chance.between(0.0, 600.0);
    let mut circumstances = Circumstances::any(&mut chance);
    if chance.happens(0.3) {
        circumstances.kind = Kind::Accelerometer;
        circumstances.rate_hz = chance.pick(&[18.75, 25.0, 100.0]);
    }
    let sent = send(
        &performer,
        0,
        from_s,
        SESSION_S,
        &circumstances,
        &mut chance,
    );
    let frames = (SESSION_S * f64::from(RATE_HZ)) as usize;
    let loudness = |frame: usize| {
        let controls = performer.controls(from_s + frame as f64 / f64::from(RATE_HZ));
        controls.loudness_db.max(FLOOR_DB)
    };
    Session {
        name: format!("virtual arm {player} from {from_s:.1} s"),
        strums: strums(&performer, from_s),
        motion: heard(sent, frames),
        loudness_db: (0..frames).map(loudness).collect(),
    }
}

fn strums(performer: &Performer, from_s: f64) -> Vec<Strum> {
    let mut found = Vec::new();
    let mut before = performer.onset(from_s);
    for step in 1..(SESSION_S / LOOK_S) as usize {
        let time_s = step as f64 * LOOK_S;
        let now = performer.onset(from_s + time_s);
        if now && !before {
            let note = performer.controls(from_s + time_s + LOOK_S).pitch_note;
            found.push(Strum {
                time_s,
                up: note > UP_FROM_NOTE,
            });
        }
        before = now;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_arm_strums_both_ways_and_is_slowed_where_it_has_struck() {
        let (mut down, mut up) = ((0, 0.0), (0, 0.0));
        for index in 0..4 {
            let session = session(1, index);
            for strum in &session.strums {
                let at = |by_s: f64| {
                    let frame = ((strum.time_s + by_s) * f64::from(RATE_HZ)).max(0.0) as usize;
                    session.motion[frame.min(session.motion.len() - 1)]
                };
                let part = if strum.up { &mut up } else { &mut down };
                part.0 += 1;
                part.1 += at(0.06) - at(-0.06);
            }
        }
        assert!(down.0 > 20 && up.0 > 10, "{down:?} {up:?}");
        assert!(down.1 > 0.0 && up.1 < 0.0, "{down:?} {up:?}");
    }
}
