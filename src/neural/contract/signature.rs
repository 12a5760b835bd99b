//! The graph's side of the contract: its tensors and how long they are.

use crate::neural::ModelError;

/// A graph's inputs and outputs with their fixed shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    pub inputs: Vec<(String, Vec<usize>)>,
    pub outputs: Vec<(String, Vec<usize>)>,
}

impl Signature {
    pub(super) fn input_len(&self, name: &str) -> Result<usize, ModelError> {
        elements(&self.inputs, name, "input")
    }

    pub fn output_len(&self, name: &str) -> Result<usize, ModelError> {
        elements(&self.outputs, name, "output")
    }
}

fn elements(list: &[(String, Vec<usize>)], name: &str, what: &str) -> Result<usize, ModelError> {
    list.iter()
        .find(|(n, _)| n == name)
        .map(|(_, dims)| dims.iter().product())
        .ok_or_else(|| {
            let known: Vec<&str> = list.iter().map(|(n, _)| n.as_str()).collect();
            ModelError::contract(format!(
                "the graph has no {what} '{name}'; it has {}. Name one of these in the metadata",
                known.join(", ")
            ))
        })
}

pub(super) fn same_len(
    what: &str,
    tensor: &str,
    graph: usize,
    words: usize,
) -> Result<(), ModelError> {
    if graph == words {
        return Ok(());
    }
    Err(ModelError::contract(format!(
        "{what} '{tensor}' has {graph} elements in the graph and {words} in the metadata: make them agree"
    )))
}

pub(super) fn at_most(tensor: &str, graph: usize, limit: usize) -> Result<(), ModelError> {
    if graph <= limit {
        return Ok(());
    }
    Err(ModelError::contract(format!(
        "output '{tensor}' has {graph} elements; at most {limit} are played. Slice it in the graph"
    )))
}

pub(super) fn has_index(graph: &Signature, tensor: &str, index: usize) -> Result<(), ModelError> {
    let len = graph.output_len(tensor)?;
    if index < len {
        return Ok(());
    }
    Err(ModelError::contract(format!(
        "output '{tensor}' has {len} elements, so there is no index {index}"
    )))
}
