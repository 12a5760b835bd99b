//! Truncated back-propagation through time: AdamW under a cosine rate, stopped early on what is held out. Where there
//! is little to learn from, the network stands beside a straight line and what is held out says how far it may leave it.

use super::by_hand::slope;
use super::calibrate::Calibration;
use super::distributions::Distributions;
use super::edge::{Edge, onset_edge};
use super::heads::Heads;
use super::kinship::Kinship;
use super::learner::{Learner, Player};
use super::network::{Network, Shape};
use super::ridge::Straight;
use super::tail::Tail;
use super::take::Truth;
use super::walk::Walk;
use crate::sensor::performer::Chance;
use crate::train::course::{self, Course, Limits, falling};
use crate::train::device::device;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub limits: Limits,
    pub lanes: usize,
    pub window_frames: usize,
    pub rate: f64,
    pub weight_decay: f32,
    /// Share of what the head reads that is left out in a window.
    pub dropout: f32,
    /// The network stands beside a straight line and is calibrated on what is held out.
    pub straight: bool,
    /// Which controls are said as distributions.
    pub distributions: Distributions,
}

impl Plan {
    /// For recordings, of which there is little.
    pub fn careful() -> Plan {
        Plan {
            dropout: 0.2,
            straight: true,
            ..Plan::default()
        }
    }

    fn rate_at(&self, through: f64) -> f64 {
        self.rate * falling(through)
    }
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            seed: 1,
            limits: Limits {
                epochs: 40,
                patience: 25,
            },
            lanes: 16,
            window_frames: 200,
            rate: 3e-3,
            weight_decay: 1e-4,
            dropout: 0.0,
            straight: false,
            distributions: Distributions::default(),
        }
    }
}

/// A take's standardised features and truth.
pub struct Fed {
    pub(super) values: Vec<f32>,
    width: usize,
    truth: Vec<Truth>,
}

impl Fed {
    /// `values` is `[frames][width]`.
    pub fn new(values: Vec<f32>, width: usize, truth: Vec<Truth>) -> Fed {
        Fed {
            values,
            width,
            truth,
        }
    }

