//! `imu2music import`: a take from motion and sound that were recorded elsewhere, or the sound of a take that was
//! recorded without.

use std::path::{Path, PathBuf};

use super::align::{AlignError, start_of_sound};
use crate::sensor::SensorFrame;
use crate::sensor::take::decode::rate_hz;
use crate::sensor::take::document::{
    AUDIO, Alignment, Audio, DOCUMENT, Document, FRAMES, SCHEMA, Worn,
};
use crate::sensor::take::folder::{TakeFolder, replace};
use crate::sensor::take::frames::{self, COLUMNS};
use crate::sensor::take::{Take, TakeError};
use crate::train::analysis::audio::{AudioError, Mono, read_mono};

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{0}")]
    Take(#[from] TakeError),
    #[error("{0}")]
    Audio(#[from] AudioError),
    #[error("{imu} and {wav}: {cause}")]
    Align {
        imu: PathBuf,
        wav: PathBuf,
        cause: AlignError,
    },
    #[error(
        "{0} is a log of messages, not a table of readings: send it with imu2music replay while imu2music record runs"
    )]
    Messages(PathBuf),
    #[error("{0}: {1}. Check that the disk has room and the file can be read")]
    Copy(PathBuf, std::io::Error),
}

/// How the beginning of the sound is to be found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Offset {
    /// On the clock of the motion, in seconds.
    Given(f64),
    /// By the sync tap.
    Tap,
}

fn start(
    frames: &[SensorFrame],
    mono: &Mono,
    offset: Offset,
) -> Result<(f64, Option<f64>), AlignError> {
    match offset {
        Offset::Given(at_s) => Ok((at_s, None)),
        Offset::Tap => {
            let tap = start_of_sound(frames, &mono.samples, mono.sample_rate_hz)?;
            Ok((tap.at_s, Some(tap.error_s)))
        }
    }
}

fn audio(
    imu: &Path,
    frames: &[SensorFrame],
    wav: &Path,
    offset: Offset,
) -> Result<Audio, ImportError> {
    let mono = read_mono(wav)?;
    let (starts_s, error_s) = start(frames, &mono, offset).map_err(|cause| ImportError::Align {
        imu: imu.to_owned(),
        wav: wav.to_owned(),
        cause,
    })?;
    Ok(Audio {
        file: AUDIO.into(),
        starts_s,
        sample_rate_hz: mono.sample_rate_hz,
        channels: mono.channels,
        alignment: match offset {
            Offset::Given(_) => Alignment::Given,
            Offset::Tap => Alignment::Tap,
        },
        error_s,
    })
}

/// A new take from a table of one sensor's readings and a WAV file. `document` gives participant, licence and so on.
pub fn import(
    imu: &Path,
    wav: &Path,
    offset: Offset,
    role: &str,
    out: &Path,
    document: Document,
) -> Result<Audio, ImportError> {
    let Take::Readings(readings) = Take::read(imu)? else {
        return Err(ImportError::Messages(imu.to_owned()));
    };
    let frames: Vec<SensorFrame> = readings.iter().map(|reading| reading.frame).collect();
    let audio = audio(imu, &frames, wav, offset)?;
    let folder = TakeFolder::create(out)?;
    std::fs::copy(wav, folder.file(AUDIO))
        .map_err(|cause| ImportError::Copy(wav.to_owned(), cause))?;
    folder.write(FRAMES, frames::text(&frames).as_bytes())?;
    let name = imu
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let document = Document {
        schema: SCHEMA,
        units: units(),
        devices: vec![Worn {
            name,
            role: role.into(),
            rate_hz: rate_hz(0, &frames),
            clock: "device".into(),
            ..Worn::default()
        }],
        audio: Some(audio.clone()),
        ..document
    };
    folder.write(DOCUMENT, document.text().as_bytes())?;
    folder.finish()?;
    Ok(audio)
}

/// Adds or replaces the sound of a take.
pub fn add_sound(take: &Path, wav: &Path, offset: Offset) -> Result<Audio, ImportError> {
    let mut document = Document::read(take)?;
    let frames = frames::read(&take.join(FRAMES))?;
    let audio = audio(take, &frames, wav, offset)?;
    let bytes = std::fs::read(wav).map_err(|cause| ImportError::Copy(wav.to_owned(), cause))?;
    replace(&take.join(AUDIO), &bytes)?;
    document.audio = Some(audio.clone());
    replace(&take.join(DOCUMENT), document.text().as_bytes())?;
    Ok(audio)
}

/// What the columns of `frames.csv` are measured in.
pub fn units() -> std::collections::BTreeMap<String, String> {
    let columns = COLUMNS.map(|(name, unit)| (name.to_owned(), unit.to_owned()));
    let time = [("time_s".to_owned(), "s".to_owned())];
    columns.into_iter().chain(time).collect()
}
