//! Profiles that a user wrote or learned: JSON files in a folder, each one device's messages in the
//! grammar of the built-in table. Read on a control thread.
//!
//! `{"profile": "Glove", "messages": [{"address": "/glove/{id}/acc", "layout": "accel[g]:xyz"}]}`

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::dialect::{DialectError, Dialects, Row};
use super::document::{self, DocumentError};

/// Profiles are sought here, in place of the configuration folder.
pub const FOLDER_VARIABLE: &str = "IMU2MUSIC_PROFILES";

/// One device's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub profile: String,
    pub messages: Vec<ProfileMessage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileMessage {
    pub address: String,
    pub layout: String,
}

/// A profile that cannot be used: which file, where in it, and why.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("{path}: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{path}, {cause}")]
    Document { path: PathBuf, cause: DocumentError },
    #[error("this system names no configuration folder: set {FOLDER_VARIABLE} to one")]
    NoFolder,
    #[error("{path}, line {line}: {cause}")]
    Message {
        path: PathBuf,
        line: usize,
        cause: DialectError,
    },
}

impl Profile {
    pub fn read(path: &Path) -> Result<Profile, ProfileError> {
        let text = fs::read_to_string(path).map_err(|cause| ProfileError::File {
            path: path.to_owned(),
            cause,
        })?;
        let profile: Profile = document::read(&text).map_err(|cause| ProfileError::Document {
            path: path.to_owned(),
            cause,
        })?;
        Dialects::with_user_rows(&profile.rows()).map_err(|cause| ProfileError::Message {
            path: path.to_owned(),
            line: line_of(&text, cause.row()),
            cause,
        })?;
        Ok(profile)
    }

    /// Writes the profile into a folder, under its own name; an older one of that name is replaced.
    pub fn save(&self, folder: &Path) -> Result<PathBuf, ProfileError> {
        let name: String = self
            .profile
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '_' })
            .collect();
        let path = folder.join(format!("{}.json", name.to_lowercase()));
        let failed = |cause| ProfileError::File {
            path: path.clone(),
            cause,
        };
        let text =
            serde_json::to_string_pretty(self).map_err(|e| failed(std::io::Error::other(e)))?;
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(&path, text + "\n").map_err(failed)?;
        Ok(path)
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = |message: &ProfileMessage| Row {
            profile: self.profile.clone(),
            address: message.address.clone(),
            layout: message.layout.clone(),
        };
        self.messages.iter().map(row).collect()
    }
}

/// Where the user's profiles lie.
pub fn folder() -> Result<PathBuf, ProfileError> {
    let named = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
    let usual = || Some(dirs::config_dir()?.join("imu2music").join("sensors"));
    named.or_else(usual).ok_or(ProfileError::NoFolder)
}

/// Everything that is known on this machine: the user's profiles and the built-in dialects.
pub fn dialects() -> (Dialects, Vec<ProfileError>) {
    folder().map_or_else(
        |_| (Dialects::built_in(), Vec::new()),
        |folder| dialects_with(&folder),
    )
}

/// The built-in dialects with every profile of a folder before them, and what was wrong with the
/// others. A folder that does not exist holds no profiles.
pub fn dialects_with(folder: &Path) -> (Dialects, Vec<ProfileError>) {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut paths: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .collect();
    paths.sort();
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match Profile::read(&path) {
            Ok(profile) => rows.extend(profile.rows()),
            Err(error) => errors.push(error),
        }
    }
    // Each row was compiled when its file was read; only their number can be too great together.
    let dialects = Dialects::with_user_rows(&rows).unwrap_or_else(|_| Dialects::built_in());
    (dialects, errors)
}

/// The line on which the message of this number (from 1) names its address.
fn line_of(text: &str, number: usize) -> usize {
    let mut addresses = text.match_indices("\"address\"");
    let at = addresses
        .nth(number.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    text[..at].lines().count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("imu2music-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn good_profiles_are_used_and_bad_ones_named_by_file_line_and_field() {
        let good = r#"{"profile": "Glove", "messages": [{"address": "/glove/{id}/acc", "layout": "accel[g]:xyz"}]}"#;
        let bad = "{\"profile\": \"Hat\",\n \"messages\": [\n  {\"address\": \"/a\", \"layout\": \"skip\"},\n  {\"address\": \"/b\", \"layout\": \"accel[ell]:xyz\"}]}";
        let folder = folder(
            "profiles",
            &[
                ("a.json", good),
                ("b.json", bad),
                ("c.json", "{"),
                ("notes.txt", "no"),
            ],
        );
        let (mut dialects, errors) = dialects_with(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let message = crate::sensor::osc::Message {
            address: "/glove/left/acc".into(),
            arguments: vec![crate::sensor::osc::Argument::Number(1.0); 3],
            time_tag: None,
        };
        assert_eq!(dialects.read(&message, None).unwrap().profile, "Glove");
        assert_eq!(errors.len(), 2);
        let text = errors[0].to_string();
        assert!(
            text.contains("b.json, line 4") && text.contains("accel[ell]:xyz"),
            "{text}"
        );
        let text = errors[1].to_string();
        assert!(text.contains("c.json, line 1"), "{text}");
    }

    #[test]
    fn a_saved_profile_reads_back() {
        let folder = folder("saved", &[]);
        let profile = Profile {
            profile: "My glove".into(),
            messages: vec![ProfileMessage {
                address: "/a".into(),
                layout: "quat:wxyz".into(),
            }],
        };
        let path = profile.save(&folder).unwrap();
        assert_eq!(path.file_name().unwrap(), "my_glove.json");
        assert_eq!(Profile::read(&path).unwrap(), profile);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_holds_no_profiles() {
        assert!(
            dialects_with(Path::new("/nonexistent/imu2music"))
                .1
                .is_empty()
        );
    }
}
