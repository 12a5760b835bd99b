//! A report in words.

use std::fmt;

use super::*;

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
