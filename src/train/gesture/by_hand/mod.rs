//! The LSTM trained by hand-written back-propagation: an eighth of the time that automatic differentiation takes for
//! so small a network (one core, 64 units), which is what makes teaching from a two-minute take feel immediate. A test
//! holds its loss and gradients against those of the network in burn.

mod lstm;
mod slope;

use burn::tensor::{Device, Tensor, TensorData};
pub use lstm::{HandLstm, Memory};
use pulp::Arch as Instructions;
pub use slope::slope;

use super::network::{Arch, Network, Shape};

/// AdamW (Loshchilov and Hutter 2019) over one flat list of parameters, gradients clipped to norm 1 as a whole.
pub struct AdamW {
    first: Vec<f32>,
    second: Vec<f32>,
    step: i32,
    weight_decay: f32,
}

impl AdamW {
    pub fn new(parameters: usize, weight_decay: f32) -> Self {
        AdamW {
            first: vec![0.0; parameters],
            second: vec![0.0; parameters],
            step: 0,
            weight_decay,
        }
    }

    pub fn step(&mut self, rate: f32, parameters: &mut [f32], gradient: &[f32]) {
        const BETA: (f32, f32) = (0.9, 0.999);
        self.step += 1;
        let norm = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        if !norm.is_finite() {
            return;
        }
        let clip = 1.0 / norm.max(1.0);
        let (c1, c2) = (1.0 - BETA.0.powi(self.step), 1.0 - BETA.1.powi(self.step));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((p, g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            let g = g * clip;
            *m += (g - *m) * (1.0 - BETA.0);
            *v += (g * g - *v) * (1.0 - BETA.1);
            *p -= rate * (*m / c1 / ((*v / c2).sqrt() + 1e-8) + self.weight_decay * *p);
        }
    }
}

/// Takes the weights of a burn network with this shape.
pub fn from_network(shape: Shape, network: &Network) -> HandLstm {
    debug_assert_eq!(shape.arch, Arch::Lstm);
    let mut parameters = Vec::new();
    for layer in &network.layers {
        parameters.extend(values(layer.weight.val()));
        parameters.extend(values(layer.bias.val()));
    }
    parameters.extend(values(network.head.val()));
    parameters.extend(values(network.head_bias.val()));
    HandLstm::new(shape, parameters, Instructions::new())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_to_vec().unwrap_or_default()
}

/// Puts hand-trained weights back into a burn network, for evaluation and export.
pub fn into_network(lstm: &HandLstm, mut network: Network, device: &Device) -> Network {
    let mut at = 0;
    let mut next = |count: usize| {
        at += count;
        lstm.parameters()[at - count..at].to_vec()
    };
    let mut matrix = |dims: [usize; 2]| -> Tensor<2> {
        Tensor::from_data(TensorData::new(next(dims[0] * dims[1]), dims), device)
    };
    for layer in &mut network.layers {
        let dims = layer.weight.val().dims();
        layer.weight = burn::module::Param::from_tensor(matrix(dims));
        let bias = matrix([1, layer.bias.val().dims()[0]]);
        layer.bias = burn::module::Param::from_tensor(bias.flatten(0, 1));
    }
    network.head = burn::module::Param::from_tensor(matrix(network.head.val().dims()));
    let bias = matrix([1, network.head_bias.val().dims()[0]]);
    network.head_bias = burn::module::Param::from_tensor(bias.flatten(0, 1));
    network
}

#[cfg(test)]
mod tests;
