//! `imu2music train gesture`: learns motion → Controls and writes an ONNX model and its card. Takes are recorded ones
//! or the virtual performer's; they are split by performance or by blocks of time; beside the result stand the mean,
//! the previous frame, ridge regression, a mapping by hand, and the same network fed wrong motion, because a network
//! that ignores its input looks well until then.

mod baseline;
pub(super) mod blocks;
pub(super) mod by_hand;
mod calibrate;
pub(super) mod card;
pub(super) mod compare;
mod distributions;
mod edge;
mod energy;
pub(super) mod evaluate;
pub(super) mod export;
mod export_blocks;
pub(super) mod fit;
pub(super) mod forest;
pub(super) mod from_takes;
pub(super) mod heads;
mod hearing;
mod heavy;
pub(super) mod instrument;
mod kinship;
mod learner;
pub(super) mod lesson;
mod loss;
pub(super) mod network;
pub mod recorded;
mod ridge;
mod says;
mod sensing;
pub(super) mod split;
pub(super) mod spread;
pub mod strum;
pub(super) mod table;
mod tail;
pub(super) mod take;
#[cfg(test)]
mod tests;
pub mod vary;
mod virtual_takes;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;

pub use compare::Report;
pub use distributions::Distributions;
pub use evaluate::Scores;
pub use lesson::{Size, Trained, train};
pub use network::Arch;
pub use says::Says;
pub use take::{Split, Take, Truth};
pub use virtual_takes::{Players, Target};

use export::Label;
use fit::Plan;
use recorded::Recording;

use super::course::Limits;
use crate::gesture::features::FEATURE_SCHEMA;

/// Options of `imu2music train gesture`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// Recorded takes (folders); without any, the virtual performer is learned from
    #[cfg_attr(feature = "standalone", arg(long, num_args = 1..))]
    pub take: Vec<PathBuf>,
    /// Vary recorded motion while learning: auto does so for less than ten minutes of it, on, off
    #[cfg_attr(feature = "standalone", arg(long, default_value = "auto"))]
    pub augment: String,
    #[cfg_attr(feature = "standalone", command(flatten))]
    pub says: Says,
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
    /// Network: fc, rnn, lstm, gru, tcn, conv-lstm, conv-transformer or transformer
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
    let rates = [200, 100, 50, 40, 25, 20, 10];
    choose(
        "frame rate",
        &args.frame_rate_hz.to_string(),
        rates.contains(&args.frame_rate_hz).then_some(()),
        &rates
            .map(|rate| rate.to_string())
            .each_ref()
            .map(|rate| &**rate),
    )?;
    let plan = args.plan()?;
    let probe = args.out.with_extension("part");
    let unwritable = |cause| TrainError::Write {
        path: args.out.clone(),
        cause,
    };
    std::fs::write(&probe, b"").map_err(unwritable)?;
    let _ = std::fs::remove_file(&probe);
    super::progress::stop_on_interrupt();
    let material = if args.take.is_empty() {
        virtual_material(args, players, target)
    } else {
        from_takes::material(args, &from_takes::read(args)?)?
    };
    let size = Size {
        arch,
        hidden: args.hidden,
        layers: args.layers,
    };
    let Material {
        split,
        later,
        label,
    } = material;
    let trained = train(&split, later, size, &plan, label, args.quiet)?;
    export::write(&args.out, &trained.onnx).map_err(unwritable)?;
    let page = card::markdown(&trained, &card::command(args), size);
    export::write(&args.out.with_extension("md"), page.as_bytes()).map_err(unwritable)?;
    if !args.quiet {
        if trained.report.stopped_by_hand {
            println!("{}", card::stopped(&trained.report));
        }
        println!("{}", table::table(&trained.report));
        println!("wrote {}", args.out.display());
    }
    Ok(trained.report)
}

/// One lesson from recorded takes that is not written to a file: what was learned, and the test takes.
pub fn lesson_of(
    args: &Args,
    size: Size,
    recordings: &Arc<[Recording]>,
) -> Result<(Trained, Vec<Take>), TrainError> {
    let Material {
        split,
        later,
        label,
    } = from_takes::material(args, recordings)?;
    let plan = args.plan()?;
    let trained = train(&split, later, size, &plan, label, args.quiet)?;
    Ok((trained, split.test))
}

/// Gradients go back this far.
const WINDOW_S: usize = 2;

/// What is learned from: takes by purpose, more of them for later epochs, and what the file will say of it.
pub struct Material {
    pub split: Split,
    pub later: Box<dyn Fn(usize) -> Vec<Take>>,
    pub label: Label,
}

fn virtual_material(args: &Args, players: Players, target: Target) -> Material {
    let plan = virtual_takes::Plan {
        players,
        target,
        minutes: args.minutes,
        frame_rate_hz: args.frame_rate_hz,
        seed: args.seed,
    };
    if !args.quiet {
        println!("making {:.0} minutes of performance …", args.minutes * 1.4);
    }
    let label = Label {
        name: args.spoken_name(),
        author: "IMU2Music".into(),
        licence: "MIT OR Apache-2.0".into(),
        description: plan.description(),
        frame_rate_hz: args.frame_rate_hz,
        feature_schema: FEATURE_SCHEMA,
        inputs: plan.input_names(),
        data: plan.data(),
        metrics: serde_json::Value::Null,
    };
    Material {
        split: virtual_takes::perform(&plan),
        later: Box::new(move |epoch| virtual_takes::rehearse(&plan, epoch)),
        label,
    }
}

impl Args {
    fn plan(&self) -> Result<Plan, TrainError> {
        let plan = if self.take.is_empty() {
            Plan::default()
        } else {
            Plan::careful()
        };
        Ok(Plan {
            seed: self.seed,
            limits: Limits {
                epochs: self.epochs,
                ..plan.limits
            },
            window_frames: WINDOW_S * self.frame_rate_hz as usize,
            distributions: self.says.distributions()?,
            ..plan
        })
    }

    fn spoken_name(&self) -> String {
        let own = self.name.clone();
        own.unwrap_or_else(|| card::spoken_name(&self.out))
    }
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
