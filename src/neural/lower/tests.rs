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
    for (op, axis, dims) in [("ReduceMean", 1, [2, 1, 4]), ("ReduceMin", 0, [1, 3, 4])] {
        let axes = Attribute::Ints("axes", vec![axis]);
        agrees(op, &[2, 3, 4], |g, x| {
            g.node(op, &[&x.name], &dims, std::slice::from_ref(&axes))
        });
    }
    agrees("ReduceSum", &[2, 3, 4], |g, x| g.sum(&x));
    agrees("ReduceMax", &[2, 3, 4], |g, x| g.max(&x));
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
    // Taps that meet, and taps that do not.
    for (taps, pad, stride, time) in [(4, 1, 2, 12), (3, 0, 3, 18), (2, 0, 3, 17)] {
        let mut w = zoo::Weights::new(4);
        let weights = w.layer(3 * 5 * taps, 3);
        agrees("ConvTranspose", &[1, 3, 6], |g, x| {
            let weights = g.constant(&[3, 5, taps], &weights);
            let bias = g.constant(&[5], &[0.1, 0.2, 0.3, 0.4, 0.5]);
            let names = [&*x.name, &weights.name, &bias.name];
            let attributes = [
                Attribute::Ints("strides", vec![stride]),
                Attribute::Ints("pads", vec![pad, pad]),
            ];
            g.node("ConvTranspose", &names, &[1, 5, time], &attributes)
        });
    }
}

#[test]
fn streaming_networks_agree() {
    for file in [zoo::conv_decoder(4), zoo::transformer(6, 32, 2, 8)] {
        let model = Model::load(&file).unwrap();
        assert!(model.agreement().difference < 1e-5);
    }
}

#[test]
fn both_kinds_of_gru_agree() {
    const HIDDEN: usize = 9;
    for linear_before_reset in [0, 1] {
        let mut w = zoo::Weights::new(8);
        let input = w.layer(3 * HIDDEN * 5, 5);
        let recurrent = w.layer(3 * HIDDEN * HIDDEN, HIDDEN);
        let bias = w.layer(6 * HIDDEN, 4);
        agrees("GRU", &[1, 5 + HIDDEN], |g, x| {
            let h = g.slice(&x, 1, 5, 5 + HIDDEN);
            let h = g.reshape(&h, &[1, 1, HIDDEN]);
            let x = g.slice(&x, 1, 0, 5);
            let x = g.reshape(&x, &[1, 1, 5]);
            let input = g.constant(&[1, 3 * HIDDEN, 5], &input);
            let recurrent = g.constant(&[1, 3 * HIDDEN, HIDDEN], &recurrent);
            let bias = g.constant(&[1, 6 * HIDDEN], &bias);
            let inputs = [
                &*x.name,
                &input.name,
                &recurrent.name,
                &bias.name,
                "",
                &h.name,
            ];
            let attributes = [
                Attribute::Int("hidden_size", HIDDEN as i64),
                Attribute::Int("linear_before_reset", linear_before_reset),
            ];
            g.node("GRU", &inputs, &[1, 1, 1, HIDDEN], &attributes)
        });
    }
}

/// Rows of a table of 7, picked by `x` made whole; two picks at once.
fn embedding(g: &mut GraphBuilder, x: &Tensor) -> Tensor {
    let values: Vec<f32> = (0..7 * 3).map(|i| i as f32 * 0.1).collect();
    let table = g.constant(&[7, 3], &values);
    let index = g.node("Cast", &[&x.name], &[1, 2], &[Attribute::Int("to", 7)]);
    g.node("Gather", &[&table.name, &index.name], &[1, 2, 3], &[])
}

#[test]
fn an_embedding_looks_up_the_row_that_the_input_names() {
    // Loading compares with tract, whose random inputs are cast to -1, 0 and 1.
    let mut model = load(&[1, 2], |g, x| embedding(g, &x)).unwrap();
    let output = model.output_index("y").unwrap();
    for (asked, rows) in [
        ([0.0, 6.0], [0, 6]),
        ([2.9, -0.9], [2, 0]),
        ([-1.0, -7.0], [6, 0]),
        // Outside the table: its nearest end, where tract would stop with an error.
        ([40.0, -9.0], [6, 0]),
    ] {
        model.input_mut(0).copy_from_slice(&asked);
        model.step();
        let expected: Vec<f32> = rows
            .iter()
            .flat_map(|row| (0..3).map(move |i| (row * 3 + i) as f32 * 0.1))
            .collect();
        assert_eq!(model.output(output), expected, "{asked:?}");
    }
}

/// `[1, 4, past]` joined in front of `[1, 4, 3]`; the newest `past` samples are kept.
fn streaming(rest: impl Fn(&mut GraphBuilder, Tensor) -> Tensor) -> Result<Model, ModelError> {
    let mut g = GraphBuilder::new("streaming");
    let x = g.input("x", &[1, 12]);
    let past = g.input("past", &[1, 4, 5]);
    let x = g.reshape(&x, &[1, 4, 3]);
    let all = g.concat(&[&past, &x], 2);
    let kept = g.slice(&all, 2, 3, 8);
    g.output("past_out", &kept);
    let y = rest(&mut g, all);
    g.output("y", &y);
    let names: Vec<String> = (0..12).map(|i| format!("\"n{i}\"")).collect();
    let text = format!(
        r#"{{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{{"tensor":"x","names":[{}]}}],"states":[{{"input":"past","output":"past_out"}}],
        "outputs":[{{"onset":{{"tensor":"y"}}}}]}}"#,
        names.join(",")
    );
    g.contract(&Contract::parse(&text).unwrap());
    Model::load(&g.finish())
}

#[test]
fn what_lies_time_by_time_is_read_in_the_order_of_the_file() {
    type Draw = fn(&mut GraphBuilder, Tensor) -> Tensor;
    let cases: [(&str, Draw); 9] = [
        ("itself", |_, x| x),
        ("flattened", |g, x| g.reshape(&x, &[1, 32])),
        ("channels of it", |g, x| g.slice(&x, 1, 1, 3)),
        ("moments of it", |g, x| g.slice(&x, 2, 1, 6)),
        ("turned", |g, x| {
            let perm = Attribute::Ints("perm", vec![0, 2, 1]);
            g.node("Transpose", &[&x.name], &[1, 8, 4], &[perm])
        }),
        ("with a plain signal", |g, x| {
            let values: Vec<f32> = (0..32).map(|i| i as f32 * 0.1).collect();
            let c = g.constant(&[1, 4, 8], &values);
            let sum = g.add(&x, &c);
            g.tanh(&sum)
        }),
        ("with a number a channel", |g, x| {
            let c = g.constant(&[1, 4, 1], &[1.0, 2.0, 3.0, 4.0]);
            let y = g.mul(&x, &c);
            g.affine(&y, 0.5, 1.0)
        }),
        ("summed over time", |g, x| g.sum(&x)),
        ("joined by channels", |g, x| {
            let y = g.tanh(&x);
            g.concat(&[&x, &y], 1)
        }),
    ];
    for (what, rest) in cases {
        if let Err(error) = streaming(rest) {
            panic!("{what}: {error}");
        }
    }
    let model = streaming(|_, x| x).unwrap();
    assert_eq!(model.output_index("past_out"), None);
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
