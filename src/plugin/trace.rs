//! A row of CSV a control tick, for researchers and for the demo's picture: set `IMU2MUSIC_TRACE=file.csv`
//! before the host starts. Written by the steward's thread, never by the audio thread.

use crate::sensor::hub::HubCounters;
use crate::telemetry::Snapshot;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// The environment variable that names the file.
pub const TRACE_VARIABLE: &str = "IMU2MUSIC_TRACE";

const HEADER: &str = "song_s,host_s,motion_energy_1,motion_energy_2,pitch_note,loudness_db,brightness,noisiness,\
onset,datagrams,frames,lost,late,malformed,motion_age_ms,playout_ms,callback_load,peak,offline,gesture_model,sound_model";

/// Instances that may each write a trace at a time.
const MOST_TRACES: usize = 256;

pub struct Trace {
    file: BufWriter<File>,
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
    /// Opens the file the environment names; while one is being written (by whatever format or process), the next gets
    /// `name.2`, `name.3`, …
    pub fn from_environment() -> Option<Trace> {
        Self::at(&PathBuf::from(std::env::var_os(TRACE_VARIABLE)?))
    }

    fn at(path: &Path) -> Option<Trace> {
        let file = (1..=MOST_TRACES).find_map(|number| take(path, number))?;
        let mut file = BufWriter::new(file);
        writeln!(file, "{HEADER}").ok()?;
        Some(Trace { file })
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

/// The file with this number, emptied; `None` while another writes it. The lock ends with the file.
fn take(path: &Path, number: usize) -> Option<File> {
    let mut name = path.file_name()?.to_owned();
    if number > 1 {
        name.push(format!(".{number}"));
    }
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .write(true)
        .truncate(false)
        .open(path.with_file_name(name))
        .ok()?;
    file.try_lock().ok()?;
    file.set_len(0).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_a_time_write_two_files_and_the_next_the_first_again() {
        let folder = std::env::temp_dir().join(format!("imu2music-trace-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("trace.csv");
        let first = Trace::at(&path).expect("a trace");
        let second = Trace::at(&path).expect("another");
        drop((first, second));
        let third = Trace::at(&path).expect("the first again");
        drop(third);
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .expect("the folder")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        names.sort();
        std::fs::remove_dir_all(&folder).expect("tidied");
        assert_eq!(names, ["trace.csv", "trace.csv.2"]);
    }
}
