//! From recordings to a playing model and back, in small; and what is said when that cannot be.

use super::*;
use crate::train::analysis::timbre::timbre_of;

fn args(folder: &Path) -> Args {
    Args {
        audio: folder.into(),
        out: folder.join("model.onnx"),
        name: "Test".into(),
        author: String::new(),
        licence: String::new(),
        description: String::new(),
        source: String::new(),
        seed: 1,
        minutes: 1.0,
        steps: 2,
        tune_minutes: 1.0,
        tune_steps: 2,
        timbre: 2,
        frame_rate: 50,
        lowest_note: 45.0,
        highest_note: 80.0,
        stiffness: 0.0,
        stiffness_per_octave: 1.0,
        listen: None,
    }
}

/// A folder of its own with one recording: a tone that climbs and swells, with a formant that comes and goes, times
/// `gain`.
fn folder(name: &str, seconds: f32, gain: f32) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("imu2music_{name}_{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 24_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(folder.join("tone.wav"), spec).unwrap();
    let mut phase = 0.0f32;
    let mut rung = [0.0f32; 2];
    for n in 0..(seconds * 24_000.0) as usize {
        let t = n as f32 / 24_000.0;
        phase = (phase + 220.0 * (0.05 * t).exp2() / 24_000.0).fract();
        let saw = phase - 0.5;
        let ring = saw + 1.84 * rung[0] - 0.94 * rung[1];
        rung = [ring, rung[0]];
        let formant = 0.03 * (1.0 + (t * 1.9).sin());
        let swell = 0.6 + 0.4 * (t * 3.0).sin();
        writer
            .write_sample((gain * swell * (saw + formant * ring) * 32_767.0) as i16)
            .unwrap();
    }
    writer.finalize().unwrap();
    folder
}

#[test]
fn a_recording_becomes_a_model_that_obeys_loudness() {
    let folder = folder("train_sound", 18.0, 0.5);
    let listened = folder.join("listened");
    let args = Args {
        listen: Some(listened.clone()),
        ..args(&folder)
    };
    let report = run(&args, &mut |_, _| true).unwrap();
    assert!(
        report.scores.sweep_loudness_error_db < 0.1,
        "{:?}",
        report.scores
    );
    assert!(
        report.scores.loudness_correlation > 0.95,
        "{:?}",
        report.scores
    );
    assert!(report.scores.pitch_error_cents < 5.0, "{:?}", report.scores);
    let model = SoundModel::load(&std::fs::read(&report.file).unwrap()).unwrap();
    let heard = &model.contract().inputs[0];
    // Two were asked for; there is one.
    assert_eq!(heard.names[4..], ["timbre_1"]);
    assert!(
        heard.meanings[4].starts_with("more at"),
        "{:?}",
        heard.meanings
    );
    let timbre = timbre_of(model.contract()).unwrap();
    assert_eq!(timbre.count(), report.scores.timbre.unwrap().heard_r.len());
    let card = std::fs::read_to_string(&report.card).unwrap();
    assert!(card.contains("imu2music train sound") && card.contains("| timbre_1 | more at"));
    let table = std::fs::read_to_string(listened.join("0_controls.csv")).unwrap();
    assert!(
        table
            .lines()
            .next()
            .unwrap()
            .ends_with("noisiness,timbre_1")
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cannot_be_learned_from_is_named_and_nothing_is_left_behind() {
    for (name, seconds, gain, word) in [
        ("silent", 5.0, 0.0, "tone.wav"),
        ("short", 4.0, 0.5, "20 s"),
    ] {
        let folder = folder(name, seconds, gain);
        let error = run(&args(&folder), &mut |_, _| true)
            .unwrap_err()
            .to_string();
        assert!(error.contains(word), "{error}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
    let nowhere = run(&args(Path::new("no/such/folder")), &mut |_, _| true).unwrap_err();
    assert!(nowhere.to_string().contains("no/such/folder"));
}
