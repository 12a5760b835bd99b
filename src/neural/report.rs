//! What `imu2music check-model` prints: contract, operations, size, path taken and why, and time per frame.
//! Off the audio thread.

mod say;

use std::collections::BTreeMap;
use std::time::Instant;

use super::contract::{Contract, Events, GRID_HZ, Kind, Output};
use super::error::ModelError;
use super::helper::{Admission, HELPER_TICKS, Helped};
use super::kernel::machine::Machine;
use super::model::Model;
use super::oracle::Agreement;
use super::plan::Cost;
use super::screen::screen;
use super::sound_model::WaveStream;

const TIMED_STEPS: usize = 2000;
const WARM_STEPS: usize = 200;
const HOST_RATES_HZ: [f32; 3] = [44_100.0, 48_000.0, 96_000.0];

/// How a model would be run.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    /// On packed kernels on the audio thread.
    Fast,
    /// By tract on a thread of its own, if helper mode is on.
    Helper {
        /// Why no packed kernels.
        cause: ModelError,
        admission: Admission,
        /// Whether the system gave the thread real-time priority.
        priority: bool,
    },
    Refused(ModelError),
}

/// Microseconds per step on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    pub median_us: f64,
    pub p99_us: f64,
    pub worst_us: f64,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub contract: Option<Contract>,
    /// How often each operation occurs.
    pub operations: BTreeMap<String, usize>,
    pub cost: Cost,
    pub agreement: Option<Agreement>,
    /// With 16 bits a weight, where that was tried.
    pub half: Option<Agreement>,
    /// The instructions that were timed.
    pub machine: Option<Machine>,
    pub timing: Option<Timing>,
    /// What a waveform adds to the sound's delay, at the usual rates of hosts: Hz and milliseconds.
    pub waveform_delays: Vec<(f32, f32)>,
    pub path: Path,
}

impl Report {
    pub fn is_refused(&self) -> bool {
        matches!(self.path, Path::Refused(_))
    }

    /// Share of one core at the model's frame rate.
    pub fn share_of_core(&self) -> Option<f64> {
        let (contract, timing) = (self.contract.as_ref()?, self.timing?);
        Some(timing.median_us * 1e-6 * contract.frame_rate_hz as f64)
    }
}

/// Looks at a file as a slot would, and times it.
pub fn check(bytes: &[u8]) -> Report {
    let mut report = Report {
        contract: None,
        operations: BTreeMap::new(),
        cost: Cost::default(),
        agreement: None,
        half: None,
        machine: None,
        timing: None,
        waveform_delays: Vec::new(),
        path: Path::Fast,
    };
    if let Ok(screened) = screen(bytes) {
        for node in &screened.graph.node {
            *report.operations.entry(node.op_type.clone()).or_default() += 1;
        }
        report.contract = Some(screened.contract);
    }
    match Model::load(bytes) {
        Ok(mut model) => {
            report.cost = model.cost();
            report.agreement = Some(model.agreement());
            report.half = model.half_agreement();
            report.machine = Some(model.machine());
            report.timing = Some(time(|| model.step()));
        }
        Err(cause @ ModelError::NotLowered { .. }) => match Helped::load(bytes) {
            Ok(helped) => {
                let (admission, priority) = (helped.admission(), helped.has_priority());
                report.timing = Some(Timing {
                    median_us: admission.median_us,
                    p99_us: admission.p99_us,
                    worst_us: admission.worst_us,
                });
                report.path = Path::Helper {
                    cause,
                    admission,
                    priority,
                };
            }
            Err(error) => report.path = Path::Refused(error),
        },
        Err(error) => report.path = Path::Refused(error),
    }
    if let Some(contract) = &report.contract
        && !report.is_refused()
    {
        match waveform_delays(contract) {
            Ok(delays) => report.waveform_delays = delays,
            Err(error) => report.path = Path::Refused(error),
        }
    }
    report
}

/// None for a model that states frames.
fn waveform_delays(contract: &Contract) -> Result<Vec<(f32, f32)>, ModelError> {
    let Some(Output::Waveform(output)) = contract.outputs.first() else {
        return Ok(Vec::new());
    };
    let hop = (output.sample_rate_hz / contract.frame_rate_hz) as usize;
    let delay = |host_rate_hz: f32| {
        let stream = WaveStream::new(hop, output.sample_rate_hz, host_rate_hz)?;
        Ok((
            host_rate_hz,
            1e3 * stream.delay_samples() as f32 / host_rate_hz,
        ))
    };
    HOST_RATES_HZ.into_iter().map(delay).collect()
}

/// Times single calls, after some that are not counted.
pub fn time(mut step: impl FnMut()) -> Timing {
    (0..WARM_STEPS).for_each(|_| step());
    let mut times_us: Vec<f64> = (0..TIMED_STEPS)
        .map(|_| {
            let start = Instant::now();
            step();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times_us.sort_by(f64::total_cmp);
    Timing {
        median_us: times_us[TIMED_STEPS / 2],
        p99_us: times_us[TIMED_STEPS * 99 / 100],
        worst_us: times_us[TIMED_STEPS - 1],
    }
}

#[cfg(test)]
mod tests;
