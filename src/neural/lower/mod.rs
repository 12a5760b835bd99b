//! ONNX graph to packed plan, on the loader thread. Reads the screened protobuf; tract later reads the same
//! file and is the judge of the result.
//!
//! Shapes are worked out here, before any engine sees the file, and every value is held to a size: a small
//! file that asks for gigabytes ends here. Nodes fed by constants only are computed now, by the same kernels.

mod attributes;
mod convolution;
mod elementwise;
mod layers;
mod layout;
mod rearrange;
mod tensors;
#[cfg(test)]
mod tests;
mod views;

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::pb;

use super::contract::{Signature, State};
use super::error::ModelError;
use super::kernel::machine::Machine;
use super::kernel::matrix::Precision;
use super::plan::{Kernel, Op, Plan, Segment, Span};
use attributes::Node;

/// Floats in one voice's arena; with the weights this bounds what a file can make us allocate.
const MAX_ARENA: usize = 1 << 21;
/// Numbers in all constants of the file, and in all that are computed from them.
const MAX_CONSTANTS: usize = 1 << 24;
const MAX_FOLDED: usize = 1 << 22;
/// Integers are shapes and indices: short lists.
const MAX_INTEGERS: usize = 1 << 18;
/// Multiply-adds that folding constants may cost.
const MAX_FOLDING: usize = 1 << 30;

/// What a name in the graph stands for.
#[derive(Clone)]
enum Value {
    /// `turned`: a signal `[1, channels, time]` that lies time by time; see [`layout`].
    Live {
        start: usize,
        dims: Vec<usize>,
        turned: bool,
    },
    Constant {
        data: Arc<[f32]>,
        dims: Vec<usize>,
    },
    Integers {
        data: Vec<i64>,
        dims: Vec<usize>,
    },
}

impl Value {
    fn dims(&self) -> &[usize] {
        match self {
            Value::Live { dims, .. }
            | Value::Constant { dims, .. }
            | Value::Integers { dims, .. } => dims,
        }
    }

    fn len(&self) -> usize {
        self.dims().iter().product()
    }

    fn live(start: usize, dims: Vec<usize>) -> Value {
        Value::Live {
            start,
            dims,
            turned: false,
        }
    }

    fn is_live(&self) -> bool {
        matches!(self, Value::Live { .. })
    }

    fn with_dims(mut self, new: Vec<usize>) -> Value {
        match &mut self {
            Value::Live { dims, .. }
            | Value::Constant { dims, .. }
            | Value::Integers { dims, .. } => *dims = new,
        }
        self
    }
}

/// A refusal without the node's name, which the driver adds.
type Lowered<T> = Result<T, String>;

#[derive(Default)]
struct Lowering {
    plan: Plan,
    precision: Precision,
    constants_len: usize,
    folded: usize,
    folded_len: usize,
}

/// Turns a screened graph into a plan whose states are carried as `states` says and whose weights are kept in
/// `precision`.
pub fn lower(
    graph: &pb::GraphProto,
    signature: &Signature,
    states: &[State],
    precision: Precision,
) -> Result<Plan, ModelError> {
    let mut lowering = Lowering {
        precision,
        ..Default::default()
    };
    let mut values: HashMap<String, Value> = HashMap::new();
    let turned = layout::streaming_states(graph, signature, states);
    for (name, dims) in &signature.inputs {
        let span = lowering
            .allocate(dims)
            .map_err(|c| ModelError::not_lowered(name, c))?;
        lowering.plan.inputs.push((name.clone(), span));
        let turned = turned.iter().any(|s| s.input == *name);
        let value = Value::live(span.start, dims.clone()).laid(turned);
        values.insert(name.clone(), value);
    }
    for tensor in &graph.initializer {
        let value = tensors::read(tensor).and_then(|v| lowering.count_constant(v));
        let value = value.map_err(|c| ModelError::not_lowered(&tensor.name, c))?;
        values.insert(tensor.name.clone(), value);
    }
    let inputs_end = lowering.plan.arena_len;
    for node in &graph.node {
        let outputs = lowering.node(node, &values);
        let outputs = outputs.map_err(|cause| {
            let name = if node.name.is_empty() {
                &node.op_type
            } else {
                &node.name
            };
            ModelError::not_lowered(name, format!("{}: {cause}", node.op_type))
        })?;
        for (name, value) in node.output.iter().zip(outputs) {
            if !name.is_empty() {
                values.insert(name.clone(), value);
            }
        }
    }
    lowering.finish(signature, states, &turned, &values, inputs_end)
}

impl Lowering {
    fn node(
        &mut self,
        node: &pb::NodeProto,
        values: &HashMap<String, Value>,
    ) -> Lowered<Vec<Value>> {
        let inputs = node
            .input
            .iter()
            .map(|name| match name.as_str() {
                "" => Ok(None),
                name => values
                    .get(name)
                    .cloned()
                    .map(Some)
                    .ok_or(format!("'{name}' is not defined")),
            })
            .collect::<Lowered<Vec<_>>>()?;
        let mut node = Node::new(node, inputs);
        if let Some(value) = tensors::integer_node(&node)? {
            return Ok(vec![self.count_constant(value)?]);
        }
        match node.inputs.iter().flatten().any(Value::is_live) {
            true => {
                self.lay_out(&mut node)?;
                self.live_node(&node)
            }
            false => self.fold(&node),
        }
    }

    fn live_node(&mut self, node: &Node) -> Lowered<Vec<Value>> {
        if let Some(values) = self.layer(node)? {
            return Ok(values);
        }
        if let Some(values) = self.convolution(node)? {
            return Ok(values);
        }
        if let Some(values) = self.rearrange(node)? {
            return Ok(values);
        }
        if let Some(value) = self.elementwise(node)? {
            return Ok(vec![value]);
        }
        Err("there is no packed kernel for this operation".into())
    }

