//! Small graphs of every operation against tract: loading a model verifies it.

use crate::neural::contract::Contract;
use crate::neural::graph::{Attribute, GraphBuilder, Tensor};
use crate::neural::model::Model;
use crate::neural::{ModelError, zoo};

/// Loads a graph of one input `x` of 24 elements in the shape `dims`.
fn load(
    dims: &[usize],
    build: impl Fn(&mut GraphBuilder, Tensor) -> Tensor,
) -> Result<Model, ModelError> {
    let mut g = GraphBuilder::new("one");
    let x = g.input("x", dims);
    let y = build(&mut g, x);
    g.output("y", &y);
    let names: Vec<String> = (0..dims.iter().product())
        .map(|i| format!("\"n{i}\""))
        .collect();
    let text = format!(
        r#"{{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{{"tensor":"x","names":[{}]}}],"outputs":[{{"onset":{{"tensor":"y"}}}}]}}"#,
        names.join(",")
    );
    g.contract(&Contract::parse(&text).unwrap());
    Model::load(&g.finish())
}

fn agrees(what: &str, dims: &[usize], build: impl Fn(&mut GraphBuilder, Tensor) -> Tensor) {
    if let Err(error) = load(dims, build) {
        panic!("{what}: {error}");
    }
}

#[test]
fn pointwise_operations_agree() {
    for op in [
        "Neg",
        "Abs",
        "Relu",
        "LeakyRelu",
        "Elu",
        "Tanh",
        "Sigmoid",
        "HardSigmoid",
        "Softplus",
        "Exp",
        "Sin",
        "Cos",
        "Erf",
    ] {
        agrees(op, &[1, 23], |g, x| g.node(op, &[&x.name], &[1, 23], &[]));
    }
    agrees("Log and Sqrt of squares", &[1, 24], |g, x| {
        let squares = g.mul(&x, &x);
        let above = g.affine(&squares, 1.0, 0.1);
        let log = g.node("Log", &[&above.name], &[1, 24], &[]);
        let root = g.node("Sqrt", &[&above.name], &[1, 24], &[]);
        let inverse = g.node("Reciprocal", &[&above.name], &[1, 24], &[]);
        let sum = g.add(&log, &root);
        g.add(&sum, &inverse)
    });
}

#[test]
fn arithmetic_broadcasts() {
    for op in ["Add", "Sub", "Mul", "Div", "Min", "Max"] {
        for dims in [&[2, 3, 4][..], &[1, 3, 1], &[4], &[2, 1, 4], &[1], &[3, 1]] {
            let values: Vec<f32> = (0..dims.iter().product())
                .map(|i| 0.7 + i as f32 * 0.1)
                .collect();
            agrees(op, &[2, 3, 4], |g, x| {
                let c = g.constant(dims, &values);
                g.node(op, &[&x.name, &c.name], &[2, 3, 4], &[])
            });
        }
    }
}

#[test]
fn rearrangements_agree() {
    agrees("Transpose", &[2, 3, 4], |g, x| {
        g.node(
            "Transpose",
            &[&x.name],
            &[4, 2, 3],
            &[Attribute::Ints("perm", vec![2, 0, 1])],
        )
    });
    agrees("Slice of every second", &[2, 12], |g, x| {
        let [starts, ends, axes, steps] = [[1], [11], [1], [2]].map(|v| g.integers(&v));
        let inputs = [&*x.name, &starts.name, &ends.name, &axes.name, &steps.name];
        g.node("Slice", &inputs, &[2, 5], &[])
    });
    agrees("Concat and Split", &[2, 6], |g, x| {
        let a = g.slice(&x, 1, 0, 2);
        let b = g.slice(&x, 0, 1, 2);
        let b = g.reshape(&b, &[2, 3]);
        g.concat(&[&b, &a, &x], 1)
    });
    agrees("Expand", &[3, 1], |g, x| {
        let shape = g.integers(&[2, 3, 4]);
        g.node("Expand", &[&x.name, &shape.name], &[2, 3, 4], &[])
    });
    agrees("Pad", &[2, 3], |g, x| {
        let pads = g.integers(&[1, 0, 0, 2]);
        g.node("Pad", &[&x.name, &pads.name], &[3, 5], &[])
    });
    agrees("Gather of columns", &[2, 6], |g, x| {
        let indices = g.integers(&[5, 0, 3]);
        g.node(
            "Gather",
            &[&x.name, &indices.name],
            &[2, 3],
            &[Attribute::Int("axis", 1)],
        )
    });
    agrees("Squeeze and Flatten", &[2, 1, 6], |g, x| {
        let axes = g.integers(&[1]);
        let y = g.node("Squeeze", &[&x.name, &axes.name], &[2, 6], &[]);
        g.node(
            "Flatten",
            &[&y.name],
            &[1, 12],
            &[Attribute::Int("axis", 0)],
        )
    });
}

