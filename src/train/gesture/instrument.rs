//! The sound model that a gesture model shall play (`--sound`): its takes are heard in that model's timbre latents too,
//! and it learns to say them.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::{Args, TrainError};
use crate::neural::sound_model::SoundModel;
use crate::train::analysis::timbre::{Timbre, timbre_of};
use crate::train::digest::sha256;

#[derive(Clone, Debug)]
pub struct Instrument {
    /// As players read it.
    pub name: String,
    pub sha256: String,
    pub timbre: Timbre,
}

impl Instrument {
    /// The one that `args` names; none where they name none.
    pub fn of(args: &Args) -> Result<Option<Arc<Instrument>>, TrainError> {
        let read = |path| Instrument::read(path).map(Arc::new);
        args.says.sound.as_deref().map(read).transpose()
    }

    fn read(path: &Path) -> Result<Instrument, TrainError> {
        let refused = |cause: String| TrainError::Data(format!("{}: {cause}", path.display()));
        let bytes = std::fs::read(path).map_err(|cause| refused(cause.to_string()))?;
        let model = SoundModel::load(&bytes).map_err(|cause| {
            refused(format!(
                "{cause}. --sound names the sound model to be played"
            ))
        })?;
        let contract = model.contract();
        let timbre = timbre_of(contract).filter(|timbre| timbre.count() > 0);
        let timbre = timbre.ok_or_else(|| {
            refused(format!(
                "'{}' hears no timbre latents: train it with `imu2music train sound --timbre 3`, or leave --sound out",
                contract.name
            ))
        })?;
        Ok(Instrument {
            name: contract.name.clone(),
            sha256: sha256([&bytes[..]]),
            timbre,
        })
    }

    /// What a card and a report say of it.
    pub fn origin(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "sha256": self.sha256,
            "timbre": self.timbre.says,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::shipped::{GESTURES, SOUNDS};

    #[test]
    fn what_has_no_timbre_to_say_is_refused_with_the_cure() {
        let folder = std::env::temp_dir().join(format!("imu2music-heard-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let said = |name: &str, bytes: Option<&[u8]>| {
            let path = folder.join(name);
            if let Some(bytes) = bytes {
                std::fs::write(&path, bytes).unwrap();
            }
            Instrument::read(&path).unwrap_err().to_string()
        };
        let plain = SOUNDS.iter().find(|bytes| {
            let model = SoundModel::load(bytes).unwrap();
            timbre_of(model.contract()).is_none()
        });
        for (name, bytes, told) in [
            ("none.onnx", None, "none.onnx: No such file"),
            (
                "gesture.onnx",
                Some(GESTURES[0]),
                "--sound names the sound model",
            ),
            (
                "plain.onnx",
                plain.copied(),
                "hears no timbre latents: train it with",
            ),
        ] {
            let text = said(name, bytes);
            assert!(text.contains(told) && text.contains(name), "{text}");
        }
        let _ = std::fs::remove_dir_all(folder);
    }
}
