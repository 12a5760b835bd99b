//! A map as a file to share: what feeds which input. Who wears which sensor, and how, stays with the player.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{InputSource, Mapping};
use crate::sensor::document::{self, DocumentError};

/// Raised with every change that an older plugin could not read.
pub const MAP_FILE_VERSION: u32 = 1;

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
struct MapFile {
    imu2music_map: u32,
    #[serde(default)]
    inputs: BTreeMap<String, InputSource>,
    #[serde(default)]
    added: BTreeMap<String, Vec<InputSource>>,
}

/// A map file that cannot be used: which, where in it, and why.
#[derive(Debug, thiserror::Error)]
pub enum MapFileError {
    #[error("{path}: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("{path}, {cause}")]
    Document { path: PathBuf, cause: DocumentError },
    #[error(
        "{path}, line 1, field imu2music_map: version {version} is newer than this plugin knows \
         ({MAP_FILE_VERSION}): update the plugin"
    )]
    Newer { path: PathBuf, version: u32 },
}

impl Mapping {
    /// Takes over what feeds which input from a file; seats and calibration stay.
    pub fn import(&mut self, path: &Path) -> Result<(), MapFileError> {
        let text = fs::read_to_string(path).map_err(|cause| MapFileError::File {
            path: path.to_owned(),
            cause,
        })?;
        let file: MapFile = document::read(&text).map_err(|cause| MapFileError::Document {
            path: path.to_owned(),
            cause,
        })?;
        if file.imu2music_map > MAP_FILE_VERSION {
            return Err(MapFileError::Newer {
                path: path.to_owned(),
                version: file.imu2music_map,
            });
        }
        self.inputs = file.inputs;
        self.added = file.added;
        Ok(())
    }

    /// Writes what feeds which input.
    pub fn export(&self, path: &Path) -> Result<(), MapFileError> {
        let failed = |cause| MapFileError::File {
            path: path.to_owned(),
            cause,
        };
        let file = MapFile {
            imu2music_map: MAP_FILE_VERSION,
            inputs: self.inputs.clone(),
            added: self.added.clone(),
        };
        let text =
            serde_json::to_string_pretty(&file).map_err(|error| failed(io::Error::other(error)))?;
        fs::write(path, text + "\n").map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gesture::Role;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("imu2music-map-{}-{name}.json", std::process::id()))
    }

    #[test]
    fn a_map_travels_without_its_player() {
        let mut mapping = Mapping::default();
        let bent = InputSource {
            source: "macro_2".into(),
            curve: -0.5,
            ..InputSource::default()
        };
        mapping
            .inputs
            .insert("right_forearm.energy".into(), bent.clone());
        mapping.added.insert("head.speed".into(), vec![bent]);
        mapping.seats.insert(Role::Head, "mine".into());
        let path = scratch("travel");
        mapping.export(&path).unwrap();
        let mut other = Mapping::default();
        other.seats.insert(Role::Head, "theirs".into());
        other.import(&path).unwrap();
        fs::remove_file(path).unwrap();
        assert_eq!(
            (&other.inputs, &other.added),
            (&mapping.inputs, &mapping.added)
        );
        assert_eq!(other.seats[&Role::Head], "theirs");
    }

    #[test]
    fn a_slip_is_named_by_file_line_and_field_and_changes_nothing() {
        let path = scratch("slip");
        for (text, words) in [
            (
                "{\"imu2music_map\": 1,\n\"inputs\": {\"head.energy\":\n{\"gain\": \"loud\"}}}",
                ["line 3", "inputs.head.energy.gain"],
            ),
            (
                "{\"imu2music_map\": 1,\n\"inputs\": {\"head.energy\":\n{\"smooth\": 1}}}",
                ["line 3", "smooth"],
            ),
            ("{\"imu2music_map\": 9}", ["newer", "imu2music_map"]),
            ("{\"inputs\": {}}", ["line 1", "imu2music_map"]),
        ] {
            fs::write(&path, text).unwrap();
            let mut mapping = Mapping::default();
            let error = mapping.import(&path).unwrap_err().to_string();
            assert!(error.contains("slip.json"), "{error}");
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
            assert_eq!(mapping, Mapping::default());
        }
        fs::remove_file(path).unwrap();
    }
}
