//! The named rendezvous: a secret in the user's own data folder that every library image of this user
//! reads. With the port's number it tells ours from strangers, and other users of this machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub const KEY_BYTES: usize = 16;
pub type Key = [u8; KEY_BYTES];

/// This user's key, made at the first call on this machine; `None` where no folder can be written.
pub fn key() -> Option<Key> {
    let folder = dirs::data_local_dir()?.join("imu2music");
    read_or_make(&folder).ok()
}

fn read_or_make(folder: &Path) -> io::Result<Key> {
    fs::create_dir_all(folder)?;
    let path = folder.join("relay-key");
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(file) => write_new(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(error),
    }
}

fn write_new(mut file: File) -> io::Result<Key> {
    let key = fresh();
    file.write_all(&key)?;
    Ok(key)
}

/// Another process may have created it a moment ago and not written it yet.
fn read(path: &Path) -> io::Result<Key> {
    for _ in 0..50 {
        if let Ok(key) = Key::try_from(fs::read(path)?) {
            return Ok(key);
        }
        thread::sleep(Duration::from_millis(2));
    }
    // Damaged: the next call makes another.
    fs::remove_file(path)?;
    Err(io::ErrorKind::InvalidData.into())
}

/// Unpredictable: the standard library seeds its hash maps from the system's random source.
fn fresh() -> Key {
    use std::hash::{BuildHasher, RandomState};
    let mut digest = Sha256::new();
    for _ in 0..4 {
        digest.update(
            RandomState::new()
                .hash_one(std::process::id())
                .to_le_bytes(),
        );
    }
    let mut key = Key::default();
    key.copy_from_slice(&digest.finalize()[..KEY_BYTES]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_reads_the_key_that_the_first_one_made() {
        let folder = std::env::temp_dir().join(format!("imu2music-key-{}", std::process::id()));
        let keys: Vec<Key> = thread::scope(|scope| {
            let readers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| read_or_make(&folder).unwrap()))
                .collect();
            readers
                .into_iter()
                .map(|reader| reader.join().unwrap())
                .collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]) && keys[0] != Key::default());
        fs::write(folder.join("relay-key"), b"short").unwrap();
        assert!(read_or_make(&folder).is_err());
        assert_ne!(read_or_make(&folder).unwrap(), keys[0]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn fresh_keys_differ() {
        assert_ne!(fresh(), fresh());
    }
}
