//! Single operators: element by element, along an axis, and those that only move values.

use super::{Attribute, GraphBuilder, Tensor};

/// Operators, one node each.
impl GraphBuilder {
    pub fn relu(&mut self, x: &Tensor) -> Tensor {
        self.node("Relu", &[&x.name], &x.dims, &[])
    }

    pub fn leaky_relu(&mut self, x: &Tensor, slope: f32) -> Tensor {
        self.node(
            "LeakyRelu",
            &[&x.name],
            &x.dims,
            &[Attribute::Float("alpha", slope)],
        )
    }

    pub fn tanh(&mut self, x: &Tensor) -> Tensor {
        self.node("Tanh", &[&x.name], &x.dims, &[])
    }

    pub fn sigmoid(&mut self, x: &Tensor) -> Tensor {
        self.node("Sigmoid", &[&x.name], &x.dims, &[])
    }

    pub fn exp(&mut self, x: &Tensor) -> Tensor {
        self.node("Exp", &[&x.name], &x.dims, &[])
    }

    /// Held between two numbers.
    pub fn clip(&mut self, x: &Tensor, low: f32, high: f32) -> Tensor {
        let (low, high) = (self.constant(&[], &[low]), self.constant(&[], &[high]));
        self.node("Clip", &[&x.name, &low.name, &high.name], &x.dims, &[])
    }

    pub fn softplus(&mut self, x: &Tensor) -> Tensor {
        self.node("Softplus", &[&x.name], &x.dims, &[])
    }

    /// Over the last axis.
    pub fn softmax(&mut self, x: &Tensor) -> Tensor {
        self.node(
            "Softmax",
            &[&x.name],
            &x.dims,
            &[Attribute::Int("axis", -1)],
        )
    }

    /// Sum over the last axis, which stays with length 1.
    pub fn sum(&mut self, x: &Tensor) -> Tensor {
        let axis = self.integers(&[x.dims.len() as i64 - 1]);
        self.node("ReduceSum", &[&x.name, &axis.name], &reduced(x), &[])
    }

    /// The largest along the last axis, which stays with length 1.
    pub fn max(&mut self, x: &Tensor) -> Tensor {
        let axis = x.dims.len() as i64 - 1;
        let axes = Attribute::Ints("axes", vec![axis]);
        self.node("ReduceMax", &[&x.name], &reduced(x), &[axes])
    }

    pub fn add(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Add", a, b)
    }

    pub fn sub(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Sub", a, b)
    }

    pub fn mul(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Mul", a, b)
    }

    pub fn div(&mut self, a: &Tensor, b: &Tensor) -> Tensor {
        self.binary("Div", a, b)
    }

    /// `x * scale + offset` with the same two numbers everywhere.
    pub fn affine(&mut self, x: &Tensor, scale: f32, offset: f32) -> Tensor {
        let scale = self.constant(&[1], &[scale]);
        let offset = self.constant(&[1], &[offset]);
        let scaled = self.mul(x, &scale);
        self.add(&scaled, &offset)
    }

    /// `x[.., from..to, ..]` along `axis`.
    pub fn slice(&mut self, x: &Tensor, axis: usize, from: usize, to: usize) -> Tensor {
        let starts = self.integers(&[from as i64]);
        let ends = self.integers(&[to as i64]);
        let axes = self.integers(&[axis as i64]);
        let mut dims = x.dims.clone();
        dims[axis] = to - from;
        let inputs = [&*x.name, &*starts.name, &*ends.name, &*axes.name];
        self.node("Slice", &inputs, &dims, &[])
    }

    pub fn concat(&mut self, parts: &[&Tensor], axis: usize) -> Tensor {
        let mut dims = parts[0].dims.clone();
        dims[axis] = parts.iter().map(|p| p.dims[axis]).sum();
        let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
        self.node(
            "Concat",
            &names,
            &dims,
            &[Attribute::Int("axis", axis as i64)],
        )
    }

    pub fn reshape(&mut self, x: &Tensor, dims: &[usize]) -> Tensor {
        assert_eq!(
            x.dims.iter().product::<usize>(),
            dims.iter().product::<usize>()
        );
        let shape: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let shape = self.integers(&shape);
        self.node("Reshape", &[&x.name, &shape.name], dims, &[])
    }

    fn binary(&mut self, op: &str, a: &Tensor, b: &Tensor) -> Tensor {
        let dims = broadcast(&a.dims, &b.dims)
            .unwrap_or_else(|| panic!("{op} of {:?} and {:?}", a.dims, b.dims));
        self.node(op, &[&a.name, &b.name], &dims, &[])
    }
}

/// The shape with a last axis of length 1.
fn reduced(x: &Tensor) -> Vec<usize> {
    let mut dims = x.dims.clone();
    *dims.last_mut().expect("a reduction needs an axis") = 1;
    dims
}

/// The shape of an element-wise result under ONNX (numpy) broadcasting; `None` where the shapes do not fit.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |i| dims[i]);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}
