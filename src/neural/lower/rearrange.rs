//! Operations that only move numbers: views where the order stays, lists of copies where it does not.

use super::attributes::Node;
use super::views::viewed_dims;
use super::{Lowered, Lowering, Value};
use crate::neural::graph::broadcast;
use crate::neural::plan::{Kernel, Segment};

/// Copies one kernel may consist of, as a bound on what a file can ask for.
const MAX_SEGMENTS: usize = 1 << 18;

impl Lowering {
    pub fn rearrange(&mut self, node: &Node) -> Lowered<Option<Vec<Value>>> {
        let one = |value: Value| Some(vec![value]);
        Ok(match node.op {
            "Identity" | "Dropout" => one(node.input(0)?.clone()),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
                let dims = viewed_dims(node)?;
                one(node.input(0)?.clone().with_dims(dims))
            }
            "Transpose" => one(self.transpose(node)?),
            "Slice" => one(self.slice(node)?),
            "Gather" if node.integers(1).is_ok() => one(self.gather(node)?),
            "Expand" => one(self.expand(node)?),
            "Split" => Some(self.split_node(node)?),
            "Concat" => one(self.concat(node)?),
            "Pad" => one(self.pad(node)?),
            _ => None,
        })
    }

    fn transpose(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let rank = x.dims().len();
        let order: Vec<usize> = match node.ints("perm") {
            None => (0..rank).rev().collect(),
            Some(perm) => perm
                .iter()
                .map(|a| node.axis(*a, rank))
                .collect::<Lowered<_>>()?,
        };
        let mut seen = order.clone();
        seen.sort_unstable();
        if seen != (0..rank).collect::<Vec<_>>() {
            return Err(format!("perm {order:?} of {rank} dimensions"));
        }
        if x.is_turned() {
            return Ok(x.seen_the_other_way());
        }
        let strides = strides(x.dims());
        let dims: Vec<usize> = order.iter().map(|a| x.dims()[*a]).collect();
        let strides: Vec<usize> = order.iter().map(|a| strides[*a]).collect();
        self.strided(&x, &dims, &strides, 0)
    }

    fn slice(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        if !x.is_turned() {
            return self.cut(node, x, |axis| axis);
        }
        let other = |axis: usize| [0, 2, 1][axis];
        let part = self.cut(node, x.seen_the_other_way(), other)?;
        Ok(part.seen_the_other_way())
    }

    /// `slice` of `x` whose axis `i` of the file is `axis_of(i)`.
    fn cut(&mut self, node: &Node, x: Value, axis_of: impl Fn(usize) -> usize) -> Lowered<Value> {
        let rank = x.dims().len();
        let starts = node
            .integers(1)?
            .or(node.ints("starts"))
            .ok_or("it has no starts")?;
        let ends = node
            .integers(2)?
            .or(node.ints("ends"))
            .ok_or("it has no ends")?;
        let every: Vec<i64> = (0..starts.len() as i64).collect();
        let axes = node.integers(3)?.or(node.ints("axes")).unwrap_or(&every);
        let ones = vec![1; starts.len()];
        let steps = node.integers(4)?.unwrap_or(&ones);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err("starts, ends, axes and steps differ in length".into());
        }
        let (mut dims, mut strides) = (x.dims().to_vec(), strides(x.dims()));
        let mut offset = 0;
        for (((start, end), axis), step) in starts.iter().zip(ends).zip(axes).zip(steps) {
            let axis = axis_of(node.axis(*axis, rank)?);
            let step = usize::try_from(*step).ok().filter(|s| *s > 0);
            let step = step.ok_or("only forward slices are read")?;
            let (from, to) = (clamp(*start, x.dims()[axis]), clamp(*end, x.dims()[axis]));
            dims[axis] = to.saturating_sub(from).div_ceil(step);
            offset += from * strides[axis];
            strides[axis] *= step;
        }
        self.strided(&x, &dims, &strides, offset)
    }

    fn expand(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let shape = node.integers(1)?.ok_or("it has no shape")?;
        let shape: Vec<usize> = shape
            .iter()
            .map(|d| usize::try_from(*d).unwrap_or(0))
            .collect();
        let dims = broadcast(x.dims(), &shape)
            .ok_or(format!("{:?} does not expand to {shape:?}", x.dims()))?;
        let strides = broadcast_strides(x.dims(), dims.len());
        self.strided(&x, &dims, &strides, 0)
    }

    fn split_node(&mut self, node: &Node) -> Lowered<Vec<Value>> {
        let x = node.input(0)?.clone();
        let axis = node.axis(node.int("axis", 0), x.dims().len())?;
        let total = x.dims()[axis];
        let parts = node.output_count;
        let sizes: Vec<usize> = match node.integers(1)?.or(node.ints("split")) {
            Some(sizes) => sizes
                .iter()
                .map(|s| usize::try_from(*s).unwrap_or(usize::MAX))
                .collect(),
            None => {
                let each = total.div_ceil(parts.max(1));
                (0..parts)
                    .map(|i| each.min(total.saturating_sub(i * each)))
                    .collect()
            }
        };
        let sum = sizes.iter().try_fold(0usize, |n, s| n.checked_add(*s));
        if sizes.len() != parts || sum != Some(total) {
            return Err(format!("{total} elements do not split into {sizes:?}"));
        }
        let strides = strides(x.dims());
        let mut from = 0;
        let mut values = Vec::new();
        for size in sizes {
            let mut dims = x.dims().to_vec();
            dims[axis] = size;
            values.push(self.strided(&x, &dims, &strides, from * strides[axis])?);
            from += size;
        }
        Ok(values)
    }

    /// Rows picked by constant indices.
    fn gather(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let axis = node.axis(node.int("axis", 0), x.dims().len())?;
        let indices = node.input(1)?.clone();
        let list = node.integers(1)?.ok_or("it has no indices")?;
        let inner: usize = x.dims()[axis + 1..].iter().product();
        let outer: usize = x.dims()[..axis].iter().product();
        let base = self.place(&x)?;
        let mut segments = Segments::default();
        for block in 0..outer {
            for index in list {
                let index = node.axis(*index, x.dims()[axis])?;
                segments.push(base + (block * x.dims()[axis] + index) * inner, inner)?;
            }
        }
        let dims = [&x.dims()[..axis], indices.dims(), &x.dims()[axis + 1..]].concat();
        self.moved(&dims, segments)
    }

    fn concat(&mut self, node: &Node) -> Lowered<Value> {
        let parts = (0..node.inputs.len())
            .map(|i| node.input(i).cloned())
            .collect::<Lowered<Vec<_>>>()?;
        let rank = parts.first().ok_or("it has no inputs")?.dims().len();
        let axis = node.axis(node.int("axis", 0), rank)?;
        if !parts.iter().any(Value::is_turned) {
            return self.join(parts, axis);
        }
        // Along time, which is the first axis of what lies turned.
        let parts = parts.into_iter().map(Value::seen_the_other_way).collect();
        Ok(self.join(parts, 1)?.seen_the_other_way())
    }

    /// The parts one behind the other along `axis`.
    pub fn join(&mut self, parts: Vec<Value>, axis: usize) -> Lowered<Value> {
        let mut dims = parts[0].dims().to_vec();
        for part in &parts {
            let fits = |(i, d): (usize, &usize)| i == axis || dims[i] == *d;
            if part.dims().len() != dims.len() || !part.dims().iter().enumerate().all(fits) {
                return Err(format!(
                    "{:?} and {dims:?} do not join along axis {axis}",
                    part.dims()
                ));
            }
        }
        dims[axis] = parts.iter().map(|p| p.dims()[axis]).sum();
        let outer: usize = dims[..axis].iter().product();
        let starts = parts
            .iter()
            .map(|p| self.place(p))
            .collect::<Lowered<Vec<_>>>()?;
        let mut segments = Segments::default();
        for block in 0..outer {
            for (part, start) in parts.iter().zip(&starts) {
                let run: usize = part.dims()[axis..].iter().product();
                segments.push(start + block * run, run)?;
            }
        }
        self.moved(&dims, segments)
    }

    /// Constant padding with zeros.
    fn pad(&mut self, node: &Node) -> Lowered<Value> {
        let x = node.input(0)?.clone();
        let rank = x.dims().len();
        let pads = node
            .integers(1)?
            .or(node.ints("pads"))
            .ok_or("it has no pads")?;
        let fill = node
            .constant(2)?
            .map_or(0.0, |(v, _)| v.first().copied().unwrap_or(0.0));
        let mode = node.text("mode").unwrap_or_default();
        let plain = (mode.is_empty() || mode == "constant") && fill == 0.0;
        if !plain
            || pads.len() != 2 * rank
            || node.optional(3).is_some()
            || pads.iter().any(|p| !(0..=1 << 20).contains(p))
        {
            return Err("only padding with zeros on every axis is read".into());
        }
        let dims: Vec<usize> = (0..rank)
            .map(|a| x.dims()[a] + (pads[a] + pads[a + rank]) as usize)
            .collect();
        let target = strides(&dims);
        let run = x.dims().last().copied().unwrap_or(1);
        let base = self.place(&x)?;
        let mut segments = Segments::default();
        for row in 0..x.len() / run.max(1) {
            let (mut rest, mut to) = (row, 0);
            for axis in (0..rank.saturating_sub(1)).rev() {
                to += (rest % x.dims()[axis] + pads[axis] as usize) * target[axis];
                rest /= x.dims()[axis];
            }
            to += pads.get(rank.wrapping_sub(1)).copied().unwrap_or(0) as usize;
            segments.push_at(base + row * run, to, run)?;
        }
        // The stretches that no copy touches stay as the arena starts: zero.
        self.emit(
            &dims,
            Kernel::Move {
                segments: segments.list,
            },
        )
    }

    /// `x` read with other dims and strides from `offset`; a view where that is one run.
    fn strided(
        &mut self,
        x: &Value,
        dims: &[usize],
        strides: &[usize],
        offset: usize,
    ) -> Lowered<Value> {
        let base = self.place(x)? + offset;
        let count = dims
            .iter()
            .try_fold(1usize, |n, d| n.checked_mul(*d))
            .unwrap_or(usize::MAX);
        if count > super::MAX_ARENA {
            return Err(format!("a value of shape {dims:?} is too large"));
        }
        let mut run = 1;
        let mut inner = dims.len();
        while inner > 0 && (strides[inner - 1] == run || dims[inner - 1] == 1) {
            run *= dims[inner - 1];
            inner -= 1;
        }
        let mut segments = Segments::default();
        for block in 0..count.checked_div(run).unwrap_or(0) {
            let (mut rest, mut from) = (block, base);
            for axis in (0..inner).rev() {
                from += rest % dims[axis] * strides[axis];
                rest /= dims[axis];
            }
            segments.push(from, run)?;
        }
        self.moved(dims, segments)
    }

    fn moved(&mut self, dims: &[usize], segments: Segments) -> Lowered<Value> {
        let list = segments.list;
        if let [one] = list[..] {
            return Ok(Value::live(one.from, dims.to_vec()));
        }
        let run = list.first().map_or(0, |s| s.len);
        let kernel = match run > 0 && list.iter().all(|s| s.len == run) {
            true => Kernel::Gather {
                from: list.iter().map(|s| s.from).collect(),
                run,
            },
            false => Kernel::Move { segments: list },
        };
        self.emit(dims, kernel)
    }
}

