//! The plugin's own account of a performance: the CSV that it writes when `IMU2MUSIC_TRACE` names a file.
//!
//! One row per tick of the 200 Hz grid, columns found by their header; a column that is not there reads as empty.

use anyhow::{Result, ensure};
use std::collections::HashMap;
use std::path::Path;

const TICKS_PER_S: f64 = 200.0;

pub struct Trace {
    /// Seconds on the song's clock.
    pub time_s: Vec<f64>,
    columns: HashMap<String, Vec<f64>>,
    pub gesture_model: String,
    pub sound_model: String,
}

impl Trace {
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
        let names: Vec<String> = reader
            .headers()?
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        let mut columns: HashMap<String, Vec<f64>> = names
            .iter()
            .map(|name| (name.clone(), Vec::new()))
            .collect();
        let mut models = [String::new(), String::new()];
        for record in reader.records() {
            let record = record?;
            if record.len() != names.len() {
                break; // the last row of a plugin that was killed while writing
            }
            for (name, text) in names.iter().zip(&record) {
                if let Some(column) = columns.get_mut(name) {
                    column.push(text.trim().parse().unwrap_or(f64::NAN));
                }
                for (model, column) in models.iter_mut().zip(["gesture_model", "sound_model"]) {
                    if name == column && !text.trim().is_empty() {
                        *model = text.trim().to_owned();
                    }
                }
            }
        }
        let time_s = time_axis(&columns);
        ensure!(!time_s.is_empty(), "it has no rows");
        let [gesture_model, sound_model] = models;
        Ok(Self {
            time_s,
            columns,
            gesture_model,
            sound_model,
        })
    }

    /// Values over time, where there are any; counters as they stand.
    pub fn points(&self, name: &str) -> Vec<(f64, f64)> {
        let Some(column) = self.columns.get(name) else {
            return Vec::new();
        };
        let pairs = self.time_s.iter().copied().zip(column.iter().copied());
        pairs.filter(|(_, value)| value.is_finite()).collect()
    }

    /// How far a counter rose.
    pub fn rise(&self, name: &str) -> f64 {
        let points = self.points(name);
        match (points.first(), points.last()) {
            (Some((_, first)), Some((_, last))) => last - first,
            _ => 0.0,
        }
    }

    /// A counter over time, from nought.
    pub fn rising(&self, name: &str) -> Vec<(f64, f64)> {
        let mut points = self.points(name);
        let first = points.first().map_or(0.0, |(_, value)| *value);
        points.iter_mut().for_each(|(_, value)| *value -= first);
        points
    }

    /// What happened from a song time on, counted from there.
    pub fn counted_from(mut self, start_s: f64) -> Self {
        let before = self
            .time_s
            .partition_point(|time_s| *time_s < start_s)
            .min(self.time_s.len() - 1);
        self.time_s.drain(..before);
        self.time_s.iter_mut().for_each(|time_s| *time_s -= start_s);
        self.columns
            .values_mut()
            .for_each(|column| drop(column.drain(..before.min(column.len()))));
        self
    }
}

/// The song's clock where it runs, else the tick count.
fn time_axis(columns: &HashMap<String, Vec<f64>>) -> Vec<f64> {
    let rows = columns.values().map(Vec::len).max().unwrap_or(0);
    let song_s = columns.get("song_s").cloned().unwrap_or_default();
    let rises = song_s.len() == rows && song_s.windows(2).all(|pair| pair[1] >= pair[0]);
    let spans = rises && rows > 1 && song_s[rows - 1] > song_s[0];
    if spans {
        song_s
    } else {
        (0..rows).map(|row| row as f64 / TICKS_PER_S).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Trace {
        let name = format!("imu2music-trace-{}-{}.csv", std::process::id(), text.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a file");
        let trace = Trace::read(&path).expect("a trace");
        std::fs::remove_file(path).expect("removed");
        trace
    }

    #[test]
    fn columns_are_found_by_name_and_a_torn_last_row_is_left_out() {
        let trace = read("song_s,lost,sound_model\n0.0,4,Violin\n0.5,4,Violin\n1.0,9,Bell\n1.5,1");
        assert_eq!(trace.time_s, [0.0, 0.5, 1.0]);
        assert_eq!(trace.rise("lost"), 5.0);
        assert_eq!(trace.sound_model, "Bell");
        assert!(trace.points("pitch_note").is_empty());
        let later = trace.counted_from(0.4);
        assert_eq!(later.points("lost").len(), 2);
    }

    #[test]
    fn without_a_song_the_ticks_are_counted() {
        let trace = read("song_s,loudness_db\nNaN,-20\nNaN,-21\nNaN,NaN\n");
        assert_eq!(trace.time_s, [0.0, 0.005, 0.01]);
        assert_eq!(trace.points("loudness_db").len(), 2);
    }
}
