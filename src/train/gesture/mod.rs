//! `imu2music train gesture`: learns motion → Controls and writes an ONNX model and its card. Takes come from the
//! virtual performer (recorded ones join through the same [`Take`]); they are split by performance; beside the result
//! stand the mean, ridge regression, and the same network fed wrong motion, because a network that ignores its input
//! looks well until then.

mod baseline;
mod by_hand;
mod card;
mod energy;
mod evaluate;
mod export;
mod fit;
mod learner;
mod loss;
mod network;
mod sensing;
mod take;
#[cfg(test)]
mod tests;
mod virtual_takes;

use std::path::PathBuf;

pub use evaluate::Scores;
pub use network::Arch;
pub use take::{Split, Take, Truth};
pub use virtual_takes::{Players, Target};

use baseline::Ridge;
use export::Label;
use fit::{Fed, Fitted, Plan, fit, run as run_network};
use loss::Heads;
use network::Shape;
use serde::Serialize;
use take::{Notes, Standard};

use crate::gesture::features::FEATURE_SCHEMA;

/// Options of `imu2music train gesture`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// Who moves: bow, strum, shake, conduct, still, or mix for all of them
    #[cfg_attr(feature = "standalone", arg(long, default_value = "bow"))]
    pub performer: String,
    /// What the motion should mean: performer (its own music) or energy-tilt (any one sensor)
    #[cfg_attr(feature = "standalone", arg(long, default_value = "performer"))]
    pub target: String,
    /// Minutes of performance in an epoch; every epoch hears new ones. A fifth as much is held out, twice
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 20.0))]
    pub minutes: f64,
    /// Where the model goes; its card lies beside it as .md
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub seed: u64,
    /// Network: fc, rnn, lstm or gru
    #[cfg_attr(feature = "standalone", arg(long, default_value = "lstm"))]
    pub arch: String,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 64))]
    pub hidden: usize,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub layers: usize,
    /// Steps of the model per second: 200, 100, 50, 40, 25, 20 or 10
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 100))]
    pub frame_rate_hz: u32,
    /// Most epochs; it ends earlier when the held-out performances no longer gain
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 40))]
    pub epochs: usize,
    /// Name of the model as the player reads it; made from the file's name by default
    #[cfg_attr(feature = "standalone", arg(long))]
    pub name: Option<String>,
    /// No progress lines
    #[cfg_attr(feature = "standalone", arg(long))]
    pub quiet: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error("unknown {what} '{value}'; choose one of {choices}")]
    Unknown {
        what: &'static str,
        value: String,
        choices: String,
    },
    #[error("{path}: {cause}. Choose a folder that exists and can be written to")]
    Write {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{0}")]
    Data(String),
    #[error("the written model differs from the trained network by {0:.2e}; please report this")]
    Parity(f32),
    #[error("tract cannot run the model just written: {0}")]
    Engine(String),
}

/// What was learned, beside what it must beat. On performances that no part of the training has seen.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub network: Scores,
    pub mean: Scores,
    pub ridge: Scores,
    pub network_motion_shifted: Scores,
    pub network_motion_of_another_take: Scores,
    pub train_minutes: f32,
    pub test_minutes: f32,
    pub parameters: usize,
    pub epochs: usize,
    pub seconds: f32,
    /// Largest difference of the written model in tract from the trained network over 500 streamed frames.
    pub export_difference: f32,
    pub stopped_by_hand: bool,
}

/// A trained model, ready to write.
pub struct Trained {
    pub onnx: Vec<u8>,
    pub report: Report,
    pub label: export::Label,
}

