//! A take of the virtual performer: its datagrams as a network would deliver them, and its music played by a sound
//! model. For trying things out without a sensor, and for tests; the notes of such a take say that it is synthetic.

use std::path::Path;

use super::import::units;
use crate::controls::Controls;
use crate::neural::sound_model::SoundModel;
use crate::sensor::dialect::Dialects;
use crate::sensor::encode::Spoken;
use crate::sensor::performer::{LIMBS, Performer};
use crate::sensor::take::decode::decode;
use crate::sensor::take::document::{
    AUDIO, Alignment, Audio, DATAGRAMS, DOCUMENT, Document, FRAMES, SCHEMA,
};
use crate::sensor::take::folder::TakeFolder;
use crate::sensor::take::raw::{HEADER, RawDatagram};
use crate::sensor::take::{TakeError, frames};
use crate::sensor::transmit::{performed, speak};
use crate::train::render::{SAMPLE_RATE_HZ, sing, write_wav};
use crate::units::HostTime;

/// Readings a second of each sensor.
const RATE_HZ: f64 = 100.0;
const CONTROLS_HZ: u32 = 200;
/// The notes of a take whose motion nobody made begin with this.
pub const SYNTHETIC: &str = "synthetic";

#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    #[error("{0}")]
    Take(#[from] TakeError),
    #[error("the sound cannot be written: {0}")]
    Wav(#[from] hound::Error),
}

/// Writes the take.
pub fn perform(
    performer: Performer,
    sound: &SoundModel,
    seconds: f64,
    out: &Path,
) -> Result<(), PerformError> {
    let name = performer.style().name();
    let controls: Vec<Controls> = (0..(seconds * f64::from(CONTROLS_HZ)) as u32)
        .map(|n| performer.controls(f64::from(n) / f64::from(CONTROLS_HZ)))
        .collect();
    let folder = TakeFolder::create(out)?;
    write_wav(&folder.file(AUDIO), &sing(sound, &controls, CONTROLS_HZ))?;
    let about = Document {
        participant: "virtual performer".into(),
        licence: "MIT OR Apache-2.0".into(),
        notes: format!("{SYNTHETIC}: the virtual performer's style '{name}'"),
        ..Document::default()
    };
    write(folder, performer, seconds, about)?;
    Ok(())
}

/// Writes everything but the sound, which lies in the folder already: mono, at [`SAMPLE_RATE_HZ`], from time 0.
pub fn write(
    folder: TakeFolder,
    performer: Performer,
    seconds: f64,
    about: Document,
) -> Result<(), TakeError> {
    let datagrams: Vec<RawDatagram> =
        speak(performed(performer, RATE_HZ, Some(seconds)), Spoken::RiotV2)
            .map(|datagram| RawDatagram {
                arrival: HostTime(datagram.at_s),
                sender: ([127, 0, 0, 1], 40_000 + datagram.source).into(),
                bytes: datagram.bytes,
            })
            .collect();
    let mut dialects = Dialects::built_in();
    let mut text = format!("{HEADER}\n");
    for datagram in &datagrams {
        text += &datagram.line(HostTime(0.0), &mut dialects);
    }
    let mut decoded = decode(&datagrams, Dialects::built_in());
    for (worn, role) in decoded.devices.iter_mut().zip(LIMBS) {
        worn.role = role.into();
    }
    let document = Document {
        schema: SCHEMA,
        consent: "not needed".into(),
        units: units(),
        devices: decoded.devices,
        audio: Some(Audio {
            file: AUDIO.into(),
            starts_s: 0.0,
            sample_rate_hz: SAMPLE_RATE_HZ,
            channels: 1,
            alignment: Alignment::Clock,
            error_s: None,
        }),
        ..about
    };
    folder.write(DATAGRAMS, text.as_bytes())?;
    folder.write(FRAMES, frames::text(&decoded.frames).as_bytes())?;
    folder.write(DOCUMENT, document.text().as_bytes())?;
    folder.finish()?;
    Ok(())
}
