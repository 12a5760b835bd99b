//! The shipped gesture models, played as the engine plays them: the virtual performer's readings through playout,
//! features and packed kernels. Each test is a promise to the player.

use super::sensing::{Circumstances, Kind, listen, send};
use super::virtual_takes::CHOSEN;
use crate::controls::SILENCE_DB;
use crate::neural::gesture_model::{GestureModel, Intent};
use crate::sensor::performer::{Chance, LIMBS, Performer, Style};

const BOWING: &[u8] = include_bytes!("../../../models/bowing-forearm.onnx");
const RATE_HZ: u32 = 100;

/// What a model says of `seconds` of a performance heard through sensors of `kind`, frame by frame.
fn play(
    bytes: &[u8],
    performer: &Performer,
    kind: Kind,
    limbs: usize,
    seconds: f64,
) -> Vec<Intent> {
    let mut model = GestureModel::load(bytes).expect("a shipped model loads");
    assert_eq!(model.frame_rate_hz(), RATE_HZ);
    let names = model.input_names().to_vec();
    assert_eq!(names.len() % CHOSEN.len(), 0);
    let circumstances = Circumstances {
        kind,
        ..Circumstances::GOOD
    };
    let mut chance = Chance::new(9, 9);
    let sent: Vec<_> = (0..LIMBS.len().min(limbs))
        .map(|limb| send(performer, limb, 0.0, seconds, &circumstances, &mut chance))
        .collect();
    let frames = (seconds * f64::from(RATE_HZ)) as usize;
    let features = listen(&sent, &names, frames, RATE_HZ);
    features
        .chunks_exact(names.len())
        .map(|inputs| model.step(inputs, 0.0, 0))
        .collect()
}

fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0.0f32), |(sum, count), value| {
        (sum + value, count + 1.0)
    });
    sum / count.max(1.0)
}

fn loudness_db(said: &[Intent]) -> f32 {
    mean(said.iter().map(|intent| intent.controls.loudness_db))
}

#[test]
fn the_demo_is_bowed_in_tune_and_with_its_dynamics() {
    let performer = Performer::new(Style::Bow, 1);
    let said = play(BOWING, &performer, Kind::SixAxis, 2, 30.0);
    let mut errors = Vec::new();
    let (mut silent, mut sounding) = (Vec::new(), Vec::new());
    for (frame, intent) in said.iter().enumerate() {
        let truth = performer.controls(frame as f64 / f64::from(RATE_HZ));
        if truth.loudness_db > -40.0 {
            errors.push((intent.controls.pitch_note - truth.pitch_note).abs());
            sounding.push((intent.controls.loudness_db - truth.loudness_db).abs());
        }
        if truth.loudness_db <= SILENCE_DB && frame > 20 {
            silent.push(intent.controls.loudness_db);
        }
    }
    errors.sort_by(f32::total_cmp);
    let median = errors[errors.len() / 2];
    let right = errors.partition_point(|e| *e < 0.5) as f32 / errors.len() as f32;
    let off_db = mean(sounding.iter().copied());
    let silence_db = mean(silent.iter().copied());
    println!("pitch error median {median:.2}, within half a semitone {right:.2}");
    println!("loudness off by {off_db:.1} dB; silence {silence_db:.1} dB");
    assert!(median < 0.35 && right > 0.7, "{median} {right}");
    assert!(off_db < 5.0 && silence_db < -52.0, "{off_db} {silence_db}");
}

#[test]
fn bowing_is_silent_when_the_arms_hang_still() {
    let said = play(
        BOWING,
        &Performer::new(Style::Still, 5),
        Kind::SixAxis,
        2,
        20.0,
    );
    assert!(
        loudness_db(&said[50..]) < -50.0,
        "{}",
        loudness_db(&said[50..])
    );
}

#[test]
fn different_bowing_makes_different_music() {
    let curves: Vec<Vec<Intent>> = [1, 2]
        .iter()
        .map(|seed| {
            play(
                BOWING,
                &Performer::new(Style::Bow, *seed),
                Kind::SixAxis,
                2,
                20.0,
            )
        })
        .collect();
    let apart = |of: fn(&Intent) -> f32| {
        mean(
            curves[0]
                .iter()
                .zip(&curves[1])
                .map(|(a, b)| (of(a) - of(b)).abs()),
        )
    };
    assert!(apart(|intent| intent.controls.pitch_note) > 2.0);
    assert!(apart(|intent| intent.controls.loudness_db) > 5.0);
}
