//! Point by point, and along one axis: activations, arithmetic with broadcasting, softmax, sums, norms.

use tract_onnx::pb::tensor_proto::DataType;

use super::attributes::Node;
use super::rearrange::{broadcast_strides, strides};
use super::{Lowered, Lowering, Value};
use crate::neural::graph::broadcast;
use crate::neural::kernel::pointwise::{Binary, Reduce, Unary};
use crate::neural::plan::{Kernel, Span};

/// Element types of ONNX that a moving number may be cast to.
const INT32: i64 = DataType::Int32 as i64;
const INT64: i64 = DataType::Int64 as i64;
/// Runs one broadcast operation may consist of.
const MAX_RUNS: usize = 1 << 18;

impl Lowering {
    pub fn elementwise(&mut self, node: &Node) -> Lowered<Option<Value>> {
        if let Some(function) = unary(node)? {
            let x = node.input(0)?;
            let start = self.place(x)?;
            let y = self.emit(x.dims(), Kernel::Unary { function, x: start })?;
            return Ok(Some(y.laid(x.is_turned())));
        }
        if let Some(function) = binary(node.op) {
            return self.binary(node, function).map(Some);
        }
        Ok(Some(match node.op {
            "Softmax" => self.softmax(node)?,
            "LayerNormalization" => self.layer_norm(node)?,
            "ReduceSum" => self.reduce(node, Reduce::Sum)?,
            "ReduceMean" => self.reduce(node, Reduce::Mean)?,
            "ReduceMax" => self.reduce(node, Reduce::Max)?,
            "ReduceMin" => self.reduce(node, Reduce::Min)?,
            _ => return Ok(None),
        }))
    }

    fn binary(&mut self, node: &Node, function: Binary) -> Lowered<Value> {
        let mut sum = node.input(0)?.clone();
        for index in 1..node.inputs.len() {
            sum = self.binary_pair(function, &sum, node.input(index)?)?;
        }
        Ok(sum)
    }

    pub fn binary_pair(&mut self, function: Binary, a: &Value, b: &Value) -> Lowered<Value> {
        let dims = broadcast(a.dims(), b.dims());
        let dims = dims.ok_or(format!("{:?} and {:?} do not fit", a.dims(), b.dims()))?;
        if a.is_turned() || b.is_turned() {
            // They lie alike, or one of them is a single number: the order does not matter.
            let flat = |v: &Value| v.clone().with_dims(vec![v.len()]).laid(false);
            let y = self.binary_pair(function, &flat(a), &flat(b))?;
            return Ok(y.with_dims(dims).laid(true));
        }
        let (a_start, b_start) = (self.place(a)?, self.place(b)?);
        let a_strides = broadcast_strides(a.dims(), dims.len());
        let b_strides = broadcast_strides(b.dims(), dims.len());
        // The longest tail of axes along which each side is either one run or one number.
        let (mut run, mut inner) = (1, dims.len());
        let mut steps = [None, None];
        while inner > 0 {
            let axis = inner - 1;
            let step = |stride: usize, old: Option<usize>| match (dims[axis], stride, old) {
                (1, _, old) => Some(old),
                (_, 0, None | Some(0)) => Some(Some(0)),
                (_, s, None | Some(1)) if s == run => Some(Some(1)),
                _ => None,
            };
            let (Some(a), Some(b)) = (
                step(a_strides[axis], steps[0]),
                step(b_strides[axis], steps[1]),
            ) else {
                break;
            };
            steps = [a, b];
            run *= dims[axis];
            inner -= 1;
        }
        let blocks: usize = dims[..inner].iter().product();
        if blocks > MAX_RUNS {
            return Err("it combines too many small pieces".into());
        }
        let starts = (0..blocks).map(|block| {
            let (mut rest, mut at) = (block, (a_start, b_start));
            for axis in (0..inner).rev() {
                let i = rest % dims[axis];
                at.0 += i * a_strides[axis];
                at.1 += i * b_strides[axis];
                rest /= dims[axis];
            }
            at
        });
        let kernel = Kernel::Binary {
            function,
            starts: starts.collect(),
            steps: (steps[0].unwrap_or(1), steps[1].unwrap_or(1)),
            run,
        };
        self.emit(&dims, kernel)
    }

