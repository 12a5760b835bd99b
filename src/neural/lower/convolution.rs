//! Convolutions over time, attention's products and embeddings, as windows and packed matrices.
//! Streaming: the file keeps the past as a state and joins it in front of the new samples.

use super::attributes::Node;
use super::{Lowered, Lowering, Value};
use crate::neural::kernel::window::{OverlapAdd, Windows};
use crate::neural::plan::{Kernel, Segment};

/// A grouped layer up to this many weights becomes one matrix with zeros in it: few channels a group pack badly.
const SMALL_MATRIX: usize = 1 << 14;

/// What Conv and ConvTranspose have in common.
struct Shape {
    channels: usize,
    time: usize,
    stride: usize,
    dilation: usize,
    groups: usize,
    pads: (usize, usize),
}

impl Lowering {
    pub fn convolution(&mut self, node: &Node) -> Lowered<Option<Vec<Value>>> {
        let one = |value: Value| Some(vec![value]);
        Ok(match node.op {
            "Conv" => one(self.conv(node)?),
            "ConvTranspose" => one(self.conv_transpose(node)?),
            "Gather" if node.optional(1).is_some_and(Value::is_live) => one(self.embedding(node)?),
            "Cast" => one(node.input(0)?.clone()),
            _ => None,
        })
    }

    fn conv(&mut self, node: &Node) -> Lowered<Value> {
        let (weights, dims) = node.weights(1)?;
        let &[outputs, per_group, taps] = dims else {
            return Err(format!(
                "weights of shape {dims:?}; only convolutions over time are packed"
            ));
        };
        let s = shape(node, taps)?;
        let span = (taps - 1) * s.dilation + 1;
        let padded = s.time + s.pads.0 + s.pads.1;
        if per_group * s.groups != s.channels || outputs % s.groups != 0 || padded < span {
            return Err(format!(
                "weights of shape {dims:?} on {} channels of {} samples",
                s.channels, s.time
            ));
        }
        let steps = (padded - span) / s.stride + 1;
        let bias = bias(node, outputs)?;
        let x = node.input(0)?.clone();
        let (out_each, groups) = match s.groups > 1 && outputs * s.channels * taps <= SMALL_MATRIX {
            true => (outputs, 1),
            false => (outputs / s.groups, s.groups),
        };
        let channels = s.channels / groups;
        let mut parts = Vec::new();
        for group in 0..groups {
            // Rows as the windows lie: tap by tap, channel by channel.
            let mut packed = vec![0.0; out_each * taps * channels];
            for row in 0..out_each {
                let output = group * out_each + row;
                let first = if groups == 1 {
                    output / (outputs / s.groups) * per_group
                } else {
                    0
                };
                for channel in 0..per_group {
                    for tap in 0..taps {
                        packed[(row * taps + tap) * channels + first + channel] =
                            weights[(output * per_group + channel) * taps + tap];
                    }
                }
            }
            let windows = Windows {
                channels,
                time: s.time,
                taps,
                stride: s.stride,
                dilation: s.dilation,
                pad: s.pads.0,
            };
            let from = self.place(&x)? + group * channels * s.time;
            let rows = self.windows(windows, from, steps)?;
            let bias = &bias[group * out_each..(group + 1) * out_each];
            let y = self.dense(&rows, &[steps, out_each], &packed, bias)?;
            parts.push(self.turned(&y, steps, out_each)?);
        }
        self.joined_rows(&parts, &[1, outputs, steps])
    }

    fn conv_transpose(&mut self, node: &Node) -> Lowered<Value> {
        let (weights, dims) = node.weights(1)?;
        let &[channels, outputs, taps] = dims else {
            return Err(format!(
                "weights of shape {dims:?}; only convolutions over time are packed"
            ));
        };
        let s = shape(node, taps)?;
        if s.groups != 1 || channels != s.channels {
            return Err("only one group that fits its input is packed".into());
        }
        let extra = node
            .ints("output_padding")
            .and_then(|p| p.first())
            .copied()
            .unwrap_or(0);
        let full = (s.time - 1) * s.stride
            + (taps - 1) * s.dilation
            + 1
            + extra.clamp(0, 1 << 16) as usize;
        let time = full.checked_sub(s.pads.0 + s.pads.1).filter(|t| *t > 0);
        let time = time.ok_or("its pads leave nothing")?;
        if node.attribute("output_shape").is_some() {
            return Err("output_shape is not read: state pads instead".into());
        }
        let bias = bias(node, outputs)?;
        let x = node.input(0)?.clone();
        let windows = Windows {
            channels,
            time: s.time,
            taps: 1,
            stride: 1,
            dilation: 1,
            pad: 0,
        };
        let from = self.place(&x)?;
        let rows = self.windows(windows, from, s.time)?;
        let made = outputs * taps;
        let mut packed = vec![0.0; made * channels];
        for (i, w) in weights.iter().enumerate() {
            packed[i % made * channels + i / made] = *w;
        }
        let made = self.dense(&rows, &[s.time, made], &packed, &vec![0.0; made])?;
        let add = OverlapAdd {
            channels: outputs,
            steps: s.time,
            taps,
            stride: s.stride,
            dilation: s.dilation,
            cut: s.pads.0,
            time,
        };
        let x = self.place(&made)?;
        self.emit(&[1, outputs, time], Kernel::OverlapAdd { add, x, bias })
    }