/// The command.
pub fn run(args: &Args) -> Result<Report, TrainError> {
    let arch = choose(
        "network",
        &args.arch,
        Arch::from_name(&args.arch),
        &Arch::ALL.map(Arch::name),
    )?;
    let players = choose(
        "performer",
        &args.performer,
        Players::from_name(&args.performer),
        &Players::NAMES,
    )?;
    let target = choose(
        "target",
        &args.target,
        Target::from_name(&args.target),
        &Target::NAMES,
    )?;
    let probe = args.out.with_extension("part");
    let unwritable = |cause| TrainError::Write {
        path: args.out.clone(),
        cause,
    };
    std::fs::write(&probe, b"").map_err(unwritable)?;
    let _ = std::fs::remove_file(&probe);
    super::progress::stop_on_interrupt();
    let virtual_plan = virtual_takes::Plan {
        players,
        target,
        minutes: args.minutes,
        frame_rate_hz: args.frame_rate_hz,
        seed: args.seed,
    };
    if !args.quiet {
        println!("making {:.0} minutes of performance …", args.minutes * 1.4);
    }
    let split = virtual_takes::perform(&virtual_plan);
    let label = Label {
        name: args
            .name
            .clone()
            .unwrap_or_else(|| card::spoken_name(&args.out)),
        author: "IMU2Music".into(),
        licence: "MIT OR Apache-2.0".into(),
        description: virtual_plan.description(),
        frame_rate_hz: args.frame_rate_hz,
        feature_schema: FEATURE_SCHEMA,
        inputs: virtual_plan.input_names(),
        data: virtual_plan.data(),
        metrics: serde_json::Value::Null,
    };
    let plan = Plan {
        seed: args.seed,
        epochs: args.epochs,
        ..Plan::default()
    };
    let size = Size {
        arch,
        hidden: args.hidden,
        layers: args.layers,
    };
    let later = |epoch: usize| virtual_takes::rehearse(&virtual_plan, epoch);
    let trained = train(&split, later, size, &plan, label, args.quiet)?;
    export::write(&args.out, &trained.onnx).map_err(unwritable)?;
    let page = card::markdown(&trained, &card::command(args), size);
    export::write(&args.out.with_extension("md"), page.as_bytes()).map_err(unwritable)?;
    if !args.quiet {
        println!("{}", card::table(&trained.report));
        println!("wrote {}", args.out.display());
    }
    Ok(trained.report)
}

fn choose<T>(
    what: &'static str,
    value: &str,
    found: Option<T>,
    choices: &[&str],
) -> Result<T, TrainError> {
    found.ok_or_else(|| TrainError::Unknown {
        what,
        value: value.into(),
        choices: choices.join(", "),
    })
}

/// The network's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub arch: Arch,
    pub hidden: usize,
    pub layers: usize,
}

/// Learns from `split.train` first and from the takes that `later` gives for each later epoch, stops by
/// `split.validation`, reports on `split.test`.
pub fn train(
    split: &Split,
    later: impl Fn(usize) -> Vec<Take>,
    size: Size,
    plan: &Plan,
    mut label: Label,
    quiet: bool,
) -> Result<Trained, TrainError> {
    if !split
        .train
        .iter()
        .flat_map(|take| &take.truth)
        .any(Truth::voiced)
    {
        return Err(TrainError::Data(
            "nothing sounds in the training takes: record some playing".into(),
        ));
    }
    let standard = Standard::of(&split.train);
    let heads = Heads {
        notes: Notes::of(&split.train),
    };
    let fed = |takes: &[Take]| -> Vec<Fed> {
        takes.iter().map(|take| Fed::new(take, &standard)).collect()
    };
    let (train, validation) = (fed(&split.train), fed(&split.validation));
    let inputs = standard.mean.len();
    let Size {
        arch,
        hidden,
        layers,
    } = size;
    let shape = Shape {
        arch,
        inputs,
        hidden,
        layers,
        outputs: heads.width(),
    };
    let lesson = |epoch: usize| match epoch {
        0 => fed(&split.train),
        epoch => fed(&later(epoch)),
    };
    let fitted = fit(shape, &heads, lesson, &validation, plan, quiet);
    let mut report = compare(
        split,
        &standard,
        &heads,
        shape,
        &fitted,
        &train,
        label.frame_rate_hz,
    );
    label.metrics = serde_json::to_value(&report).unwrap_or_default();
    let onnx = export::onnx(shape, &heads, &fitted.network, &standard, &label);
    report.export_difference = export_difference(&onnx, shape, &heads, &fitted, &fed(&split.test))?;
    if report.export_difference > EXPORT_TOLERANCE {
        return Err(TrainError::Parity(report.export_difference));
    }
    label.metrics = serde_json::to_value(&report).unwrap_or_default();
    let onnx = export::onnx(shape, &heads, &fitted.network, &standard, &label);
    Ok(Trained {
        onnx,
        report,
        label,
    })
}

