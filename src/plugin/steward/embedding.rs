//! Keeps the song's embedded files in step with the models it uses, while the user wants them embedded.

use super::super::library;
use super::super::state::embedded::{EMBEDDED_MAX_BYTES, Embedded, FileBytes};
use super::super::state::{ModelRef, Session};
use std::path::Path;

/// What was looked at last, so that a file that cannot be embedded is told once.
#[derive(Default)]
pub struct Embedding {
    seen: Option<(bool, Vec<ModelRef>)>,
}

/// A song's new list of files, and why some model is not in it.
pub struct Revision {
    pub embedded: Vec<Embedded>,
    pub problem: Option<String>,
}

impl Embedding {
    /// What the song should hold, when that may have changed.
    pub fn follow(
        &mut self,
        session: &Session,
        folder: &Result<std::path::PathBuf, String>,
    ) -> Option<Revision> {
        let now = (session.embed, session.models.clone());
        if self.seen.as_ref() == Some(&now) {
            return None;
        }
        self.seen = Some(now);
        let mut revision = Revision {
            embedded: Vec::new(),
            problem: None,
        };
        if session.embed {
            for model in &session.models {
                let outcome = revision.add(model, session, folder.as_deref());
                revision.problem = revision.problem.or(outcome.err());
            }
        }
        Some(revision)
    }
}

impl Revision {
    fn add(
        &mut self,
        model: &ModelRef,
        session: &Session,
        folder: Result<&Path, &String>,
    ) -> Result<(), String> {
        if self.embedded.iter().any(|e| e.sha256 == model.sha256) {
            return Ok(());
        }
        let held = session.embedded.iter().find(|e| e.sha256 == model.sha256);
        let file = match held {
            Some(embedded) => embedded.file.clone(),
            None => {
                let folder = folder.map_err(String::clone)?;
                let found = library::find(folder, &model.name, &model.sha256);
                FileBytes(found.map_err(|error| error.to_string())?.into())
            }
        };
        let total: usize = self.embedded.iter().map(|e| e.file.0.len()).sum();
        if total + file.0.len() > EMBEDDED_MAX_BYTES {
            return Err(format!(
                "model \"{}\" is not embedded: a song holds at most {} MiB of models. Keep its file with the song",
                model.name,
                EMBEDDED_MAX_BYTES >> 20
            ));
        }
        self.embedded.push(Embedded {
            sha256: model.sha256.clone(),
            file,
        });
        Ok(())
    }
}