    fn windows(&mut self, windows: Windows, x: usize, steps: usize) -> Lowered<Value> {
        let columns = windows.taps * windows.channels;
        self.emit(&[steps, columns], Kernel::Windows { windows, x })
    }

    /// `[rows][columns]` to `[columns][rows]`.
    fn turned(&mut self, x: &Value, rows: usize, columns: usize) -> Lowered<Value> {
        if rows == 1 || columns == 1 {
            return Ok(x.clone().with_dims(vec![columns, rows]));
        }
        let x = self.place(x)?;
        self.emit(&[columns, rows], Kernel::Transpose { x, rows, columns })
    }

    fn joined_rows(&mut self, parts: &[Value], dims: &[usize]) -> Lowered<Value> {
        if let [one] = parts {
            return Ok(one.clone().with_dims(dims.to_vec()));
        }
        let mut segments = Vec::new();
        let mut to = 0;
        for part in parts {
            let (from, len) = (self.place(part)?, part.len());
            segments.push(Segment { from, to, len });
            to += len;
        }
        self.emit(dims, Kernel::Move { segments })
    }

    /// A product of two values that both move: attention.
    pub fn product(&mut self, a: &Value, b: &Value) -> Lowered<Value> {
        let (&[ref outer @ .., m, k], &[ref outer_b @ .., rows, n]) = (a.dims(), b.dims()) else {
            return Err("it needs two matrices".into());
        };
        if outer != outer_b || rows != k || k == 0 || n == 0 {
            return Err(format!("{:?} times {:?} does not fit", a.dims(), b.dims()));
        }
        let dims = [outer, &[m, n]].concat();
        let kernel = Kernel::Product {
            a: self.place(a)?,
            b: self.place(b)?,
            shape: [m, k, n],
        };
        self.emit(&dims, kernel)
    }

    /// Rows of a table, picked by numbers that are known only when playing.
    fn embedding(&mut self, node: &Node) -> Lowered<Value> {
        let table = node.input(0)?.clone();
        let index = node.input(1)?.clone();
        let &[rows, width] = table.dims() else {
            return Err(format!("a table of shape {:?}", table.dims()));
        };
        if node.int("axis", 0) != 0 || rows == 0 || width == 0 {
            return Err("only rows of a table are picked".into());
        }
        let dims = [index.dims(), &[width]].concat();
        let kernel = Kernel::Pick {
            table: self.place(&table)?,
            rows,
            width,
            index: self.place(&index)?,
        };
        self.emit(&dims, kernel)
    }
}

fn bias(node: &Node, outputs: usize) -> Lowered<Vec<f32>> {
    match node.constant(2)? {
        None => Ok(vec![0.0; outputs]),
        Some((bias, _)) if bias.len() == outputs => Ok(bias.to_vec()),
        Some((bias, _)) => Err(format!("{} biases for {outputs} outputs", bias.len())),
    }
}

fn shape(node: &Node, taps: usize) -> Lowered<Shape> {
    let &[1, channels, time] = node.input(0)?.dims() else {
        return Err(format!(
            "input of shape {:?}; [1, channels, time] is packed",
            node.input(0)?.dims()
        ));
    };
    if node.text("auto_pad").is_some_and(|a| a != "NOTSET") {
        return Err("auto_pad is not read: state pads instead".into());
    }
    let number = |name: &str, index: usize, default: i64, least: i64| {
        let value = node
            .ints(name)
            .and_then(|l| l.get(index))
            .copied()
            .unwrap_or(default);
        let fits = (least..=1 << 16).contains(&value);
        fits.then_some(value as usize)
            .ok_or(format!("{name} {value}"))
    };
    if taps == 0 || channels == 0 || time == 0 {
        return Err("it is empty".into());
    }
    let groups = usize::try_from(node.int("group", 1))
        .ok()
        .filter(|g| *g > 0 && channels % g == 0);
    Ok(Shape {
        channels,
        time,
        stride: number("strides", 0, 1, 1)?,
        dilation: number("dilations", 0, 1, 1)?,
        groups: groups.ok_or("its groups do not divide its channels")?,
        pads: (number("pads", 0, 0, 0)?, number("pads", 1, 0, 0)?),
    })
}
