//! The layers with weights: Gemm, MatMul, LSTM, GRU and RNN, each as packed matrices and gates.

use super::attributes::Node;
use super::{Lowered, Lowering, Value};
use crate::neural::kernel::matrix::Matrix;
use crate::neural::kernel::pointwise::{Binary, Unary};
use crate::neural::plan::{Kernel, Segment};

/// Weights, as `[gates * hidden][inputs]` and so on, of a recurrent node.
struct Cell<'a> {
    input: &'a [f32],
    recurrent: &'a [f32],
    bias: Option<&'a [f32]>,
    inputs: usize,
    hidden: usize,
}

impl Lowering {
    pub fn layer(&mut self, node: &Node) -> Lowered<Option<Vec<Value>>> {
        Ok(match node.op {
            "Gemm" => Some(vec![self.gemm(node)?]),
            "MatMul" => Some(vec![self.matmul(node)?]),
            "LSTM" => Some(self.lstm(node)?),
            "GRU" => Some(self.gru(node)?),
            "RNN" => Some(self.rnn(node)?),
            _ => None,
        })
    }

    fn gemm(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let (weights, dims) = node.weights(1)?;
        let (&[rows, columns], &[d0, d1]) = (x.dims(), dims) else {
            return Err("it needs two matrices".into());
        };
        let turned = node.int("transB", 0) != 0;
        let (outputs, inputs) = if turned { (d0, d1) } else { (d1, d0) };
        if node.int("transA", 0) != 0 || inputs != columns {
            return Err(format!("{:?} times {dims:?} does not fit", x.dims()));
        }
        let alpha = node.float("alpha", 1.0);
        let mut w = if turned {
            weights.to_vec()
        } else {
            transposed(weights, outputs)
        };
        w.iter_mut().for_each(|w| *w *= alpha);
        let beta = node.float("beta", 1.0);
        let (bias, rest) = match node.optional(2) {
            None => (vec![0.0; outputs], None),
            Some(Value::Constant { data, dims })
                if data.len() == outputs && dims.last() == Some(&outputs) =>
            {
                (data.iter().map(|b| b * beta).collect(), None)
            }
            Some(Value::Constant { data, .. }) if data.len() == 1 => {
                (vec![data[0] * beta; outputs], None)
            }
            Some(value) if beta == 1.0 => (vec![0.0; outputs], Some(value.clone())),
            Some(_) => return Err("its bias does not fit".into()),
        };
        let y = self.dense(&x, &[rows, outputs], &w, &bias)?;
        match rest {
            Some(value) => self.binary_pair(Binary::Add, &y, &value),
            None => Ok(y),
        }
    }

    fn matmul(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let packed = match node.constant(1) {
            Ok(Some((weights, &[inputs, outputs]))) => Some((weights, inputs, outputs)),
            _ => None,
        };
        let (Some((weights, inputs, outputs)), Some((&columns, outer))) =
            (packed, x.dims().split_last())
        else {
            return self.product(&x, &node.input(1)?.clone());
        };
        if inputs != columns {
            return Err(format!(
                "{:?} times [{inputs}, {outputs}] does not fit",
                x.dims()
            ));
        }
        let dims = [outer, &[outputs]].concat();
        self.dense(
            &x,
            &dims,
            &transposed(weights, outputs),
            &vec![0.0; outputs],
        )
    }

    /// `weights` is `[outputs][inputs]`; every row of `x` is a right-hand side.
    pub fn dense(
        &mut self,
        x: &Value,
        dims: &[usize],
        weights: &[f32],
        bias: &[f32],
    ) -> Lowered<Value> {
        let columns = weights.len().checked_div(bias.len()).unwrap_or(0);
        let rows = x.len().checked_div(columns).unwrap_or(0);
        let x = self.place(x)?;
        self.dense_rows((x, rows, columns), dims, weights, bias)
    }

    /// The same with `rows` right-hand sides from `x` on, `step` floats from one to the next: they may overlap.
    pub fn dense_rows(
        &mut self,
        (x, rows, step): (usize, usize, usize),
        dims: &[usize],
        weights: &[f32],
        bias: &[f32],
    ) -> Lowered<Value> {
        if bias.is_empty() || weights.is_empty() {
            return Err("it has no weights".into());
        }
        let columns = weights.len() / bias.len();
        let matrix = Matrix::new(weights, bias, columns, self.precision);
        let kernel = Kernel::Dense {
            matrix,
            x,
            rows,
            step,
        };
        self.emit(dims, kernel)
    }

