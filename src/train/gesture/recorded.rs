//! Recorded takes as the trainer sees them: the sound analysed into Controls, the motion through the code that plays,
//! both on the sound's clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::TrainError;
use super::instrument::Instrument;
use super::sensing::hear;
use super::take::{Take, Truth};
use super::vary::Variation;
use super::virtual_takes::CHOSEN;
use crate::gesture::Role;
use crate::sensor::take::document::{Document, FRAMES};
use crate::sensor::take::frames;
use crate::sensor::{DeviceId, SensorFrame};
use crate::train::analysis::timbre::{Envelope, envelope};
use crate::train::analysis::{analyse, audio, onsets::onsets, pitch};
use crate::train::digest::sha256;
use crate::train::takes::check::{self, LEAST_S};
use crate::units::HostTime;

/// A frame whose pitch is less sure than this has none to learn.
const PITCHED: f32 = 0.5;
/// Where the loud frames of all recordings together are put, whatever the recording level was: what sound models
/// were trained to hear.
const LOUD_DB: f32 = -14.0;
const LOUD_SHARE: f32 = 0.98;

pub struct Recording {
    pub name: String,
    pub document: Document,
    /// SHA-256 of the readings and the sound.
    pub sha256: String,
    pub roles: Vec<Role>,
    pub seconds: f64,
    /// Where on the sound's clock it begins.
    pub begins_s: f64,
    /// By role, on the sound's clock.
    sent: Vec<Vec<SensorFrame>>,
    /// At the frame rate that was asked for; empty where only motion was.
    truth: Vec<Truth>,
    /// Beside it: what a timbre is heard in.
    envelopes: Vec<Envelope>,
    /// In whose timbre it was heard.
    instrument: Option<Arc<Instrument>>,
}

