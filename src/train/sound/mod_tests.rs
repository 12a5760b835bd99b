//! From recordings to a playing model and back, in small; and what is said when that cannot be.

use super::*;

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

/// A folder of its own with one recording: a tone that climbs and swells, times `gain`.
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
    for n in 0..(seconds * 24_000.0) as usize {
        let t = n as f32 / 24_000.0;
        phase = (phase + 220.0 * (0.05 * t).exp2() / 24_000.0).fract();
        let swell = 0.6 + 0.4 * (t * 3.0).sin();
        writer
            .write_sample((gain * swell * (phase - 0.5) * 32_767.0) as i16)
            .unwrap();
    }
    writer.finalize().unwrap();
    folder
}

#[test]
fn a_recording_becomes_a_model_that_obeys_loudness() {
    let folder = folder("train_sound", 18.0, 0.5);
    let report = run(&args(&folder), &mut |_, _| true).unwrap();
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
    assert!(SoundModel::load(&std::fs::read(&report.file).unwrap()).is_ok());
    assert!(
        std::fs::read_to_string(&report.card)
            .unwrap()
            .contains("imu2music train sound")
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