    fn lstm(&mut self, node: &Node) -> Lowered<Vec<Value>> {
        let cell = cell(node, 4, &["Sigmoid", "Tanh", "Tanh"])?;
        if node.int("input_forget", 0) != 0 || node.optional(7).is_some() {
            return Err("peepholes and coupled gates are not packed".into());
        }
        let hidden = cell.hidden;
        let (x, h) = (node.input(0)?.clone(), state(node, 5, hidden)?.clone());
        let c = state(node, 6, hidden)?.clone();
        let sums = self.joined(&x, &h, &cell, 4)?;
        let kernel = Kernel::LstmGates {
            sums: self.place(&sums)?,
            c: self.place(&c)?,
            hidden,
        };
        let Value::Live { start, .. } = self.emit(&[2 * hidden], kernel)? else {
            return Err("it computed a constant".into());
        };
        let h = Value::live(start, vec![1, 1, hidden]);
        let c = Value::live(start + hidden, vec![1, 1, hidden]);
        Ok(vec![h.clone().with_dims(vec![1, 1, 1, hidden]), h, c])
    }

    fn gru(&mut self, node: &Node) -> Lowered<Vec<Value>> {
        let cell = cell(node, 3, &["Sigmoid", "Tanh"])?;
        let hidden = cell.hidden;
        let (x, h) = (node.input(0)?.clone(), state(node, 5, hidden)?.clone());
        let zeros = vec![0.0; 6 * hidden];
        let (input_bias, recurrent_bias) = cell.bias.unwrap_or(&zeros).split_at(3 * hidden);
        let sums = [1, 3 * hidden];
        let input_sums = self.dense(&x, &sums, cell.input, input_bias)?;
        if node.int("linear_before_reset", 0) == 0 {
            let h = h.with_dims(vec![hidden]);
            let h = self.reset_first(&input_sums, &h, cell.recurrent, recurrent_bias)?;
            let h = h.with_dims(vec![1, 1, hidden]);
            return Ok(vec![h.clone().with_dims(vec![1, 1, 1, hidden]), h]);
        }
        let recurrent_sums = self.dense(&h, &sums, cell.recurrent, recurrent_bias)?;
        let kernel = Kernel::GruGates {
            input_sums: self.place(&input_sums)?,
            recurrent_sums: self.place(&recurrent_sums)?,
            h: self.place(&h)?,
            hidden,
        };
        let h = self.emit(&[1, 1, hidden], kernel)?;
        Ok(vec![h.clone().with_dims(vec![1, 1, 1, hidden]), h])
    }

    /// A GRU whose reset gate comes before the recurrent weights (`linear_before_reset` 0): two passes, as the
    /// second product needs the gate.
    fn reset_first(
        &mut self,
        input_sums: &Value,
        h: &Value,
        recurrent: &[f32],
        bias: &[f32],
    ) -> Lowered<Value> {
        let hidden = h.len();
        let start = self.place(input_sums)?;
        let part = |start: usize, len: usize| Value::live(start, vec![len]);
        let (gates, new) = recurrent.split_at(2 * hidden * hidden);
        let (gates_bias, new_bias) = bias.split_at(2 * hidden);
        let own = self.dense(h, &[2 * hidden], gates, gates_bias)?;
        let sums = self.binary_pair(Binary::Add, &own, &part(start, 2 * hidden))?;
        let x = self.place(&sums)?;
        let function = Unary::Sigmoid;
        let gates = self.emit(&[2 * hidden], Kernel::Unary { function, x })?;
        let gates = self.place(&gates)?;
        let (update, reset) = (part(gates, hidden), part(gates + hidden, hidden));
        let kept = self.binary_pair(Binary::Mul, &reset, h)?;
        let own = self.dense(&kept, &[hidden], new, new_bias)?;
        let sum = self.binary_pair(Binary::Add, &own, &part(start + 2 * hidden, hidden))?;
        let x = self.place(&sum)?;
        let function = Unary::Tanh;
        let new = self.emit(&[hidden], Kernel::Unary { function, x })?;
        let way = self.binary_pair(Binary::Sub, h, &new)?;
        let way = self.binary_pair(Binary::Mul, &update, &way)?;
        self.binary_pair(Binary::Add, &new, &way)
    }

    fn rnn(&mut self, node: &Node) -> Lowered<Vec<Value>> {
        let name = node.texts("activations").and_then(|a| a.into_iter().next());
        let function = match name.as_deref() {
            None | Some("Tanh") => Unary::Tanh,
            Some("Relu") => Unary::Relu,
            Some("Sigmoid") => Unary::Sigmoid,
            Some(other) => return Err(format!("activation {other} is not packed")),
        };
        let cell = cell(node, 1, &[])?;
        let (x, h) = (node.input(0)?.clone(), state(node, 5, cell.hidden)?.clone());
        let sums = self.joined(&x, &h, &cell, 1)?;
        let kernel = Kernel::Unary {
            function,
            x: self.place(&sums)?,
        };
        let h = self.emit(&[1, 1, cell.hidden], kernel)?;
        Ok(vec![h.clone().with_dims(vec![1, 1, 1, cell.hidden]), h])
    }