    /// Computes a node without live inputs now, with the kernels that would compute it later.
    fn fold(&mut self, node: &Node) -> Lowered<Vec<Value>> {
        let mut small = Lowering::default();
        let outputs = small.live_node(node)?;
        let outputs = outputs
            .iter()
            .map(|value| small.straight(value))
            .collect::<Lowered<Vec<_>>>()?;
        self.folded += small.plan.cost().multiply_adds + small.plan.arena_len;
        if self.folded > MAX_FOLDING {
            return Err(
                "its constants take too long to compute: fold them before exporting".into(),
            );
        }
        let mut arena = small.plan.arenas(1);
        small.plan.step(Machine::detect(), arena.as_mut_slice());
        let arena = arena.as_slice();
        outputs
            .into_iter()
            .map(|value| match value {
                Value::Live { start, dims, .. } => {
                    let len: usize = dims.iter().product();
                    let data = arena[start..start + len].into();
                    self.folded_len += len;
                    if self.folded_len > MAX_FOLDED {
                        return Err(format!(
                            "constants computed from constants exceed {MAX_FOLDED} numbers"
                        ));
                    }
                    Ok(Value::Constant { data, dims })
                }
                other => Ok(other),
            })
            .collect()
    }

    fn count_constant(&mut self, value: Value) -> Lowered<Value> {
        if value.is_live() {
            return Ok(value);
        }
        let is_list = matches!(value, Value::Integers { .. });
        if is_list && value.len() > MAX_INTEGERS {
            return Err(format!("a list of more than {MAX_INTEGERS} integers"));
        }
        self.constants_len += value.len();
        match self.constants_len <= MAX_CONSTANTS {
            true => Ok(value),
            false => Err(format!("its constants exceed {MAX_CONSTANTS} numbers")),
        }
    }

    fn allocate(&mut self, dims: &[usize]) -> Lowered<Span> {
        let len = dims
            .iter()
            .try_fold(1usize, |n, d| n.checked_mul(*d))
            .unwrap_or(usize::MAX);
        let end = self
            .plan
            .arena_len
            .checked_add(len)
            .filter(|end| *end <= MAX_ARENA);
        let end = end.ok_or(format!(
            "a value of shape {dims:?} exceeds the {MAX_ARENA} numbers of one voice"
        ))?;
        let span = Span {
            start: self.plan.arena_len,
            len,
        };
        // Each value starts on a cache line.
        self.plan.arena_len = end.next_multiple_of(16);
        Ok(span)
    }

    /// Adds a kernel with an output of shape `dims`.
    fn emit(&mut self, dims: &[usize], kernel: Kernel) -> Lowered<Value> {
        let out = self.allocate(dims)?;
        self.plan.ops.push(Op { kernel, out });
        Ok(Value::live(out.start, dims.to_vec()))
    }

    /// Where a value lies in the arena; constants are laid down there.
    fn place(&mut self, value: &Value) -> Lowered<usize> {
        let data: Vec<f32> = match value {
            Value::Live { start, .. } => return Ok(*start),
            Value::Constant { data, .. } => data.to_vec(),
            Value::Integers { data, .. } => data.iter().map(|v| *v as f32).collect(),
        };
        let span = self.allocate(value.dims())?;
        self.plan.constants.push((span.start, data));
        Ok(span.start)
    }

    fn finish(
        mut self,
        signature: &Signature,
        states: &[State],
        turned: &[&State],
        values: &HashMap<String, Value>,
        inputs_end: usize,
    ) -> Result<Plan, ModelError> {
        for (index, (name, dims)) in signature.outputs.iter().enumerate() {
            let turned = turned.iter().any(|s| s.output == *name);
            if turned {
                self.plan.turned.push((index, dims[1]));
            }
            let span = self.output(name, dims, turned, values, inputs_end);
            let span = span.map_err(|cause| ModelError::not_lowered(name, cause))?;
            self.plan.outputs.push((name.clone(), span));
        }
        for state in states {
            let find = |list: &[(String, Span)], name: &str| {
                let found = list.iter().find(|(n, _)| n == name).map(|(_, span)| *span);
                found.ok_or_else(|| ModelError::contract(format!("there is no state '{name}'")))
            };
            let from = find(&self.plan.outputs, &state.output)?;
            let to = find(&self.plan.inputs, &state.input)?;
            self.plan.carries.push((from, to));
        }
        Ok(self.plan)
    }

    /// An output that is an input or a constant is copied, so that carrying a state over cannot change it.
    fn output(
        &mut self,
        name: &str,
        dims: &[usize],
        turned: bool,
        values: &HashMap<String, Value>,
        inputs_end: usize,
    ) -> Lowered<Span> {
        let value = values.get(name).ok_or("no node computes it")?;
        let len: usize = dims.iter().product();
        if value.len() != len {
            return Err(format!(
                "it is declared as {dims:?} and computed as {:?}",
                value.dims()
            ));
        }
        let value = &match turned {
            true => self.turned(value)?,
            false => self.straight(value)?,
        };
        let from = self.place(value)?;
        if from >= inputs_end && value.is_live() {
            return Ok(Span { start: from, len });
        }
        let segments = vec![Segment { from, to: 0, len }];
        match self.emit(dims, Kernel::Move { segments })? {
            Value::Live { start, .. } => Ok(Span { start, len }),
            _ => Err("it is a constant".into()),
        }
    }
}
