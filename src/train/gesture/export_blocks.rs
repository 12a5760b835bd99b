//! Convolutions and attention as graph nodes, one frame at a time: the same numbers as `blocks`, the past as states.

use super::blocks::{Attention, Conv, Norm, WINDOW, heads, slope};
use super::export::{Writer, list, transposed};
use crate::neural::graph::{Attribute, Tensor};

impl Writer {
    /// `x` with the frames before it, `[frames, width]`; keeps all but the oldest for the next step.
    fn with_past(&mut self, stem: &str, index: usize, x: &Tensor, past: usize) -> Tensor {
        let width = x.dims[1];
        let state = self.state(stem, index, &[past, width]);
        let place = self.states.len() - 1;
        let all = self.graph.concat(&[&state, x], 0);
        let kept = self.graph.slice(&all, 0, 1, past + 1);
        self.keep(place, kept);
        all
    }

    /// `y = W x + b` from a matrix kept as `[inputs, outputs]`.
    fn linear(&mut self, x: &Tensor, weight: Vec<f32>, bias: Vec<f32>) -> Tensor {
        let rows = transposed(&weight, bias.len(), 0, x.dims[1]);
        self.graph.dense(x, &rows, &bias)
    }

    pub fn conv(&mut self, index: usize, conv: &Conv, x: &Tensor) -> Tensor {
        let inputs = x.dims[1];
        let seen = if conv.past() == 0 {
            x.clone()
        } else {
            let all = self.with_past("past", index, x, conv.past());
            let taps: Vec<Tensor> = (0..conv.taps)
                .map(|tap| {
                    self.graph
                        .slice(&all, 0, tap * conv.dilation, tap * conv.dilation + 1)
                })
                .collect();
            self.graph.concat(&taps.iter().collect::<Vec<_>>(), 1)
        };
        let y = self.linear(&seen, list(conv.weight.val()), list(conv.bias.val()));
        match (conv.taps, inputs == y.dims[1]) {
            (1, _) => y,
            (_, true) => {
                let y = self.graph.tanh(&y);
                self.graph.add(x, &y)
            }
            (_, false) => self.graph.tanh(&y),
        }
    }

    fn norm(&mut self, norm: &Norm, x: &Tensor) -> Tensor {
        let (scale, bias) = (list(norm.scale.val()), list(norm.bias.val()));
        self.graph.layer_norm(x, &scale, &bias)
    }

    pub fn attention(&mut self, index: usize, block: &Attention, x: &Tensor) -> Tensor {
        let width = x.dims[1];
        let heads = heads(width);
        let each = width / heads;
        let y = self.norm(&block.norm, x);
        let asked = self.linear(&y, list(block.ask.val()), list(block.ask_bias.val()));
        let query = self.graph.slice(&asked, 1, 0, width);
        let query = self.graph.reshape(&query, &[heads, 1, each]);
        let keys = self.graph.slice(&asked, 1, width, 2 * width);
        let keys = self.with_past("keys", index, &keys, WINDOW - 1);
        let keys = self.turned(&keys, [1, 2, 0], [heads, each, WINDOW]);
        let values = self.graph.slice(&asked, 1, 2 * width, 3 * width);
        let values = self.with_past("values", index, &values, WINDOW - 1);
        let values = self.turned(&values, [1, 0, 2], [heads, WINDOW, each]);
        let scores = self.product(&query, &keys, [heads, 1, WINDOW]);
        let scores = self.graph.affine(&scores, (each as f32).powf(-0.5), 0.0);
        let costs: Vec<f32> = (0..heads)
            .flat_map(|head| {
                (0..WINDOW)
                    .rev()
                    .map(move |ago| -slope(head, heads) * ago as f32)
            })
            .collect();
        let costs = self.graph.constant(&[heads, 1, WINDOW], &costs);
        let scores = self.graph.add(&scores, &costs);
        let weights = self.graph.softmax(&scores);
        let heard = self.product(&weights, &values, [heads, 1, each]);
        let heard = self.graph.reshape(&heard, &[1, width]);
        let answer = self.linear(
            &heard,
            list(block.answer.val()),
            list(block.answer_bias.val()),
        );
        let x = self.graph.add(x, &answer);
        let y = self.norm(&block.second_norm, &x);
        let y = self.linear(&y, list(block.widen.val()), list(block.widen_bias.val()));
        let y = self.graph.relu(&y);
        let y = self.linear(&y, list(block.narrow.val()), list(block.narrow_bias.val()));
        self.graph.add(&x, &y)
    }