    pub fn frames(&self) -> usize {
        self.truth.len()
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// So many frames from `from` on.
    pub fn part(&self, from: usize, frames: usize) -> Fed {
        Fed {
            values: self.values[from * self.width..(from + frames) * self.width].to_vec(),
            width: self.width,
            truth: self.truth[from..from + frames].to_vec(),
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

pub type Fitted = Course<Model>;

/// What is kept of a network.
pub struct Model {
    pub network: Network,
    /// What the network's outputs are added to.
    pub straight: Option<Straight>,
    pub calibration: Calibration,
    pub onset_edge: Edge,
}

impl Model {
    /// Raw outputs over whole takes, `[frames][outputs]` each.
    pub fn run(&self, shape: Shape, takes: &[Fed]) -> Vec<Vec<f32>> {
        let adds = run(shape, &self.network, takes);
        let mut raws = match &self.straight {
            None => adds,
            Some(straight) => summed(adds, takes.iter().map(|take| straight.run(take))),
        };
        let rows = raws
            .iter_mut()
            .flat_map(|raw| raw.chunks_exact_mut(shape.outputs));
        rows.for_each(|row| self.calibration.tail.lift(row));
        raws
    }

    /// Puts the onset's edge to where it finds the onsets of these takes best.
    fn find_edge(&mut self, shape: Shape, heads: &Heads, parts: [&[Fed]; 2], rate_hz: f32) {
        let raws = parts.map(|takes| self.run(shape, takes)).concat();
        let truths = parts.into_iter().flatten().map(Fed::truth);
        let answers: Vec<_> = raws.into_iter().zip(truths).collect();
        let edge = onset_edge(heads, &answers, rate_hz);
        let onset = heads.onset();
        let network = self.network.with_head(|row| row[onset] *= edge.sharpness);
        let threshold = edge.threshold * edge.sharpness;
        (self.network, self.straight) = match self.straight.take() {
            Some(straight) => (network, Some(straight.with_edge(heads, edge))),
            None => (network.with_bias(|bias| bias[onset] -= threshold), None),
        };
        self.onset_edge = edge;
    }
}

fn summed(adds: Vec<Vec<f32>>, lines: impl Iterator<Item = Vec<f32>>) -> Vec<Vec<f32>> {
    let sum = |(add, line): (Vec<f32>, Vec<f32>)| -> Vec<f32> {
        add.iter()
            .zip(&line)
            .map(|(add, line)| add + line)
            .collect()
    };
    adds.into_iter().zip(lines).map(sum).collect()
}

/// What is learned from and what it is judged by.
pub struct Lesson<'a, T: FnMut(usize) -> Vec<Fed>> {
    /// The takes of an epoch: the same each time, or new ones where they can be made without end.
    pub train: T,
    pub held_out: &'a [Fed],
    /// The training takes as they were recorded: with what is held out they say where an onset begins.
    pub recorded: &'a [Fed],
    /// The network learns what this leaves over.
    pub straight: Option<&'a Straight>,
    pub rate_hz: f32,
}

pub fn fit<T: FnMut(usize) -> Vec<Fed>>(
    shape: Shape,
    heads: &Heads,
    mut lesson: Lesson<T>,
    plan: &Plan,
    quiet: bool,
) -> Fitted {
    let device = device().autodiff();
    let mut network = Network::new(shape, plan.seed, &device);
    if lesson.straight.is_some() {
        network = network.with_head(|row| row.fill(0.0));
    }
    let kinship = lesson.straight.map(|_| Kinship::new(heads.notes.count));
    let mut learner = Learner::new(shape, network.clone(), plan, kinship);
    let mut chance = Chance::new(plan.seed, 8);
    let judge = Judge::new(shape, heads, &lesson);
    let straight = lesson.straight;
    let untaught = Model {
        network,
        straight: straight.cloned(),
        calibration: Calibration::NONE,
        onset_edge: Edge::NONE,
    };
    let mut fitted = course::run(plan.limits, "loss", quiet, untaught, |epoch| {
        let train = (lesson.train)(epoch.index);
        let mut walk = Walk::new(&train, straight, plan, &mut chance);
        learner.forget(shape, walk.lanes(), &device);
        while let Some(window) = walk.window(&train) {
            let through = epoch.through(walk.done());
            let loss = learner.step(shape, heads, window, plan.rate_at(through));
            if !epoch.goes_on(through, loss) {
                break;
            }
        }
        judge.judge(learner.network(&device))
    });
    let heard = [lesson.recorded, lesson.held_out];
    fitted.kept.find_edge(shape, heads, heard, lesson.rate_hz);
    fitted
}

/// How a network does on the held-out takes, calibrated by them.
struct Judge<'a> {
    shape: Shape,
    heads: &'a Heads,
    takes: &'a [Fed],
    truths: Vec<Truth>,
    straight: Option<&'a Straight>,
    lines: Vec<f32>,
    tail: Tail,
}

impl<'a> Judge<'a> {
    fn new<T: FnMut(usize) -> Vec<Fed>>(
        shape: Shape,
        heads: &'a Heads,
        lesson: &Lesson<'a, T>,
    ) -> Self {
        let takes = lesson.held_out;
        let said = |line: &Straight| takes.iter().flat_map(|take| line.run(take)).collect();
        Judge {
            shape,
            heads,
            takes,
            truths: takes.iter().flat_map(Fed::truth).copied().collect(),
            straight: lesson.straight,
            lines: lesson.straight.map(said).unwrap_or_default(),
            tail: Tail::of(heads, lesson.recorded),
        }
    }

    /// The held-out loss, and the model that has it.
    fn judge(&self, network: Network) -> (f32, Model) {
        let Judge {
            shape,
            heads,
            takes,
            ..
        } = *self;
        let says = run(shape, &network, takes).concat();
        let calibration = match self.straight {
            Some(_) => Calibration::fit(heads, &says, &self.lines, &self.truths, &self.tail),
            None => Calibration::alone(heads, &says, &self.truths),
        };
        let model = Model {
            network: calibration.of_network(heads, &network),
            straight: self.straight.map(|line| calibration.of_line(heads, line)),
            calibration,
            onset_edge: Edge::NONE,
        };
        let raw = model.run(shape, takes).concat();
        (slope(heads, &raw, &self.truths).0, model)
    }
}

/// Raw outputs of the trained network over whole takes, `[frames][outputs]` each.
pub fn run(shape: Shape, network: &Network, takes: &[Fed]) -> Vec<Vec<f32>> {
    const WINDOW: usize = 500;
    let frames = takes.iter().map(Fed::frames).max().unwrap_or(0);
    let mut outputs = vec![Vec::new(); takes.len()];
    let mut player = Player::new(shape, network, takes.len());
    for frame in (0..frames).step_by(WINDOW) {
        let mut values = vec![0.0; takes.len() * WINDOW * shape.inputs];
        for (take, lane) in takes
            .iter()
            .zip(values.chunks_exact_mut(WINDOW * shape.inputs))
        {
            let from = (frame * take.width).min(take.values.len());
            let to = ((frame + WINDOW) * take.width).min(take.values.len());
            lane[..to - from].copy_from_slice(&take.values[from..to]);
        }
        let raw = player.play(values);
        for (lane, output) in raw.chunks_exact(WINDOW * shape.outputs).zip(&mut outputs) {
            output.extend_from_slice(lane);
        }
    }
    for (take, output) in takes.iter().zip(&mut outputs) {
        output.truncate(take.frames() * shape.outputs);
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::super::baseline::tests::linear_take;
    use super::super::network::Arch;
    use super::super::take::{Notes, Standard};
    use super::*;

    #[test]
    fn a_network_without_a_line_has_its_onsets_moved_and_nothing_else() {
        let takes = [linear_take()];
        let fed = Standard::of(&takes).fed(&takes);
        let heads = Heads::of(Notes::of(&takes));
        let shape = Shape {
            arch: Arch::Lstm,
            inputs: fed[0].width(),
            hidden: 4,
            layers: 1,
            outputs: heads.width(),
        };
        let mut model = Model {
            network: Network::new(shape, 3, &device()),
            straight: None,
            calibration: Calibration::NONE,
            onset_edge: Edge::NONE,
        };
        let before = model.run(shape, &fed).concat();
        // A note begins where the network is surest.
        let onset = |row: &[f32]| row[heads.onset()];
        let rows = || before.chunks_exact(heads.width());
        let surest = rows().map(onset).fold(f32::MIN, f32::max);
        let mut heard = fed;
        for (truth, row) in heard[0].truth.iter_mut().zip(rows()) {
            truth.onset = onset(row) == surest;
        }
        model.find_edge(shape, &heads, [&heard, &[]], 50.0);
        let after = model.run(shape, &heard).concat();
        for (before, after) in rows().zip(after.chunks_exact(heads.width())) {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                let meant = if index == heads.onset() {
                    model.onset_edge.change(*before)
                } else {
                    *before
                };
                assert!((after - meant).abs() < 1e-4, "{index}");
            }
        }
        assert!(
            model.onset_edge.change(surest) > 0.0,
            "{:?}",
            model.onset_edge
        );
    }
}
