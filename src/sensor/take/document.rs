//! What a take says about itself: `take.json`. A take is a folder: this file, `frames.csv` (readings in SI units),
//! `datagrams.csv` (what came over the wire, where it was recorded live) and the sound.
//!
//! All times are seconds on one clock that starts at 0 when the recording does. Off the audio thread.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::TakeError;
use crate::sensor::dialect::Row;

/// The version of the folder's layout that is written; older ones are read.
pub const SCHEMA: u32 = 1;

pub const DOCUMENT: &str = "take.json";
pub const FRAMES: &str = "frames.csv";
pub const DATAGRAMS: &str = "datagrams.csv";
pub const AUDIO: &str = "audio.wav";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub schema: u32,
    /// Seconds since 1970 (UTC) at the take's time 0; 0 where nobody knows.
    #[serde(default)]
    pub recorded_unix_s: f64,
    /// A code, not a name.
    #[serde(default)]
    pub participant: String,
    /// What the participant agreed to.
    #[serde(default)]
    pub consent: String,
    #[serde(default)]
    pub licence: String,
    #[serde(default)]
    pub notes: String,
    /// Column of `frames.csv` to unit.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    pub devices: Vec<Worn>,
    #[serde(default)]
    pub audio: Option<Audio>,
    /// The user's own dialect rows that the frames were decoded with, beside the built-in ones.
    #[serde(default)]
    pub dialects: Vec<Row>,
}

/// One sensor, and where it was worn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worn {
    /// Its number in `frames.csv`.
    pub device: u16,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub profile: String,
    #[serde(default)]
    pub sender: String,
    /// `right_forearm` and so on; empty: not used.
    #[serde(default)]
    pub role: String,
    /// In words: which way round it was strapped on.
    #[serde(default)]
    pub placement: String,
    /// Readings a second, over the take.
    #[serde(default)]
    pub rate_hz: f64,
    /// Whose clock its times are read from: `device` or `arrival`.
    #[serde(default)]
    pub clock: String,
    #[serde(default)]
    pub drift_ppm: f64,
    /// Readings that never came.
    #[serde(default)]
    pub lost: u64,
}

/// The sound, and where it begins on the take's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    pub file: String,
    /// The take's time at which the first sample was heard; negative: the sound began first.
    pub starts_s: f64,
    pub sample_rate_hz: u32,
    pub channels: u16,
    pub alignment: Alignment,
    /// How far `starts_s` may be off, where it was measured.
    #[serde(default)]
    pub error_s: Option<f64>,
}

/// How the beginning of the sound is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// One computer heard both.
    Clock,
    /// The sensor was struck once, which was felt and heard.
    Tap,
    /// Somebody said so.
    Given,
}

impl Document {
    pub fn read(folder: &Path) -> Result<Document, TakeError> {
        let path = folder.join(DOCUMENT);
        let text = std::fs::read_to_string(&path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => TakeError::NoTake {
                path: folder.to_owned(),
            },
            _ => TakeError::File {
                path: path.clone(),
                cause,
            },
        })?;
        let document: Document = serde_json::from_str(&text).map_err(|cause| TakeError::Json {
            path: path.clone(),
            cause,
        })?;
        if document.schema == 0 || document.schema > SCHEMA {
            return Err(TakeError::Schema {
                path,
                found: document.schema,
            });
        }
        Ok(document)
    }

    pub fn text(&self) -> String {
        // Plain data: numbers, texts and lists always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Where the sound lies, if there is any.
    pub fn audio_path(&self, folder: &Path) -> Option<PathBuf> {
        self.audio.as_ref().map(|audio| folder.join(&audio.file))
    }
}
