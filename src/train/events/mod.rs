//! `imu2music explore --target events`: the original research protocol. Six seconds of motion in, a sequence of 243
//! MIDI-like events out, by an encoder and a decoder; cross-entropy and accuracy on held-out windows. Beside every
//! network stands the same one fed wrong motion and one that never heard any: the question is whether it uses the
//! motion. The original networks hear a whole window before they speak; two that play along are exported and play in
//! the engine.

mod attention;
mod batch;
mod evaluate;
mod export;
mod imagine;
mod lesson;
mod material;
mod midi;
mod network;
mod notes;
mod page;
mod roll;
mod run;
mod score;
mod sequence;
mod stream;
#[cfg(test)]
mod tests;
mod vary;

use std::path::Path;

use super::explore::{Args, Shard, done};
use super::gesture::TrainError;
use super::gesture::export::write;
use super::progress::stop_asked;
use network::{Arch, Form};
use run::{Baselines, Order, Run};

/// What is compared unless told otherwise.
pub const ARCHS: [&str; 4] = ["lstm", "transformer", "lstm-stream", "transformer-stream"];
pub const WIDTH: usize = 128;
pub const LAYERS: usize = 2;
pub use notes::RATE_HZ;

/// The command; `folder` is where runs lie.
pub fn run(args: &Args, folder: &Path) -> Result<(), TrainError> {
    if let Some(rate) = args.frame_rate_hz
        && rate != notes::RATE_HZ
    {
        return Err(TrainError::Unknown {
            what: "frame rate for events",
            value: rate.to_string(),
            choices: format!("{}, the grid of their time shifts", notes::RATE_HZ),
        });
    }
    if !args.merge {
        train_all(args, folder)?;
    }
    let runs = Run::read_all(folder)?;
    if runs.is_empty() {
        let what = format!(
            "{}: no finished run of events is there; run without --merge first",
            folder.display()
        );
        return Err(TrainError::Data(what));
    }
    let html = page::page(&runs, &Baselines::read(folder)?);
    let path = args.out.join("report.html");
    let unwritable = |cause| TrainError::Write {
        path: path.clone(),
        cause,
    };
    write(&path, html.as_bytes()).map_err(unwritable)?;
    println!("{}: {} runs", path.display(), runs.len());
    Ok(())
}

fn train_all(args: &Args, folder: &Path) -> Result<(), TrainError> {
    let archs = archs(args)?;
    let material = material::read(&args.lesson(super::gesture::Arch::Lstm, 1))?;
    Baselines::make(&material, folder)?;
    let ground = done::ground(args, &material.data.to_string());
    let mut orders = Vec::new();
    for seed in 1..=args.seeds {
        for arch in &archs {
            for blind in [false, true] {
                orders.push(Order {
                    form: Form {
                        arch: *arch,
                        inputs: material.inputs.len(),
                        width: args.hidden.unwrap_or(WIDTH),
                        layers: args.layers.unwrap_or(LAYERS),
                        symbols: material.alphabet.size(),
                    },
                    seed,
                    epochs: args.epochs,
                    blind,
                });
            }
        }
    }
    let own = orders
        .iter()
        .enumerate()
        .filter(|(index, _)| Shard::takes(args.shard, *index));
    for (_, order) in own {
        if stop_asked() {
            break;
        }
        let is_done = done::is_done(&Run::path(folder, order), &ground);
        if !args.quiet {
            let blind = if order.blind {
                ", never given motion"
            } else {
                ""
            };
            let (arch, again) = (order.form.arch.name(), done::again(is_done));
            println!("{arch}{blind}, seed {}{again}", order.seed);
        }
        if is_done {
            continue;
        }
        let told = [&args.command()[..], &ground];
        run::one(&material, order, folder, told, args.quiet)?;
    }
    Ok(())
}

fn archs(args: &Args) -> Result<Vec<Arch>, TrainError> {
    let names = args.archs.iter();
    names
        .map(|name| {
            Arch::from_name(name).ok_or_else(|| TrainError::Unknown {
                what: "network for events",
                value: name.clone(),
                choices: ARCHS.join(", "),
            })
        })
        .collect()
}
