//! One lesson from split takes to a checked model: standardise, fit the line and the network, compare with what it must
//! beat, write, and play what was written.

use super::TrainError;
use super::compare::{self, Report};
use super::evaluate::{self, Scores};
use super::export::{self, Label};
use super::fit::{Fed, Fitted, Lesson, Plan, fit};
use super::hearing::Hearing;
use super::heavy::HeavyLine;
use super::loss::Heads;
use super::network::{Arch, Shape};
use super::ridge::Straight;
use super::take::{Notes, Split, Take, Truth};

/// The network's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub arch: Arch,
    pub hidden: usize,
    pub layers: usize,
}

/// Takes as every learner and every baseline is given them.
pub struct Ground<'a> {
    pub split: &'a Split,
    pub hearing: Hearing,
    pub heads: Heads,
    pub train: Vec<Fed>,
    pub validation: Vec<Fed>,
    pub rate_hz: f32,
    pub ridge: HeavyLine,
}

impl<'a> Ground<'a> {
    /// What a network is to stand beside: fitted to the takes as they are and to one epoch of them varied.
    fn line(&self, later: impl Fn(usize) -> Vec<Take>) -> Straight {
        let mut takes = self.hearing.fed(&self.split.train);
        takes.extend(self.hearing.fed(&later(1)));
        Straight::fit(&self.heads, &takes, &self.validation).beside(&self.heads)
    }

