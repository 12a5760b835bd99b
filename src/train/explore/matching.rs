//! Which of ten motions made this sound? Held-out crops of five seconds; the network hears each candidate's motion and
//! the one whose Controls fit the sound best is its answer. A network that ignores motion finds one in ten.

use serde::{Deserialize, Serialize};

use crate::train::gesture::by_hand::slope;
use crate::train::gesture::fit::Fed;
use crate::train::gesture::heads::Heads;

const CROP_S: usize = 5;
const MOTIONS: usize = 10;
/// Where little is held out, crops begin at least this far apart.
const LEAST_APART_S: usize = 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Matching {
    /// Share of crops whose own motion fits best; none where there are too few crops.
    pub right: Option<f32>,
    /// Among so many motions.
    pub of: usize,
    /// How many crops were asked about.
    pub crops: usize,
}

/// `say` gives the raw outputs of some motions.
pub fn matched(
    say: impl Fn(&[Fed]) -> Vec<Vec<f32>>,
    heads: &Heads,
    test: &[Fed],
    rate_hz: usize,
) -> Matching {
    let crops = crops(test, rate_hz);
    let of = MOTIONS.min(crops.len());
    if of < 2 {
        return Matching {
            right: None,
            of,
            crops: crops.len(),
        };
    }
    let said = say(&crops);
    let count = crops.len();
    let right = (0..count).filter(|own| {
        let misfit = |other: usize| slope(heads, &said[other], crops[*own].truth()).0;
        // Spread over all others, so that not only neighbours are asked about.
        let others = (1..of).map(|step| misfit((own + step * count / of) % count));
        others.fold(f32::INFINITY, f32::min) > misfit(*own)
    });
    Matching {
        right: Some(right.count() as f32 / count as f32),
        of,
        crops: count,
    }
}

/// Crops in which something sounds, side by side; nearer together where ten would not be found else.
fn crops(test: &[Fed], rate_hz: usize) -> Vec<Fed> {
    let length = CROP_S * rate_hz;
    let at = |apart: usize| -> Vec<Fed> {
        let begins = |fed: &Fed| {
            let last = (fed.frames() + 1).saturating_sub(length);
            (0..last).step_by(apart * rate_hz)
        };
        test.iter()
            .flat_map(|fed| begins(fed).map(move |from| fed.part(from, length)))
            .filter(|crop| crop.truth().iter().any(|truth| truth.voiced()))
            .collect()
    };
    let mut found = at(CROP_S);
    for apart in (LEAST_APART_S..CROP_S).rev() {
        if found.len() >= MOTIONS {
            break;
        }
        found = at(apart);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Controls;
    use crate::train::gesture::take::{Notes, Standard};
    use crate::train::gesture::{Take, Truth};

    /// Half a minute whose pitch wanders as its one feature does.
    fn test() -> Vec<Fed> {
        let note = |frame: usize| {
            60.0 + 4.0 * (frame as f32 * 0.013).sin() * (frame as f32 * 0.0021).cos()
        };
        let truth = |frame: usize| Truth {
            controls: Controls {
                pitch_note: note(frame),
                loudness_db: -20.0,
                ..Controls::SILENT
            },
            onset: false,
            pitched: true,
        };
        let take = Take {
            name: "wandering".into(),
            features: (0..1500).map(note).collect(),
            width: 1,
            truth: (0..1500).map(truth).collect(),
        };
        Standard {
            mean: vec![0.0],
            scale: vec![1.0],
        }
        .fed(&[take])
    }

    #[test]
    fn who_follows_the_motion_finds_it_and_who_does_not_finds_one_in_ten() {
        let heads = Heads::of(Notes {
            lowest: 54.0,
            count: 12,
        });
        let line = |fed: &Fed, follows: bool| -> Vec<f32> {
            let row = |note: f32| {
                let mut row = vec![0.0; heads.width()];
                for index in 0..heads.notes.count {
                    let away = note - heads.notes.note(index);
                    row[index] = -away * away;
                    row[heads.fine() + index] = away;
                }
                row
            };
            fed.rows()
                .flat_map(|x| row(if follows { x[0] } else { 60.0 }))
                .collect()
        };
        let say = |follows: bool| {
            move |crops: &[Fed]| {
                crops
                    .iter()
                    .map(|crop| line(crop, follows))
                    .collect::<Vec<_>>()
            }
        };
        let test = test();
        let follows = matched(say(true), &heads, &test, 50);
        assert_eq!(follows.of, 10);
        assert!(follows.right > Some(0.95), "{follows:?}");
        let ignores = matched(say(false), &heads, &test, 50);
        assert!(ignores.right < Some(0.3), "{ignores:?}");
    }
}
