//! A small take of the virtual performer, sung by a shipped model: read, learned from, and spoilt in every way that
//! people manage to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::check::{Weight, check};
use super::import::{Offset, add_sound, import};
use super::perform::{Wearing, perform};
use super::reread::reread;
use crate::controls::Controls;
use crate::neural::contract::Output;
use crate::neural::gesture_model::GestureModel;
use crate::neural::shipped::SOUNDS;
use crate::neural::sound_model::SoundModel;
use crate::sensor::dialect::Row;
use crate::sensor::impair::Impairment;
use crate::sensor::performer::{Performer, Placement, Style};
use crate::sensor::take::Take;
use crate::sensor::take::document::{AUDIO, DATAGRAMS, DOCUMENT, Document, FRAMES};
use crate::train::gesture::recorded::Recording;
use crate::train::gesture::{Args, Says, run};
use crate::train::render::{sing, write_wav};

const SECONDS: f64 = 24.0;
const SEED: u64 = 7;

/// A folder of this test run's own.
fn place(name: &str) -> PathBuf {
    static ROOM: OnceLock<PathBuf> = OnceLock::new();
    let room = ROOM.get_or_init(|| {
        let room = std::env::temp_dir().join(format!("imu2music-takes-{}", std::process::id()));
        let _ = fs::remove_dir_all(&room);
        fs::create_dir_all(&room).unwrap();
        room
    });
    room.join(name)
}

fn original() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let sound = SoundModel::load(SOUNDS[1]).unwrap();
        let take = place("original.take");
        let performer = Performer::new(Style::Bow, SEED);
        let wearing = Wearing {
            network: Impairment::NONE,
            ..Wearing::usual(&performer)
        };
        perform(performer, wearing, &sound, SECONDS, &take).unwrap();
        take
    })
}

fn copy(name: &str) -> PathBuf {
    let take = place(name);
    fs::create_dir_all(&take).unwrap();
    for file in fs::read_dir(original()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), take.join(file.file_name())).unwrap();
    }
    take
}

fn edit(take: &Path, file: &str, change: impl Fn(String) -> String) {
    let path = take.join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "{file} did not change");
    fs::write(path, changed).unwrap();
}

fn wav(path: &Path, samples: impl Iterator<Item = f32>) {
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 22_050,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample(sample).unwrap();
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// What the check says of a copy that was spoilt.
fn spoilt(name: &str, spoil: impl FnOnce(&Path)) -> Vec<(Weight, String)> {
    let take = copy(name);
    spoil(&take);
    let found = check(&take).findings;
    found
        .iter()
        .map(|found| (found.weight, found.to_string()))
        .collect()
}

fn says(found: &[(Weight, String)], weight: Weight, words: &[&str]) {
    let fits = |(own, text): &&(Weight, String)| {
        *own == weight && words.iter().all(|word| text.contains(word))
    };
    assert!(
        found.iter().any(|found| fits(&found)),
        "{words:?} in {found:?}"
    );
}

#[test]
fn a_good_take_is_found_good_and_replays_what_was_on_the_wire() {
    let checked = check(original());
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    assert_eq!(checked.frames, (200.0 * SECONDS) as usize);
    let Take::Datagrams(datagrams) = Take::read(original()).unwrap() else {
        panic!("a take replays its datagrams")
    };
    assert_eq!(datagrams.len(), (200.0 * SECONDS) as usize);
    assert_eq!(datagrams[1].source, 1);
    assert!(!place("original.take.part").exists());
}

#[test]
fn a_virtual_player_wears_what_it_is_told_and_says_what_it_meant() {
    let (take, sound) = (place("worn.take"), SoundModel::load(SOUNDS[1]).unwrap());
    let performer = Performer::new(Style::Conduct, SEED);
    let places = ["left_wrist=0.3,0,0,90", "head"].map(|text| Placement::parse(text).unwrap());
    let wearing = Wearing {
        sensors: performer.wearing(&places),
        rate_hz: 50.0,
        network: Impairment {
            loss: 0.1,
            ..Impairment::WIRELESS
        },
    };
    perform(performer, wearing, &sound, 12.0, &take).unwrap();
    let checked = check(&take);
    assert!((900..1150).contains(&checked.frames), "{}", checked.frames);
    let text = fs::read_to_string(take.join(DOCUMENT)).unwrap();
    let document: Document = serde_json::from_str(&text).unwrap();
    let wrist = document.devices.iter().find(|d| d.role == "left_wrist");
    let wrist = wrist.expect("a wrist");
    assert!(wrist.placement.contains("0.30 m") && wrist.placement.contains("90"));
    assert!(document.devices.iter().any(|d| d.role == "head"));
    let times = Take::read(&take).unwrap();
    let Take::Datagrams(times) = times else {
        panic!("a take replays its datagrams")
    };
    let times: Vec<f64> = times.iter().map(|datagram| datagram.at_s).collect();
    let waits = times.windows(2).map(|two| two[1] - two[0]);
    assert!(waits.fold(0.0, f64::max) > 0.03, "no packet was held up");
    let meant = fs::read_to_string(take.join("controls.csv")).unwrap();
    let rows: Vec<Vec<f32>> = meant
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|n| n.parse().unwrap()).collect())
        .collect();
    let performer = Performer::new(Style::Conduct, SEED);
    let controls = performer.controls(5.0);
    assert_eq!(rows.len(), 2400);
    assert!((rows[1000][1] - controls.pitch_note).abs() < 1e-3);
    assert!((rows[1000][2] - controls.loudness_db).abs() < 1e-2);
    assert!(rows.iter().any(|row| row[5] == 1.0));
}

