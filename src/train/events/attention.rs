//! Attention with eight heads, as the encoder, the memory of events and the view of the motion use it. A stream looks
//! back over a bounded stretch, whose places are zeros until something stands there; a window sees all of itself.

use burn::module::{Module, Param};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};

use crate::sensor::performer::Chance;
use crate::train::gesture::blocks::{Norm, linear};
use crate::train::gesture::network::{uniform, vector};

/// Frames of motion that a stream sees, and events that it remembers, the present one among them.
pub const SEEN: usize = 64;
pub const REMEMBERED: usize = 64;
/// The feed-forward part is so many times as wide.
const WIDER: usize = 2;

/// Eight where they divide the width.
pub fn heads(width: usize) -> usize {
    if width.is_multiple_of(8) { 8 } else { 1 }
}

/// `y = x W + b`, `weight [inputs, outputs]`.
#[derive(Module, Debug)]
pub struct Line {
    pub weight: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
}

impl Line {
    pub fn new(chance: &mut Chance, [inputs, outputs]: [usize; 2], device: &Device) -> Line {
        let bound = 1.0 / (inputs as f64).sqrt();
        Line {
            weight: uniform(chance, inputs, outputs, bound, device),
            bias: vector(vec![0.0; outputs], device),
        }
    }

    pub fn of(&self, x: Tensor<2>) -> Tensor<2> {
        linear(x, &self.weight, &self.bias)
    }
}

/// How far back a row may look, `[lanes or 1, 1, rows, keys]`: distances in frames or events, and 1 where it may not.
#[derive(Clone)]
pub struct View {
    pub distance: Tensor<4>,
    pub hidden: Tensor<4>,
    /// Whether distance costs: a stream has no other notion of position.
    pub by_distance: bool,
    /// Places before the first key, zeros.
    pub past: usize,
}

impl View {
    /// `now[lane][row]` is where each row stands among `keys`; it sees what lies at its place or before, as far back as
    /// `reach` where that bounds it.
    pub fn back(now: &[Vec<usize>], keys: usize, reach: Option<usize>, device: &Device) -> View {
        let past = reach.map_or(0, |reach| reach - 1);
        let (mut distance, mut hidden) = (Vec::new(), Vec::new());
        for place in now.iter().flatten() {
            for key in 0..past + keys {
                let ago = (place + past).checked_sub(key);
                let seen = ago.is_some_and(|ago| reach.is_none_or(|reach| ago < reach));
                distance.push(if seen { ago.unwrap_or(0) as f32 } else { 0.0 });
                hidden.push(if seen { 0.0 } else { 1.0 });
            }
        }
        let dims = [now.len(), 1, now.first().map_or(0, Vec::len), past + keys];
        let tensor = |values| Tensor::from_data(TensorData::new(values, dims), device);
        View {
            distance: tensor(distance),
            hidden: tensor(hidden),
            by_distance: reach.is_some(),
            past,
        }
    }

    /// What each head adds to its scores.
    fn costs(&self, heads: usize) -> Tensor<4> {
        const NEVER: f32 = -1e9;
        let hidden = self.hidden.clone() * NEVER;
        if !self.by_distance {
            return hidden;
        }
        let slopes: Vec<f32> = (0..heads).map(|head| slope(head, heads)).collect();
        let device = self.distance.device();
        let slopes = Tensor::<4>::from_data(TensorData::new(slopes, [1, heads, 1, 1]), &device);
        hidden - self.distance.clone() * slopes
    }
}

/// How much a head minds distance (Press et al., ICLR 2022).
pub fn slope(head: usize, heads: usize) -> f32 {
    (-8.0 * (head + 1) as f32 / heads as f32).exp2()
}

