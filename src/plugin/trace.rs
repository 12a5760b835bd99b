//! A row of CSV a control tick, for researchers and for the demo's picture: set `IMU2MUSIC_TRACE=file.csv`
//! before the host starts. Written by the steward's thread, never by the audio thread.

use crate::sensor::hub::HubCounters;
use crate::telemetry::Snapshot;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// The environment variable that names the file.
pub const TRACE_VARIABLE: &str = "IMU2MUSIC_TRACE";

const HEADER: &str = "song_s,host_s,motion_energy_1,motion_energy_2,pitch_note,loudness_db,brightness,noisiness,\
onset,datagrams,frames,lost,late,malformed,motion_age_ms,playout_ms,callback_load,peak,offline,gesture_model,sound_model";

/// Numbers that open traces of this process hold, from 1: a plugin that is loaded again writes the first file again.
static NUMBERS: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

pub struct Trace {
    file: BufWriter<File>,
    number: usize,
}

/// What a row needs beside the audio thread's snapshot.
pub struct Around<'a> {
    pub hub: HubCounters,
    /// Readings that the devices' own counters and rates say were lost.
    pub lost: u64,
    pub gesture_model: &'a str,
    pub sound_model: &'a str,
}

impl Trace {
    /// Opens the file the environment names; further instances in a process get `name.2`, `name.3`, …
    pub fn from_environment() -> Option<Trace> {
        let mut path = PathBuf::from(std::env::var_os(TRACE_VARIABLE)?);
        let number = take_number();
        if number > 1 {
            let mut name = path.file_name()?.to_owned();
            name.push(format!(".{number}"));
            path.set_file_name(name);
        }
        let file = BufWriter::new(File::create(path).ok()?);
        let mut trace = Trace { file, number };
        writeln!(trace.file, "{HEADER}").ok()?;
        Some(trace)
    }

    pub fn write(&mut self, s: &Snapshot, around: &Around) -> std::io::Result<()> {
        let c = &s.controls;
        writeln!(
            self.file,
            "{:.4},{:.4},{:.4},{:.4},{:.3},{:.2},{:.4},{:.4},{:.3},{},{},{},{},{},{:.2},{:.2},{:.4},{:.4},{},{},{}",
            s.song_s,
            s.host_s,
            s.motion_energy[0],
            s.motion_energy[1],
            c.pitch_note,
            c.loudness_db,
            c.brightness,
            c.noisiness,
            s.onset,
            around.hub.datagrams,
            around.hub.frames,
            around.lost,
            s.counts.late,
            around.hub.malformed,
            s.motion_age_ms,
            s.playout_ms,
            s.callback_load,
            s.peak,
            u8::from(s.offline),
            around.gesture_model.replace(',', " "),
            around.sound_model.replace(',', " "),
        )
    }

    pub fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        NUMBERS.lock().remove(&self.number);
    }
}

fn take_number() -> usize {
    let mut numbers = NUMBERS.lock();
    let number = (1..).find(|number| !numbers.contains(number)).unwrap_or(1);
    numbers.insert(number);
    number
}
