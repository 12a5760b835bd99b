//! Writes ONNX files: the trainer's way out, and the tests' source of models. Off the audio thread.
//!
//! Shapes are tracked while building, so a graph that is wired wrongly panics here, at its author's desk.
//! Opset 17; recurrent cells are written as single steps (sequence length 1, states in and out), which is
//! what the contract asks for. Op semantics: https://onnx.ai/onnx/operators/

use prost::Message;
use tract_onnx::pb::{
    self, attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
};

use super::contract::{Contract, METADATA_KEY};

/// A value in the graph under construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub dims: Vec<usize>,
}

/// An attribute of a node.
pub enum Attribute<'a> {
    Int(&'a str, i64),
    Ints(&'a str, Vec<i64>),
    Float(&'a str, f32),
    Text(&'a str, &'a str),
}

/// Weights of one LSTM layer, rows in ONNX gate order: input, output, forget, cell.
pub struct LstmWeights<'a> {
    /// `[4 * hidden][inputs]`
    pub input: &'a [f32],
    /// `[4 * hidden][hidden]`
    pub recurrent: &'a [f32],
    /// `[4 * hidden]`, the sum of both biases where a framework keeps two.
    pub bias: &'a [f32],
}

/// Weights of one GRU layer, rows in ONNX gate order: update, reset, new.
pub struct GruWeights<'a> {
    /// `[3 * hidden][inputs]`
    pub input: &'a [f32],
    /// `[3 * hidden][hidden]`
    pub recurrent: &'a [f32],
    /// `[3 * hidden]`
    pub input_bias: &'a [f32],
    /// `[3 * hidden]`; the reset gate scales the new gate's part of it (`linear_before_reset`, as PyTorch does).
    pub recurrent_bias: &'a [f32],
}

/// Re-orders gate blocks of `hidden` rows: block `i` of the result is block `order[i]` of `rows`.
/// PyTorch and burn keep LSTM gates as input, forget, cell, output: `&[0, 3, 1, 2]` makes them ONNX's.
/// They keep GRU gates as reset, update, new: `&[1, 0, 2]`.
pub fn reorder_gates(rows: &[f32], order: &[usize]) -> Vec<f32> {
    let block = rows.len() / order.len();
    order
        .iter()
        .flat_map(|&from| rows[from * block..(from + 1) * block].iter().copied())
        .collect()
}

/// Builds one graph; see the methods. Names of inner values are generated.
pub struct GraphBuilder {
    graph: pb::GraphProto,
    metadata: Vec<pb::StringStringEntryProto>,
    next_name: usize,
}

impl GraphBuilder {
    pub fn new(name: &str) -> Self {
        GraphBuilder {
            graph: pb::GraphProto {
                name: name.into(),
                ..Default::default()
            },
            metadata: Vec::new(),
            next_name: 0,
        }
    }

    pub fn metadata(&mut self, key: &str, value: &str) {
        self.metadata.push(pb::StringStringEntryProto {
            key: key.into(),
            value: value.into(),
        });
    }

    pub fn contract(&mut self, contract: &Contract) {
        let text = serde_json::to_string(contract).expect("a contract is plain data");
        self.metadata(METADATA_KEY, &text);
    }

    /// An f32 input of the model.
    pub fn input(&mut self, name: &str, dims: &[usize]) -> Tensor {
        self.graph.input.push(value_info(name, dims));
        Tensor {
            name: name.into(),
            dims: dims.to_vec(),
        }
    }

    /// Makes `tensor` an output of the model under `name`.
    pub fn output(&mut self, name: &str, tensor: &Tensor) {
        self.graph.output.push(value_info(name, &tensor.dims));
        self.push("Identity", &[&tensor.name], vec![name.into()], &[]);
    }

    /// A constant f32 tensor.
    pub fn constant(&mut self, dims: &[usize], values: &[f32]) -> Tensor {
        assert_eq!(dims.iter().product::<usize>(), values.len(), "{dims:?}");
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(dims, DataType::Float, raw)
    }

    /// A constant list of integers, for shapes and indices.
    pub fn integers(&mut self, values: &[i64]) -> Tensor {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(&[values.len()], DataType::Int64, raw)
    }

