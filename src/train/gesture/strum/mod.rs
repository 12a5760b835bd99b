//! `imu2music train strum`: a gesture model of the strumming hand from labelled recordings of one acceleration at 18.75
//! readings a second, with the virtual performer's strumming among them so that faster sensors and resting hands are
//! known too. The model that ships learns from every recording; then each is left out once, whole, and the same
//! lesson without it is the test.

mod card;
mod decision;
mod export;
mod front;
mod learner;
mod material;
mod pluck;
mod recording;
mod rivals;
mod score;
mod session;
#[cfg(test)]
mod tests;
mod trial;
mod virtual_arm;
mod virtual_hand;

use std::path::PathBuf;

use serde_json::json;

use super::TrainError;
use super::export::write;
use crate::neural::Model;
use crate::train::progress::{Progress, stop_asked, stop_on_interrupt};
use export::{Label, Saying};
use learner::{Ensemble, Lesson, Plan, teach};
use material::Material;
use recording::{Recording, read_all};
pub use score::{Figure, Score};
use session::Session;
pub use trial::Scores;
use trial::{Player, Trial};

/// Options of `imu2music train strum`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// Folder of the recordings: X.csv (seconds, acceleration), X.strums (seconds, D or U), X_line.wav
    #[cfg_attr(feature = "standalone", arg(long))]
    pub data: PathBuf,
    /// Where the model goes; its card lies beside it as .md
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub seed: u64,
    /// Units of each network
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 32))]
    pub hidden: usize,
    /// Networks whose answers are averaged
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 3))]
    pub members: usize,
    /// Steps of each network's training
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 300))]
    pub steps: usize,
    /// The model says a strum so long after the strings were struck: surer later, crisper sooner
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 100.0))]
    pub lag_ms: f64,
    /// Recordings that are left out in turn to test the lesson; all of them by default, 0 for none
    #[cfg_attr(feature = "standalone", arg(long))]
    pub test: Option<usize>,
    #[cfg_attr(feature = "standalone", arg(long, default_value = "Strum"))]
    pub name: String,
    /// No progress lines
    #[cfg_attr(feature = "standalone", arg(long))]
    pub quiet: bool,
}

/// Recordings are as quick as this; a stroke cannot be said later.
const MOST_LAG_MS: f64 = 200.0;
/// Implementations of one LSTM in `f32` differ by as much.
const EXPORT_TOLERANCE: f32 = 1e-4;

/// What became of a lesson.
#[derive(Clone, Debug)]
pub struct Report {
    pub scores: Scores,
    /// Largest difference of the written model as it plays from the trained networks over 500 streamed frames.
    pub export_difference: f32,
    pub parameters: usize,
    pub seconds: f64,
    /// Share of their lesson that the written networks had; less than 1 where it was stopped by hand.
    pub learned: f64,
    pub stopped_by_hand: bool,
}

/// The command.
pub fn run(args: &Args) -> Result<Report, TrainError> {
    args.check()?;
    let unwritable = |cause| TrainError::Write {
        path: args.out.clone(),
        cause,
    };
    let probe = args.out.with_extension("part");
    std::fs::write(&probe, b"").map_err(unwritable)?;
    let _ = std::fs::remove_file(&probe);
    stop_on_interrupt();
    if !args.quiet {
        println!("reading {} …", args.data.display());
    }
    let recordings = read_all(&args.data)?;
    let (onnx, page, report) = lesson(args, &recordings)?;
    write(&args.out, &onnx).map_err(unwritable)?;
    write(&args.out.with_extension("md"), page.as_bytes()).map_err(unwritable)?;
    if !args.quiet {
        if report.stopped_by_hand {
            println!("{}", card::stopped(&report));
        }
        println!("{}", card::table(&report.scores));
        println!("wrote {}", args.out.display());
    }
    Ok(report)
}

/// The model's file, its card and its report.
fn lesson(args: &Args, recordings: &[Recording]) -> Result<(Vec<u8>, String, Report), TrainError> {
    let lag_s = args.lag_ms * 1e-3;
    let material = Material::of(recordings, args.seed, lag_s);
    let tested = args.test.unwrap_or(recordings.len()).min(recordings.len());
    let mut school = School::new(args, tested);
    let all: Vec<&Session> = material.own.iter().collect();
    let beside = material.beside();
    let ensemble = school.ensemble(&material.without(None), "learning");
    let learned = school.learned;
    let shipped = Player::new(ensemble, &all, &beside, lag_s);
    let difference = parity(&shipped, &material.own[0])?;
    let mut trial = Trial::default();
    for index in 0..tested {
        let what = format!("testing {} of {tested}", index + 1);
        let ensemble = school.ensemble(&material.without(Some(index)), &what);
        if school.stopped {
            break;
        }
        let others: Vec<&Session> = all
            .iter()
            .copied()
            .filter(|s| s.name != material.own[index].name)
            .collect();
        trial.ask(
            &Player::new(ensemble, &others, &beside, lag_s),
            &material.own,
            index,
        );
    }
    if tested > 0 && !school.stopped {
        let ensemble = school.ensemble(&material.virtual_only(), "learning from virtual hands");
        let hands: Vec<&Session> = material.hands.iter().take(30).collect();
        if !school.stopped {
            trial.ask_virtually_taught(&Player::new(ensemble, &hands, &[], lag_s), &material.own);
        }
    }
    let report = Report {
        scores: trial.scores(),
        export_difference: difference,
        parameters: shipped.ensemble.members.iter().map(Vec::len).sum(),
        seconds: school.progress.elapsed().as_secs_f64(),
        learned,
        stopped_by_hand: school.stopped,
    };
    let label = label(args, recordings, &shipped, &report);
    let onnx = export::onnx(&shipped, &label);
    let page = card::markdown(&label, args, &shipped.decision, recordings, &report);
    Ok((onnx, page, report))
}

