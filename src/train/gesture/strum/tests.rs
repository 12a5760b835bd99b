//! The lesson as a command, on the real recordings where they are, and on what a folder may hold instead of them.

use std::path::{Path, PathBuf};

use super::*;
use crate::neural::gesture_model::{GestureModel, Intent};
use crate::sensor::performer::Chance;
use crate::train::gesture::evaluate::begun;
use session::{RATE_HZ, Strum};

fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("imu2music-strum-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn args(data: &Path, out: &Path) -> Args {
    Args {
        data: data.into(),
        out: out.into(),
        seed: 1,
        hidden: 16,
        members: 1,
        steps: 60,
        lag_ms: 100.0,
        test: Some(2),
        name: "Strum".into(),
        quiet: true,
    }
}

#[test]
fn a_folder_without_recordings_is_named_and_nothing_is_written() {
    let folder = folder("empty");
    let out = folder.join("strum.onnx");
    let said = run(&args(&folder, &out)).unwrap_err().to_string();
    assert!(
        said.contains("three are needed") && said.contains("X_line.wav"),
        "{said}"
    );
    for stem in ["a", "b", "c"] {
        std::fs::write(folder.join(format!("{stem}.strums")), "1.0 D N\n").unwrap();
    }
    let said = run(&args(&folder, &out)).unwrap_err().to_string();
    assert!(said.contains("a.csv"), "{said}");
    assert!(!out.exists());
    let _ = std::fs::remove_dir_all(folder);
}

/// Klangio's recordings, where they lie beside the project.
fn recorded() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/klangio_strumming");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn a_short_lesson_finds_the_strums_of_real_files_left_out() {
    let Some(data) = recorded() else { return };
    let folder = folder("lesson");
    let out = folder.join("strum.onnx");
    let report = run(&Args {
        hidden: 24,
        steps: 120,
        ..args(&data, &out)
    })
    .unwrap();
    let Scores {
        network,
        motion_shifted,
        steady_rhythm,
        ..
    } = &report.scores;
    println!("{:?}", report.scores);
    assert!(
        network.down_f1.value > 0.88 && network.up_f1.value > 0.7,
        "{network:?}"
    );
    for wrong in [motion_shifted, steady_rhythm] {
        assert!(network.down_f1.value > wrong.down_f1.value + 0.1);
        assert!(network.up_f1.value > wrong.up_f1.value + 0.1);
    }
    assert!(report.export_difference < EXPORT_TOLERANCE);
    let model = GestureModel::load(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(model.input_names(), [session::input_name()]);
    let card = std::fs::read_to_string(out.with_extension("md")).unwrap();
    assert!(card.contains("Apache-2.0") && card.contains("0.919"));
    let _ = std::fs::remove_dir_all(folder);
}

const SHIPPED: &[u8] = include_bytes!("../../../../models/strum.onnx");

/// What the shipped model says of a motion, frame by frame, and the strums that the engine would begin.
fn play(motion: &[f32]) -> (Vec<Intent>, Vec<Strum>) {
    let mut model = GestureModel::load(SHIPPED).unwrap();
    let said: Vec<Intent> = motion
        .iter()
        .map(|motion| model.step(&[*motion], 0.0, 0))
        .collect();
    let late_s = -model.contract().data["lead_s"].as_f64().unwrap();
    let logit = |intent: &Intent| (intent.onset / (1.0 - intent.onset)).ln();
    let begun = begun(said.iter().map(logit));
    let strum = |frame: usize| Strum {
        time_s: frame as f64 / f64::from(RATE_HZ) - late_s,
        up: said[frame].controls.pitch_note > 56.0,
    };
    let strums = begun.into_iter().map(strum).collect();
    (said, strums)
}

fn f1(session: &Session, said: Vec<Strum>) -> [f64; 2] {
    let answer = score::Answer {
        said,
        real: session.strums.clone(),
        loudness_db: Vec::new(),
    };
    answer.f1()
}

#[test]
fn the_shipped_model_strums_both_ways_with_a_virtual_arm_and_dies_away_between() {
    let mut total = [0.0; 2];
    for index in 0..3 {
        let session = virtual_arm::session(77, index);
        let (said, strums) = play(&session.motion);
        let [down, up] = f1(&session, strums.clone());
        println!("{}: down {down:.2}, up {up:.2}", session.name);
        total = [total[0] + down / 3.0, total[1] + up / 3.0];
        let after = |strum: &Strum, by_s: f64| {
            let frame = ((strum.time_s + by_s) * f64::from(RATE_HZ)) as usize;
            said[frame.min(said.len() - 1)].controls
        };
        let lonely = strums
            .windows(2)
            .filter(|two| two[1].time_s - two[0].time_s > 1.0);
        for two in lonely {
            let (struck, gone) = (after(&two[0], 0.2), after(&two[0], 0.9));
            assert!(gone.loudness_db < struck.loudness_db, "{struck:?} {gone:?}");
        }
    }
    assert!(total[0] > 0.85 && total[1] > 0.7, "{total:?}");
}

#[test]
fn an_up_stroke_is_brighter_and_an_octave_higher() {
    let (said, strums) = play(&virtual_arm::session(77, 0).motion);
    let mean = |up: bool, of: &dyn Fn(&Intent) -> f32| {
        let those: Vec<f32> = strums
            .iter()
            .filter(|strum| strum.up == up)
            .map(|strum| {
                of(&said
                    [(((strum.time_s + 0.15) * f64::from(RATE_HZ)) as usize).min(said.len() - 1)])
            })
            .collect();
        those.iter().sum::<f32>() / those.len() as f32
    };
    let bright = |intent: &Intent| intent.controls.brightness;
    let note = |intent: &Intent| intent.controls.pitch_note;
    assert!(mean(true, &bright) > mean(false, &bright) + 0.05);
    assert!(mean(true, &note) > mean(false, &note) + 10.0);
}

#[test]
fn a_hand_at_rest_is_silent_and_strikes_nothing() {
    let mut chance = Chance::new(3, 3);
    let motion: Vec<f32> = (0..1000).map(|_| 0.06 * chance.normal() as f32).collect();
    let (said, strums) = play(&motion);
    assert!(strums.is_empty(), "{strums:?}");
    let loudest = said[150..].iter().map(|intent| intent.controls.loudness_db);
    let loudest = loudest.fold(f32::MIN, f32::max);
    assert!(loudest < -50.0, "{loudest}");
}

#[test]
fn the_shipped_model_hears_the_strums_of_a_real_hand() {
    let Some(data) = recorded() else { return };
    // One file is enough: the shipped model has learned from it, the trial in its card has not.
    let recording = recording::Recording::read(&data.join("2022-10-17-08-15-03-6.strums")).unwrap();
    let session = recording.own_session();
    let [down, up] = f1(&session, play(&session.motion).1);
    assert!(down > 0.9 && up > 0.8, "{down} {up}");
}
