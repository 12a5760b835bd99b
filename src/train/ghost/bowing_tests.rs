//! The inferred arm moves as a bow must, and differs where the sound leaves it free.

use super::*;

/// Eight half-second notes up a scale, each a swell of its own; every other border dips.
fn music() -> (Vec<Event>, Heard) {
    let events: Vec<Event> = (0..8)
        .map(|i| Event {
            start_s: 0.5 + 0.5 * f64::from(i),
            end_s: 1.0 + 0.5 * f64::from(i),
            top: 67.0 + 2.0 * f64::from(i),
            bottom: 67.0 + 2.0 * f64::from(i),
        })
        .collect();
    let controls = (0..1000)
        .map(|frame| {
            let t_s = frame as f64 / RATE_HZ;
            let mut controls = Controls::SILENT;
            let playing = (0.5..4.5).contains(&t_s);
            let near_border = ((t_s + 0.5).rem_euclid(1.0) - 0.5).abs() < 0.04;
            controls.loudness_db = match (playing, near_border) {
                (false, _) => -80.0,
                (true, true) => -36.0,
                (true, false) => -20.0,
            };
            controls.pitch_note = 60.0;
            controls
        })
        .collect();
    let heard = Heard {
        controls,
        voicing: vec![1.0; 1000],
    };
    (events, heard)
}

fn ghost(seed: u64) -> Ghost {
    let (events, heard) = music();
    Ghost::compose(&events, heard, seed)
}

#[test]
fn the_bow_turns_at_onsets_and_stays_on_the_string() {
    for seed in 0..20 {
        let ghost = ghost(seed);
        assert!(ghost.strokes.len() >= 4, "{:?}", ghost.strokes);
        for stroke in &ghost.strokes {
            // In the middle of each stroke the bow goes its way.
            let t_s = 0.5 + 0.5 * stroke.first as f64 + 0.25;
            let speed = (ghost.bow_m.at(t_s + 0.01) - ghost.bow_m.at(t_s - 0.01)) / 0.02;
            assert!(speed * stroke.way > 0.1, "{seed}: {stroke:?} {speed}");
        }
        for i in 0..500 {
            let at_m = ghost.bow_m.at(f64::from(i) / 100.0);
            assert!((-0.02..=BOW_M + 0.02).contains(&at_m), "{at_m}");
        }
    }
}

#[test]
fn a_dip_is_a_new_stroke_and_no_dip_is_often_none() {
    let (mut dipped, mut joined, mut between) = (0, 0, 0);
    for seed in 0..40 {
        for stroke in &ghost(seed).strokes[1..] {
            // Borders at whole seconds dip: before events 1, 3, 5 and 7.
            if stroke.first % 2 == 1 {
                dipped += 1;
            } else {
                joined += 1;
            }
        }
        between += 3;
    }
    assert_eq!(dipped, 40 * 4);
    assert!(joined < between * 2 / 3, "{joined} of {between}");
}

#[test]
fn the_bow_is_still_in_silence_and_one_sound_has_many_motions() {
    let (a, b) = (ghost(1), ghost(2));
    let speed = |g: &Ghost, t_s: f64| (g.bow_m.at(t_s + 0.01) - g.bow_m.at(t_s)) / 0.01;
    assert!(speed(&a, 4.8).abs() < 0.02 && speed(&a, 0.2).abs() < 0.4);
    let apart: f64 = (60..440)
        .map(|i| f64::from(i) / 100.0)
        .map(|t_s| (a.bow_m.at(t_s) - b.bow_m.at(t_s)).abs())
        .sum();
    assert!(apart > 10.0, "{apart}");
    assert_eq!(a.strokes, ghost(1).strokes);
}