#[test]
fn sums_and_norms_agree() {
    for (op, axis, dims) in [
        ("ReduceMean", 1, [2, 1, 4]),
        ("ReduceMax", 2, [2, 3, 1]),
        ("ReduceMin", 0, [1, 3, 4]),
    ] {
        let axes = Attribute::Ints("axes", vec![axis]);
        agrees(op, &[2, 3, 4], |g, x| {
            g.node(op, &[&x.name], &dims, std::slice::from_ref(&axes))
        });
    }
    agrees("ReduceSum", &[2, 3, 4], |g, x| g.sum(&x));
    agrees("Softmax over the middle", &[2, 3, 4], |g, x| {
        g.node(
            "Softmax",
            &[&x.name],
            &[2, 3, 4],
            &[Attribute::Int("axis", 1)],
        )
    });
    agrees("LayerNormalization", &[2, 12], |g, x| {
        g.layer_norm(&x, &[1.5; 12], &[0.25; 12])
    });
}

#[test]
fn convolutions_agree() {
    let conv = |(inputs, outputs, groups): (usize, usize, usize),
                attributes: &'static [(&str, &[i64])],
                time,
                steps| {
        let mut w = zoo::Weights::new(3);
        let weights = w.layer(outputs * inputs / groups * 3, 8);
        let bias = w.layer(outputs, 4);
        agrees("Conv", &[1, inputs, time], |g, x| {
            let weights = g.constant(&[outputs, inputs / groups, 3], &weights);
            let bias = g.constant(&[outputs], &bias);
            let mut list = vec![Attribute::Int("group", groups as i64)];
            list.extend(
                attributes
                    .iter()
                    .map(|(name, values)| Attribute::Ints(name, values.to_vec())),
            );
            let names = [&*x.name, &weights.name, &bias.name];
            g.node("Conv", &names, &[1, outputs, steps], &list)
        });
    };
    conv((4, 5, 1), &[], 8, 6);
    conv((4, 20, 1), &[("pads", &[2, 0]), ("dilations", &[2])], 8, 6);
    conv((4, 6, 2), &[("strides", &[2]), ("pads", &[1, 1])], 8, 4);
    conv((6, 6, 6), &[("pads", &[2, 0])], 5, 5);
    conv((96, 96, 2), &[], 4, 2);
}

#[test]
fn transposed_convolutions_agree() {
    let mut w = zoo::Weights::new(4);
    let weights = w.layer(3 * 5 * 4, 3);
    agrees("ConvTranspose", &[1, 3, 6], |g, x| {
        let weights = g.constant(&[3, 5, 4], &weights);
        let bias = g.constant(&[5], &[0.1, 0.2, 0.3, 0.4, 0.5]);
        let names = [&*x.name, &weights.name, &bias.name];
        let attributes = [
            Attribute::Ints("strides", vec![2]),
            Attribute::Ints("pads", vec![1, 1]),
        ];
        g.node("ConvTranspose", &names, &[1, 5, 12], &attributes)
    });
}

#[test]
fn streaming_networks_agree() {
    for file in [zoo::conv_decoder(4), zoo::transformer(6, 32, 2, 8)] {
        let model = Model::load(&file).unwrap();
        assert!(model.agreement().difference < 1e-5);
    }
}

#[test]
fn constants_are_computed_at_load() {
    let model = load(&[1, 4], |g, x| {
        let w = g.constant(&[4, 4], &[0.25; 16]);
        let turned = g.node("Transpose", &[&w.name], &[4, 4], &[]);
        let scaled = g.affine(&turned, 2.0, 0.1);
        g.node("MatMul", &[&x.name, &scaled.name], &[1, 4], &[])
    });
    assert_eq!(model.unwrap().cost().parameters, 4 * 4 + 4);
}

#[test]
fn what_is_not_packed_is_named() {
    let error = load(&[1, 4, 2, 3], |g, x| {
        let w = g.constant(&[1, 4, 1, 1], &[1.0; 4]);
        g.node("Conv", &[&x.name, &w.name], &[1, 1, 2, 3], &[])
    });
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("Conv_0") && error.contains("over time"),
        "{error}"
    );
}
