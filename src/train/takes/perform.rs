//! A take of the virtual performer: its datagrams as a network would deliver them, its music played by a sound model, and
//! the Controls that it meant. For trying things out without a sensor, for learning from, and for tests; the notes of
//! such a take say that it is synthetic.

use std::fmt::Write as _;
use std::path::Path;

use super::import::units;
use crate::controls::Controls;
use crate::neural::sound_model::SoundModel;
use crate::sensor::dialect::Dialects;
use crate::sensor::encode::Spoken;
use crate::sensor::impair::{Impaired, Impairment};
use crate::sensor::performer::{Performer, Strapped};
use crate::sensor::take::decode::decode;
use crate::sensor::take::document::{
    AUDIO, Alignment, Audio, DATAGRAMS, DOCUMENT, Document, FRAMES, SCHEMA,
};
use crate::sensor::take::folder::TakeFolder;
use crate::sensor::take::raw::{HEADER, RawDatagram};
use crate::sensor::take::{TakeError, frames};
use crate::sensor::transmit::{performed_with, speak};
use crate::train::render::{SAMPLE_RATE_HZ, sing, write_wav};
use crate::units::HostTime;

const CONTROLS_HZ: u32 = 200;
/// What was meant, of all takes only these know: Controls and onsets, [`CONTROLS_HZ`] a second.
const CONTROLS: &str = "controls.csv";
/// Sensor n sends from the n-th port from here.
const FIRST_PORT: u16 = 40_000;
/// The notes of a take whose motion nobody made begin with this.
pub const SYNTHETIC: &str = "synthetic";

#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    #[error("{0}")]
    Take(#[from] TakeError),
    #[error("the sound cannot be written: {0}")]
    Wav(#[from] hound::Error),
}

/// Readings a second of a sensor unless told otherwise.
pub const USUAL_RATE_HZ: f64 = 100.0;

/// What is worn, and how it is heard.
#[derive(Clone, Debug)]
pub struct Wearing {
    pub sensors: Vec<Strapped>,
    /// Readings a second of each.
    pub rate_hz: f64,
    pub network: Impairment,
}

impl Wearing {
    /// A sensor on each forearm, heard over a stage's Wi-Fi.
    pub fn usual(performer: &Performer) -> Wearing {
        Wearing {
            sensors: performer.sensors().to_vec(),
            rate_hz: USUAL_RATE_HZ,
            network: Impairment::WIRELESS,
        }
    }
}

/// Writes the take.
pub fn perform(
    performer: Performer,
    wearing: Wearing,
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
    folder.write(CONTROLS, meant(&performer, &controls).as_bytes())?;
    write(folder, performer, wearing, seconds, about)?;
    Ok(())
}

/// A line for each of the Controls, and whether a note has just begun.
fn meant(performer: &Performer, controls: &[Controls]) -> String {
    let mut text = String::from("time_s,pitch_note,loudness_db,brightness,noisiness,onset\n");
    for (index, meant) in controls.iter().enumerate() {
        let time_s = index as f64 / f64::from(CONTROLS_HZ);
        let Controls {
            pitch_note,
            loudness_db,
            brightness,
            noisiness,
            ..
        } = meant;
        let onset = u8::from(performer.onset(time_s));
        let _ = writeln!(
            text,
            "{time_s:.3},{pitch_note:.3},{loudness_db:.2},{brightness:.4},{noisiness:.4},{onset}"
        );
    }
    text
}

/// Writes everything but the sound, which lies in the folder already: mono, at [`SAMPLE_RATE_HZ`], from time 0.
pub fn write(
    folder: TakeFolder,
    performer: Performer,
    wearing: Wearing,
    seconds: f64,
    about: Document,
) -> Result<(), TakeError> {
    let Wearing {
        sensors,
        rate_hz,
        network,
    } = wearing;
    let places: Vec<_> = sensors.iter().map(|worn| worn.place).collect();
    let readings = performed_with(performer, sensors, rate_hz, Some(seconds));
    let datagrams: Vec<RawDatagram> = Impaired::new(speak(readings, Spoken::RiotV2), network)
        .map(|datagram| RawDatagram {
            arrival: HostTime(datagram.at_s),
            sender: ([127, 0, 0, 1], FIRST_PORT + datagram.source).into(),
            bytes: datagram.bytes,
        })
        .collect();
    let mut dialects = Dialects::built_in();
    let mut text = format!("{HEADER}\n");
    for datagram in &datagrams {
        text += &datagram.line(HostTime(0.0), &mut dialects);
    }
    let mut decoded = decode(&datagrams, Dialects::built_in());
    for worn in &mut decoded.devices {
        // Which was heard first says nothing: one of them may have been lost.
        let port = worn.sender.rsplit(':').next().and_then(|p| p.parse().ok());
        let sensor = port.and_then(|port: u16| port.checked_sub(FIRST_PORT));
        if let Some(place) = sensor.and_then(|sensor| places.get(usize::from(sensor))) {
            worn.role = place.name.into();
            worn.placement = place.words();
        }
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