#[test]
fn the_sound_of_a_take_says_the_music_that_its_motion_means() {
    let recording = Recording::read(original(), 50).unwrap();
    let performer = Performer::new(Style::Bow, SEED);
    let names = recording.input_names();
    let take = recording.take(&names, 50, None);
    assert_eq!((names.len(), take.features.len()), (20, 20 * take.frames()));
    let mut errors = Vec::new();
    for (frame, truth) in take.truth.iter().enumerate() {
        let meant = performer.controls(frame as f64 / 50.0);
        if truth.voiced() && meant.loudness_db > -40.0 {
            errors.push((truth.controls.pitch_note - meant.pitch_note).abs());
        }
    }
    errors.sort_by(f32::total_cmp);
    assert!(errors.len() > take.frames() / 3, "{}", errors.len());
    assert!(
        errors[errors.len() / 2] < 0.15,
        "{}",
        errors[errors.len() / 2]
    );
}

const VIOLIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/violin.onnx");

/// A small one, of the original take.
fn lesson() -> Args {
    Args {
        take: vec![original().to_owned()],
        augment: "auto".into(),
        says: Says {
            sound: Some(VIOLIN.into()),
            ..Says::default()
        },
        performer: "bow".into(),
        target: "performer".into(),
        minutes: 1.0,
        out: place("lesson.onnx"),
        seed: 1,
        arch: "lstm".into(),
        hidden: 8,
        layers: 1,
        frame_rate_hz: 50,
        epochs: 2,
        name: None,
        quiet: true,
    }
}

#[test]
fn a_recorded_take_becomes_a_model_that_plays() {
    let out = place("learned.onnx");
    let args = Args {
        says: Says {
            distribution: vec!["loudness".into()],
            point: vec!["pitch".into()],
            ..lesson().says
        },
        out: out.clone(),
        ..lesson()
    };
    let report = run(&args).unwrap();
    assert!(report.test_minutes > 0.05 && report.train_minutes > 0.15);
    assert!(report.hand_mapping.is_some() && report.previous_frame.loudness_r > 0.9);
    let model = GestureModel::load(&fs::read(&out).unwrap()).unwrap();
    assert_eq!(model.frame_rate_hz(), 50);
    assert!(
        model.contract().data["takes"][0]["sha256"]
            .as_str()
            .unwrap()
            .len()
            == 64
    );
    let card = fs::read_to_string(out.with_extension("md")).unwrap();
    for said in [
        "original",
        "--take original.take",
        "--distribution loudness --point pitch",
        "loudness as a normal distribution",
        "loudness within one deviation",
        "--sound violin.onnx",
        "loudness as a normal distribution, brightness, noisiness, timbre_1, timbre_2, timbre_3, onset",
        "are those of the sound model Violin",
        "r of each timbre latent",
    ] {
        assert!(card.contains(said), "{said}: {card}");
    }
    let outputs = &model.contract().outputs;
    assert!(matches!(&outputs[0], Output::Point(point) if point.control == "pitch"));
    assert!(matches!(&outputs[1], Output::Normal(normal) if normal.control == "loudness"));
    assert!(matches!(&outputs[6], Output::Point(point) if point.control == "timbre_3"));
    assert_eq!(report.network.timbre_r.iter().flatten().count(), 3);
    for file in fs::read_dir(place("")).unwrap() {
        let name = file.unwrap().file_name();
        assert!(!name.to_string_lossy().starts_with("learned.part"));
    }
    let wrong = Args {
        says: Says {
            point: vec!["onset".into()],
            ..Says::default()
        },
        ..args.clone()
    };
    let said = run(&wrong).unwrap_err().to_string();
    assert!(said.contains("leave 'onset' out of --point"), "{said}");
    let wrong = Args {
        augment: "maybe".into(),
        ..args.clone()
    };
    assert!(
        run(&wrong)
            .unwrap_err()
            .to_string()
            .contains("auto, on, off")
    );
    let wrong = Args {
        frame_rate_hz: 30,
        ..args
    };
    assert!(run(&wrong).unwrap_err().to_string().contains("25"));
}

