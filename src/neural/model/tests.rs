//! Models of the zoo, against tract and against themselves.

use super::*;
use crate::neural::graph::{GraphBuilder, LstmWeights};
use crate::neural::zoo;

#[test]
fn recurrent_networks_agree_with_tract_to_a_millionth() {
    for (inputs, hidden, layers) in [(3, 5, 1), (32, 64, 1), (17, 33, 2), (32, 128, 2)] {
        let agreement = Model::load(&zoo::lstm(inputs, hidden, layers))
            .unwrap()
            .agreement();
        assert!(
            agreement.difference <= 1e-6,
            "{hidden}x{layers}: {agreement:?}"
        );
    }
    for hidden in [7, 64, 256] {
        let agreement = Model::load(&zoo::gru(12, hidden)).unwrap().agreement();
        assert!(agreement.difference <= 1e-6, "{hidden}: {agreement:?}");
    }
}

#[test]
fn a_ddsp_decoder_is_lowered_whole() {
    for width in [64, 256] {
        let model = Model::load(&zoo::ddsp_decoder(width)).unwrap();
        assert!(
            model.agreement().difference <= 2e-6,
            "{:?}",
            model.agreement()
        );
        assert_eq!(model.cost().state_len, width);
    }
}

#[test]
fn a_weight_that_is_wrong_by_a_thousandth_is_noticed() {
    let file = zoo::lstm(32, 64, 1);
    let Screened {
        mut graph,
        signature,
        contract,
    } = screen(&file).unwrap();
    let recurrent = graph
        .initializer
        .iter_mut()
        .find(|t| t.dims == [1, 256, 64])
        .unwrap();
    let bytes: [u8; 4] = recurrent.raw_data[..4].try_into().unwrap();
    recurrent.raw_data[..4].copy_from_slice(&(f32::from_le_bytes(bytes) + 1e-3).to_le_bytes());
    let plan = lower(&graph, &signature, &contract.states, Precision::Single).unwrap();
    let mut oracle = Oracle::new(&file, &signature, &contract.states).unwrap();
    let error = verify(&plan, Machine::detect(), &mut oracle, true).unwrap_err();
    assert!(matches!(error, ModelError::Mismatch { .. }), "{error}");
}

#[test]
fn large_models_keep_halves_only_where_they_come_close() {
    let small = Model::load(&zoo::lstm(4, 16, 1)).unwrap();
    assert_eq!(small.half_agreement(), None);
    if !small.machine().converts_halves() {
        return eprintln!("skipped: this processor does not convert 16-bit floats");
    }
    let large = Model::load(&zoo::lstm(32, 256, 1)).unwrap();
    let half = large.half_agreement().unwrap();
    assert!(half.holds() && half.difference > 1e-6, "{half:?}");
    assert!(large.cost().weight_bytes < large.cost().parameters * 2 + (1 << 14));
    let exact = Model::load_exact(&zoo::lstm(32, 256, 1)).unwrap();
    assert_eq!(exact.half_agreement(), None);
    assert!(exact.cost().weight_bytes > large.cost().parameters * 3);
    // Weights in steps that 16 bits do not have, and inputs that add up the errors.
    let mut g = GraphBuilder::new("coarse");
    let x = g.input("x", &[1, 1]);
    let x = g.dense(&x, &[1.0; 640], &[1.0; 640]);
    let mut fine = vec![0.0; 640 * 640];
    let mut few = [0.0; 640];
    for n in 0..16 {
        (fine[n * 640 + n], few[n]) = (1.0 + 1.0 / 4096.0, 1.0);
    }
    let y = g.dense(&x, &fine, &[-1.0; 640]);
    let y = g.dense(&y, &few, &[0.0]);
    g.output("y", &y);
    let text = r#"{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{"tensor":"x","names":["a"]}],"outputs":[{"onset":{"tensor":"y"}}]}"#;
    g.contract(&Contract::parse(text).unwrap());
    let coarse = Model::load(&g.finish()).unwrap();
    let half = coarse.half_agreement().unwrap();
    assert!(!half.holds(), "{half:?}");
    assert_eq!(coarse.cost().weight_bytes % 4, 0);
    assert!(coarse.cost().weight_bytes >= 640 * 640 * 4);
    assert!(coarse.agreement().holds());
}

#[test]
fn a_sequence_longer_than_one_is_refused_with_the_reason() {
    let mut g = GraphBuilder::new("long");
    let x = g.input("x", &[2, 1, 1]);
    let h = g.input("h", &[1, 1, 4]);
    let c = g.input("c", &[1, 1, 4]);
    let w = g.constant(&[1, 16, 1], &[0.1; 16]);
    let r = g.constant(&[1, 16, 4], &[0.1; 64]);
    let inputs = [&*x.name, &w.name, &r.name, "", "", &h.name, &c.name];
    let y = g.node(
        "LSTM",
        &inputs,
        &[2, 1, 1, 4],
        &[crate::neural::graph::Attribute::Int("hidden_size", 4)],
    );
    g.output("y", &y);
    let text = r#"{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{"tensor":"x","names":["a","b"]},{"tensor":"h","names":["c","d","e","f"]},
        {"tensor":"c","names":["g","h","i","j"]}],"outputs":[{"onset":{"tensor":"y"}}]}"#;
    g.contract(&Contract::parse(text).unwrap());
    let error = Model::load(&g.finish()).err().unwrap().to_string();
    assert!(
        error.contains("sequence length 2") && error.contains("Export sequence length 1"),
        "{error}"
    );
}