    /// `[W R] [x; h] + b`: one pass over the weights of every gate.
    fn joined(&mut self, x: &Value, h: &Value, cell: &Cell, gates: usize) -> Lowered<Value> {
        let (inputs, hidden) = (cell.inputs, cell.hidden);
        let rows = gates * hidden;
        let mut weights = Vec::with_capacity(rows * (inputs + hidden));
        for row in 0..rows {
            weights.extend_from_slice(&cell.input[row * inputs..(row + 1) * inputs]);
            weights.extend_from_slice(&cell.recurrent[row * hidden..(row + 1) * hidden]);
        }
        let bias: Vec<f32> = match cell.bias {
            Some(b) => b[..rows]
                .iter()
                .zip(&b[rows..])
                .map(|(w, r)| w + r)
                .collect(),
            None => vec![0.0; rows],
        };
        let segments = vec![
            Segment {
                from: self.place(x)?,
                to: 0,
                len: inputs,
            },
            Segment {
                from: self.place(h)?,
                to: inputs,
                len: hidden,
            },
        ];
        let both = self.emit(&[1, inputs + hidden], Kernel::Move { segments })?;
        self.dense(&both, &[1, rows], &weights, &bias)
    }
}

/// Checks what every recurrent node has in common. `activations` empty: the caller has looked at them.
fn cell<'a>(node: &'a Node, gates: usize, activations: &[&str]) -> Lowered<Cell<'a>> {
    if node.text("direction").is_some_and(|d| d != "forward") {
        return Err("only the forward direction can be played live".into());
    }
    if node.float("clip", 0.0) != 0.0 || node.optional(4).is_some() {
        return Err("clip and sequence_lens are not packed".into());
    }
    let own = node.texts("activations");
    if !activations.is_empty() && own.is_some_and(|own| own != activations) {
        return Err(format!(
            "only the default activations {activations:?} are packed"
        ));
    }
    let (input, dims) = node.weights(1)?;
    let (recurrent, recurrent_dims) = node.weights(2)?;
    let (&[1, rows, inputs], &[1, recurrent_rows, hidden]) = (dims, recurrent_dims) else {
        return Err(format!("weights of shape {dims:?} and {recurrent_dims:?}"));
    };
    let bias = node.constant(3)?.map(|(b, _)| b);
    let fits = rows == gates * hidden && recurrent_rows == rows && hidden > 0 && inputs > 0;
    if !fits || bias.is_some_and(|b| b.len() != 2 * rows) {
        return Err(format!(
            "weights of shape {dims:?} and {recurrent_dims:?} and its bias do not fit"
        ));
    }
    let (steps, batch) = match (node.input(0)?.dims(), node.int("layout", 0)) {
        (&[steps, batch, n], 0) | (&[batch, steps, n], 1) if n == inputs => (steps, batch),
        (dims, _) => {
            return Err(format!(
                "input of shape {dims:?} where {inputs} values are expected"
            ));
        }
    };
    if steps != 1 {
        return Err(format!(
            "sequence length {steps}: a model is stepped once per frame, and a longer run would carry its state \
             inside where it cannot be reset. Export sequence length 1 with the state as input and output"
        ));
    }
    if batch != 1 {
        return Err(format!("batch size {batch}: export batch size 1"));
    }
    Ok(Cell {
        input,
        recurrent,
        bias,
        inputs,
        hidden,
    })
}

fn state<'a>(node: &'a Node, index: usize, hidden: usize) -> Lowered<&'a Value> {
    let state = node.optional(index).ok_or(
        "its state is not an input: without one it forgets everything at each step. Export the state as input and output",
    )?;
    match state.len() == hidden {
        true => Ok(state),
        false => Err(format!(
            "a state of {} where {hidden} values are expected",
            state.len()
        )),
    }
}

/// `[columns][rows]` from `[rows][columns]`, given the new row count.
fn transposed(weights: &[f32], rows: usize) -> Vec<f32> {
    let columns = weights.len() / rows.max(1);
    let mut out = vec![0.0; weights.len()];
    for (i, w) in weights.iter().enumerate() {
        out[i % rows * columns + i / rows] = *w;
    }
    out
}