    /// Any node with one output of known shape. An empty input name leaves an optional input out.
    pub fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        dims: &[usize],
        attributes: &[Attribute],
    ) -> Tensor {
        let name = self.fresh(op);
        self.push(op, inputs, vec![name.clone()], attributes);
        Tensor {
            name,
            dims: dims.to_vec(),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        pb::ModelProto {
            ir_version: 8,
            producer_name: "imu2music".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            opset_import: vec![pb::OperatorSetIdProto {
                domain: String::new(),
                version: 17,
            }],
            graph: Some(self.graph),
            metadata_props: self.metadata,
            ..Default::default()
        }
        .encode_to_vec()
    }

    fn fresh(&mut self, stem: &str) -> String {
        self.next_name += 1;
        format!("{}_{}", stem.to_lowercase(), self.next_name)
    }

    fn initializer(&mut self, dims: &[usize], data_type: DataType, raw_data: Vec<u8>) -> Tensor {
        let name = self.fresh("constant");
        self.graph.initializer.push(pb::TensorProto {
            name: name.clone(),
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: data_type as i32,
            raw_data,
            ..Default::default()
        });
        Tensor {
            name,
            dims: dims.to_vec(),
        }
    }

    fn push(&mut self, op: &str, inputs: &[&str], output: Vec<String>, attributes: &[Attribute]) {
        let name = format!("{}_{}", op, self.graph.node.len());
        self.graph.node.push(pb::NodeProto {
            name,
            op_type: op.into(),
            input: inputs.iter().map(|s| s.to_string()).collect(),
            output,
            attribute: attributes.iter().map(attribute).collect(),
            ..Default::default()
        });
    }
}

/// The layers a small network is made of.
impl GraphBuilder {
    /// `y = w x + b` on `[1, inputs]`; `weights` is `[outputs][inputs]`.
    pub fn dense(&mut self, x: &Tensor, weights: &[f32], bias: &[f32]) -> Tensor {
        let (inputs, outputs) = (x.dims[1], bias.len());
        assert_eq!(weights.len(), inputs * outputs, "dense {inputs}x{outputs}");
        let w = self.constant(&[outputs, inputs], weights);
        let b = self.constant(&[outputs], bias);
        self.node(
            "Gemm",
            &[&x.name, &w.name, &b.name],
            &[x.dims[0], outputs],
            &[Attribute::Int("transB", 1)],
        )
    }

    /// One LSTM step on `x [1, inputs]`, `h [1, hidden]`, `c [1, hidden]`; returns the new `h` and `c`.
    pub fn lstm(
        &mut self,
        x: &Tensor,
        h: &Tensor,
        c: &Tensor,
        w: &LstmWeights,
    ) -> (Tensor, Tensor) {
        let (inputs, hidden) = (x.dims[1], h.dims[1]);
        let input = self.constant(&[1, 4 * hidden, inputs], w.input);
        let recurrent = self.constant(&[1, 4 * hidden, hidden], w.recurrent);
        let mut both = w.bias.to_vec();
        both.resize(8 * hidden, 0.0);
        let bias = self.constant(&[1, 8 * hidden], &both);
        let x = self.reshape(x, &[1, 1, inputs]);
        let h = self.reshape(h, &[1, 1, hidden]);
        let c = self.reshape(c, &[1, 1, hidden]);
        let (h_out, c_out) = (self.fresh("lstm_h"), self.fresh("lstm_c"));
        self.push(
            "LSTM",
            &[
                &x.name,
                &input.name,
                &recurrent.name,
                &bias.name,
                "",
                &h.name,
                &c.name,
            ],
            vec![String::new(), h_out.clone(), c_out.clone()],
            &[Attribute::Int("hidden_size", hidden as i64)],
        );
        let dims = vec![1, 1, hidden];
        let (h, c) = (
            Tensor {
                name: h_out,
                dims: dims.clone(),
            },
            Tensor { name: c_out, dims },
        );
        (
            self.reshape(&h, &[1, hidden]),
            self.reshape(&c, &[1, hidden]),
        )
    }

