//! What was learned, beside what it must beat, on material that no part of the training has seen.

use serde::Serialize;

use super::baseline::{self, Hand};
use super::evaluate::{self, Scores};
use super::export::Label;
use super::fit::Fitted;
use super::lesson::Ground;
use super::network::Shape;
use super::ridge::Straight;
use super::take::{Split, Take, Truth};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    pub network: Scores,
    pub mean: Scores,
    /// The truth of one frame before: no player of motion has it.
    pub previous_frame: Scores,
    pub hand_mapping: Option<Scores>,
    pub ridge: Scores,
    pub network_motion_shifted: Scores,
    /// None where there is one take only.
    pub network_motion_of_another_take: Option<Scores>,
    pub train_minutes: f32,
    pub test_minutes: f32,
    pub parameters: usize,
    pub epochs: usize,
    pub seconds: f32,
    /// Largest difference of the written model as it plays from the trained network over 500 streamed frames.
    pub export_difference: f32,
    pub stopped_by_hand: bool,
}

/// Scores everything on the test takes.
pub fn compare(ground: &Ground, shape: Shape, fitted: &Fitted, label: &Label) -> Report {
    let Ground {
        split,
        hearing,
        heads,
        ..
    } = ground;
    let test = &split.test;
    let of_network = |takes: &[Take]| {
        let raws = fitted.kept.run(shape, &hearing.fed(takes));
        let pairs = raws.iter().zip(takes);
        let pairs: Vec<(&[f32], &[Truth])> = pairs
            .map(|(raw, take)| (&raw[..], &take.truth[..]))
            .collect();
        evaluate::score(heads, ground.rate_hz, &pairs)
    };
    let shifted: Vec<Take> = test
        .iter()
        .map(|take| take.shifted(take.frames() / 2))
        .collect();
    let others: Vec<Take> = test
        .iter()
        .filter_map(|take| Some(take.with_motion_of(another(split, take)?)))
        .collect();
    let Rivals {
        mean,
        previous_frame,
        ridge,
        hand,
    } = Rivals::of(ground, &label.inputs);
    let minutes = |takes: &[Take]| {
        takes.iter().map(Take::frames).sum::<usize>() as f32 / ground.rate_hz / 60.0
    };
    Report {
        network: of_network(test),
        mean: ground.score(&mean),
        previous_frame: ground.score(&previous_frame),
        hand_mapping: hand.map(|hand| ground.score(&hand)),
        ridge: ground.score(&ridge),
        network_motion_shifted: of_network(&shifted),
        network_motion_of_another_take: (!others.is_empty()).then(|| of_network(&others)),
        train_minutes: minutes(&split.train),
        test_minutes: minutes(test),
        parameters: burn::module::Module::num_params(&fitted.kept.network)
            + fitted
                .kept
                .straight
                .as_ref()
                .map_or(0, Straight::parameters),
        epochs: fitted.epochs,
        seconds: fitted.seconds as f32,
        export_difference: 0.0,
        stopped_by_hand: fitted.stopped_by_hand,
    }
}

/// Raw outputs of what needs no training by steps, for every test take.
pub struct Rivals {
    pub mean: Vec<Vec<f32>>,
    pub previous_frame: Vec<Vec<f32>>,
    pub ridge: Vec<Vec<f32>>,
    pub hand: Option<Vec<Vec<f32>>>,
}

impl Rivals {
    pub fn of(ground: &Ground, inputs: &[String]) -> Rivals {
        let (heads, test) = (&ground.heads, &ground.split.test);
        let mean = baseline::mean_row(heads, &ground.train);
        let test_fed = ground.hearing.fed(test);
        let of = |say: &dyn Fn(&Take) -> Vec<f32>| test.iter().map(say).collect();
        let hand = Hand::fit(heads, inputs, &ground.split.train, mean.clone());
        Rivals {
            mean: of(&|take| mean.repeat(take.frames())),
            previous_frame: of(&|take| baseline::previous_frame(heads, &take.truth)),
            ridge: test_fed.iter().map(|fed| ground.ridge.run(fed)).collect(),
            hand: hand.map(|hand| of(&|take| hand.run(heads, take))),
        }
    }
}

/// The longest part of a take of another name: held out where there is one.
fn another<'a>(split: &'a Split, take: &Take) -> Option<&'a Take> {
    let longest = |takes: &'a [Take]| {
        let others = takes.iter().filter(|other| other.name != take.name);
        others.max_by_key(|other| other.frames())
    };
    longest(&split.test)
        .or_else(|| longest(&split.validation))
        .or_else(|| longest(&split.train))
}

#[cfg(test)]
mod tests {
    use super::super::take::tests::take;
    use super::*;

    #[test]
    fn wrong_motion_is_another_takes_and_never_its_own() {
        let named = |name: &str| Take {
            name: name.into(),
            ..take(&[1.0, 2.0])
        };
        let mut split = Split {
            train: vec![named("a")],
            validation: vec![named("a")],
            test: vec![named("b")],
            timbre: 0,
        };
        let own = split.test[0].clone();
        assert_eq!(another(&split, &own).map(|take| &*take.name), Some("a"));
        split.test.push(named("c"));
        assert_eq!(another(&split, &own).map(|take| &*take.name), Some("c"));
        split = Split {
            test: vec![named("b"), named("b")],
            ..Split::default()
        };
        assert!(another(&split, &own).is_none());
    }
}