    fn softmax(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let axis = node.axis(node.int("axis", -1), x.dims().len())?;
        let kernel = Kernel::Softmax {
            x: self.place(&x)?,
            len: x.dims()[axis],
            inner: strides(x.dims())[axis],
        };
        self.emit(x.dims(), kernel)
    }

    fn layer_norm(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let axis = node.axis(node.int("axis", -1), x.dims().len())?;
        let len: usize = x.dims()[axis..].iter().product();
        let scale = node.weights(1)?.0.to_vec();
        let bias = node
            .constant(2)?
            .map_or(vec![0.0; len], |(b, _)| b.to_vec());
        if scale.len() != len || bias.len() != len || node.output_count != 1 {
            return Err(format!("its scale and bias need {len} values each"));
        }
        let kernel = Kernel::LayerNorm {
            x: self.place(&x)?,
            scale,
            bias,
            epsilon: node.float("epsilon", 1e-5),
        };
        self.emit(x.dims(), kernel)
    }

    /// Over one axis, or several that stand together.
    fn reduce(&mut self, node: &Node, function: Reduce) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let rank = x.dims().len();
        let axes: Vec<usize> = match node.integers(1)?.or(node.ints("axes")) {
            Some(axes) if !axes.is_empty() => axes
                .iter()
                .map(|a| node.axis(*a, rank))
                .collect::<Lowered<_>>()?,
            _ => (0..rank).collect(),
        };
        let (low, high) = (axes.iter().min(), axes.iter().max());
        let (Some(&low), Some(&high)) = (low, high) else {
            return Err("it reduces nothing".into());
        };
        if high - low + 1 != axes.len() {
            return Err("only axes that stand together are reduced".into());
        }
        let keep = node.int("keepdims", 1) != 0;
        let kept: Vec<usize> = (0..rank)
            .filter(|axis| keep || !axes.contains(axis))
            .map(|axis| {
                if axes.contains(&axis) {
                    1
                } else {
                    x.dims()[axis]
                }
            })
            .collect();
        let kernel = Kernel::Reduce {
            function,
            x: Span {
                start: self.place(&x)?,
                len: x.len(),
            },
            len: x.dims()[low..=high].iter().product(),
            inner: x.dims()[high + 1..].iter().product(),
        };
        self.emit(&kept, kernel)
    }
}

pub fn unary(node: &Node) -> Lowered<Option<Unary>> {
    Ok(Some(match node.op {
        "Neg" => Unary::Neg,
        "Abs" => Unary::Abs,
        "Relu" => Unary::Relu,
        "LeakyRelu" => Unary::LeakyRelu(node.float("alpha", 0.01)),
        "Elu" => Unary::Elu(node.float("alpha", 1.0)),
        "Gelu" if node.text("approximate").is_some_and(|a| a == "tanh") => Unary::GeluTanh,
        "Gelu" => Unary::Gelu,
        "Tanh" => Unary::Tanh,
        "Sigmoid" => Unary::Sigmoid,
        "HardSigmoid" => Unary::HardSigmoid {
            slope: node.float("alpha", 0.2),
            offset: node.float("beta", 0.5),
        },
        "Softplus" => Unary::Softplus,
        "Exp" => Unary::Exp,
        "Log" => Unary::Log,
        "Sqrt" => Unary::Sqrt,
        "Reciprocal" => Unary::Reciprocal,
        "Sin" => Unary::Sin,
        "Cos" => Unary::Cos,
        "Erf" => Unary::Erf,
        "Cast" => match node.int("to", 1) {
            INT32 | INT64 => Unary::Truncate,
            other => return Err(format!("a cast to type {other} is not read")),
        },
        "Clip" => {
            let limit = |index, default| -> Lowered<f32> {
                let value = node.constant(index)?.and_then(|(v, _)| v.first().copied());
                Ok(value.unwrap_or(default))
            };
            Unary::Clip {
                low: limit(1, node.float("min", f32::MIN))?,
                high: limit(2, node.float("max", f32::MAX))?,
            }
        }
        _ => return Ok(None),
    }))
}

pub fn binary(op: &str) -> Option<Binary> {
    Some(match op {
        "Add" | "Sum" => Binary::Add,
        "Sub" => Binary::Sub,
        "Mul" => Binary::Mul,
        "Div" => Binary::Div,
        "Min" => Binary::Min,
        "Max" => Binary::Max,
        "Pow" => Binary::Pow,
        _ => return None,
    })
}
