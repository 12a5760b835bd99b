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

mod layers;
mod operators;

pub use layers::{GruWeights, LstmWeights, reorder_gates};
pub use operators::broadcast;

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
