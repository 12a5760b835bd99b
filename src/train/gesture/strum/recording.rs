//! Strumming as Murgul and Heizmann recorded it (KLANGIO-GST-MM-T, 2022): `X.csv` holds seconds and what one axis of an
//! accelerometer on the back of the hand felt, in m/s² with gravity, `X.strums` the labelled strums, `X_line.wav` the
//! guitar.
//!
//! The axis points the way of a down stroke: it reads below zero at rest, and falls while the hand that went down is
//! slowed, rises while one that went up is. So its negative without gravity is acceleration upwards, our `linear_z`,
//! which any sensor with an accelerometer has, however it is strapped on; and so it is sent through the code that plays.

use std::path::{Path, PathBuf};

use super::super::TrainError;
use super::super::recorded::gain_db;
use super::super::take::FLOOR_DB;
use super::session::{RATE_HZ, Session, Strum, heard};
use crate::controls::SILENCE_DB;
use crate::sensor::performer::Chance;
use crate::sensor::{DeviceId, SensorFrame};
use crate::train::analysis::{analyse, audio, pitch};
use crate::train::digest::sha256;
use crate::units::HostTime;

/// Less is not worth a label.
const LEAST_S: f64 = 10.0;
/// Gravity is what the axis felt on average, by a memory of so many seconds: the hand stays as it is held.
const GRAVITY_S: f64 = 2.0;

pub struct Recording {
    pub name: String,
    /// SHA-256 of motion, labels and sound.
    pub sha256: String,
    pub strums: Vec<Strum>,
    /// Seconds and what the axis felt.
    pub readings: Vec<[f64; 2]>,
    pub loudness_db: Vec<f32>,
}

/// A player a little unlike the recorded one: the motion, the tempo and the sensor of each variation.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub tempo: f64,
    pub gain: f64,
    pub noise_m_per_s2: f64,
    pub jitter_s: f64,
}

impl Manner {
    pub const OWN: Manner = Manner {
        tempo: 1.0,
        gain: 1.0,
        noise_m_per_s2: 0.0,
        jitter_s: 0.0,
    };

    pub fn any(chance: &mut Chance) -> Manner {
        Manner {
            tempo: chance.between(-0.25, 0.25).exp(),
            gain: chance.between(-0.4, 0.4).exp(),
            noise_m_per_s2: 0.1,
            jitter_s: 0.004,
        }
    }
}

/// Every recording of a folder, by name, all at one change of level.
pub fn read_all(folder: &Path) -> Result<Vec<Recording>, TrainError> {
    let entries = std::fs::read_dir(folder).map_err(|e| bad(folder, &e.to_string()))?;
    let mut labels: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    labels.retain(|path| path.extension().is_some_and(|ext| ext == "strums"));
    labels.sort();
    if labels.len() < 3 {
        let what = format!(
            "{} labelled recordings; three are needed, so that one can be left out. Put X.csv, X.strums and \
             X_line.wav of each there",
            labels.len()
        );
        return Err(bad(folder, &what));
    }
    let read = labels.iter().map(|path| Recording::read(path));
    let mut recordings = read.collect::<Result<Vec<_>, _>>()?;
    let all = recordings
        .iter()
        .flat_map(|r| r.loudness_db.iter().copied());
    let gain_db = gain_db(all);
    for loudness_db in recordings.iter_mut().flat_map(|r| &mut r.loudness_db) {
        if *loudness_db > SILENCE_DB {
            *loudness_db += gain_db;
        }
        *loudness_db = loudness_db.clamp(FLOOR_DB, 0.0);
    }
    Ok(recordings)
}

fn bad(path: &Path, cause: &str) -> TrainError {
    TrainError::Data(format!("{}: {cause}", path.display()))
}

