//! What a model shall say beside the four words, and how: the options that `train gesture` and `explore` share.

use std::path::{Path, PathBuf};

use super::TrainError;
use super::distributions::Distributions;

#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Says {
    /// The sound model (.onnx) that shall be played: the takes are heard in its timbre latents too, and those are learned
    #[cfg_attr(
        feature = "standalone",
        arg(long, value_name = "MODEL", requires = "take")
    )]
    pub sound: Option<PathBuf>,
    /// Controls to say as distributions, which are sampled: pitch, loudness, brightness, noisiness, timbre. Pitch is one
    /// unless it is named in --point
    #[cfg_attr(
        feature = "standalone",
        arg(long, value_name = "CONTROL", value_delimiter = ',')
    )]
    pub distribution: Vec<String>,
    /// Controls to say as points: one value, the mean
    #[cfg_attr(
        feature = "standalone",
        arg(long, value_name = "CONTROL", value_delimiter = ',')
    )]
    pub point: Vec<String>,
}

impl Says {
    /// Which controls are distributions.
    pub fn distributions(&self) -> Result<Distributions, TrainError> {
        Distributions::chosen(&self.distribution, &self.point)
    }

    /// The options that say this again, each after a space; nothing where none are needed.
    pub fn options(&self) -> String {
        let sound = self.sound.as_deref().and_then(Path::file_name);
        let sound = sound.map(|name| format!(" --sound {}", name.to_string_lossy()));
        sound.unwrap_or_default() + &self.distributions().unwrap_or_default().options()
    }
}