    /// `[WINDOW, width]` by head, its axes in another order.
    fn turned(&mut self, x: &Tensor, order: [i64; 3], dims: [usize; 3]) -> Tensor {
        let (frames, width) = (x.dims[0], x.dims[1]);
        let heads = heads(width);
        let x = self.graph.reshape(x, &[frames, heads, width / heads]);
        let order = Attribute::Ints("perm", order.to_vec());
        self.graph.node("Transpose", &[&x.name], &dims, &[order])
    }

    fn product(&mut self, a: &Tensor, b: &Tensor, dims: [usize; 3]) -> Tensor {
        self.graph.node("MatMul", &[&a.name, &b.name], &dims, &[])
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::calibrate::Calibration;
    use super::super::distributions::Distributions;
    use super::super::edge::Edge;
    use super::super::export::{Label, onnx, steps};
    use super::super::fit::Model;
    use super::super::heads::Heads;
    use super::super::hearing::Hearing;
    use super::super::lesson::largest_difference;
    use super::super::network::{Arch, Network, Shape};
    use super::super::ridge::Straight;
    use super::super::tail::Tail;
    use super::super::take::{Notes, Take, Truth};
    use crate::controls::Controls;
    use crate::gesture::features::FEATURE_SCHEMA;
    use crate::sensor::performer::Chance;

    const NOTES: Notes = Notes {
        lowest: 60.0,
        count: 4,
    };
    const INPUTS: usize = 5;
    const FRAMES: usize = 500;

    /// The largest difference between the network over a whole take and its file, frame by frame.
    fn difference(arch: Arch, heads: Heads) -> f32 {
        let shape = Shape {
            arch,
            inputs: 2 * INPUTS,
            hidden: 16,
            layers: 2,
            outputs: heads.width(),
        };
        let network = Network::new(shape, 3, &Device::flex().autodiff());
        let mut chance = Chance::new(4, 4);
        let truth = Truth {
            controls: Controls::SILENT,
            onset: false,
            pitched: true,
        };
        let take = Take {
            name: "noise".into(),
            features: (0..FRAMES * INPUTS)
                .map(|_| chance.normal() as f32)
                .collect(),
            width: INPUTS,
            truth: vec![truth; FRAMES],
        };
        let hearing = Hearing::of(std::slice::from_ref(&take));
        let label = Label {
            name: arch.name().into(),
            frame_rate_hz: 100,
            feature_schema: FEATURE_SCHEMA,
            inputs: (0..INPUTS).map(|n| format!("x{n}")).collect(),
            ..Label::default()
        };
        let fed = hearing.fed(std::slice::from_ref(&take));
        let straight = Straight {
            weight: (0..2 * INPUTS * heads.width())
                .map(|n| (n as f32).sin())
                .collect(),
            bias: (0..heads.width()).map(|n| (n as f32).cos()).collect(),
        };
        let model = Model {
            network,
            straight: Some(straight),
            calibration: Calibration {
                tail: Tail::of(&heads, &fed),
                ..Calibration::NONE
            },
            onset_edge: Edge::NONE,
        };
        let bytes = onnx(shape, &heads, &model, &hearing, &label);
        let rows: Vec<&[f32]> = fed[0].rows().collect();
        let said = steps(&bytes, &rows).unwrap_or_else(|error| panic!("{}: {error}", arch.name()));
        let meant = model.run(shape, &fed);
        let largest = largest_difference(&said, &meant[0], &heads);
        assert_eq!(said.len(), FRAMES);
        println!("{}: {largest:.1e}", arch.name());
        largest
    }

    #[test]
    fn every_network_plays_as_it_was_trained_over_500_streamed_frames() {
        for arch in Arch::ALL {
            let difference = difference(arch, Heads::of(NOTES));
            assert!(difference < 1e-5, "{}: {difference}", arch.name());
        }
    }

    #[test]
    fn distributions_of_numbers_and_a_pitch_that_is_a_point_are_stated_as_they_were_trained() {
        let heads = Heads {
            notes: NOTES,
            timbre: 2,
            distributions: Distributions {
                pitch: false,
                loudness: true,
                timbre: true,
                ..Distributions::default()
            },
        };
        let difference = difference(Arch::Fc, heads);
        assert!(difference < 1e-5, "{difference}");
    }
}
