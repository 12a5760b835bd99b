//! Which way a signal `[1, channels, time]` lies. ONNX puts it channel by channel; a convolution reads all channels
//! of a few moments. Where convolutions work the signal is kept *turned*, time by time: a window is one run, new
//! samples join the past as two copies, and the newest past is a view.
//!
//! Operations that do not know about this get their inputs turned back.

use tract_onnx::pb;

use super::attributes::Node;
use super::elementwise::{binary, unary};
use super::{Lowered, Lowering, Value};
use crate::neural::contract::{Signature, State};
use crate::neural::plan::Kernel;

impl Value {
    pub fn is_turned(&self) -> bool {
        matches!(self, Value::Live { turned: true, .. })
    }

    pub fn laid(mut self, is_turned: bool) -> Value {
        if let Value::Live { turned, .. } = &mut self {
            *turned = is_turned;
        }
        self
    }

    /// The same memory under the other name: turned `[1, channels, time]` is plain `[1, time, channels]`.
    pub fn seen_the_other_way(mut self) -> Value {
        if let Value::Live { dims, turned, .. } = &mut self {
            dims.swap(1, 2);
            *turned = !*turned;
        }
        self
    }
}

impl Lowering {
    /// Gives a node its inputs the way it reads them.
    pub fn lay_out(&mut self, node: &mut Node) -> Lowered<()> {
        if !node.inputs.iter().flatten().any(Value::is_turned) {
            return Ok(());
        }
        let (knows, together) = (reads_turned(node)?, joins_turned(node));
        for index in 0..node.inputs.len() {
            if let Some(value) = node.inputs[index].clone() {
                node.inputs[index] = Some(match value.len() {
                    _ if knows => continue,
                    1 if together => continue,
                    _ if together => self.turned(&value)?,
                    _ => self.straight(&value)?,
                });
            }
        }
        Ok(())
    }

    /// `[1, channels, time]` as ONNX has it.
    pub fn straight(&mut self, value: &Value) -> Lowered<Value> {
        if !value.is_turned() {
            return Ok(value.clone());
        }
        let &[_, channels, time] = value.dims() else {
            return Err("a signal has three axes".into());
        };
        self.transposed(value, time, channels)
    }

    /// `[1, channels, time]` as convolutions read it.
    pub fn turned(&mut self, value: &Value) -> Lowered<Value> {
        let &[1, channels, time] = value.dims() else {
            return Err(format!("{:?} is no [1, channels, time]", value.dims()));
        };
        match value.is_turned() {
            true => Ok(value.clone()),
            false => Ok(self.transposed(value, channels, time)?.laid(true)),
        }
    }

    /// A value whose memory was `[rows][columns]`, with its dims, as `[columns][rows]`.
    fn transposed(&mut self, value: &Value, rows: usize, columns: usize) -> Lowered<Value> {
        let x = self.place(value)?;
        match rows == 1 || columns == 1 {
            true => Ok(Value::live(x, value.dims().to_vec())),
            false => self.emit(value.dims(), Kernel::Transpose { x, rows, columns }),
        }
    }
}

/// States that hold the past of a convolution: turned from step to step.
pub fn streaming_states<'a>(
    graph: &pb::GraphProto,
    signature: &Signature,
    states: &'a [State],
) -> Vec<&'a State> {
    let joined = |name: &str| {
        let along_time = |n: &&pb::NodeProto| {
            let axis = n.attribute.iter().find(|a| a.name == "axis");
            n.op_type == "Concat" && axis.is_some_and(|a| a.i == 2 || a.i == -1)
        };
        let mut joins = graph.node.iter().filter(along_time);
        joins.any(|n| n.input.iter().any(|i| i == name))
    };
    let is_signal = |name: &str| {
        let mut all = signature.inputs.iter().chain(&signature.outputs);
        let dims = all.find(|(n, _)| n == name).map(|(_, dims)| &dims[..]);
        matches!(dims, Some(&[1, (2..), (2..)]))
    };
    let streams = |s: &&State| is_signal(&s.input) && is_signal(&s.output) && joined(&s.input);
    states.iter().filter(streams).collect()
}

/// Whether the node takes each input as it lies.
fn reads_turned(node: &Node) -> Lowered<bool> {
    Ok(match node.op {
        "Conv" | "ConvTranspose" | "Identity" | "Dropout" | "Slice" => true,
        "Transpose" => matches!(node.ints("perm"), Some([0, 2, 1])),
        _ => unary(node)?.is_some(),
    })
}

/// Whether the node wants all inputs turned alike.
fn joins_turned(node: &Node) -> bool {
    let mut values = node.inputs.iter().flatten();
    let signal = values.clone().find(|v| v.is_turned());
    let Some(dims) = signal.map(Value::dims) else {
        return false;
    };
    match node.op {
        "Concat" => {
            let along_time = matches!(node.int("axis", 0), 2 | -1);
            along_time && values.all(|v| v.dims().len() == 3 && v.dims()[..2] == dims[..2])
        }
        op => binary(op).is_some() && values.all(|v| v.len() == 1 || v.dims() == dims),
    }
}
