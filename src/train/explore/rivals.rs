//! What every network of a report must beat, once for all of them.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::matching::{Matching, matched};
use super::picture::Trace;
use super::run::{SHOWN_S, keep, read};
use super::scored::Scored;
use super::sound;
use crate::train::gesture::compare::Rivals;
use crate::train::gesture::fit::Fed;
use crate::train::gesture::forest::Forest;
use crate::train::gesture::lesson::Ground;
use crate::train::gesture::recorded::Recording;
use crate::train::gesture::{Args, Material, TrainError, from_takes};

const FILE: &str = "baselines.json";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rival {
    pub name: String,
    pub scores: Scored,
    /// None of what has no motion.
    pub matching: Option<Matching>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baselines {
    pub rows: Vec<Rival>,
    pub truth: Trace,
    /// A WAV file, in base 64.
    pub sound: String,
    /// What was learned from, with hashes.
    pub data: serde_json::Value,
    pub train_minutes: f32,
    pub test_minutes: f32,
}

impl Baselines {
    /// Fits and scores them all, and writes them into `folder`.
    pub fn make(
        args: &Args,
        recordings: &Arc<[Recording]>,
        folder: &Path,
    ) -> Result<(), TrainError> {
        let Material { split, label, .. } = from_takes::material(args, recordings)?;
        let rate_hz = label.frame_rate_hz;
        let ground = Ground::of(&split, args.says.distributions()?, rate_hz as f32)?;
        let test = ground.hearing.fed(&split.test);
        let rivals = Rivals::of(&ground, &label.inputs);
        let forest = Forest::fit(&ground.heads, &ground.train, &ground.validation, args.seed);
        let of_forest = |takes: &[Fed]| -> Vec<Vec<f32>> {
            takes
                .iter()
                .map(|fed| forest.run(&ground.heads, fed))
                .collect()
        };
        let of_ridge = |takes: &[Fed]| -> Vec<Vec<f32>> {
            takes.iter().map(|fed| ground.ridge.run(fed)).collect()
        };
        let asked = |say: &dyn Fn(&[Fed]) -> Vec<Vec<f32>>| {
            Some(matched(say, &ground.heads, &test, rate_hz as usize))
        };
        let row = |name: &str, raws: &[Vec<f32>], matching| Rival {
            name: name.into(),
            scores: Scored::of(&ground.score(raws), &split.test),
            matching,
        };
        let mut rows = vec![
            row("always the mean", &rivals.mean, None),
            row("the truth one frame before", &rivals.previous_frame, None),
            row("ridge regression", &rivals.ridge, asked(&of_ridge)),
            row("random forest", &of_forest(&test), asked(&of_forest)),
        ];
        rows.extend(
            rivals
                .hand
                .map(|raws| row("by hand: energy is loudness, tilt brightness", &raws, None)),
        );
        let shown = (SHOWN_S * rate_hz as usize).min(split.test[0].frames());
        let heard = split.test[0].truth[..shown].iter();
        let truth = Trace::of(heard.map(|t| (t.controls.pitch_note, t.loudness_db())));
        let minutes = |takes: &[Fed]| {
            takes.iter().map(Fed::frames).sum::<usize>() as f32 / rate_hz as f32 / 60.0
        };
        let baselines = Baselines {
            rows,
            sound: sound::sung(&truth, rate_hz)?,
            truth,
            data: label.data.clone(),
            train_minutes: minutes(&ground.train),
            test_minutes: minutes(&test),
        };
        keep(&folder.join(FILE), &baselines)
    }

    pub fn read(folder: &Path) -> Result<Baselines, TrainError> {
        read(&folder.join(FILE))
    }
}