/// A take of the original's motion and music on the violin, whose first timbre latent follows how the bow arm turns.
fn coloured() -> PathBuf {
    const RATE_HZ: u32 = 100;
    let take = copy("coloured.take");
    let recording = Recording::read_motion(&take).unwrap();
    let names = recording.input_names();
    let turn = names.iter().position(|name| name == "right_forearm.up_x");
    let rows = recording.features(&names, RATE_HZ);
    let turns: Vec<f32> = rows
        .chunks_exact(names.len())
        .map(|row| row[turn.unwrap()])
        .collect();
    let performer = Performer::new(Style::Bow, SEED);
    let meant = |frame: usize| performer.controls(frame as f64 / f64::from(RATE_HZ));
    let sounding = turns.iter().enumerate();
    let sounding = sounding.filter(|(frame, _)| meant(*frame).loudness_db > -40.0);
    let (least, most) = sounding.fold((f32::MAX, f32::MIN), |(least, most), (_, turn)| {
        (least.min(*turn), most.max(*turn))
    });
    let controls = turns.iter().enumerate().map(|(frame, turn)| {
        let mut controls = meant(frame);
        controls.timbre[0] = (5.0 * (turn - least) / (most - least) - 2.5).clamp(-3.0, 3.0);
        controls
    });
    let controls: Vec<Controls> = controls.collect();
    let violin = SoundModel::load(&fs::read(VIOLIN).unwrap()).unwrap();
    let samples = sing(&violin, &controls, RATE_HZ);
    write_wav(&take.join(AUDIO), &samples).unwrap();
    take
}

#[test]
fn a_timbre_that_follows_the_motion_is_heard_and_learned() {
    let args = Args {
        take: vec![coloured()],
        out: place("coloured.onnx"),
        epochs: 6,
        ..lesson()
    };
    let report = run(&args).unwrap();
    let [own, line, mean] =
        [report.network, report.ridge, report.mean].map(|scores| scores.timbre_r[0].unwrap());
    println!("timbre_1 r: network {own:.2}, line {line:.2}, the mean {mean:.2}");
    assert!(own > 0.6 && line > 0.6 && mean.abs() < 0.1);
}

#[test]
fn silence_is_named() {
    let found = spoilt("silent.take", |take| {
        wav(&take.join(AUDIO), (0..22_050 * 24).map(|_| 0.0))
    });
    says(
        &found,
        Weight::Fatal,
        &["audio.wav", "nothing is heard", "level"],
    );
}

#[test]
fn motion_that_ends_before_the_sound_is_named() {
    let keep = |text: String, share: usize| {
        let lines: Vec<&str> = text.lines().collect();
        lines[..lines.len() * share / 10].join("\n")
    };
    let found = spoilt("early.take", |take| {
        edit(take, FRAMES, |text| keep(text, 8))
    });
    says(
        &found,
        Weight::Warning,
        &["audio.wav", "shorter than the sound"],
    );
    let found = spoilt("earlier.take", |take| {
        edit(take, FRAMES, |text| keep(text, 3))
    });
    says(&found, Weight::Fatal, &["audio.wav", "record longer"]);
    assert!(Recording::read(&place("earlier.take"), 50).is_err());
}

#[test]
fn rows_that_are_no_numbers_and_missing_columns_are_named_by_line() {
    let nan = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut fields: Vec<String> = lines[41].split(',').map(str::to_owned).collect();
        fields[2] = "nan".into();
        lines[41] = fields.join(",");
        lines.join("\n")
    };
    let found = spoilt("nan.take", |take| edit(take, FRAMES, nan));
    says(
        &found,
        Weight::Fatal,
        &["frames.csv", "line 42", "accel_x", "empty"],
    );
    let without = |text: String| text.replacen("accel_y", "wind", 1);
    let found = spoilt("column.take", |take| edit(take, FRAMES, without));
    says(&found, Weight::Fatal, &["frames.csv", "line 1", "accel_y"]);
    let found = spoilt("short.take", |take| {
        edit(take, DATAGRAMS, |text| text + "1.0,,\n")
    });
    says(
        &found,
        Weight::Fatal,
        &["datagrams.csv", "line 4802", "four fields"],
    );
}