impl Recording {
    /// What a card and a report say of it.
    pub fn origin(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "sha256": self.sha256,
            "seconds": self.seconds,
            "participant": self.document.participant,
            "licence": self.document.licence,
            "notes": self.document.notes,
        })
    }

    /// Reads motion and sound, the sound as Controls at `rate_hz`.
    pub fn read(folder: &Path, rate_hz: u32) -> Result<Recording, TrainError> {
        let document = check::usable(folder).map_err(TrainError::Data)?;
        let Some(sound) = document.audio.clone() else {
            let what = "has no sound: add it with imu2music import --take FOLDER --wav FILE";
            return Err(TrainError::Data(format!("{} {what}", folder.display())));
        };
        let path = folder.join(&sound.file);
        let samples = audio::read_wav(&path).map_err(|e| TrainError::Data(e.to_string()))?;
        let mut recording = Recording::motion(folder, document, sound.starts_s)?;
        let analysis = analyse(&samples, rate_hz, pitch::WIDEST_HZ, |_| 0.0);
        let begins = onsets(&analysis);
        let (from_s, to_s) = recording.span_s();
        let frame = |time_s: f64| (time_s * f64::from(rate_hz)).max(0.0) as usize;
        let (from, to) = (
            frame(from_s.max(0.0)),
            frame(to_s).min(analysis.controls.len()),
        );
        let truth = (from..to.max(from)).map(|frame| Truth {
            controls: analysis.controls[frame],
            onset: begins[frame],
            pitched: analysis.voicing[frame] > PITCHED,
        });
        recording.truth = truth.collect();
        let parts = analysis.parts[from..to.max(from)].iter();
        let heard = parts.zip(&recording.truth);
        let heard = heard.map(|(parts, truth)| envelope(parts, &truth.controls, 0.0));
        recording.envelopes = heard.collect();
        recording.begin_at(from as f64 / f64::from(rate_hz));
        recording.seconds = recording.truth.len() as f64 / f64::from(rate_hz);
        if recording.seconds < LEAST_S {
            let what = format!(
                "{}: {:.1} s of sound with motion; {LEAST_S} are needed",
                folder.display(),
                recording.seconds
            );
            return Err(TrainError::Data(what));
        }
        Ok(recording)
    }

    /// Reads the motion alone, on its own clock.
    pub fn read_motion(folder: &Path) -> Result<Recording, TrainError> {
        let document = Document::read(folder).map_err(|e| TrainError::Data(e.to_string()))?;
        let mut recording = Recording::motion(folder, document, 0.0)?;
        if recording.roles.is_empty() {
            let what = format!("{}: no sensor has a role in take.json", folder.display());
            return Err(TrainError::Data(what));
        }
        recording.seconds = recording.span_s().1;
        Ok(recording)
    }

    fn motion(folder: &Path, document: Document, starts_s: f64) -> Result<Recording, TrainError> {
        let data = |cause: String| TrainError::Data(cause);
        let path = folder.join(FRAMES);
        let readings = frames::read(&path).map_err(|e| data(e.to_string()))?;
        let read = |file: PathBuf| {
            std::fs::read(&file).map_err(|e| data(format!("{}: {e}", file.display())))
        };
        let files = [Some(path), document.audio_path(folder)];
        let files: Vec<Vec<u8>> = files
            .into_iter()
            .flatten()
            .map(read)
            .collect::<Result<_, _>>()?;
        let mut recording = Recording {
            name: folder
                .file_stem()
                .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
            sha256: sha256(files.iter().map(Vec::as_slice)),
            roles: Vec::new(),
            seconds: 0.0,
            begins_s: 0.0,
            sent: Vec::new(),
            truth: Vec::new(),
            envelopes: Vec::new(),
            instrument: None,
            document,
        };
        // In the order of the roles, so that takes agree whichever sensor came first.
        for role in Role::ALL {
            let worn = recording
                .document
                .devices
                .iter()
                .find(|worn| worn.role == role.name());
            let Some(worn) = worn else { continue };
            let seat = DeviceId(recording.roles.len() as u16);
            let own = readings
                .iter()
                .filter(|frame| frame.device.0 == worn.device);
            let own = own.map(|frame| SensorFrame {
                device: seat,
                time: HostTime(frame.time.0 - starts_s),
                ..*frame
            });
            recording.sent.push(own.collect());
            recording.roles.push(role);
        }
        Ok(recording)
    }

    /// From the last sensor's first reading to the first one's last.
    fn span_s(&self) -> (f64, f64) {
        let ends = self
            .sent
            .iter()
            .filter_map(|sent| Some((sent.first()?.time.0, sent.last()?.time.0)));
        ends.fold((f64::MIN, f64::MAX), |(from, to), (first, last)| {
            (from.max(first), to.min(last))
        })
    }

    fn begin_at(&mut self, from_s: f64) {
        self.begins_s = from_s;
        for frame in self.sent.iter_mut().flatten() {
            frame.time = frame.time - from_s;
        }
    }

    /// Names of the features that a model of these sensors is given.
    pub fn input_names(&self) -> Vec<String> {
        let of = |role: &Role| CHOSEN.map(|feature| format!("{}.{}", role.name(), feature.name()));
        self.roles.iter().flat_map(of).collect()
    }

    /// The motion as a model hears it, `[frames][names]`.
    pub fn features(&self, names: &[String], rate_hz: u32) -> Vec<f32> {
        let frames = (self.seconds * f64::from(rate_hz)) as usize;
        hear(&self.sent, &self.roles, names, frames, rate_hz)
    }

    /// The take, moved and heard a little differently where `variation` says so.
    pub fn take(&self, names: &[String], rate_hz: u32, variation: Option<&mut Variation>) -> Take {
        let (sent, truth) = match variation {
            None => (self.sent.clone(), self.truth.clone()),
            Some(variation) => (variation.motion(&self.sent), variation.music(&self.truth)),
        };
        Take {
            name: self.name.clone(),
            features: hear(&sent, &self.roles, names, truth.len(), rate_hz),
            width: names.len(),
            truth,
        }
    }

    /// Says the truth in the timbre latents of a sound model too; after the loudness is where it shall be.
    pub fn hear_timbre(&mut self, instrument: Arc<Instrument>, rate_hz: u32) {
        let controls = self.truth.iter().map(|truth| &truth.controls);
        let frames = self.envelopes.iter().copied().zip(controls);
        let track = instrument.timbre.track(frames, rate_hz);
        self.instrument = Some(instrument);
        for (truth, latents) in self.truth.iter_mut().zip(track) {
            truth.controls.timbre = latents;
        }
    }

    /// The sound model in whose timbre latents it says the truth too.
    pub fn instrument(&self) -> Option<&Instrument> {
        self.instrument.as_deref()
    }

    /// Moves the loudness; what was silent stays silent.
    pub fn louder_by(&mut self, gain_db: f32) {
        self.truth
            .iter_mut()
            .for_each(|truth| truth.louder_by(gain_db));
    }
}

/// One change of level for all recordings; returns it in dB.
pub fn level(recordings: &mut [Recording]) -> f32 {
    let truths = recordings.iter().flat_map(|recording| &recording.truth);
    let gain_db = gain_db(truths.map(|truth| truth.controls.loudness_db));
    recordings
        .iter_mut()
        .for_each(|recording| recording.louder_by(gain_db));
    gain_db
}

/// What puts the loud ones of all these frames where sound models were trained to hear them.
pub fn gain_db(loudness_db: impl Iterator<Item = f32>) -> f32 {
    let mut all: Vec<f32> = loudness_db.collect();
    all.sort_by(f32::total_cmp);
    let loud = all.get((all.len() as f32 * LOUD_SHARE) as usize).copied();
    LOUD_DB - loud.unwrap_or(LOUD_DB)
}
