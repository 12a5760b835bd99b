//! A model with an operation that has no packed kernel, live and offline.

use super::*;
use crate::neural::graph::GraphBuilder;
use crate::neural::runner::Runner;
use crate::neural::zoo::softsign;

fn expected(step: u64) -> f32 {
    let sum = 2.0 - 0.5f32.powi(step as i32 - 1);
    sum / (1.0 + sum)
}

#[test]
fn without_helper_mode_it_is_refused_with_the_reason_and_the_cure() {
    let error = Runner::load(&softsign(), false).err().unwrap().to_string();
    for word in ["Softsign", "no packed kernel", "switch helper mode on"] {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn answers_come_in_order_and_a_reset_forgets() {
    let mut helped = Helped::load(&softsign()).unwrap();
    for _ in 0..2 {
        for tick in 1..=50u64 {
            helped.input_mut(0)[0] = 1.0;
            helped.submit(tick);
            if let Some(due) = tick.checked_sub(2).filter(|due| *due > 0) {
                assert!(helped.fetch(due, true), "tick {due}");
                assert!(
                    (helped.output(0)[0] - expected(due)).abs() < 1e-6,
                    "tick {due}"
                );
            }
        }
        helped.reset();
        assert_eq!(helped.output(0), [0.0]);
    }
    let clone = helped.clone();
    drop(helped);
    assert_eq!(clone.contract().name, "Softsign");
}

#[test]
fn late_answers_are_held_and_then_fade() {
    let mut helped = Helped::load(&softsign()).unwrap();
    helped.input_mut(0)[0] = 1.0;
    helped.submit(1);
    assert!(helped.fetch(1, true));
    // Nobody asked for the next ones, so they never come.
    let mut presences = Vec::new();
    for tick in 2..60 {
        assert!(!helped.fetch(tick, false));
        assert!((helped.output(0)[0] - 0.5).abs() < 1e-6, "it holds");
        presences.push(helped.presence());
    }
    assert!(presences[..10].iter().all(|presence| *presence == 1.0));
    assert!(presences.windows(2).all(|pair| pair[1] <= pair[0]));
    assert_eq!(presences.last(), Some(&0.0));
    helped.submit(60);
    assert!(helped.fetch(60, true) && helped.presence() == 1.0);
}

#[test]
fn a_graph_that_could_grow_beyond_measure_never_reaches_tract() {
    let mut g = GraphBuilder::new("large");
    let x = g.input("x", &[1, 1]);
    let y = g.node("Softsign", &[&x.name], &[1, 1], &[]);
    let shape = g.integers(&[1 << 20, 1 << 20]);
    let y = g.node("Expand", &[&y.name, &shape.name], &[1, 1], &[]);
    g.output("y", &y);
    let text = r#"{"version":1,"kind":"gesture","name":"Large","frame_rate_hz":200,"feature_schema":1,
        "inputs":[{"tensor":"x","names":["right_forearm.energy"]}],
        "outputs":[{"point":{"control":"brightness","tensor":"y"}}]}"#;
    g.contract(&Contract::parse(text).unwrap());
    let error = Helped::load(&g.finish()).err().unwrap();
    assert!(
        matches!(
            error,
            ModelError::NotLowered { .. } | ModelError::Unsafe { .. }
        ),
        "{error}"
    );
}