/// Copies in output order; neighbours join.
#[derive(Default)]
struct Segments {
    list: Vec<Segment>,
    filled: usize,
}

impl Segments {
    fn push(&mut self, from: usize, len: usize) -> Lowered<()> {
        self.push_at(from, self.filled, len)
    }

    fn push_at(&mut self, from: usize, to: usize, len: usize) -> Lowered<()> {
        self.filled = to + len;
        let full = self.list.len() >= MAX_SEGMENTS;
        match self.list.last_mut() {
            Some(last) if last.from + last.len == from && last.to + last.len == to => {
                last.len += len
            }
            _ if full => return Err("it moves too many small pieces".into()),
            _ => self.list.push(Segment { from, to, len }),
        }
        Ok(())
    }
}

/// Elements between neighbours along each axis.
pub fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// Strides of `dims` seen as a shape of `rank` axes, 0 where it is repeated.
pub fn broadcast_strides(dims: &[usize], rank: usize) -> Vec<usize> {
    let missing = rank - dims.len();
    let own = strides(dims);
    (0..rank)
        .map(|axis| match axis.checked_sub(missing) {
            Some(i) if dims[i] != 1 => own[i],
            _ => 0,
        })
        .collect()
}

fn clamp(index: i64, len: usize) -> usize {
    let index = if index < 0 {
        index.saturating_add(len as i64)
    } else {
        index
    };
    index.clamp(0, len as i64) as usize
}
