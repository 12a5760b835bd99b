//! A gesture model that is told what to say.

use super::*;
use crate::controls::scale::ScaleKind;
use crate::neural::graph::GraphBuilder;

/// Logits are the first three inputs, the onset is the fourth, loudness the fifth.
pub fn chooser() -> GestureModel {
    chooser_of(r#""lowest_note":60"#)
}

fn chooser_of(ladder: &str) -> GestureModel {
    let mut g = GraphBuilder::new("chooser");
    let x = g.input("x", &[1, 5]);
    let logits = g.slice(&x, 1, 0, 3);
    let rest = g.slice(&x, 1, 3, 5);
    g.output("logits", &logits);
    g.output("rest", &rest);
    g.contract(
        &Contract::parse(
            &r#"{"version":1,"kind":"gesture","name":"Chooser","frame_rate_hz":100,"feature_schema":1,
            "inputs":[{"tensor":"x","names":["a","b","c","onset","loud"],"mean":[0,0,0,0,0],"scale":[1,1,1,1,1]}],
            "outputs":[{"categorical_pitch":{"logits":"logits",LADDER}},
            {"onset":{"tensor":"rest"}},
            {"point":{"control":"loudness","tensor":"rest","index":1,"scale":80.0,"offset":-80.0}}]}"#
                .replace("LADDER", ladder),
        )
        .unwrap(),
    );
    GestureModel::load(&g.finish()).unwrap()
}

#[test]
fn at_temperature_0_the_likeliest_note_plays_and_does_not_flicker() {
    let mut model = chooser();
    assert_eq!(
        model
            .step(&[0.0, 2.0, 0.0, 0.0, 0.5], 0.0, 1)
            .controls
            .pitch_note,
        61.0
    );
    assert_eq!(
        model
            .step(&[0.0, 2.0, 2.2, 0.0, 0.5], 0.0, 2)
            .controls
            .pitch_note,
        61.0
    );
    assert_eq!(
        model
            .step(&[0.0, 2.0, 3.0, 0.0, 0.5], 0.0, 3)
            .controls
            .pitch_note,
        62.0
    );
}

#[test]
fn points_are_in_their_own_unit_and_say_that_they_are_stated() {
    let intent = chooser().step(&[0.0, 0.0, 0.0, 0.75, 0.5], 0.0, 1);
    assert_eq!(intent.controls.loudness_db, -40.0);
    assert_eq!(intent.onset, 0.75);
    assert_eq!(intent.confidence, 1.0);
    assert_eq!(intent.stated[..4], [true, true, false, false]);
}

#[test]
fn notes_are_drawn_as_often_as_the_model_says_and_again_at_each_onset_only() {
    let mut model = chooser();
    let mut counts = [0; 3];
    for dice in 0..4000u32 {
        let logits = [0.0, 1.0, 2.0];
        let struck = model.step(&[logits[0], logits[1], logits[2], 1.0, 0.5], 1.0, dice);
        let held = model.step(&[logits[0], logits[1], logits[2], 0.0, 0.5], 1.0, dice ^ 77);
        assert_eq!(struck.controls.pitch_note, held.controls.pitch_note);
        counts[(struck.controls.pitch_note - 60.0) as usize] += 1;
    }
    let total: f32 = [0.0f32, 1.0, 2.0].iter().map(|l| l.exp()).sum();
    for (i, count) in counts.iter().enumerate() {
        let expected = (i as f32).exp() / total;
        assert!(
            (*count as f32 / 4000.0 - expected).abs() < 0.03,
            "{counts:?}"
        );
    }
}

#[test]
fn what_an_input_was_trained_to_hear_is_told() {
    let inputs = chooser().inputs();
    assert_eq!(inputs[3].name, "onset");
    assert_eq!(inputs[3].trained_span, Some((-2.0, 2.0)));
}

#[test]
fn a_scale_leaves_the_likeliest_of_its_own_notes() {
    let mut model = chooser();
    let mut note = |scale: Scale, logits: [f32; 3]| {
        model.set_scale(scale);
        let [a, b, c] = logits;
        model.step(&[a, b, c, 1.0, 0.5], 0.0, 1).controls.pitch_note
    };
    let major = |root| Scale {
        root,
        kind: ScaleKind::Major,
    };
    assert_eq!(note(Scale::default(), [1.0, 3.0, 2.0]), 61.0);
    assert_eq!(note(major(0), [1.0, 3.0, 2.0]), 62.0);
    // The note that sounds leaves the scale, and so is left.
    assert_eq!(note(major(8), [0.0, 1.0, 9.0]), 61.0);
}

#[test]
fn a_model_that_knows_no_note_of_the_scale_plays_the_nearest() {
    let mut model = chooser_of(r#""lowest_note":60,"step":12"#);
    model.set_scale(Scale {
        root: 2,
        kind: ScaleKind::Major,
    });
    let intent = model.step(&[0.0, 9.0, 0.0, 1.0, 0.5], 0.0, 1);
    assert_eq!(intent.controls.pitch_note, 71.0);
}

#[test]
fn a_pitch_that_glides_steps_along_a_scale() {
    let mut g = GraphBuilder::new("glide");
    let x = g.input("x", &[1, 1]);
    let y = g.tanh(&x);
    g.output("y", &y);
    g.contract(
        &Contract::parse(
            r#"{"version":1,"kind":"gesture","name":"Glide","frame_rate_hz":100,"feature_schema":1,
            "inputs":[{"tensor":"x","names":["a"],"mean":[0],"scale":[1]}],
            "outputs":[{"point":{"control":"pitch","tensor":"y","scale":12.0,"offset":60.0}}]}"#,
        )
        .unwrap(),
    );
    let mut model = GestureModel::load(&g.finish()).unwrap();
    model.set_scale(Scale {
        root: 0,
        kind: ScaleKind::MajorPentatonic,
    });
    let mut notes: Vec<f32> = (0..=200)
        .map(|i| model.step(&[i as f32 * 0.01], 0.0, 1).controls.pitch_note)
        .collect();
    notes.dedup();
    assert_eq!(notes, [60.0, 62.0, 64.0, 67.0, 69.0, 72.0]);
}

