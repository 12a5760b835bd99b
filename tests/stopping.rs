//! Ctrl-C in the middle of a lesson, as a terminal sends it: the command ends by itself, and the best network so far is
//! written with its card, which says that it was stopped.
#![cfg(all(unix, feature = "train"))]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use imu2music::train::render::{SAMPLE_RATE_HZ, write_wav};

/// Far more than a step and the measuring after it take.
const DEADLINE: Duration = Duration::from_secs(300);

struct Running {
    process: Child,
    lines: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    fn start(arguments: &[&str], out: &Path) -> Running {
        let mut process = Command::new(env!("CARGO_BIN_EXE_imu2music"))
            .args(arguments)
            .arg("--out")
            .arg(out)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let output = BufReader::new(process.stdout.take().expect("an output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Running { process, lines }
    }

    fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .status();
        assert!(sent.expect("kill is there").success());
    }

    /// Presses Ctrl-C when a line says `when`; everything that is said until the command ends by itself.
    fn stopped(mut self, when: &str) -> String {
        let mut said = String::new();
        let mut pressed = false;
        loop {
            let line = match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {said}"),
            };
            if !pressed && line.contains(when) {
                pressed = true;
                self.interrupt();
            }
            said += &line;
            said.push('\n');
        }
        assert!(pressed, "never said {when:?}: {said}");
        let ended = self.process.wait().expect("a process");
        assert!(ended.success(), "{ended}: {said}");
        said
    }
}

fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("imu2music-stopping-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The model passes `check-model`, its card says that it was stopped, and nothing half-written is left.
fn is_kept(out: &Path) {
    let checked = Command::new(env!("CARGO_BIN_EXE_imu2music"))
        .arg("check-model")
        .arg(out)
        .output()
        .expect("the command starts");
    assert!(checked.status.success(), "{checked:?}");
    let card = std::fs::read_to_string(out.with_extension("md")).expect("a card");
    assert!(card.contains("Stopped by hand"), "{card}");
    let beside = std::fs::read_dir(out.parent().expect("a folder")).expect("a folder");
    let names: Vec<String> = beside
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        !names.iter().any(|name| name.ends_with(".part")),
        "{names:?}"
    );
}

#[test]
fn a_gesture_lesson_keeps_its_best_epoch() {
    let folder = folder("gesture");
    let out = folder.join("bow.onnx");
    let lesson = [
        "train",
        "gesture",
        "--performer",
        "bow",
        "--minutes",
        "1",
        "--hidden",
        "8",
        "--frame-rate-hz",
        "50",
        "--epochs",
        "100000",
    ];
    let said = Running::start(&lesson, &out).stopped("epoch");
    assert!(said.contains("Stopped by hand"), "{said}");
    is_kept(&out);
    let _ = std::fs::remove_dir_all(folder);
}

/// A guitar that is struck down and up in turn: motion at 18.75 readings a second, labels, sound.
fn strummed(folder: &Path, name: &str, strokes_hz: f64) {
    const SECONDS: f64 = 14.0;
    const RATE_HZ: f64 = SAMPLE_RATE_HZ as f64;
    let mut motion = String::new();
    for index in 0..(SECONDS * 18.75) as usize {
        let time_s = index as f64 / 18.75;
        let swing = (std::f64::consts::PI * strokes_hz * time_s).sin();
        motion += &format!("{time_s:.4},{:.3}\n", -3.0 + 4.0 * swing);
    }
    let strokes = (1..(SECONDS * strokes_hz) as usize).map(|index| index as f64 / strokes_hz);
    let mut labels = String::new();
    let mut sound = vec![0.0f32; (SECONDS * RATE_HZ) as usize];
    for (index, time_s) in strokes.enumerate() {
        labels += &format!("{time_s:.3} {} C\n", if index % 2 == 0 { "D" } else { "U" });
        let from = (time_s * RATE_HZ) as usize;
        for (at, sample) in sound[from..].iter_mut().enumerate() {
            let since_s = at as f64 / RATE_HZ;
            *sample += (0.2 * (-6.0 * since_s).exp() * (1382.3 * since_s).sin()) as f32;
        }
    }
    std::fs::write(folder.join(format!("{name}.csv")), motion).expect("a file");
    std::fs::write(folder.join(format!("{name}.strums")), labels).expect("a file");
    write_wav(&folder.join(format!("{name}_line.wav")), &sound).expect("a file");
}

#[test]
fn a_strum_lesson_keeps_the_networks_it_has() {
    let folder = folder("strum");
    for (index, name) in ["a", "b", "c"].iter().enumerate() {
        strummed(&folder, name, 2.0 + 0.5 * index as f64);
    }
    let out = folder.join("strum.onnx");
    let data = folder.display().to_string();
    let lesson = [
        "train",
        "strum",
        "--data",
        &data,
        "--hidden",
        "8",
        "--members",
        "1",
        "--steps",
        "100000",
    ];
    let said = Running::start(&lesson, &out).stopped("learning, network 1");
    assert!(said.contains("Stopped by hand"), "{said}");
    is_kept(&out);
    let _ = std::fs::remove_dir_all(folder);
}

/// A tone that glides and swells: half a minute to learn a sound from.
fn tones(file: &Path) {
    let mut phase = 0.0f64;
    let sample = |index: u32| {
        let time_s = f64::from(index) / f64::from(SAMPLE_RATE_HZ);
        let pitch_hz = 330.0 + 60.0 * (0.7 * time_s).sin();
        phase += std::f64::consts::TAU * pitch_hz / f64::from(SAMPLE_RATE_HZ);
        let wave = (1..8).map(|k| (f64::from(k) * phase).sin() / f64::from(k * k));
        ((0.2 + 0.1 * (1.9 * time_s).sin()) * wave.sum::<f64>()) as f32
    };
    let samples: Vec<f32> = (0..30 * SAMPLE_RATE_HZ).map(sample).collect();
    write_wav(file, &samples).expect("a file");
}

#[test]
fn a_sound_lesson_keeps_its_best_network() {
    let folder = folder("sound");
    std::fs::create_dir_all(folder.join("tones")).expect("a folder");
    tones(&folder.join("tones/tone.wav"));
    let out = folder.join("tone.onnx");
    let audio = folder.join("tones").display().to_string();
    let lesson = [
        "train",
        "sound",
        "--audio",
        &audio,
        "--name",
        "Tone",
        "--frame-rate",
        "50",
        "--steps",
        "1000000",
        "--minutes",
        "1000",
    ];
    let said = Running::start(&lesson, &out).stopped("step ");
    assert!(said.contains("Stopped by hand"), "{said}");
    is_kept(&out);
    let _ = std::fs::remove_dir_all(folder);
}
