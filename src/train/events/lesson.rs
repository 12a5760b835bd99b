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
use crate::train::course::{self, Course, Limits, falling};
use crate::train::device::device;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub limits: Limits,
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
            limits: Limits {
                epochs,
                patience: 10,
            },
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

pub type Learned = Course<Network>;

/// Windows of an epoch begin this part of their length apart, at another phase each time.
const OVERLAP: usize = 4;
/// Steps of an epoch at least: short takes are heard in more phases, else a network would hardly have moved when the
/// last epoch is over.
const LEAST_STEPS: usize = 32;

pub fn learn(form: Form, material: &Material, plan: &Plan, quiet: bool) -> Learned {
    let device = device().autodiff();
    let mut network = Network::new(form, plan.seed, &device);
    let mut optimiser = AdamWConfig::new()
        .with_weight_decay(plan.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let mut chance = Chance::new(plan.seed, 28);
    let untaught = network.clone();
    let mut learned = course::run(plan.limits, "nats an event", quiet, untaught, |epoch| {
        let least = LEAST_STEPS * plan.lanes;
        let vary = material.vary.as_ref();
        let varied = vary.map_or_else(Vec::new, |vary| vary.pieces(epoch.index));
        let pieces: Vec<&Piece> = material.train.iter().chain(&varied).collect();
        let windows = shuffled(&pieces, least, &mut chance);
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
            let value = loss.clone().into_scalar::<f32>();
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            let through = epoch.through(index as f64 / total as f64);
            network = optimiser.step(plan.rate_at(through), network.clone(), gradients);
            if !epoch.goes_on(through, value) {
                break;
            }
        }
        let (held_out, alphabet) = (&material.validation, &material.alphabet);
        let judged = score(form, &network, held_out, alphabet, plan.blind);
        (judged.cross_entropy, network.clone())
    });
    learned.kept = learned.kept.valid();
    learned
}

/// Every piece as often as it takes to have `least` windows.
fn shuffled<'a>(
    pieces: &[&'a Piece],
    least: usize,
    chance: &mut Chance,
) -> Vec<(&'a Piece, usize)> {
    let mut windows = Vec::new();
    loop {
        let before = windows.len();
        for &piece in pieces {
            let apart = piece.window / OVERLAP;
            let phase = chance.below(apart.max(1));
            windows.extend(piece.windows(phase, apart).map(|at| (piece, at)));
        }
        if windows.len() >= least || windows.len() == before {
            break;
        }
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
