//! The user's own models, kept by content: a song names a model by its SHA-256 and finds it again here,
//! wherever the file it came from has gone.

use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a model could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    #[error("{}: {error}", path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("this system names no folder for user data: set HOME")]
    NoFolder,
    #[error(
        "model \"{name}\" ({sha256}) is not in this computer's model folder: load its file into the slot again"
    )]
    Missing { name: String, sha256: String },
    #[error("{}: not the model its name promises (the file was damaged): load it again", path.display())]
    Damaged { path: PathBuf },
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The folder that holds the user's models.
pub fn folder() -> Result<PathBuf, LibraryError> {
    Ok(dirs::data_dir()
        .ok_or(LibraryError::NoFolder)?
        .join("imu2music")
        .join("models"))
}

/// Keeps a copy of a model and returns its hash.
pub fn keep(folder: &Path, bytes: &[u8]) -> Result<String, LibraryError> {
    let hash = sha256(bytes);
    let path = folder.join(format!("{hash}.onnx"));
    if path.exists() {
        return Ok(hash);
    }
    let failed = |error| LibraryError::File {
        path: path.clone(),
        error,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let unfinished = folder.join(format!("{hash}.{}.part", std::process::id()));
    std::fs::File::create(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .map_err(failed)?;
    Ok(hash)
}

/// Reads a kept model back.
pub fn find(folder: &Path, name: &str, hash: &str) -> Result<Vec<u8>, LibraryError> {
    let missing = || LibraryError::Missing {
        name: name.into(),
        sha256: hash.into(),
    };
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(missing());
    }
    let path = folder.join(format!("{hash}.onnx"));
    let bytes = std::fs::read(&path).map_err(|_| missing())?;
    if sha256(&bytes) != hash {
        return Err(LibraryError::Damaged { path });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("imu2music-library-{}-{name}", std::process::id()))
    }

    #[test]
    fn what_is_kept_is_found_by_its_hash() {
        let folder = scratch("kept");
        let hash = keep(&folder, b"a model").unwrap();
        assert_eq!(find(&folder, "A", &hash).unwrap(), b"a model");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_model_is_named_with_its_hash() {
        let hash = "0".repeat(64);
        let text = find(&scratch("missing"), "My violin", &hash)
            .unwrap_err()
            .to_string();
        assert!(text.contains("My violin") && text.contains(&hash), "{text}");
    }

    #[test]
    fn a_hash_is_never_a_path() {
        assert!(find(&scratch("path"), "x", "../../../etc/passwd").is_err());
    }

    #[test]
    fn a_damaged_copy_is_refused() {
        let folder = scratch("damaged");
        let hash = keep(&folder, b"a model").unwrap();
        std::fs::write(folder.join(format!("{hash}.onnx")), b"another").unwrap();
        assert!(matches!(
            find(&folder, "A", &hash),
            Err(LibraryError::Damaged { .. })
        ));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
