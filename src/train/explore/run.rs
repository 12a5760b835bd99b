//! One trained network and its numbers, as a small JSON file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::done::noted;
use super::matching::{Matching, matched};
use super::origin::{commit, machine};
use super::picture::Trace;
use super::scored::Scored;
use super::sound;
use crate::neural::report;
use crate::train::gesture::evaluate::{loudness_of, pitch_of};
use crate::train::gesture::export::write;
use crate::train::gesture::fit::Fed;
use crate::train::gesture::recorded::Recording;
use crate::train::gesture::{Args, Size, TrainError, Trained, lesson_of};

/// Seconds of the test that are drawn and sung.
pub const SHOWN_S: usize = 8;

/// Names of finished runs begin with this.
const PREFIX: &str = "run-";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub arch: String,
    pub seed: u64,
    pub parameters: usize,
    pub us_per_frame: f64,
    pub seconds: f32,
    pub epochs: usize,
    pub scores: Scored,
    /// The same network, fed the motion of half a take later.
    pub wrong_motion: Scored,
    /// And that of another take; none where there is one take only.
    pub motion_of_another_take: Option<Scored>,
    pub matching: Matching,
    /// Per epoch: training and held-out loss.
    pub curve: Vec<[f32; 2]>,
    pub trace: Trace,
    /// A WAV file, in base 64.
    pub sound: String,
    pub command: String,
    pub commit: String,
    pub machine: String,
    /// What it learned from and how; empty where it was stopped.
    #[serde(default)]
    pub lesson: String,
}

/// Trains one network and writes its numbers and its model.
pub fn one(
    args: &Args,
    size: Size,
    recordings: &Arc<[Recording]>,
    folder: &Path,
    command: &str,
    ground: &str,
) -> Result<(), TrainError> {
    let (trained, test) = lesson_of(args, size, recordings)?;
    let Trained {
        report,
        onnx,
        fitted,
        shape,
        heads,
        hearing,
        label,
        ..
    } = &trained;
    let rate_hz = label.frame_rate_hz as usize;
    let fed = hearing.fed(&test);
    let raw = fitted.kept.run(*shape, &fed);
    let shown = (SHOWN_S * rate_hz).min(test[0].frames());
    let rows = raw[0].chunks_exact(heads.width()).take(shown);
    let trace = Trace::of(rows.map(|row| (pitch_of(heads, row), loudness_of(heads, row))));
    let say = |crops: &[Fed]| fitted.kept.run(*shape, crops);
    let run = Run {
        arch: size.arch.name().into(),
        seed: args.seed,
        parameters: report.parameters,
        us_per_frame: report::check(onnx)
            .timing
            .map_or(0.0, |timing| timing.median_us),
        seconds: report.seconds,
        epochs: report.epochs,
        scores: Scored::of(&report.network, &test),
        wrong_motion: Scored::of(&report.network_motion_shifted, &test),
        motion_of_another_take: report
            .network_motion_of_another_take
            .map(|scores| Scored::of(&scores, &test)),
        matching: matched(say, heads, &fed, rate_hz),
        curve: finite(&fitted.curve),
        sound: sound::sung(&trace, rate_hz as u32)?,
        trace,
        command: command.into(),
        commit: commit(),
        machine: machine(),
        lesson: noted(ground, report.stopped_by_hand),
    };
    let name = format!("{}-{}", run.arch, run.seed);
    write(&folder.join(format!("{name}.onnx")), onnx).map_err(|cause| TrainError::Write {
        path: folder.to_owned(),
        cause,
    })?;
    keep(&Run::path(folder, &name), &run)
}

/// A loss that is no number (JSON has none) stands as the worst before it.
fn finite(curve: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut worst = [0.0f32; 2];
    let mut keep = |point: &[f32; 2]| {
        std::array::from_fn(|part| {
            let loss = point[part];
            if loss.is_finite() {
                worst[part] = worst[part].max(loss);
                return loss;
            }
            worst[part]
        })
    };
    curve.iter().map(&mut keep).collect()
}

/// Writes something as JSON, whole or not at all.
pub fn keep(path: &Path, what: &impl Serialize) -> Result<(), TrainError> {
    let text = serde_json::to_string(what).map_err(|e| TrainError::Data(e.to_string()))?;
    write(path, text.as_bytes()).map_err(|cause| TrainError::Write {
        path: path.to_owned(),
        cause,
    })
}

pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let wrong = |cause: String| {
        TrainError::Data(format!(
            "{}: {cause}; delete it and run it again",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))
}

impl Run {
    /// Where the run of this name is kept.
    pub fn path(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{PREFIX}{name}.json"))
    }

    /// Every finished run, by name.
    pub fn read_all(folder: &Path) -> Result<Vec<Run>, TrainError> {
        read_all(folder, PREFIX)
    }
}

/// Every file `PREFIX….json` in the folder, by name.
pub fn read_all<T: DeserializeOwned>(folder: &Path, prefix: &str) -> Result<Vec<T>, TrainError> {
    let entries = std::fs::read_dir(folder)
        .map_err(|e| TrainError::Data(format!("{}: {e}", folder.display())))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        name.starts_with(prefix) && name.ends_with(".json")
    });
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_is_not_written() {
        let curve = finite(&[[2.0, 3.0], [1.0, f32::NAN], [f32::INFINITY, 2.0]]);
        assert_eq!(curve, [[2.0, 3.0], [1.0, 3.0], [2.0, 2.0]]);
    }
}
