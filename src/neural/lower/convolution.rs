//! Convolutions over time, attention's products and embeddings, as windows and packed matrices.
//! Streaming: the file keeps the past as a state and joins it in front of the new samples.

use super::attributes::Node;
use super::{Lowered, Lowering, Value};
use crate::neural::kernel::window::{OverlapAdd, Windows};
use crate::neural::plan::Kernel;

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
        let x = self.turned(&x)?;
        let x = self.place(&x)?;
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
                row: s.channels,
                time: s.time,
                taps,
                stride: s.stride,
                dilation: s.dilation,
                pad: s.pads.0,
            };
            let rows = self.windows(windows, x + group * channels, (s.pads.1 > 0, steps))?;
            let bias = &bias[group * out_each..(group + 1) * out_each];
            parts.push(self.dense_rows(rows, &[1, steps, out_each], &packed, bias)?);
        }
        let y = match parts.len() {
            1 => parts.remove(0),
            _ => self.join(parts, 2)?,
        };
        Ok(y.seen_the_other_way())
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
        let x = self.turned(&x)?.seen_the_other_way();
        // Rows as the sums lie: tap by tap, output by output.
        let made = taps * outputs;
        let mut packed = vec![0.0; made * channels];
        for channel in 0..channels {
            for output in 0..outputs {
                for tap in 0..taps {
                    packed[(tap * outputs + output) * channels + channel] =
                        weights[(channel * outputs + output) * taps + tap];
                }
            }
        }
        let apart = s.stride == taps && s.dilation == 1 && time == s.time * taps;
        if apart && s.pads.0 == 0 {
            // The taps of neighbours do not meet: the sums are the output.
            let bias = bias.repeat(taps);
            let y = self.dense(&x, &[1, time, outputs], &packed, &bias)?;
            return Ok(y.seen_the_other_way());
        }
        let made = self.dense(&x, &[s.time, made], &packed, &vec![0.0; made])?;
        let add = OverlapAdd {
            channels: outputs,
            steps: s.time,
            taps,
            stride: s.stride,
            dilation: s.dilation,
            cut: s.pads.0,
        };
        let x = self.place(&made)?;
        let y = self.emit(&[1, time, outputs], Kernel::OverlapAdd { add, x, bias })?;
        Ok(y.seen_the_other_way())
    }

    /// Where the windows lie, how many, and how far apart: in the signal itself where each is one run of it.
    fn windows(
        &mut self,
        windows: Windows,
        x: usize,
        (padded, steps): (bool, usize),
    ) -> Lowered<(usize, usize, usize)> {
        let columns = windows.taps * windows.channels;
        let one_run = windows.dilation == 1 || windows.taps == 1;
        let whole = windows.row == windows.channels || windows.taps == 1;
        if one_run && whole && windows.pad == 0 && !padded {
            return Ok((x, steps, windows.stride * windows.row));
        }
        let copied = self.emit(&[steps, columns], Kernel::Windows { windows, x })?;
        Ok((self.place(&copied)?, steps, columns))
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
