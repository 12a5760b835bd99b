//! Constants of the file, and the integer arithmetic that exporters leave around shapes.

use std::sync::Arc;

use tract_onnx::pb::{self, tensor_proto::DataType};

use super::attributes::Node;
use super::{Lowered, Value};

/// Reads an initializer. The screen has made sure that dims and data agree.
pub fn read(tensor: &pb::TensorProto) -> Lowered<Value> {
    let dims: Vec<usize> = tensor.dims.iter().map(|d| *d as usize).collect();
    let raw = &tensor.raw_data;
    let kind = DataType::try_from(tensor.data_type).map_err(|_| "its element type is unknown")?;
    Ok(match kind {
        DataType::Float => constant(
            dims,
            match raw.is_empty() {
                true => tensor.float_data.clone(),
                false => raw
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .collect(),
            },
        ),
        DataType::Double => constant(
            dims,
            match raw.is_empty() {
                true => tensor.double_data.iter().map(|v| *v as f32).collect(),
                false => raw
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b) as f32)
                    .collect(),
            },
        ),
        DataType::Int64 => Value::Integers {
            data: match raw.is_empty() {
                true => tensor.int64_data.clone(),
                false => raw
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| i64::from_le_bytes(*b))
                    .collect(),
            },
            dims,
        },
        DataType::Int32 => Value::Integers {
            data: match raw.is_empty() {
                true => tensor.int32_data.iter().map(|v| *v as i64).collect(),
                false => raw
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| i32::from_le_bytes(*b) as i64)
                    .collect(),
            },
            dims,
        },
        other => {
            return Err(format!(
                "{} tensors are not read: export as float",
                other.as_str_name()
            ));
        }
    })
}

pub fn constant(dims: Vec<usize>, data: Vec<f32>) -> Value {
    let data: Arc<[f32]> = data.into();
    Value::Constant { data, dims }
}

/// Nodes that concern shapes only; `None` where the node computes with numbers.
pub fn integer_node(node: &Node) -> Lowered<Option<Value>> {
    match node.op {
        "Constant" => return constant_node(node).map(Some),
        "Shape" => {
            let data: Vec<i64> = node.input(0)?.dims().iter().map(|d| *d as i64).collect();
            let dims = vec![data.len()];
            return Ok(Some(Value::Integers { data, dims }));
        }
        "Cast" => return Ok(cast(node)),
        _ => {}
    }
    let Some(Value::Integers { data, dims }) = node.optional(0) else {
        return Ok(None);
    };
    let list = |data: Vec<i64>| {
        let dims = vec![data.len()];
        Some(Value::Integers { data, dims })
    };
    Ok(match node.op {
        "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => list(data.clone()),
        "Concat" => {
            let mut all = Vec::new();
            for index in 0..node.inputs.len() {
                all.extend_from_slice(node.integers(index)?.ok_or("an input is missing")?);
            }
            list(all)
        }
        "Gather" => {
            let indices = node.integers(1)?.ok_or("it has no indices")?;
            let pick = |i: &i64| data.get(node.axis(*i, data.len()).ok()?).copied();
            list(
                indices
                    .iter()
                    .map(pick)
                    .collect::<Option<_>>()
                    .ok_or("an index is out of range")?,
            )
        }
        "Slice" if dims.len() <= 1 => {
            let starts = node
                .integers(1)?
                .and_then(|s| s.first())
                .copied()
                .unwrap_or(0);
            let ends = node
                .integers(2)?
                .and_then(|s| s.first())
                .copied()
                .unwrap_or(i64::MAX);
            let limit = |v: i64| {
                let v = if v < 0 {
                    v.saturating_add(data.len() as i64)
                } else {
                    v
                };
                v.clamp(0, data.len() as i64) as usize
            };
            list(
                data.get(limit(starts)..limit(ends))
                    .unwrap_or_default()
                    .to_vec(),
            )
        }
        _ => None,
    })
}

fn constant_node(node: &Node) -> Lowered<Value> {
    let list = |data: Vec<i64>| {
        let dims = vec![data.len()];
        Value::Integers { data, dims }
    };
    if let Some(tensor) = node.attribute("value").and_then(|a| a.t.as_ref()) {
        return read(tensor);
    }
    if let Some(a) = node.attribute("value_float") {
        return Ok(constant(vec![], vec![a.f]));
    }
    if let Some(a) = node.attribute("value_floats") {
        return Ok(constant(vec![a.floats.len()], a.floats.clone()));
    }
    if let Some(a) = node.attribute("value_int") {
        return Ok(list(vec![a.i]).with_dims(vec![]));
    }
    if let Some(a) = node.attribute("value_ints") {
        return Ok(list(a.ints.clone()));
    }
    Err("this kind of constant is not read".into())
}

/// Integers become floats and back; a cast of floats to floats is nothing.
fn cast(node: &Node) -> Option<Value> {
    let to_float = node.int("to", 1) == DataType::Float as i64;
    match node.optional(0)? {
        Value::Integers { data, dims } if to_float => Some(constant(
            dims.clone(),
            data.iter().map(|v| *v as f32).collect(),
        )),
        Value::Integers { data, dims } => Some(Value::Integers {
            data: data.clone(),
            dims: dims.clone(),
        }),
        value if to_float => Some(value.clone()),
        _ => None,
    }
}
