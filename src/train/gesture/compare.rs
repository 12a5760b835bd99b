//! What was learned, beside what it must beat, on material that no part of the training has seen.

use serde::Serialize;

use super::baseline::{self, Hand, Ridge};
use super::evaluate::{self, Scores};
use super::export::Label;
use super::fit::{Fed, Fitted, run as run_network};
use super::loss::Heads;
use super::network::Shape;
use super::take::{Split, Standard, Take, Truth};

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub network: Scores,
    pub mean: Scores,
    /// The truth of one frame before: no player of motion has it.
    pub previous_frame: Scores,
    pub hand_mapping: Option<Scores>,
    pub ridge: Scores,
    pub network_motion_shifted: Scores,
    pub network_motion_of_another_take: Scores,
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
pub fn compare(
    split: &Split,
    standard: &Standard,
    heads: &Heads,
    shape: Shape,
    fitted: &Fitted,
    train: &[Fed],
    label: &Label,
) -> Report {
    let rate_hz = label.frame_rate_hz as f32;
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
    let befores: Vec<Vec<f32>> = test
        .iter()
        .map(|take| baseline::previous_frame(heads, &take.truth))
        .collect();
    let hand = Hand::fit(heads, &label.inputs, &split.train, mean.clone()).map(|hand| {
        let outputs: Vec<Vec<f32>> = test.iter().map(|take| hand.run(heads, take)).collect();
        judge(&outputs, test)
    });
    let minutes =
        |takes: &[Take]| takes.iter().map(Take::frames).sum::<usize>() as f32 / rate_hz / 60.0;
    Report {
        network: of_network(test),
        mean: judge(&means, test),
        previous_frame: judge(&befores, test),
        hand_mapping: hand,
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
