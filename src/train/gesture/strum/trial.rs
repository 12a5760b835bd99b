//! What networks say of recordings that they never saw, beside what needs no network and beside wrong motion. Every
//! recording is left out once, whole; thresholds come from the others.

use serde::Serialize;

use super::super::evaluate::Pearson;
use super::super::heads::LOUDNESS_DB;
use super::super::take::FLOOR_DB;
use super::decision::Decision;
use super::front::vigour;
use super::learner::{Ensemble, OUTPUTS};
use super::pluck::{Pluck, Ring, VALUES};
use super::rivals::{best_share, peaks, steady};
use super::score::{Answer, Score, score};
use super::session::{RATE_HZ, Session, Strum};

/// A trained ensemble, how it decides, and how what it strikes rings.
pub struct Player {
    pub ensemble: Ensemble,
    pub decision: Decision,
    pub pluck: Pluck,
    pub lag_s: f64,
}

impl Player {
    /// Thresholds from `sessions`; the ring from those and from `beside`.
    pub fn new(
        ensemble: Ensemble,
        sessions: &[&Session],
        beside: &[&Session],
        lag_s: f64,
    ) -> Player {
        let run = |session: &&Session| ensemble.run(&session.motion);
        let raws: Vec<_> = sessions.iter().map(run).collect();
        let real: Vec<&[Strum]> = sessions.iter().map(|session| &session.strums[..]).collect();
        let decision = Decision::fit(&raws, &real, lag_s);
        let both = raws.into_iter().chain(beside.iter().map(run));
        let late = late(lag_s);
        let heard = both
            .zip(sessions.iter().chain(beside))
            .map(|(raws, session)| {
                let values = values(&decision, &session.motion, &raws).split_off(late);
                (values, &session.loudness_db[..])
            });
        let pluck = Pluck::fit(heard);
        Player {
            decision,
            pluck,
            ensemble,
            lag_s,
        }
    }

    /// Raw loudness of every frame.
    pub fn loudness(&self, motion: &[f32], raws: &[[f32; OUTPUTS]]) -> Vec<f32> {
        let values = values(&self.decision, motion, raws);
        let each = values.iter().zip(raws);
        each.map(|(values, raw)| self.pluck.loudness(values, raw))
            .collect()
    }

    pub fn answer(&self, session: &Session) -> Answer {
        let raws = self.ensemble.run(&session.motion);
        let said = self
            .loudness(&session.motion, &raws)
            .split_off(late(self.lag_s));
        let db = |raw: f32| LOUDNESS_DB.value(raw).clamp(FLOOR_DB, 0.0);
        let pairs = said.into_iter().zip(&session.loudness_db);
        Answer {
            said: self.decision.strums(&raws),
            real: session.strums.clone(),
            loudness_db: pairs.map(|(said, real)| [db(said), *real]).collect(),
        }
    }
}

fn late(lag_s: f64) -> usize {
    (lag_s * f64::from(RATE_HZ)).round() as usize
}

/// What the loudness of every frame is a line through.
fn values(decision: &Decision, motion: &[f32], raws: &[[f32; OUTPUTS]]) -> Vec<[f32; VALUES]> {
    let mut ring = Ring::default();
    let each = vigour(motion).zip(raws).map(|(vigour, raw)| {
        let [line, fast, slow] = ring.step(decision.either(raw));
        [line, fast, slow, vigour]
    });
    each.collect()
}

/// The answers to recordings left out, one of each, as far as the trial has come.
#[derive(Default)]
pub struct Trial {
    names: Vec<String>,
    network: Vec<Answer>,
    shifted: Vec<Answer>,
    of_another: Vec<Answer>,
    peaks: Vec<Answer>,
    steady: Vec<Answer>,
    virtual_only: Vec<Answer>,
}

impl Trial {
    /// Asks of the session at `index`; `player` has never seen it.
    pub fn ask(&mut self, player: &Player, own: &[Session], index: usize) {
        let session = &own[index];
        let others: Vec<&Session> = own
            .iter()
            .filter(|other| other.name != session.name)
            .collect();
        let plain = |said: Vec<Strum>| Answer {
            said,
            real: session.strums.clone(),
            loudness_db: Vec::new(),
        };
        let another = session.moved_as(&own[(index + 1) % own.len()].motion);
        self.names.push(session.name.clone());
        self.network.push(player.answer(session));
        self.shifted.push(player.answer(&session.shifted()));
        self.of_another.push(player.answer(&another));
        self.peaks.push(plain(peaks(session, best_share(&others))));
        self.steady.push(plain(steady(session)));
    }

    pub fn ask_virtually_taught(&mut self, player: &Player, own: &[Session]) {
        self.virtual_only = own.iter().map(|session| player.answer(session)).collect();
    }

    pub fn scores(&self) -> Scores {
        let by_file = self.names.iter().zip(&self.network).map(|(name, answer)| {
            let mut loudness = Pearson::default();
            answer
                .loudness_db
                .iter()
                .for_each(|[said, real]| loudness.add(*said, *real));
            (name.clone(), answer.f1(), loudness.r())
        });
        Scores {
            files: self.names.len(),
            strums: self.network.iter().map(|answer| answer.real.len()).sum(),
            network: score(&self.network),
            peak_picker: score(&self.peaks),
            steady_rhythm: score(&self.steady),
            motion_shifted: score(&self.shifted),
            motion_of_another_file: score(&self.of_another),
            taught_by_virtual_hands: (!self.virtual_only.is_empty())
                .then(|| score(&self.virtual_only)),
            by_file: by_file.collect(),
        }
    }
}

/// Everything that was asked of the files left out.
#[derive(Clone, Debug, Serialize)]
pub struct Scores {
    pub files: usize,
    pub strums: usize,
    pub network: Score,
    pub peak_picker: Score,
    pub steady_rhythm: Score,
    pub motion_shifted: Score,
    pub motion_of_another_file: Score,
    /// The same networks that have never seen a recording.
    pub taught_by_virtual_hands: Option<Score>,
    /// Name, F1 of down and up strokes, loudness r.
    pub by_file: Vec<(String, [f64; 2], f32)>,
}