#[test]
fn the_same_dice_give_the_same_notes() {
    let play = || {
        let mut model = chooser();
        let steps = (0..50u32).map(|i| {
            let onset = (i % 4 == 0) as u32 as f32;
            model
                .step(
                    &[0.3, 0.2, 0.1, onset, 0.5],
                    1.0,
                    i.wrapping_mul(2_654_435_761),
                )
                .controls
                .pitch_note
        });
        steps.collect::<Vec<_>>()
    };
    assert_eq!(play(), play());
}

/// Loudness (-80 to 0 dB by the first input) deviates by the second input's number of 20 dB, brightness by the third's.
fn drawer() -> GestureModel {
    let mut g = GraphBuilder::new("drawer");
    let x = g.input("x", &[1, 4]);
    let y = g.affine(&x, 1.0, 0.0);
    g.output("y", &y);
    g.contract(
        &Contract::parse(
            r#"{"version":1,"kind":"gesture","name":"Drawer","frame_rate_hz":100,"feature_schema":1,
            "inputs":[{"tensor":"x","names":["a","b","c","d"],"mean":[0,0,0,0],"scale":[1,1,1,1]}],
            "outputs":[{"normal":{"control":"loudness","tensor":"y","deviations":"y","deviation_index":1,"scale":-20.0,"offset":-40.0}},
            {"normal":{"control":"brightness","tensor":"y","index":3,"deviations":"y","deviation_index":2,"offset":0.5}}]}"#,
        )
        .unwrap(),
    );
    GestureModel::load(&g.finish()).unwrap()
}

/// What a struck and held note says of loudness (dB) and brightness; both means are in the middle.
fn drawn(dice: u32, temperature: f32, deviations: [f32; 2]) -> (f32, f32) {
    let mut model = drawer();
    let [loud, bright] = deviations;
    model.step(&[2.0, loud, bright, 0.0], temperature, dice ^ 5);
    let struck = model.step(&[0.0, loud, bright, 0.0], temperature, dice);
    let held = model.step(&[0.0, loud, bright, 0.0], temperature, dice ^ 77);
    assert_eq!(struck.controls, held.controls);
    (held.controls.loudness_db, held.controls.brightness)
}

#[test]
fn a_normal_is_drawn_at_an_onset_held_and_as_wide_as_the_model_says() {
    let throws: Vec<(f32, f32)> = (0..600).map(|i| drawn(i, 1.0, [0.2, 0.1])).collect();
    let z: Vec<[f32; 2]> = throws
        .iter()
        .map(|(loud, bright)| [(loud + 40.0) / 4.0, (bright - 0.5) / 0.1])
        .collect();
    let mean = |of: fn(&[f32; 2]) -> f32| z.iter().map(of).sum::<f32>() / z.len() as f32;
    for (average, square) in [
        (mean(|z| z[0]), mean(|z| z[0] * z[0])),
        (mean(|z| z[1]), mean(|z| z[1] * z[1])),
    ] {
        assert!(average.abs() < 0.15 && (square - 1.0).abs() < 0.2);
    }
    assert!(
        mean(|z| z[0] * z[1]).abs() < 0.15,
        "each has a face of its own"
    );
    assert!(z.iter().flatten().all(|z| z.abs() <= 2.501));
    assert!(drawn(9, 0.5, [0.2, 0.1]).0 != drawn(9, 1.0, [0.2, 0.1]).0);
    assert_eq!(drawn(9, 1.0, [0.2, 0.1]), drawn(9, 4.0, [0.2, 0.1]));
}

#[test]
fn a_normal_is_its_mean_at_temperature_0_or_where_its_deviation_is_none() {
    for (temperature, deviations) in [
        (0.0, [1.0, 1.0]),
        (1.0, [0.0, 0.0]),
        (1.0, [-3.0, -0.1]),
        (f32::NAN, [1.0, 1.0]),
    ] {
        assert_eq!(drawn(3, temperature, deviations), (-40.0, 0.5));
    }
}

#[test]
fn no_draw_begins_or_ends_the_note_that_it_is_drawn_for() {
    let mut model = drawer();
    // The mean stands between where a sound begins and where it ends: one onset, however wide the draw.
    model.step(&[0.0, 3.0, 0.0, 0.0], 1.0, 1);
    let said: Vec<f32> = (2..200)
        .map(|dice| {
            model
                .step(&[0.5, 3.0, 0.0, 0.0], 1.0, dice)
                .controls
                .loudness_db
        })
        .collect();
    assert!(said.iter().all(|db| *db == said[0]));
}

#[test]
fn features_that_are_not_numbers_do_no_harm() {
    let mut model = chooser();
    let intent = model.step(&[f32::NAN, f32::INFINITY, 0.0], 1.0, 9);
    assert!(intent.controls.pitch_note.is_finite() && intent.controls.loudness_db.is_finite());
}

#[test]
fn a_sound_slot_model_is_not_a_gesture_model() {
    let error = GestureModel::load(&crate::neural::sound_model::tests::organ())
        .err()
        .unwrap();
    assert!(error.to_string().contains("sound slot"));
}