#[test]
fn stepping_is_repeatable_and_a_reset_forgets() {
    let mut model = Model::load(&zoo::lstm(4, 16, 1)).unwrap();
    let run = |model: &mut Model| {
        let x = model.input_index("x").unwrap();
        let y = model.output_index("y").unwrap();
        let steps = (0..20).map(|i| {
            model.input_mut(x).fill(i as f32 * 0.1);
            model.step();
            model.output(y)[0]
        });
        steps.collect::<Vec<_>>()
    };
    let first = run(&mut model);
    let warm = run(&mut model);
    model.reset();
    assert_eq!(first, run(&mut model));
    assert_ne!(first, warm);
    assert_eq!(first, run(&mut model.clone()));
}

#[test]
fn a_state_that_is_not_finite_starts_over() {
    let mut g = GraphBuilder::new("runaway");
    let x = g.input("x", &[1, 1]);
    let s = g.input("s", &[1, 1]);
    let s = g.affine(&s, 1e30, 0.0);
    let s = g.add(&s, &x);
    g.output("s_out", &s);
    let text = r#"{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{"tensor":"x","names":["a"]}],"states":[{"input":"s","output":"s_out"}],
        "outputs":[{"onset":{"tensor":"s_out"}}]}"#;
    g.contract(&Contract::parse(text).unwrap());
    let mut model = Model::load(&g.finish()).unwrap();
    for _ in 0..10 {
        model.input_mut(0).fill(1e9);
        model.step();
    }
    assert!(model.broken_steps() > 0);
    model
        .input_mut(1)
        .iter()
        .for_each(|s| assert!(s.is_finite()));
}

#[test]
fn batched_voices_sound_as_they_do_alone() {
    let plan = |file: &[u8]| {
        let s = screen(file).unwrap();
        lower(
            &s.graph,
            &s.signature,
            &s.contract.states,
            Precision::Single,
        )
        .unwrap()
    };
    for file in [zoo::ddsp_decoder(64), zoo::lstm(5, 20, 2)] {
        let plan = plan(&file);
        let input = plan.inputs[0].1;
        let mut together = plan.arenas(7);
        let mut alone: Vec<Aligned> = (0..7).map(|_| plan.arenas(1)).collect();
        for step in 0..5 {
            let arenas = together.as_mut_slice().chunks_exact_mut(plan.arena_len);
            for (voice, (arena, alone)) in arenas.zip(&mut alone).enumerate() {
                let value = voice as f32 * 0.3 - 1.0 + step as f32 * 0.1;
                arena[input.start..input.start + input.len].fill(value);
                alone.as_mut_slice()[input.start..input.start + input.len].fill(value);
                plan.step(Machine::detect(), alone.as_mut_slice());
            }
            plan.step(Machine::detect(), together.as_mut_slice());
            let arenas = together.as_slice().chunks_exact(plan.arena_len);
            for (arena, alone) in arenas.zip(&alone) {
                for (_, span) in &plan.outputs {
                    let range = span.start..span.start + span.len;
                    for (a, b) in arena[range.clone()].iter().zip(&alone.as_slice()[range]) {
                        assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{a} {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn lstm_weights_have_the_order_of_onnx() {
    // One unit whose input and output gates are open, whose forget gate is shut, and whose cell reads x.
    let mut g = GraphBuilder::new("unit");
    let x = g.input("x", &[1, 1]);
    let h = g.input("h", &[1, 1]);
    let c = g.input("c", &[1, 1]);
    let weights = LstmWeights {
        input: &[0.0, 0.0, 0.0, 1.0],
        recurrent: &[0.0; 4],
        bias: &[50.0, 50.0, -50.0, 0.0],
    };
    let (h, c) = g.lstm(&x, &h, &c, &weights);
    g.output("h_out", &h);
    g.output("c_out", &c);
    let text = r#"{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{"tensor":"x","names":["a"]}],
        "states":[{"input":"h","output":"h_out"},{"input":"c","output":"c_out"}],
        "outputs":[{"onset":{"tensor":"h_out"}}]}"#;
    g.contract(&Contract::parse(text).unwrap());
    let mut model = Model::load(&g.finish()).unwrap();
    model.input_mut(0).fill(0.5);
    model.step();
    let expected = 0.5f64.tanh().tanh() as f32;
    assert!((model.output(0)[0] - expected).abs() < 1e-6);
}
