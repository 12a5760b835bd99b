//! One trained network and its numbers, as a small JSON file; and the baselines that all networks share.

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::matching::matched;
use super::picture::Trace;
use super::sound;
use crate::neural::report;
use crate::train::gesture::evaluate::{loudness_of, pitch_of};
use crate::train::gesture::export::write;
use crate::train::gesture::fit::{Fed, run as run_network};
use crate::train::gesture::{Args, Scores, Size, TrainError, Trained, lesson_of};

/// Seconds of the test that are drawn and sung.
const SHOWN_S: usize = 8;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub arch: String,
    pub seed: u64,
    pub parameters: usize,
    pub us_per_frame: f64,
    pub seconds: f32,
    pub epochs: usize,
    pub scores: Scores,
    /// The same network, fed the motion of half a take later.
    pub wrong_motion: Scores,
    /// Share of 5-second crops whose motion was found among `of`.
    pub matching: Option<f32>,
    pub of: usize,
    /// Per epoch: training and held-out loss.
    pub curve: Vec<[f32; 2]>,
    pub trace: Trace,
    /// A WAV file, in base 64.
    pub sound: String,
    pub command: String,
    pub commit: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baselines {
    pub rows: Vec<(String, Scores)>,
    pub truth: Trace,
    pub sound: String,
    /// What was learned from, with hashes.
    pub data: serde_json::Value,
    pub train_minutes: f32,
    pub test_minutes: f32,
}

/// Trains one network and writes its numbers, its model and the baselines.
pub fn one(args: &Args, size: Size, folder: &Path, command: &str) -> Result<(), TrainError> {
    let (trained, test) = lesson_of(args, size)?;
    let Trained {
        report,
        onnx,
        fitted,
        shape,
        heads,
        standard,
        label,
    } = &trained;
    let rate_hz = label.frame_rate_hz as usize;
    let fed: Vec<Fed> = test.iter().map(|take| Fed::new(take, standard)).collect();
    let raw = run_network(*shape, &fitted.network, &fed);
    let shown = (SHOWN_S * rate_hz).min(test[0].frames());
    let trace = Trace::of(
        raw[0]
            .chunks_exact(heads.width())
            .take(shown)
            .map(|row| (pitch_of(heads, row), loudness_of(heads, row))),
    );
    let (matching, of) = matched(*shape, &fitted.network, heads, &fed, rate_hz);
    let truth = Trace::of(
        test[0].truth[..shown]
            .iter()
            .map(|truth| (truth.controls.pitch_note, truth.loudness_db())),
    );
    let run = Run {
        arch: size.arch.name().into(),
        seed: args.seed,
        parameters: report.parameters,
        us_per_frame: report::check(onnx)
            .timing
            .map_or(0.0, |timing| timing.median_us),
        seconds: report.seconds,
        epochs: report.epochs,
        scores: report.network,
        wrong_motion: report.network_motion_shifted,
        matching,
        of,
        curve: fitted.curve.clone(),
        sound: sound::sung(&trace, rate_hz as u32)?,
        trace,
        command: command.into(),
        commit: commit(),
    };
    let mut rows = vec![
        ("always the mean".to_owned(), report.mean),
        (
            "the truth one frame before".to_owned(),
            report.previous_frame,
        ),
        ("ridge regression".to_owned(), report.ridge),
    ];
    rows.extend(report.hand_mapping.map(|scores| {
        (
            "by hand: energy is loudness, tilt brightness".to_owned(),
            scores,
        )
    }));
    let baselines = Baselines {
        rows,
        sound: sound::sung(&truth, rate_hz as u32)?,
        truth,
        data: label.data.clone(),
        train_minutes: report.train_minutes,
        test_minutes: report.test_minutes,
    };
    let unwritable = |cause| TrainError::Write {
        path: folder.to_owned(),
        cause,
    };
    let text =
        |value: serde_json::Result<String>| value.map_err(|e| TrainError::Data(e.to_string()));
    let name = format!("{}-{}", run.arch, run.seed);
    write(
        &folder.join("baselines.json"),
        text(serde_json::to_string(&baselines))?.as_bytes(),
    )
    .map_err(unwritable)?;
    write(&folder.join(format!("{name}.onnx")), onnx).map_err(unwritable)?;
    write(
        &folder.join(format!("run-{name}.json")),
        text(serde_json::to_string(&run))?.as_bytes(),
    )
    .map_err(unwritable)
}

/// The commit that this folder is at, where it is one of git.
fn commit() -> String {
    let asked = std::process::Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output();
    let text = asked
        .ok()
        .filter(|said| said.status.success())
        .map(|said| said.stdout);
    text.map_or_else(
        || format!("imu2music {}", env!("CARGO_PKG_VERSION")),
        |text| String::from_utf8_lossy(&text).trim().into(),
    )
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let wrong = |cause: String| {
        TrainError::Data(format!(
            "{}: {cause}; delete it and run it again",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))
}

impl Baselines {
    pub fn read(folder: &Path) -> Result<Baselines, TrainError> {
        read(&folder.join("baselines.json"))
    }
}

impl Run {
    /// Every finished run, by name.
    pub fn read_all(folder: &Path) -> Result<Vec<Run>, TrainError> {
        let entries = std::fs::read_dir(folder)
            .map_err(|e| TrainError::Data(format!("{}: {e}", folder.display())))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| {
            let name = path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            name.starts_with("run-") && name.ends_with(".json")
        });
        paths.sort();
        paths.iter().map(|path| read(path)).collect()
    }
}
