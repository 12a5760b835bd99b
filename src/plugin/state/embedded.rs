//! Model files that travel inside the song, named by their hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// All embedded files of a song together: hosts keep several copies of a state.
pub const EMBEDDED_MAX_BYTES: usize = 32 << 20;

/// One model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
    pub file: FileBytes,
}

/// Bytes that are written as base64 and cloned without copying.
#[derive(Clone, PartialEq)]
pub struct FileBytes(pub Arc<[u8]>);

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for FileBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for FileBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(FileBytes(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_the_song() {
        let file = FileBytes((0..=255u8).chain(0..3).collect());
        let embedded = Embedded {
            sha256: "x".into(),
            file,
        };
        let text = serde_json::to_string(&embedded).unwrap();
        assert_eq!(serde_json::from_str::<Embedded>(&text).unwrap(), embedded);
        assert!(serde_json::from_str::<Embedded>(r#"{"sha256":"x","file":"?"}"#).is_err());
    }
}
