//! One lesson from split takes to a checked model: standardise, fit the line and the network, compare with what it must
//! beat, write, and play what was written.

use super::TrainError;
use super::compare::{self, Report};
use super::distributions::Distributions;
use super::evaluate::{self, Scores};
use super::export::{self, Label};
use super::fit::{Fed, Fitted, Lesson, Plan, fit};
use super::heads::Heads;
use super::hearing::Hearing;
use super::heavy::HeavyLine;
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

    pub fn of(
        split: &'a Split,
        distributions: Distributions,
        rate_hz: f32,
    ) -> Result<Ground<'a>, TrainError> {
        let mut truths = split.train.iter().flat_map(|take| &take.truth);
        if !truths.any(Truth::voiced) {
            let cause = "nothing sounds in the training takes: record some playing";
            return Err(TrainError::Data(cause.into()));
        }
        let hearing = Hearing::of(&split.train);
        let heads = Heads {
            timbre: split.timbre,
            distributions,
            ..Heads::of(Notes::of(&split.train))
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
        export::onnx(*shape, heads, &fitted.kept, hearing, label)
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
    let ground = Ground::of(split, plan.distributions, label.frame_rate_hz as f32)?;
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
    let calibration = serde_json::to_value(&trained.fitted.kept.calibration);
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

/// How far the outputs of a written model are from what the network's raw ones, `[frames][outputs]`, would have it
/// state. Relative where an output is larger than 1.
pub fn largest_difference(said: &[Vec<f32>], meant: &[f32], heads: &Heads) -> f32 {
    let mut largest = 0.0f32;
    for (said, meant) in said.iter().zip(meant.chunks_exact(heads.width())) {
        for (said, meant) in said.iter().zip(heads.stated(meant)) {
            largest = largest.max((said - meant).abs() / meant.abs().max(1.0));
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Controls;
    use crate::neural::gesture_model::GestureModel;
    use crate::sensor::performer::Chance;
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

    /// Loudness follows one feature, and strays from it by 6 dB where another is above 0 and by 1.5 dB where it is not.
    fn straying(seed: u64, seconds: usize) -> Take {
        let mut take = Take {
            name: format!("straying {seed}"),
            width: 2,
            ..Take::default()
        };
        let mut chance = Chance::new(seed, 3);
        for _ in 0..seconds * RATE_HZ as usize {
            let [swing, lean] = [0; 2].map(|_| chance.between(-1.0, 1.0) as f32);
            take.features.extend([swing, lean]);
            let stray_db = if lean > 0.0 { 6.0 } else { 1.5 } * chance.normal() as f32;
            take.truth.push(Truth {
                controls: Controls {
                    pitch_note: 62.0 + 2.0 * swing,
                    loudness_db: -30.0 + 6.0 * swing + stray_db,
                    ..Controls::SILENT
                },
                onset: false,
                pitched: true,
            });
        }
        take
    }

    /// What is learned of straying takes: the mean log-deviation where they stray and where they do not, and the report.
    fn strayed(plan: &Plan) -> (f32, f32, Trained) {
        let split = Split {
            timbre: 0,
            train: vec![straying(1, 60)],
            validation: vec![straying(2, 30)],
            test: vec![straying(3, 60)],
        };
        let size = Size {
            arch: Arch::Lstm,
            hidden: 12,
            layers: 1,
        };
        let later = |epoch: usize| vec![straying(10 + epoch as u64, 120)];
        let trained = train(&split, later, size, plan, label(&["swing", "lean"]), true).unwrap();
        let heads = trained.heads;
        let raw = trained
            .fitted
            .kept
            .run(trained.shape, &trained.hearing.fed(&split.test));
        let mean = |strays: bool| {
            let rows = raw[0].chunks_exact(heads.width()).zip(split.test[0].rows());
            let rows = rows.filter(|(_, x)| (x[1] > 0.3) == strays && x[1].abs() > 0.3);
            let logs: Vec<f32> = rows.map(|(row, _)| row[heads.spread(0).unwrap()]).collect();
            logs.iter().sum::<f32>() / logs.len() as f32
        };
        (mean(true), mean(false), trained)
    }

    #[test]
    fn a_distribution_is_as_wide_as_what_it_says_strays_and_its_file_plays_it() {
        for plan in [Plan::default(), Plan::careful()] {
            let plan = Plan {
                limits: Limits {
                    epochs: 30,
                    patience: 30,
                },
                lanes: 4,
                window_frames: 20,
                rate: 1e-2,
                distributions: Distributions {
                    pitch: false,
                    loudness: true,
                    ..Distributions::default()
                },
                ..plan
            };
            let (wide, narrow, trained) = strayed(&plan);
            let (own, line) = (&trained.report.network, &trained.report.ridge);
            let (said, of_line) = (
                own.spreads.loudness.unwrap(),
                line.spreads.loudness.unwrap(),
            );
            println!(
                "{wide} {narrow} {said:?} {of_line:?} {}",
                own.pitch_error_median
            );
            assert!((wide - (6.0f32 / 20.0).ln()).abs() < 0.3, "{wide}");
            assert!((narrow - (1.5f32 / 20.0).ln()).abs() < 0.4, "{narrow}");
            assert!((0.6..0.76).contains(&said.within), "{said:?}");
            assert!(said.nll < of_line.nll - 0.2, "{said:?} {of_line:?}");
            draws(&trained);
        }
    }

    /// The file's pitch is a point, and its loudness strays from what it says at temperature 0, more where takes did.
    fn draws(trained: &Trained) {
        let mut model = GestureModel::load(&trained.onnx).unwrap();
        let before = straying(4, 2);
        let mut say = |lean: f32, temperature: f32, dice: u32| {
            model.reset();
            // One throw lasts until an onset, and there is none.
            for row in before.rows() {
                model.step(row, temperature, dice);
            }
            model.step(&[0.5, lean], temperature, dice).controls
        };
        let mean = say(0.8, 0.0, 1);
        assert_eq!(mean, say(0.8, 0.0, 2));
        assert!((mean.pitch_note - 63.0).abs() < 0.7, "{}", mean.pitch_note);
        let mut strays_db = |lean: f32| {
            let middle_db = say(lean, 0.0, 1).loudness_db;
            let each = (0..200).map(|dice| (say(lean, 1.0, dice).loudness_db - middle_db).powi(2));
            (each.sum::<f32>() / 200.0).sqrt()
        };
        let (wide_db, narrow_db) = (strays_db(0.8), strays_db(-0.8));
        assert!(
            (4.0..8.0).contains(&wide_db) && narrow_db < 3.0,
            "{wide_db} {narrow_db}"
        );
    }

    fn label(features: &[&str]) -> Label {
        Label {
            name: "Bent".into(),
            frame_rate_hz: RATE_HZ,
            feature_schema: 1,
            inputs: features
                .iter()
                .map(|name| format!("right_forearm.{name}"))
                .collect(),
            data: serde_json::json!({}),
            ..Label::default()
        }
    }

    /// The same playing, but for what leans far: the note is as far away as can be.
    fn surprising(mut take: Take) -> Take {
        for (truth, row) in take.truth.iter_mut().zip(take.features.chunks_exact(3)) {
            if row[1] > 0.5 {
                truth.controls.pitch_note = 58.5;
            }
        }
        take
    }

    /// A small LSTM that learned from bent takes, and its scores on `test`.
    fn bent_lesson(test: Take, epochs: usize, hidden: usize) -> Report {
        let split = Split {
            timbre: 0,
            train: vec![bent(0.1, 60)],
            validation: vec![bent(0.2, 20)],
            test: vec![test],
        };
        let plan = Plan {
            limits: Limits {
                epochs,
                patience: 25,
            },
            window_frames: 40,
            ..Plan::careful()
        };
        let size = Size {
            arch: Arch::Lstm,
            hidden,
            layers: 1,
        };
        let later = |epoch: usize| vec![bent(1.0 + epoch as f32, 120)];
        let label = label(&["swing", "lean", "noise"]);
        train(&split, later, size, &plan, label, true)
            .unwrap()
            .report
    }

    #[test]
    fn a_note_that_nothing_learned_leads_to_costs_nats_and_not_tens_of_them() {
        let report = bent_lesson(surprising(bent(0.3, 30)), 12, 12);
        let nll = report.network.pitch_nll;
        println!("{nll}");
        assert!((1.0..4.0).contains(&nll), "{nll}");
    }

    #[test]
    fn an_lstm_beats_ridge_in_every_control_on_takes_it_has_not_heard() {
        let report = bent_lesson(bent(0.3, 30), 30, 24);
        let (own, ridge) = (report.network, report.ridge);
        println!("{own:?}\n{ridge:?}\n{:?}", report.mean);
        assert!(own.pitch_nll < ridge.pitch_nll - 0.2);
        assert!(own.loudness_r > ridge.loudness_r + 0.2);
        assert!(own.brightness_r > ridge.brightness_r && own.noisiness_r > ridge.noisiness_r);
        assert!(own.onset_f1 >= ridge.onset_f1);
        assert!(report.network_motion_shifted.loudness_r < 0.5 * own.loudness_r);
    }
}
