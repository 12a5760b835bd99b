//! Who may run on the helper thread: graphs whose sizes are known before tract sees them, and that are fast enough.
//! On a loader thread.

use super::super::contract::GRID_HZ;
use super::super::error::ModelError;
use super::super::kernel::matrix::Precision;
use super::super::lower::lower;
use super::super::screen::{HELPED, Screened};
use super::HELPER_TICKS;
use super::worker::Engine;
use std::time::Instant;
use tract_onnx::pb::{self, AttributeProto};

/// Timed runs, and runs before them that are not counted.
const RUNS: usize = 200;
const WARM_RUNS: usize = 20;
/// Rounds at most.
const ROUNDS: usize = 5;

/// Attributes of recurrent cells that no packed kernel knows and that change no shape.
const CELL_VARIANTS: [&str; 5] = [
    "activations",
    "activation_alpha",
    "activation_beta",
    "clip",
    "input_forget",
];

/// What the timed runs showed, in microseconds a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Admission {
    pub median_us: f64,
    pub p99_us: f64,
    pub worst_us: f64,
    /// The most that `p99_us` may be.
    pub limit_us: f64,
    /// Rounds of 200 runs; where there was more than one, the figures take each run at its best.
    pub rounds: usize,
    /// `p99_us` of the first round by itself.
    pub as_it_came_us: f64,
}

/// Refuses a graph whose values could grow beyond what lowering allows. A small file can ask for gigabytes, so it is
/// lowered with a stand-in of the same shape for each node that has no kernel; only then may tract read it.
pub fn check_sizes(screened: &Screened) -> Result<(), ModelError> {
    let mut graph = screened.graph.clone();
    graph.node.iter_mut().for_each(stand_in);
    lower(
        &graph,
        &screened.signature,
        &screened.contract.states,
        Precision::Single,
    )
    .map(|_| ())
}

fn stand_in(node: &mut pb::NodeProto) {
    if HELPED.contains(&node.op_type.as_str()) {
        node.op_type = "Identity".into();
        node.input.truncate(1);
        node.attribute.clear();
    }
    if !["LSTM", "GRU", "RNN"].contains(&node.op_type.as_str()) {
        return;
    }
    // The last of an LSTM's inputs are peepholes.
    node.input.truncate(7);
    node.attribute
        .retain(|a| !CELL_VARIANTS.contains(&a.name.as_str()));
    if node.op_type == "GRU" {
        node.attribute.retain(|a| a.name != "linear_before_reset");
        node.attribute.push(AttributeProto {
            name: "linear_before_reset".into(),
            r#type: pb::attribute_proto::AttributeType::Int as i32,
            i: 1,
            ..Default::default()
        });
    }
}

/// Runs the model and judges it. A step is the same work each time: where a round is too slow because the machine does
/// other things too, every run counts with the best of several rounds, and the figures say so.
pub fn time(engine: &mut Engine, frame_rate_hz: u32) -> Result<Admission, ModelError> {
    best_of_rounds(frame_rate_hz, || round(engine))
}

fn best_of_rounds(
    frame_rate_hz: u32,
    mut round: impl FnMut() -> Result<Vec<f64>, ModelError>,
) -> Result<Admission, ModelError> {
    let mut best_us = round()?;
    let as_it_came_us = share_of(&best_us, 0.99);
    for rounds in 1..ROUNDS {
        if let Ok(admission) = judge(&best_us, frame_rate_hz) {
            return Ok(Admission {
                rounds,
                as_it_came_us,
                ..admission
            });
        }
        for (best, again) in best_us.iter_mut().zip(round()?) {
            *best = best.min(again);
        }
    }
    judge(&best_us, frame_rate_hz).map(|admission| Admission {
        rounds: ROUNDS,
        as_it_came_us,
        ..admission
    })
}

/// Microseconds of each timed run.
fn round(engine: &mut Engine) -> Result<Vec<f64>, ModelError> {
    let mut times_us = Vec::with_capacity(RUNS);
    Engine::alone(|| {
        for run in 0..WARM_RUNS + RUNS {
            let begun = Instant::now();
            engine.step()?;
            if run >= WARM_RUNS {
                times_us.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        Ok::<_, ModelError>(())
    })?;
    engine.forget();
    Ok(times_us)
}

/// The time that this share of the runs stays within.
fn share_of(times_us: &[f64], share: f64) -> f64 {
    let mut times_us = times_us.to_vec();
    times_us.sort_by(f64::total_cmp);
    let last = times_us.len().saturating_sub(1);
    let index = (last as f64 * share).ceil() as usize;
    times_us.get(index).copied().unwrap_or(0.0)
}

/// 99 steps in 100 have to take less than half of a frame, and less than half of the time until they are read.
fn judge(times_us: &[f64], frame_rate_hz: u32) -> Result<Admission, ModelError> {
    let at = |share: f64| share_of(times_us, share);
    let read_after_us = f64::from(HELPER_TICKS) * 1e6 / f64::from(GRID_HZ);
    let admission = Admission {
        median_us: at(0.5),
        p99_us: at(0.99),
        worst_us: at(1.0),
        limit_us: 0.5 * read_after_us.min(1e6 / f64::from(frame_rate_hz)),
        rounds: 1,
        as_it_came_us: at(0.99),
    };
    if admission.p99_us < admission.limit_us {
        return Ok(admission);
    }
    Err(ModelError::TooSlow {
        median_us: admission.median_us,
        p99_us: admission.p99_us,
        limit_us: admission.limit_us,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_step_in_a_hundred_is_too_many_and_the_figures_are_told() {
        let mut times_us = vec![100.0; RUNS];
        assert_eq!(judge(&times_us, 200).map(|a| a.limit_us), Ok(2500.0));
        times_us[..3].fill(3000.0);
        let error = judge(&times_us, 200).unwrap_err().to_string();
        assert!(
            error.contains("3000") && error.contains("2500") && error.contains("100 µs"),
            "{error}"
        );
        assert_eq!(judge(&times_us, 10).map(|a| a.limit_us), Ok(5000.0));
    }

    #[test]
    fn a_disturbed_round_is_repeated_and_told() {
        // Slow runs fall elsewhere in every round: the machine's doing. Then in the same places: the model's.
        let rounds = |shift: usize| {
            let mut number = 0;
            best_of_rounds(200, move || {
                number += 1;
                let mut times_us = vec![100.0; RUNS];
                times_us[shift * number..shift * number + 3].fill(3000.0);
                Ok(times_us)
            })
        };
        let admission = rounds(10).unwrap();
        assert_eq!((admission.rounds, admission.p99_us), (2, 100.0));
        assert_eq!(admission.as_it_came_us, 3000.0);
        assert!(rounds(0).is_err());
    }
}