    /// One GRU step on `x [1, inputs]` and `h [1, hidden]`; returns the new `h`.
    pub fn gru(&mut self, x: &Tensor, h: &Tensor, w: &GruWeights) -> Tensor {
        let (inputs, hidden) = (x.dims[1], h.dims[1]);
        let input = self.constant(&[1, 3 * hidden, inputs], w.input);
        let recurrent = self.constant(&[1, 3 * hidden, hidden], w.recurrent);
        let bias = self.constant(&[1, 6 * hidden], &[w.input_bias, w.recurrent_bias].concat());
        let x = self.reshape(x, &[1, 1, inputs]);
        let h = self.reshape(h, &[1, 1, hidden]);
        let name = self.fresh("gru_h");
        self.push(
            "GRU",
            &[
                &x.name,
                &input.name,
                &recurrent.name,
                &bias.name,
                "",
                &h.name,
            ],
            vec![String::new(), name.clone()],
            &[
                Attribute::Int("hidden_size", hidden as i64),
                Attribute::Int("linear_before_reset", 1),
            ],
        );
        let dims = vec![1, 1, hidden];
        self.reshape(&Tensor { name, dims }, &[1, hidden])
    }

    /// Normalises the last axis, then scales and shifts it.
    pub fn layer_norm(&mut self, x: &Tensor, scale: &[f32], bias: &[f32]) -> Tensor {
        let s = self.constant(&[scale.len()], scale);
        let b = self.constant(&[bias.len()], bias);
        self.node(
            "LayerNormalization",
            &[&x.name, &s.name, &b.name],
            &x.dims,
            &[
                Attribute::Int("axis", -1),
                Attribute::Float("epsilon", 1e-5),
            ],
        )
    }

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
        let mut dims = x.dims.clone();
        *dims.last_mut().expect("a sum needs an axis") = 1;
        self.node("ReduceSum", &[&x.name, &axis.name], &dims, &[])
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

fn attribute(attribute: &Attribute) -> pb::AttributeProto {
    let empty = pb::AttributeProto::default();
    match attribute {
        Attribute::Int(name, i) => pb::AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Int as i32,
            i: *i,
            ..empty
        },
        Attribute::Ints(name, ints) => pb::AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Ints as i32,
            ints: ints.clone(),
            ..empty
        },
        Attribute::Float(name, f) => pb::AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::Float as i32,
            f: *f,
            ..empty
        },
        Attribute::Text(name, text) => pb::AttributeProto {
            name: name.to_string(),
            r#type: AttributeType::String as i32,
            s: text.as_bytes().to_vec(),
            ..empty
        },
    }
}

fn value_info(name: &str, dims: &[usize]) -> pb::ValueInfoProto {
    let dim = dims
        .iter()
        .map(|&d| tensor_shape_proto::Dimension {
            denotation: String::new(),
            value: Some(tensor_shape_proto::dimension::Value::DimValue(d as i64)),
        })
        .collect();
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(pb::TensorShapeProto { dim }),
    };
    pb::ValueInfoProto {
        name: name.into(),
        doc_string: String::new(),
        r#type: Some(pb::TypeProto {
            denotation: String::new(),
            value: Some(type_proto::Value::TensorType(tensor)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::prelude::*;

    #[test]
    fn tract_reads_what_is_written() {
        let mut g = GraphBuilder::new("affine");
        let x = g.input("x", &[1, 2]);
        let y = g.dense(&x, &[1.0, 2.0, 3.0, 4.0], &[0.5, -0.5]);
        g.output("y", &y);
        let bytes = g.finish();
        let model = tract_onnx::onnx()
            .model_for_read(&mut &bytes[..])
            .and_then(|m| m.into_optimized())
            .and_then(|m| m.into_runnable())
            .unwrap();
        let out = model.run(tvec!(tensor2(&[[1.0f32, 10.0]]).into())).unwrap();
        let view = out[0].to_plain_array_view::<f32>().unwrap();
        assert_eq!(view.as_slice().unwrap(), &[21.5, 42.5]);
    }

    #[test]
    fn torch_gates_become_onnx_gates() {
        assert_eq!(
            reorder_gates(&[0.0, 1.0, 2.0, 3.0], &[0, 3, 1, 2]),
            [0.0, 3.0, 1.0, 2.0]
        );
    }

    #[test]
    fn shapes_broadcast_as_numpy_does() {
        assert_eq!(broadcast(&[1, 4], &[3, 1]), Some(vec![3, 4]));
        assert_eq!(broadcast(&[4], &[2, 4]), Some(vec![2, 4]));
        assert_eq!(broadcast(&[3], &[2]), None);
    }
}