/// Two implementations of one LSTM in `f32`, fed 500 frames.
const EXPORT_TOLERANCE: f32 = 1e-4;

fn compare(
    split: &Split,
    standard: &Standard,
    heads: &Heads,
    shape: Shape,
    fitted: &Fitted,
    train: &[Fed],
    frame_rate_hz: u32,
) -> Report {
    let rate_hz = frame_rate_hz as f32;
    let judge = |outputs: &[Vec<f32>], takes: &[Take]| {
        let pairs: Vec<(&[f32], &[Truth])> = outputs
            .iter()
            .zip(takes)
            .map(|(raw, take)| (&raw[..], &take.truth[..]))
            .collect();
        evaluate::score(heads, rate_hz, &pairs)
    };
    let of_network = |takes: &[Take]| {
        let fed: Vec<Fed> = takes.iter().map(|take| Fed::new(take, standard)).collect();
        judge(&run_network(shape, &fitted.network, &fed), takes)
    };
    let test = &split.test;
    let shifted: Vec<Take> = test
        .iter()
        .map(|take| take.shifted(take.frames() / 2))
        .collect();
    let others: Vec<Take> = (0..test.len())
        .map(|i| test[i].with_motion_of(&test[(i + 1) % test.len()]))
        .collect();
    let mean = baseline::mean_row(heads, train);
    let means: Vec<Vec<f32>> = test.iter().map(|take| mean.repeat(take.frames())).collect();
    let ridge = Ridge::fit(train, 1e-3);
    let ridges: Vec<Vec<f32>> = test
        .iter()
        .map(|take| ridge.run(heads, &Fed::new(take, standard)))
        .collect();
    let minutes =
        |takes: &[Take]| takes.iter().map(Take::frames).sum::<usize>() as f32 / rate_hz / 60.0;
    Report {
        network: of_network(test),
        mean: judge(&means, test),
        ridge: judge(&ridges, test),
        network_motion_shifted: of_network(&shifted),
        network_motion_of_another_take: of_network(&others),
        train_minutes: minutes(&split.train),
        test_minutes: minutes(test),
        parameters: burn::module::Module::num_params(&fitted.network),
        epochs: fitted.epochs,
        seconds: fitted.seconds as f32,
        export_difference: 0.0,
        stopped_by_hand: fitted.stopped_by_hand,
    }
}

/// The largest difference between the file as it plays and the network as it was trained, over 500 test frames.
fn export_difference(
    onnx: &[u8],
    shape: Shape,
    heads: &Heads,
    fitted: &Fitted,
    test: &[Fed],
) -> Result<f32, TrainError> {
    let Some(take) = test.first() else {
        return Ok(0.0);
    };
    let rows: Vec<&[f32]> = take.rows().take(500).collect();
    let said = export::steps(onnx, &rows).map_err(|e| TrainError::Engine(e.to_string()))?;
    let meant = run_network(shape, &fitted.network, &test[..1]);
    let mut largest = 0.0f32;
    for (said, meant) in said.iter().zip(meant[0].chunks_exact(shape.outputs)) {
        for (index, (said, meant)) in said.iter().zip(meant).enumerate() {
            let meant = if index >= heads.onset() {
                1.0 / (1.0 + (-meant).exp())
            } else {
                *meant
            };
            largest = largest.max((said - meant).abs());
        }
    }
    Ok(largest)
}
