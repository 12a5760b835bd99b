//! The shapes of Reshape, Flatten, Squeeze and Unsqueeze: the same numbers under other dimensions.

use super::Lowered;
use super::attributes::Node;

pub fn viewed_dims(node: &Node) -> Lowered<Vec<usize>> {
    let x = node.input(0)?;
    let dims = x.dims();
    let axes = node.integers(1)?.or(node.ints("axes"));
    let viewed = match node.op {
        "Reshape" => reshaped(node, dims)?,
        "Flatten" => {
            let axis = node.int("axis", 1);
            let axis = if axis == dims.len() as i64 {
                dims.len()
            } else {
                node.axis(axis, dims.len())?
            };
            vec![dims[..axis].iter().product(), dims[axis..].iter().product()]
        }
        "Squeeze" => {
            let axes = axes.map(|axes| {
                axes.iter()
                    .map(|a| node.axis(*a, dims.len()))
                    .collect::<Lowered<Vec<_>>>()
            });
            let axes = axes.transpose()?;
            let gone = |i: usize| axes.as_ref().map_or(dims[i] == 1, |axes| axes.contains(&i));
            (0..dims.len())
                .filter(|i| !gone(*i))
                .map(|i| dims[i])
                .collect()
        }
        _ => {
            let axes = axes.ok_or("it has no axes")?;
            let rank = dims.len() + axes.len();
            let axes = axes
                .iter()
                .map(|a| node.axis(*a, rank))
                .collect::<Lowered<Vec<_>>>()?;
            let mut rest = dims.iter();
            let at = |i: usize| {
                if axes.contains(&i) {
                    Some(1)
                } else {
                    rest.next().copied()
                }
            };
            (0..rank)
                .map(at)
                .collect::<Option<_>>()
                .ok_or("its axes repeat")?
        }
    };
    match viewed.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) == Some(x.len()) {
        true => Ok(viewed),
        false => Err(format!("{dims:?} cannot be seen as {viewed:?}")),
    }
}

/// ONNX: 0 keeps the dimension, one -1 takes what is left.
fn reshaped(node: &Node, dims: &[usize]) -> Lowered<Vec<usize>> {
    let shape = node.integers(1)?.ok_or("it has no shape")?;
    let mut out = Vec::new();
    for (i, d) in shape.iter().enumerate() {
        out.push(match *d {
            0 => *dims.get(i).ok_or("a 0 in its shape has nothing to keep")?,
            -1 => 1,
            d => usize::try_from(d).map_err(|_| format!("shape {shape:?}"))?,
        });
    }
    if let Some(open) = shape.iter().position(|d| *d == -1) {
        let known = out
            .iter()
            .try_fold(1usize, |n, d| n.checked_mul(*d))
            .unwrap_or(0);
        let total: usize = dims.iter().product();
        out[open] = total.checked_div(known).ok_or(format!("shape {shape:?}"))?;
    }
    Ok(out)
}
