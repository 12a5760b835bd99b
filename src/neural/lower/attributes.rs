//! One node with its inputs looked up and its attributes read.

use tract_onnx::pb;

use super::{Lowered, Value};

pub struct Node<'a> {
    proto: &'a pb::NodeProto,
    pub op: &'a str,
    pub inputs: Vec<Option<Value>>,
    pub output_count: usize,
}

impl<'a> Node<'a> {
    pub fn new(proto: &'a pb::NodeProto, inputs: Vec<Option<Value>>) -> Self {
        Node {
            proto,
            op: &proto.op_type,
            inputs,
            output_count: proto.output.len(),
        }
    }

    pub fn input(&self, index: usize) -> Lowered<&Value> {
        self.optional(index)
            .ok_or(format!("input {index} is missing"))
    }

    pub fn optional(&self, index: usize) -> Option<&Value> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    /// A list of integers known now: a shape, axes, starts.
    pub fn integers(&self, index: usize) -> Lowered<Option<&[i64]>> {
        match self.optional(index) {
            None => Ok(None),
            Some(Value::Integers { data, .. }) => Ok(Some(data)),
            Some(_) => Err(format!(
                "input {index} has to be a constant list of integers"
            )),
        }
    }

    /// A tensor of numbers known now: weights.
    pub fn constant(&self, index: usize) -> Lowered<Option<(&[f32], &[usize])>> {
        match self.optional(index) {
            None => Ok(None),
            Some(Value::Constant { data, dims }) => Ok(Some((data, dims))),
            Some(_) => Err(format!("input {index} has to be a constant tensor")),
        }
    }

    pub fn weights(&self, index: usize) -> Lowered<(&[f32], &[usize])> {
        self.constant(index)?
            .ok_or(format!("input {index} is missing"))
    }

    pub fn attribute(&self, name: &str) -> Option<&'a pb::AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |a| a.f)
    }

    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.attribute(name)
            .map(|a| String::from_utf8_lossy(&a.s).into_owned())
    }

    /// Texts of a list attribute.
    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        let list = &self.attribute(name)?.strings;
        Some(
            list.iter()
                .map(|s| String::from_utf8_lossy(s).into_owned())
                .collect(),
        )
    }

    /// `axis` counted from the front, for a value of `rank` dimensions.
    pub fn axis(&self, axis: i64, rank: usize) -> Lowered<usize> {
        let from_front = if axis < 0 {
            axis.saturating_add(rank as i64)
        } else {
            axis
        };
        usize::try_from(from_front)
            .ok()
            .filter(|a| *a < rank)
            .ok_or(format!("axis {axis} of {rank} dimensions"))
    }
}
