//! Writing a take whole or not at all: everything goes into a folder with a temporary name, which gets its own name
//! when the last file is in it. Single files are replaced the same way.

use std::io;
use std::path::{Path, PathBuf};

use super::TakeError;

/// `name.part` beside `name`.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn failed(path: &Path) -> impl Fn(io::Error) -> TakeError + '_ {
    move |cause| TakeError::Write {
        path: path.to_owned(),
        cause,
    }
}

/// Replaces a file in one step.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), TakeError> {
    let part = temporary(path);
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|cause| {
        let _ = std::fs::remove_file(&part);
        failed(path)(cause)
    })
}

/// A take that is being written. Dropped before [`TakeFolder::finish`], it leaves nothing behind.
pub struct TakeFolder {
    part: PathBuf,
    folder: PathBuf,
}

impl TakeFolder {
    /// Refuses a name that is taken: a take is never overwritten.
    pub fn create(folder: &Path) -> Result<TakeFolder, TakeError> {
        if folder.exists() {
            return Err(TakeError::Exists {
                path: folder.to_owned(),
            });
        }
        let part = temporary(folder);
        // What an earlier crash left.
        let _ = std::fs::remove_dir_all(&part);
        std::fs::create_dir_all(&part).map_err(failed(folder))?;
        Ok(TakeFolder {
            part,
            folder: folder.to_owned(),
        })
    }

    /// Where a file lies until the take is finished.
    pub fn file(&self, name: &str) -> PathBuf {
        self.part.join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TakeError> {
        let path = self.file(name);
        std::fs::write(&path, bytes).map_err(failed(&path))
    }

    pub fn finish(self) -> Result<(), TakeError> {
        std::fs::rename(&self.part, &self.folder).map_err(failed(&self.folder))
    }
}

impl Drop for TakeFolder {
    fn drop(&mut self) {
        // After `finish` there is nothing of this name.
        let _ = std::fs::remove_dir_all(&self.part);
    }
}