/// `query [lanes, rows, width]` over `keys` and `values [lanes, keys, width]`; without a view it sees them all.
pub fn attend(
    query: Tensor<3>,
    keys: Tensor<3>,
    values: Tensor<3>,
    view: Option<&View>,
) -> Tensor<3> {
    let [lanes, rows, width] = query.dims();
    let heads = heads(width);
    let each = width / heads;
    let by_head = |x: Tensor<3>| {
        let count = x.dims()[1];
        x.reshape([lanes, count, heads, each]).swap_dims(1, 2)
    };
    let padded = |x: Tensor<3>| match view {
        Some(view) if view.past > 0 => {
            let zeros = Tensor::zeros([lanes, view.past, width], &x.device());
            Tensor::cat(vec![zeros, x], 1)
        }
        _ => x,
    };
    let scores = by_head(query).matmul(by_head(padded(keys)).swap_dims(2, 3));
    let mut scores = scores * (each as f32).powf(-0.5);
    if let Some(view) = view {
        scores = scores + view.costs(heads);
    }
    let heard = softmax(scores, 3).matmul(by_head(padded(values)));
    heard.swap_dims(1, 2).reshape([lanes, rows, width])
}

/// One attention with what asks and what answers; normalised before, added after.
#[derive(Module, Debug)]
pub struct Look {
    pub norm: Norm,
    pub query: Line,
    /// `[width, 2 * width]`: key, value.
    pub offer: Line,
    pub answer: Line,
}

impl Look {
    fn new(chance: &mut Chance, width: usize, device: &Device) -> Look {
        Look {
            norm: Norm::new(width, device),
            query: Line::new(chance, [width, width], device),
            offer: Line::new(chance, [width, 2 * width], device),
            answer: Line::new(chance, [width, width], device),
        }
    }

    /// `at` is what is looked at: none looks at itself.
    fn of(&self, x: Tensor<3>, at: Option<Tensor<3>>, view: Option<&View>) -> Tensor<3> {
        let [lanes, rows, width] = x.dims();
        let normal = self.norm.forward(flat(x.clone()));
        let offered = self.offer.of(at.map_or_else(|| normal.clone(), flat));
        let count = offered.dims()[0] / lanes;
        let part = |index: usize| {
            let part = offered.clone().narrow(1, index * width, width);
            part.reshape([lanes, count, width])
        };
        let query = self.query.of(normal).reshape([lanes, rows, width]);
        let heard = attend(query, part(0), part(1), view);
        x + self.answer.of(flat(heard)).reshape([lanes, rows, width])
    }
}

/// A layer of an encoder, or of a decoder where it also looks at the motion.
#[derive(Module, Debug)]
pub struct Block {
    pub own: Look,
    pub motion: Option<Look>,
    pub norm: Norm,
    pub widen: Line,
    pub narrow: Line,
}

impl Block {
    pub fn new(chance: &mut Chance, width: usize, decodes: bool, device: &Device) -> Block {
        Block {
            own: Look::new(chance, width, device),
            motion: decodes.then(|| Look::new(chance, width, device)),
            norm: Norm::new(width, device),
            widen: Line::new(chance, [width, WIDER * width], device),
            narrow: Line::new(chance, [WIDER * width, width], device),
        }
    }

    /// `x [lanes, rows, width]`; `motion` is the encoder's answer and how it is seen.
    pub fn forward(
        &self,
        x: Tensor<3>,
        own: Option<&View>,
        motion: Option<(&Tensor<3>, Option<&View>)>,
    ) -> Tensor<3> {
        let dims = x.dims();
        let mut x = self.own.of(x, None, own);
        if let (Some(look), Some((motion, view))) = (&self.motion, motion) {
            x = look.of(x, Some(motion.clone()), view);
        }
        let wide = self.widen.of(self.norm.forward(flat(x.clone())));
        x + self.narrow.of(relu(wide)).reshape(dims)
    }
}

pub fn flat(x: Tensor<3>) -> Tensor<2> {
    let [lanes, rows, width] = x.dims();
    x.reshape([lanes * rows, width])
}