impl Recording {
    /// Reads the recording beside its labels.
    pub fn read(labels: &Path) -> Result<Recording, TrainError> {
        let csv = labels.with_extension("csv");
        let name = labels
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let wav = labels.with_file_name(format!("{name}_line.wav"));
        let bytes = |path: &Path| std::fs::read(path).map_err(|e| bad(path, &e.to_string()));
        let (motion, marks, sound) = (bytes(&csv)?, bytes(labels)?, bytes(&wav)?);
        let sha256 = sha256([&motion[..], &marks[..], &sound[..]]);
        let readings = readings(&csv, &String::from_utf8_lossy(&motion))?;
        let last_s = readings.last().map_or(0.0, |row| row[0]);
        let strums = strums(labels, &String::from_utf8_lossy(&marks), last_s)?;
        let samples = audio::read_wav(&wav).map_err(|e| TrainError::Data(e.to_string()))?;
        let analysis = analyse(&samples, RATE_HZ, pitch::WIDEST_HZ, |_| 0.0);
        let frames = ((last_s * f64::from(RATE_HZ)) as usize).min(analysis.controls.len());
        if (frames as f64) < 0.9 * last_s * f64::from(RATE_HZ) {
            let what = format!(
                "the sound ends long before the motion ({last_s:.1} s): both should be of one recording"
            );
            return Err(bad(&wav, &what));
        }
        let loudness = analysis.controls[..frames]
            .iter()
            .map(|controls| controls.loudness_db);
        Ok(Recording {
            name,
            sha256,
            strums,
            readings,
            loudness_db: loudness.collect(),
        })
    }

    /// What a model hears, in this manner, beside what is true of it.
    pub fn session(&self, manner: &Manner, chance: &mut Chance) -> Session {
        let frames = (self.loudness_db.len() as f64 / manner.tempo) as usize;
        let sent = worn(&self.readings, manner, chance);
        let at =
            |frame: usize| ((frame as f64 * manner.tempo) as usize).min(self.loudness_db.len() - 1);
        let strums = self.strums.iter().map(|strum| Strum {
            time_s: strum.time_s / manner.tempo,
            ..*strum
        });
        Session {
            name: self.name.clone(),
            strums: strums.collect(),
            motion: heard(sent, frames),
            loudness_db: (0..frames)
                .map(|frame| self.loudness_db[at(frame)])
                .collect(),
        }
    }

    pub fn own_session(&self) -> Session {
        self.session(&Manner::OWN, &mut Chance::new(0, 0))
    }
}

/// Readings of a sensor that lies level and feels, without gravity, what the axis did.
fn worn(readings: &[[f64; 2]], manner: &Manner, chance: &mut Chance) -> Vec<SensorFrame> {
    let mut gravity = readings.first().map_or(0.0, |row| row[1]);
    let mut before_s = readings.first().map_or(0.0, |row| row[0]);
    let mut since_s = 0.0;
    let mut reading = |row: &[f64; 2]| {
        let step_s = row[0] - before_s;
        before_s = row[0];
        since_s += step_s;
        let share = 1.0 - (-step_s / GRAVITY_S.min(since_s.max(step_s))).exp();
        if step_s > 0.0 {
            gravity += share * (row[1] - gravity);
        }
        let upwards = -(row[1] - gravity) * manner.gain + manner.noise_m_per_s2 * chance.normal();
        let time_s = row[0] / manner.tempo + manner.jitter_s * chance.unit();
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(time_s));
        frame.linear_accel_m_per_s2 = [0.0, 0.0, upwards as f32];
        frame.quaternion = [1.0, 0.0, 0.0, 0.0];
        frame
    };
    readings.iter().map(&mut reading).collect()
}