#[test]
fn a_sensor_that_lay_on_the_table_and_cut_off_sound_are_named() {
    let still = |text: String| {
        let lines = text.lines().enumerate().map(|(number, line)| match number {
            0 => line.to_owned(),
            _ => {
                let fields: Vec<&str> = line.split(',').collect();
                format!(
                    "{},{},0,0,9.81,0,0,0{}",
                    fields[0],
                    fields[1],
                    ",".repeat(18)
                )
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let found = spoilt("still.take", |take| edit(take, FRAMES, still));
    says(
        &found,
        Weight::Fatal,
        &["frames.csv", "right_forearm does not move"],
    );
    let loud = (0..22_050 * 24).map(|n| (3.0 * (n as f32 * 0.05).sin()).clamp(-1.0, 1.0));
    let found = spoilt("clipped.take", |take| wav(&take.join(AUDIO), loud));
    says(
        &found,
        Weight::Warning,
        &["audio.wav", "cut off", "lower the level"],
    );
}

#[test]
fn what_take_json_gets_wrong_is_named() {
    let found = spoilt("role.take", |take| {
        edit(take, DOCUMENT, |text| text.replace("left_forearm", "tail"))
    });
    says(
        &found,
        Weight::Fatal,
        &["take.json", "'tail'", "right_forearm"],
    );
    let found = spoilt("schema.take", |take| {
        edit(take, DOCUMENT, |text| {
            text.replace("\"schema\": 1", "\"schema\": 9")
        })
    });
    says(&found, Weight::Fatal, &["take.json", "schema 9", "update"]);
    let found = spoilt("json.take", |take| {
        edit(take, DOCUMENT, |text| text.replacen(',', "", 1))
    });
    says(&found, Weight::Fatal, &["take.json", "line"]);
}

#[test]
fn an_old_take_is_read_again_with_a_corrected_dialect() {
    let take = copy("reread.take");
    edit(&take, FRAMES, |text| {
        text.lines().take(10).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(reread(&take, &[]).unwrap(), (9, 4800));
    let original_frames = fs::read_to_string(original().join(FRAMES)).unwrap();
    assert_eq!(
        fs::read_to_string(take.join(FRAMES)).unwrap(),
        original_frames
    );
    // The same numbers, understood as acceleration ten times as large.
    let row = Row {
        profile: "Corrected".into(),
        address: "/{id}/raw".into(),
        layout: "accel[g]:xyz skip:19".into(),
    };
    if let Ok((_, after)) = reread(&take, &[row]) {
        let document = Document::read(&take).unwrap();
        assert_eq!((after, document.dialects.len()), (4800, 1));
        assert_eq!(document.devices[0].role, "right_forearm");
        assert!(document.devices[0].name.contains("Corrected"));
    } else {
        panic!("the row was refused");
    }
}

#[test]
fn motion_and_sound_from_elsewhere_become_a_take() {
    let table = place("elsewhere.csv");
    let mut text =
        String::from("Time (s),Accelerometer X (g),Accelerometer Y (g),Accelerometer Z (g)\n");
    for n in 0..3000 {
        let t_s = f64::from(n) * 0.01;
        text += &format!("{t_s},{},0,1\n", 0.3 * (3.0 * t_s).sin());
    }
    fs::write(&table, text).unwrap();
    let sound = place("elsewhere.wav");
    wav(
        &sound,
        (0..22_050 * 20).map(|n| 0.3 * (n as f32 * 0.1).sin()),
    );
    let take = place("elsewhere.take");
    let error = import(
        &table,
        &sound,
        Offset::Tap,
        "torso",
        &take,
        Document::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("no strike") && error.to_string().contains("--offset"),
        "{error}"
    );
    assert!(!take.exists() && !place("elsewhere.take.part").exists());
    let audio = import(
        &table,
        &sound,
        Offset::Given(2.5),
        "torso",
        &take,
        Document::default(),
    )
    .unwrap();
    assert_eq!(
        (audio.starts_s, audio.channels, audio.sample_rate_hz),
        (2.5, 2, 22_050)
    );
    assert!(check(&take).is_usable());
    assert_eq!(
        add_sound(&take, &sound, Offset::Given(-1.0))
            .unwrap()
            .starts_s,
        -1.0
    );
    assert_eq!(Document::read(&take).unwrap().audio.unwrap().starts_s, -1.0);
    let again = import(
        &table,
        &sound,
        Offset::Given(0.0),
        "torso",
        &take,
        Document::default(),
    );
    assert!(again.unwrap_err().to_string().contains("there already"));
}
