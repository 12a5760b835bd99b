//! Teacher forcing: every event is foreseen from those that really came before. AdamW under a cosine rate, early
//! stopping on held-out windows, Ctrl-C keeps the best network so far.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams, grad_clipping::GradientClippingConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use super::batch::Batch;
use super::evaluate::score;
use super::material::{Material, Piece};
use super::network::{Dropout, Form, Network};
use crate::sensor::performer::Chance;
use crate::train::device::device;
use crate::train::gesture::fit::falling;
use crate::train::progress::{Progress, stop_asked};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub epochs: usize,
    /// Epochs without a better held-out cross-entropy before it ends.
    pub patience: usize,
    pub lanes: usize,
    pub rate: f64,
    pub weight_decay: f32,
    pub dropout: f32,
    /// The motion is never given: what is learned is the music alone.
    pub blind: bool,
}

impl Plan {
    pub fn new(seed: u64, epochs: usize, blind: bool) -> Plan {
        Plan {
            seed,
            epochs,
            patience: 10,
            lanes: 16,
            rate: 2e-3,
            weight_decay: 1e-2,
            dropout: 0.2,
            blind,
        }
    }

    /// Up over the first twentieth, then half a cosine down to a fiftieth.
    fn rate_at(&self, through: f64) -> f64 {
        let warm = (through / 0.05).min(1.0);
        self.rate * warm.max(0.02) * falling(through)
    }
}

pub struct Learned {
    pub network: Network,
    pub epochs: usize,
    /// Per epoch: training and held-out cross-entropy.
    pub curve: Vec<[f32; 2]>,
    pub seconds: f64,
    pub stopped_by_hand: bool,
}

/// Windows of an epoch begin this part of their length apart, at another phase each time.
const OVERLAP: usize = 4;

pub fn learn(form: Form, material: &Material, plan: &Plan, quiet: bool) -> Learned {
    let device = device().autodiff();
    let mut network = Network::new(form, plan.seed, &device);
    let mut optimiser = AdamWConfig::new()
        .with_weight_decay(plan.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let mut chance = Chance::new(plan.seed, 28);
    let mut progress = Progress::new(quiet);
    let mut learned = Learned {
        network: network.clone(),
        epochs: 0,
        curve: Vec::new(),
        seconds: 0.0,
        stopped_by_hand: false,
    };
    let (mut best, mut best_epoch) = (f32::INFINITY, 0);
    for epoch in 0..plan.epochs {
        let windows = shuffled(&material.train, &mut chance);
        let (mut sum, mut count) = (0.0, 0);
        let batches = windows.chunks(plan.lanes);
        let total = batches.len();
        for (index, windows) in batches.enumerate() {
            let mut batch = Batch::of_windows(windows, form.arch, &material.alphabet);
            if plan.blind {
                batch = batch.stilled();
            }
            let dropout = Dropout {
                chance: &mut chance,
                share: plan.dropout,
            };
            let loss = loss(form, &network, &batch, dropout);
            sum += loss.clone().into_scalar::<f32>();
            count += 1;
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            let through = (epoch as f64 + index as f64 / total as f64) / plan.epochs as f64;
            network = optimiser.step(plan.rate_at(through), network, gradients);
            let so_far = sum / count as f32;
            let text = format!(
                "epoch {} of {}, {so_far:.3} nats an event, held-out {best:.3}",
                epoch + 1,
                plan.epochs
            );
            progress.report(through, &text);
            learned.stopped_by_hand = stop_asked();
            if learned.stopped_by_hand {
                break;
            }
        }
        let held_out = score(
            form,
            &network,
            &material.validation,
            &material.alphabet,
            plan.blind,
        );
        learned
            .curve
            .push([sum / count.max(1) as f32, held_out.cross_entropy]);
        learned.epochs = epoch + 1;
        if held_out.cross_entropy < best {
            (best, best_epoch) = (held_out.cross_entropy, epoch);
            learned.network = network.clone();
        }
        if learned.stopped_by_hand || epoch - best_epoch >= plan.patience {
            break;
        }
    }
    let text = format!(
        "best held-out cross-entropy {best:.3} in epoch {}",
        best_epoch + 1
    );
    progress.report(1.0, &text);
    learned.seconds = progress.elapsed().as_secs_f64();
    learned.network = learned.network.valid();
    learned
}

fn shuffled<'a>(pieces: &'a [Piece], chance: &mut Chance) -> Vec<(&'a Piece, usize)> {
    let mut windows = Vec::new();
    for piece in pieces {
        let apart = piece.window / OVERLAP;
        let phase = chance.below(apart.max(1));
        windows.extend(piece.windows(phase, apart).map(|at| (piece, at)));
    }
    for index in (1..windows.len()).rev() {
        windows.swap(index, chance.below(index + 1));
    }
    windows
}

/// Mean cross-entropy of the events that count.
fn loss(form: Form, network: &Network, batch: &Batch, dropout: Dropout) -> Tensor<1> {
    let logits = network.forward(form, batch, Some(dropout));
    let [rows, symbols] = logits.dims();
    let mut wanted = vec![0.0f32; rows * symbols];
    let total: f32 = batch.weight.iter().sum();
    for (row, (target, weight)) in batch.target.iter().zip(&batch.weight).enumerate() {
        wanted[row * symbols + target] = weight / total.max(1.0);
    }
    let wanted = TensorData::new(wanted, [rows, symbols]);
    let wanted = Tensor::<2>::from_data(wanted, &logits.device());
    (log_softmax(logits, 1) * wanted).sum().neg()
}