fn readings(path: &Path, text: &str) -> Result<Vec<[f64; 2]>, TrainError> {
    let mut rows: Vec<[f64; 2]> = Vec::new();
    for (number, line) in lines(text) {
        let row = line.split_once(',').and_then(|(time, value)| {
            Some([time.trim().parse().ok()?, value.trim().parse().ok()?])
        });
        let row = row.filter(|row: &[f64; 2]| row.iter().all(|value| value.is_finite()));
        let later = |row: &[f64; 2]| rows.last().is_none_or(|before| row[0] > before[0]);
        let Some(row) = row.filter(later) else {
            let what = format!(
                "line {number}: '{line}' is not seconds, later than the line before, and a number after a comma. \
                 Mend or delete the line"
            );
            return Err(bad(path, &what));
        };
        rows.push(row);
    }
    let seconds = rows.last().map_or(0.0, |row| row[0] - rows[0][0]);
    if seconds < LEAST_S {
        let what = format!(
            "{seconds:.1} s of motion; {LEAST_S} are needed. Record longer, or take the file away"
        );
        return Err(bad(path, &what));
    }
    let (low, high) = rows.iter().fold((f64::MAX, f64::MIN), |(low, high), row| {
        (low.min(row[1]), high.max(row[1]))
    });
    if high - low < 0.1 {
        return Err(bad(
            path,
            "the sensor did not move. Check the recording, or take the file away",
        ));
    }
    Ok(rows)
}

fn strums(path: &Path, text: &str, last_s: f64) -> Result<Vec<Strum>, TrainError> {
    let mut all: Vec<Strum> = Vec::new();
    for (number, line) in lines(text) {
        let mut words = line.split_whitespace();
        let time_s = words.next().and_then(|word| word.parse::<f64>().ok());
        let time_s = time_s.filter(|time_s| (0.0..=last_s + 1.0).contains(time_s));
        let up = words.next().and_then(|word| match word {
            "D" => Some(false),
            "U" => Some(true),
            _ => None,
        });
        let (Some(time_s), Some(up)) = (time_s, up) else {
            let what = format!(
                "line {number}: '{line}' is not seconds within the motion's {last_s:.1}, then D or U. Mend or delete the \
                 line"
            );
            return Err(bad(path, &what));
        };
        all.push(Strum { time_s, up });
    }
    if all.is_empty() {
        return Err(bad(
            path,
            "no strum is labelled. Label some, or take the file away",
        ));
    }
    all.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    Ok(all)
}

/// Lines that say something, numbered from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named_with_its_file_and_a_cure() {
        let path = Path::new("a.csv");
        let said = |text: &str| readings(path, text).unwrap_err().to_string();
        assert!(said("0.0,1.0\n0.1,x\n").contains("a.csv: line 2"));
        assert!(said("0.0,1.0\n0.1,nan\n").contains("line 2"));
        assert!(said("1.0,1.0\n0.5,1.0\n").contains("Mend or delete"));
        assert!(said("0.0,1.0\n").contains("0.0 s of motion"));
        assert!(said("0.0,1.0\n20.0,1.0\n").contains("did not move"));
        let said = |text: &str| {
            strums(Path::new("a.strums"), text, 30.0)
                .unwrap_err()
                .to_string()
        };
        assert!(said("0.5\tD\tN\n0.9\tX\tN\n").contains("a.strums: line 2"));
        assert!(said("99.0\tD\tN\n").contains("line 1"));
        assert!(said("\n").contains("no strum"));
    }

    #[test]
    fn the_axis_slowed_on_its_way_down_is_heard_as_acceleration_upwards() {
        let mut rows: Vec<[f64; 2]> = (0..400).map(|n| [f64::from(n) * 0.05, -4.0]).collect();
        rows[200][1] = -9.0;
        let recording = Recording {
            name: "a".into(),
            sha256: String::new(),
            strums: vec![],
            readings: rows,
            loudness_db: vec![-20.0; 950],
        };
        let heard = recording.own_session();
        let at = |time_s: f64| heard.motion[(time_s * f64::from(RATE_HZ)) as usize];
        assert!((at(10.0) - 5.0).abs() < 0.2, "{}", at(10.0));
        assert!(at(9.0).abs() < 0.01 && at(12.0).abs() < 0.1);
        let twice = Manner {
            tempo: 2.0,
            ..Manner::OWN
        };
        let faster = recording.session(&twice, &mut Chance::new(1, 1));
        assert_eq!(faster.motion.len(), 475);
        assert!(faster.motion[250] > 4.0);
    }
}