/// Trains one ensemble after another and tells how far it is.
struct School<'a> {
    args: &'a Args,
    plan: Plan,
    progress: Progress,
    networks: usize,
    done: usize,
    /// Share of its lesson that the last ensemble had.
    learned: f64,
    stopped: bool,
}

impl School<'_> {
    fn new(args: &Args, tested: usize) -> School<'_> {
        let ensembles = 1 + tested + usize::from(tested > 0);
        School {
            args,
            plan: Plan {
                hidden: args.hidden,
                steps: args.steps,
                lag_s: args.lag_ms * 1e-3,
            },
            progress: Progress::new(args.quiet),
            networks: ensembles * args.members,
            done: 0,
            learned: 0.0,
            stopped: false,
        }
    }

    /// Stopped by hand it is the networks that have learned all they should, or the only one as far as it came.
    fn ensemble(&mut self, lessons: &[&Lesson], what: &str) -> Ensemble {
        let mut members: Vec<Vec<f32>> = Vec::new();
        self.learned = 0.0;
        for member in 0..self.args.members {
            let (network, through) = self.network(lessons, member, what);
            let whole = through >= 1.0;
            if whole || members.is_empty() {
                members.push(network);
                self.learned += through / self.args.members as f64;
            }
            self.done += 1;
            if self.stopped {
                break;
            }
        }
        Ensemble {
            members,
            shape: self.plan.shape(),
        }
    }

    /// A network's parameters and the share of its lesson that it had.
    fn network(&mut self, lessons: &[&Lesson], member: usize, what: &str) -> (Vec<f32>, f64) {
        let seed = self
            .args
            .seed
            .wrapping_mul(1000)
            .wrapping_add(member as u64);
        let of = self.args.members;
        let (mut mean, mut learned) = (None, 0.0);
        let network = teach(lessons, &self.plan, seed, |through, loss| {
            let mean = mean.get_or_insert(loss);
            *mean += 0.05 * (loss - *mean);
            let text = format!("{what}, network {} of {of}, loss {mean:.3}", member + 1);
            let done = (self.done as f64 + through) / self.networks as f64;
            self.progress.report(done, &text);
            learned = through;
            self.stopped = stop_asked();
            !self.stopped
        });
        (network.parameters().to_vec(), learned)
    }
}

impl Args {
    fn check(&self) -> Result<(), TrainError> {
        let wrong = |option: &str, choices: &str| {
            Err(TrainError::Data(format!("--{option}: choose {choices}")))
        };
        if !(0.0..=MOST_LAG_MS).contains(&self.lag_ms) {
            return wrong("lag-ms", "0 to 200");
        }
        if !(1..=128).contains(&self.hidden) || !(1..=8).contains(&self.members) {
            return wrong("hidden and --members", "1 to 128 units and 1 to 8 networks");
        }
        if self.steps == 0 {
            return wrong("steps", "1 or more");
        }
        Ok(())
    }
}

/// How far the written model is from the networks over 500 frames of a session; too far is an error.
fn parity(player: &Player, session: &Session) -> Result<f32, TrainError> {
    let file = export::onnx(player, &Label::blank());
    let motion = &session.motion[..session.motion.len().min(500)];
    let difference =
        difference(&file, player, motion).map_err(|error| TrainError::Engine(error.to_string()))?;
    if difference > EXPORT_TOLERANCE {
        return Err(TrainError::Parity(difference));
    }
    Ok(difference)
}

/// The largest difference of what `file` says as it plays from what the networks say; relative above 1.
fn difference(
    file: &[u8],
    player: &Player,
    motion: &[f32],
) -> Result<f32, crate::neural::ModelError> {
    let mut model = Model::load_exact(file)?;
    let (mut saying, mut worst) = (Saying::default(), 0.0f32);
    let raws = player.ensemble.run(motion);
    let loudness = player.loudness(motion, &raws);
    for ((raw, loudness), motion) in raws.iter().zip(loudness).zip(motion) {
        model.input_mut(0)[0] = motion / front::UNIT_M_PER_S2;
        model.step();
        let said = (0..3).flat_map(|output| model.output(output));
        for (said, meant) in said.zip(saying.step(raw, loudness, &player.decision)) {
            worst = worst.max((said - meant).abs() / meant.abs().max(1.0));
        }
    }
    Ok(worst)
}

fn label(args: &Args, recordings: &[Recording], player: &Player, report: &Report) -> Label {
    let takes = recordings.iter().map(|recording| {
        json!({
            "name": recording.name,
            "sha256": recording.sha256,
            "notes": "KLANGIO-GST-MM-T, Murgul and Heizmann 2022",
            "licence": "Apache-2.0",
        })
    });
    Label {
        name: args.name.clone(),
        licence: "MIT OR Apache-2.0; learned from KLANGIO-GST-MM-T (Klangio GmbH, Apache-2.0)".into(),
        description: "One sensor on the strumming hand, wrist or forearm, strapped on anyhow: a down stroke sounds a \
            note, an up stroke the octave above and brighter, as loud as the guitar would be; a held key chooses the \
            note."
            .into(),
        data: json!({
            "synthetic": false,
            "takes": takes.collect::<Vec<_>>(),
            "split": "each recording left out once, whole",
            "seed": args.seed,
            "lead_s": -player.decision.late_s,
        }),
        metrics: json!({
            "left_out": report.scores,
            "decision": player.decision,
            "pluck": player.pluck,
            "export_difference": report.export_difference,
        }),
    }
}
