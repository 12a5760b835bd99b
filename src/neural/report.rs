//! What `imu2music check-model` prints: contract, operations, size, path taken and why, and time per frame.
//! Off the audio thread.

use std::collections::BTreeMap;
use std::fmt;
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(contract) = &self.contract {
            write_contract(contract, f)?;
        }
        let operations = self
            .operations
            .iter()
            .map(|(op, count)| format!("{op} {count}"));
        let operations: Vec<String> = operations.collect();
        if !operations.is_empty() {
            writeln!(f, "operations  {}", operations.join(", "))?;
        }
        if let Path::Refused(error) = &self.path {
            return write!(f, "path        refused: {error}");
        }
        if matches!(self.path, Path::Fast) {
            self.write_cost(f)?;
        }
        if let Some(t) = self.timing {
            let share = self.share_of_core().unwrap_or(0.0) * 100.0;
            writeln!(
                f,
                "time        median {:.1}, p99 {:.1}, worst {:.1} µs per frame; {share:.2} % of a core",
                t.median_us, t.p99_us, t.worst_us
            )?;
        }
        if !self.waveform_delays.is_empty() {
            let delays = self.waveform_delays.iter();
            let delays = delays.map(|(hz, ms)| format!("{ms:.1} ms at {hz} Hz"));
            let delays: Vec<String> = delays.collect();
            writeln!(
                f,
                "waveform    resampling delays it by {}",
                delays.join(", ")
            )?;
        }
        match &self.path {
            Path::Helper {
                cause,
                admission,
                priority,
            } => write!(
                f,
                "path        helper thread, only while helper mode is on (everything then sounds {} ms later): {cause}. \
                 p99 may be {:.0} µs and was {:.0} µs in the first 200 runs{}; real-time priority {}{}",
                1000 * HELPER_TICKS / GRID_HZ,
                admission.limit_us,
                admission.as_it_came_us,
                disturbed(admission.rounds),
                if *priority { "granted" } else { "not granted" },
                match self.contract.as_ref().map(|contract| contract.kind) {
                    Some(Kind::Sound) => "; it plays one voice",
                    _ => "",
                }
            ),
            _ => {
                write!(f, "path        fast: every operation has a packed kernel")?;
                match self.machine {
                    Some(machine) => write!(f, " ({machine})"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn disturbed(rounds: usize) -> String {
    match rounds {
        0 | 1 => String::new(),
        _ => format!(
            " (something else was running: the times above take each run at its best of {rounds} rounds)"
        ),
    }
}

impl Report {
    fn write_cost(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Cost {
            parameters,
            weight_bytes,
            state_len,
            ..
        } = self.cost;
        writeln!(
            f,
            "parameters  {parameters} ({} KiB), state {state_len} numbers",
            weight_bytes >> 10
        )?;
        if let Some(a) = self.agreement {
            writeln!(
                f,
                "agreement   {:.1e} from tract (at most {:.1e})",
                a.difference, a.bound
            )?;
        }
        if let Some(a) = self.half {
            let Agreement { difference, bound } = a;
            let verdict = match a.holds() {
                true => "played with them",
                false => "played with 32 bits instead",
            };
            writeln!(
                f,
                "16 bits     {difference:.1e} from tract (at most {bound:.1e}): {verdict}"
            )?;
        }
        Ok(())
    }
}

fn write_contract(contract: &Contract, f: &mut fmt::Formatter) -> fmt::Result {
    let kind = match contract.kind {
        Kind::Gesture => "gesture model",
        Kind::Sound => "sound model",
    };
    let Contract {
        name,
        author,
        licence,
        frame_rate_hz,
        ..
    } = contract;
    writeln!(
        f,
        "name        {name} ({kind}, {frame_rate_hz} frames a second)"
    )?;
    let unknown = |text: &str| {
        if text.is_empty() {
            "not stated".to_string()
        } else {
            text.to_string()
        }
    };
    writeln!(
        f,
        "author      {}; licence {}",
        unknown(author),
        unknown(licence)
    )?;
    for input in &contract.inputs {
        writeln!(f, "hears       {}", input.names.join(", "))?;
    }
    for output in &contract.outputs {
        if let Output::Events(events) = output {
            write_events(events, *frame_rate_hz, f)?;
        }
    }
    let states: usize = contract.states.len();
    writeln!(
        f,
        "states      {states} pairs; outputs {}",
        contract.outputs.len()
    )
}

fn write_events(events: &Events, frame_rate_hz: u32, f: &mut fmt::Formatter) -> fmt::Result {
    let alphabet = events.alphabet();
    let unit_ms = 1e3 * events.unit_s(frame_rate_hz);
    writeln!(
        f,
        "events      {}: notes {} to {}, shifts of {unit_ms:.0} to {:.0} ms, {} velocities; hears motion every {unit_ms:.0} ms",
        alphabet.size(),
        alphabet.lowest_note,
        usize::from(alphabet.lowest_note) + alphabet.notes - 1,
        unit_ms * alphabet.shifts as f32,
        alphabet.velocities,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::zoo;

    #[test]
    fn a_good_model_is_described_and_timed() {
        let report = check(&zoo::lstm(6, 16, 1));
        assert!(!report.is_refused());
        let text = report.to_string();
        for word in [
            "gesture model",
            "LSTM 1",
            "median",
            "path        fast",
            "state 32 numbers",
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }

    #[test]
    fn a_model_for_the_helper_thread_says_so_and_why() {
        let report = check(&zoo::softsign());
        assert!(!report.is_refused());
        let text = report.to_string();
        for word in [
            "helper thread",
            "Softsign",
            "10 ms later",
            "real-time priority",
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
        let text = check(&zoo::sine_wave(50, 16_000, true)).to_string();
        assert!(text.contains("it plays one voice"), "{text}");
    }

    #[test]
    fn a_waveform_says_how_much_later_it_sounds() {
        let text = check(&zoo::sine_wave(200, 48_000, false)).to_string();
        assert!(text.contains("0.0 ms at 48000 Hz"), "{text}");
        let report = check(&zoo::sine_wave(200, 24_000, false));
        assert_eq!(report.waveform_delays.len(), 3);
        assert!(
            report.waveform_delays.iter().all(|(_, ms)| *ms > 0.5),
            "{report}"
        );
        assert!(!check(&zoo::lstm(6, 16, 1)).to_string().contains("waveform"));
    }

    #[test]
    fn a_model_of_events_says_which() {
        let text = check(&zoo::tune::tune()).to_string();
        let wanted = "events      243: notes 21 to 108, shifts of 20 to 640 ms, 32 velocities";
        assert!(text.contains(wanted), "{text}");
    }

    #[test]
    fn a_refused_model_says_why() {
        let report = check(b"not a model");
        assert!(report.is_refused());
        assert!(
            report
                .to_string()
                .contains("refused: this is not an ONNX file")
        );
    }
}