    pub fn of(split: &'a Split, rate_hz: f32) -> Result<Ground<'a>, TrainError> {
        let mut truths = split.train.iter().flat_map(|take| &take.truth);
        if !truths.any(Truth::voiced) {
            let cause = "nothing sounds in the training takes: record some playing";
            return Err(TrainError::Data(cause.into()));
        }
        let hearing = Hearing::of(&split.train);
        let heads = Heads {
            notes: Notes::of(&split.train),
        };
        let (train, validation) = (hearing.fed(&split.train), hearing.fed(&split.validation));
        let ridge = HeavyLine::fit(&heads, &train, &validation, rate_hz);
        Ok(Ground {
            split,
            hearing,
            heads,
            train,
            validation,
            rate_hz,
            ridge,
        })
    }

    /// Scores raw outputs of the test takes.
    pub fn score(&self, raws: &[Vec<f32>]) -> Scores {
        let pairs = raws.iter().zip(&self.split.test);
        let pairs: Vec<(&[f32], &[Truth])> = pairs
            .map(|(raw, take)| (&raw[..], &take.truth[..]))
            .collect();
        evaluate::score(&self.heads, self.rate_hz, &pairs)
    }
}

/// A trained model, ready to write.
pub struct Trained {
    pub onnx: Vec<u8>,
    pub report: Report,
    pub label: Label,
    pub fitted: Fitted,
    pub shape: Shape,
    pub heads: Heads,
    pub hearing: Hearing,
}

impl Trained {
    /// The model with its label as it now is.
    pub fn file(&self) -> Vec<u8> {
        let Trained {
            fitted,
            shape,
            heads,
            hearing,
            label,
            ..
        } = self;
        let straight = fitted.kept.straight.as_ref();
        export::onnx(
            *shape,
            heads,
            &fitted.kept.network,
            straight,
            hearing,
            label,
        )
    }
}

/// Learns from `split.train` first and from the takes that `later` gives for each later epoch, stops by
/// `split.validation`, reports on `split.test`.
pub fn train(
    split: &Split,
    later: impl Fn(usize) -> Vec<Take>,
    size: Size,
    plan: &Plan,
    label: Label,
    quiet: bool,
) -> Result<Trained, TrainError> {
    let ground = Ground::of(split, label.frame_rate_hz as f32)?;
    let Size {
        arch,
        hidden,
        layers,
    } = size;
    let shape = Shape {
        arch,
        inputs: ground.hearing.width(),
        hidden,
        layers,
        outputs: ground.heads.width(),
    };
    let line = plan.straight.then(|| ground.line(&later));
    let lesson = Lesson {
        train: |epoch: usize| match epoch {
            0 => ground.hearing.fed(&split.train),
            epoch => ground.hearing.fed(&later(epoch)),
        },
        recorded: &ground.train,
        held_out: &ground.validation,
        straight: line.as_ref(),
        rate_hz: ground.rate_hz,
    };
    let fitted = fit(shape, &ground.heads, lesson, plan, quiet);
    let mut report = compare::compare(&ground, shape, &fitted, &label);
    let mut trained = Trained {
        onnx: Vec::new(),
        report: report.clone(),
        label,
        fitted,
        shape,
        heads: ground.heads,
        hearing: ground.hearing.clone(),
    };
    let calibration = serde_json::to_value(trained.fitted.kept.calibration);
    trained.label.data["calibration"] = calibration.unwrap_or_default();
    let edge = serde_json::to_value(trained.fitted.kept.onset_edge);
    trained.label.data["onset_edge"] = edge.unwrap_or_default();
    report.export_difference = export_difference(&trained, &split.test)?;
    if report.export_difference > EXPORT_TOLERANCE {
        return Err(TrainError::Parity(report.export_difference));
    }
    trained.label.metrics = serde_json::to_value(&report).unwrap_or_default();
    trained.report = report;
    trained.onnx = trained.file();
    Ok(trained)
}

/// Two implementations of one LSTM in `f32`, fed 500 frames.
const EXPORT_TOLERANCE: f32 = 1e-4;

/// The largest difference between the file as it plays and the network as it was trained, over 500 test frames.
fn export_difference(trained: &Trained, test: &[Take]) -> Result<f32, TrainError> {
    let test = trained.hearing.fed(&test[..test.len().min(1)]);
    let Some(take) = test.first() else {
        return Ok(0.0);
    };
    let rows: Vec<&[f32]> = take.rows().take(500).collect();
    let said =
        export::steps(&trained.file(), &rows).map_err(|e| TrainError::Engine(e.to_string()))?;
    let meant = trained.fitted.kept.run(trained.shape, &test);
    Ok(largest_difference(&said, &meant[0], &trained.heads))
}

/// How far the outputs of a written model are from the network's raw ones, `[frames][outputs]` both. The file says
/// probabilities where the network says logits. Relative where an output is larger than 1.
pub fn largest_difference(said: &[Vec<f32>], meant: &[f32], heads: &Heads) -> f32 {
    let mut largest = 0.0f32;
    for (said, meant) in said.iter().zip(meant.chunks_exact(heads.width())) {
        for (index, (said, meant)) in said.iter().zip(meant).enumerate() {
            let meant = if index >= heads.onset() {
                1.0 / (1.0 + (-meant).exp())
            } else {
                *meant
            };
            largest = largest.max((said - meant).abs() / meant.abs().max(1.0));
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Controls;
    use crate::train::course::Limits;

    const RATE_HZ: u32 = 20;

    /// Loudness is a swing one way or the other, and another feature turns it round, with the pitch: no line says either.
    fn bent(seed: f32, seconds: usize) -> Take {
        let mut take = Take {
            name: format!("bent {seed}"),
            width: 3,
            ..Take::default()
        };
        for frame in 0..seconds * RATE_HZ as usize {
            let t = frame as f32 / RATE_HZ as f32 + 100.0 * seed;
            let swing = (1.7 * t).sin() * (0.31 * t).cos();
            let lean = (0.83 * t).sin();
            take.features.extend([swing, lean, (5.1 * t).sin()]);
            let controls = Controls {
                pitch_note: 62.0 + if lean > 0.0 { 3.0 } else { -3.0 } + 0.5 * swing.signum(),
                loudness_db: -25.0 + 20.0 * swing * lean.signum(),
                brightness: 0.4 + 0.2 * swing * swing,
                noisiness: 0.1 + 0.1 * lean * lean,
                ..Controls::SILENT
            };
            take.truth.push(Truth {
                controls,
                onset: lean > 0.0 && lean < 0.04 * 4.0,
                pitched: true,
            });
        }
        take
    }

    #[test]
    fn an_lstm_beats_ridge_in_every_control_on_takes_it_has_not_heard() {
        let split = Split {
            train: vec![bent(0.1, 60)],
            validation: vec![bent(0.2, 20)],
            test: vec![bent(0.3, 30)],
        };
        let plan = Plan {
            limits: Limits {
                epochs: 30,
                patience: 25,
            },
            window_frames: 40,
            ..Plan::careful()
        };
        let label = Label {
            name: "Bent".into(),
            frame_rate_hz: RATE_HZ,
            feature_schema: 1,
            inputs: ["swing", "lean", "noise"]
                .map(|n| format!("right_forearm.{n}"))
                .into(),
            data: serde_json::json!({}),
            ..Label::default()
        };
        let size = Size {
            arch: Arch::Lstm,
            hidden: 24,
            layers: 1,
        };
        let later = |epoch: usize| vec![bent(1.0 + epoch as f32, 120)];
        let report = train(&split, later, size, &plan, label, true)
            .unwrap()
            .report;
        let (own, ridge) = (report.network, report.ridge);
        println!("{own:?}\n{ridge:?}\n{:?}", report.mean);
        assert!(own.pitch_nll < ridge.pitch_nll - 0.2);
        assert!(own.loudness_r > ridge.loudness_r + 0.2);
        assert!(own.brightness_r > ridge.brightness_r && own.noisiness_r > ridge.noisiness_r);
        assert!(own.onset_f1 >= ridge.onset_f1);
        assert!(report.network_motion_shifted.loudness_r < 0.5 * own.loudness_r);
    }
}
