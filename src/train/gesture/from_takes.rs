//! Recorded takes as material: read, brought to one level, split, and varied anew for every epoch where there is
//! little of them.

use std::sync::Arc;

use serde_json::json;

use super::export::Label;
use super::instrument::Instrument;
use super::recorded::{Recording, level};
use super::split::{learned_from, split, spoken, training_part};
use super::take::{Split, Take};
use super::vary::{Limits, Variation};
use super::{Args, Material, TrainError, choose};
use crate::gesture::features::FEATURE_SCHEMA;
use crate::sensor::performer::Chance;
use crate::train::takes::check::{self, Weight};
use crate::train::takes::perform::SYNTHETIC;

/// Less than this is varied unless told otherwise.
const LITTLE_S: f64 = 600.0;
/// An epoch lasts about this long, however little was recorded; where it is varied, so much of it is as recorded.
const EPOCH_S: f64 = 360.0;
const AS_RECORDED: f64 = 0.5;

/// Splits what was read from the takes that `args` names.
pub fn material(args: &Args, recordings: &Arc<[Recording]>) -> Result<Material, TrainError> {
    let names = recordings[0].input_names();
    let rate_hz = args.frame_rate_hz;
    let takes: Vec<Take> = recordings
        .iter()
        .map(|recording| recording.take(&names, rate_hz, None))
        .collect();
    let instrument = recordings[0].instrument();
    let split = Split {
        timbre: instrument.map_or(0, |sound| sound.timbre.count()),
        ..split(&takes, rate_hz)
    };
    let varied = is_varied(args, recordings)?;
    let label = label(args, recordings, names.clone(), varied);
    let learned_s: f64 =
        split.train.iter().map(Take::frames).sum::<usize>() as f64 / f64::from(rate_hz);
    let repeats = (EPOCH_S / learned_s.max(1.0)).ceil().clamp(1.0, 24.0) as usize;
    let plain = split.train.clone();
    let seed = args.seed;
    let count = recordings.len();
    let recordings = Arc::clone(recordings);
    let later = move |epoch: usize| -> Vec<Take> {
        let unvaried = if varied {
            (repeats as f64 * AS_RECORDED) as usize
        } else {
            repeats
        };
        let all = plain.iter().cycle().take(plain.len() * unvaried);
        let mut takes: Vec<Take> = all.cloned().collect();
        let learned = &recordings[..learned_from(count)];
        for repeat in unvaried..repeats {
            for (index, recording) in learned.iter().enumerate() {
                let stream = (epoch * repeats + repeat) as u64 * 1000 + index as u64;
                let mut variation =
                    Variation::new(Chance::new(seed ^ 0x7a8e, stream), Limits::SAME_PLAYER);
                let take = recording.take(&names, rate_hz, Some(&mut variation));
                takes.extend(training_part(&take, count, rate_hz));
            }
        }
        takes
    };
    Ok(Material {
        split,
        later: Box::new(later),
        label,
    })
}

/// Whether the motion is varied while learning.
pub fn is_varied(args: &Args, recordings: &[Recording]) -> Result<bool, TrainError> {
    let total_s: f64 = recordings.iter().map(|recording| recording.seconds).sum();
    let wanted = match &*args.augment {
        "auto" => Some(total_s < LITTLE_S),
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    choose(
        "augmentation",
        &args.augment,
        wanted,
        &["auto", "on", "off"],
    )
}

/// All takes at one level, with the same roles; hearing them takes a while, so a comparison does it once. Says what is
/// not as it should be.
pub fn read(args: &Args) -> Result<Arc<[Recording]>, TrainError> {
    let instrument = Instrument::of(args)?;
    let mut recordings = Vec::new();
    for folder in &args.take {
        if !args.quiet {
            let found = check::check(folder).findings;
            let warnings = found.iter().filter(|found| found.weight == Weight::Warning);
            warnings.for_each(|found| println!("{found}"));
            println!("analysing {} …", folder.display());
        }
        recordings.push(Recording::read(folder, args.frame_rate_hz)?);
    }
    if recordings.is_empty() {
        return Err(TrainError::Data("no take is named: --take FOLDER".into()));
    }
    for recording in &recordings[1..] {
        if recording.roles != recordings[0].roles {
            return Err(TrainError::Data(format!(
                "{} and {} have sensors in different roles: give them the same in take.json, or train on one of them",
                recordings[0].name, recording.name
            )));
        }
    }
    let gain_db = level(&mut recordings);
    if !args.quiet {
        println!("loudness of the recordings moved by {gain_db:+.1} dB");
    }
    if let Some(instrument) = instrument {
        for recording in &mut recordings {
            recording.hear_timbre(Arc::clone(&instrument), args.frame_rate_hz);
        }
    }
    Ok(recordings.into())
}

fn label(args: &Args, recordings: &[Recording], inputs: Vec<String>, varied: bool) -> Label {
    let takes: Vec<_> = recordings.iter().map(Recording::origin).collect();
    let sound = recordings[0].instrument();
    let roles: Vec<&str> = recordings[0].roles.iter().map(|role| role.name()).collect();
    Label {
        name: args.spoken_name(),
        author: String::new(),
        licence: recordings[0].document.licence.clone(),
        description: format!(
            "Learned from recordings; sensors on {}{}.",
            roles.join(", "),
            sound.map_or_else(String::new, |sound| format!(
                "; the timbre is that of {}",
                sound.name
            ))
        ),
        frame_rate_hz: args.frame_rate_hz,
        feature_schema: FEATURE_SCHEMA,
        inputs,
        data: json!({
            "synthetic": recordings.iter().any(|r| r.document.notes.starts_with(SYNTHETIC)),
            "takes": takes,
            "sound": sound.map(Instrument::origin),
            "split": spoken(recordings.len()),
            "varied": varied,
            "seed": args.seed,
            "feature_schema": FEATURE_SCHEMA,
        }),
        metrics: serde_json::Value::Null,
    }
}
