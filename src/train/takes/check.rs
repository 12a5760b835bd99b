//! `imu2music check-take`: everything that would make a take useless, or less than it could be, with the file, the
//! line and the cure. Nothing here changes a take.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::gesture::Role;
use crate::sensor::SensorFrame;
use crate::sensor::dialect::Dialects;
use crate::sensor::take::decode::decode;
use crate::sensor::take::document::{DATAGRAMS, DOCUMENT, Document, FRAMES};
use crate::sensor::take::{frames, raw};
use crate::train::analysis::audio::{Mono, read_mono};

/// Sound and motion have to be there together for this long.
pub const LEAST_S: f64 = 10.0;
/// Pauses of a sensor that are named.
const LONG_GAP_S: f64 = 1.0;
/// A sensor that moves less than this, in deviation, was not worn.
const STILL_M_PER_S2: f32 = 0.15;
const STILL_RAD_PER_S: f32 = 0.05;
/// Share of samples at full scale that is audible.
const CLIPPED: f32 = 1e-4;
/// Sound without motion that is named.
const UNCOVERED_S: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The take cannot be used.
    Fatal,
    /// It can be used, but it is worse for it.
    Warning,
}

#[derive(Clone, Debug)]
pub struct Finding {
    pub weight: Weight,
    pub file: PathBuf,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let weight = match self.weight {
            Weight::Fatal => "error",
            Weight::Warning => "warning",
        };
        write!(f, "{weight}: {}: {}", self.file.display(), self.what)
    }
}

/// What was found, and what the take holds as far as it could be read.
#[derive(Default)]
pub struct Checked {
    pub findings: Vec<Finding>,
    pub document: Option<Document>,
    pub frames: usize,
    pub motion_s: (f64, f64),
    pub sound_s: Option<(f64, f64)>,
}

impl Checked {
    pub fn is_usable(&self) -> bool {
        !self
            .findings
            .iter()
            .any(|found| found.weight == Weight::Fatal)
    }

    fn add(&mut self, weight: Weight, file: &Path, what: impl Into<String>) {
        self.findings.push(Finding {
            weight,
            file: file.to_owned(),
            what: what.into(),
        });
    }

    /// The cause names file and line itself.
    fn cannot_read(&mut self, file: &Path, cause: &dyn fmt::Display) {
        let text = cause.to_string();
        let name = file.display().to_string();
        let what = text.strip_prefix(&name).unwrap_or(&text);
        self.add(
            Weight::Fatal,
            file,
            what.trim_start_matches([':', ',', ' ']),
        );
    }
}

/// Looks at a whole take.
pub fn check(folder: &Path) -> Checked {
    let mut checked = Checked::default();
    match Document::read(folder) {
        Ok(document) => checked.document = Some(document),
        Err(error) => {
            checked.cannot_read(&folder.join(DOCUMENT), &error);
            return checked;
        }
    }
    check_document(&mut checked, folder);
    let path = folder.join(FRAMES);
    match frames::read(&path) {
        Ok(frames) => check_frames(&mut checked, &path, &frames),
        Err(error) => checked.cannot_read(&path, &error),
    }
    check_datagrams(&mut checked, folder);
    check_sound(&mut checked, folder);
    checked
}

fn check_document(checked: &mut Checked, folder: &Path) {
    let path = folder.join(DOCUMENT);
    let Some(document) = checked.document.clone() else {
        return;
    };
    for (field, value, why) in [
        ("participant", &document.participant, "a code, not a name"),
        (
            "consent",
            &document.consent,
            "what the participant agreed to",
        ),
        ("licence", &document.licence, "as in \"CC BY 4.0\""),
    ] {
        if value.trim().is_empty() {
            checked.add(
                Weight::Warning,
                &path,
                format!("{field} is empty: write {why}"),
            );
        }
    }
    let mut seated: Vec<&str> = Vec::new();
    for worn in document.devices.iter().filter(|worn| !worn.role.is_empty()) {
        if Role::from_name(&worn.role).is_none() {
            let roles = Role::ALL.map(Role::name).join(", ");
            let what = format!(
                "device {}: no role is called '{}'; choose one of {roles}",
                worn.device, worn.role
            );
            checked.add(Weight::Fatal, &path, what);
        }
        if seated.contains(&&*worn.role) {
            let what = format!(
                "two devices have the role {}; give one of them another",
                worn.role
            );
            checked.add(Weight::Fatal, &path, what);
        }
        seated.push(&worn.role);
    }
    if seated.is_empty() {
        let what =
            "no device has a role; write where each was worn, as in \"role\": \"right_forearm\"";
        checked.add(Weight::Fatal, &path, what);
    }
}

fn check_frames(checked: &mut Checked, path: &Path, frames: &[SensorFrame]) {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        checked.add(Weight::Fatal, path, "there are no readings; record again");
        return;
    };
    checked.frames = frames.len();
    checked.motion_s = (first.time.0, last.time.0);
    let devices = checked
        .document
        .clone()
        .map_or(Vec::new(), |document| document.devices);
    let unknown = frames
        .iter()
        .position(|frame| devices.iter().all(|worn| worn.device != frame.device.0));
    if let Some(index) = unknown {
        let what = format!(
            "line {}: device {} is not in {DOCUMENT}; add it there",
            index + 2,
            frames[index].device.0
        );
        checked.add(Weight::Fatal, path, what);
    }
    for worn in devices.iter().filter(|worn| !worn.role.is_empty()) {
        let own = frames
            .iter()
            .enumerate()
            .filter(|(_, frame)| frame.device.0 == worn.device);
        check_device(checked, path, &worn.role, &own.collect::<Vec<_>>());
    }
}

fn check_device(checked: &mut Checked, path: &Path, role: &str, own: &[(usize, &SensorFrame)]) {
    if own.is_empty() {
        checked.add(
            Weight::Fatal,
            path,
            format!("{role} has no readings; take its role out of {DOCUMENT} or record again"),
        );
        return;
    }
    let blind =
        |(_, frame): &&(usize, &SensorFrame)| frame.accel_m_per_s2.iter().any(|a| !a.is_finite());
    let blind_count = own.iter().filter(blind).count();
    // Devices that send acceleration and rate apart leave it out in every other reading.
    if blind_count == own.len() {
        checked.add(
            Weight::Fatal,
            path,
            format!(
                "{role} has no acceleration in any line; check the sensor's settings or its dialect"
            ),
        );
        return;
    }
    let pause = own
        .windows(2)
        .find(|pair| pair[1].1.time.0 - pair[0].1.time.0 > LONG_GAP_S);
    if let Some([(_, before), (line, after)]) = pause {
        let what = format!(
            "line {}: {role} was silent for {:.1} s; what was played then is not learned well",
            line + 2,
            after.time.0 - before.time.0
        );
        checked.add(Weight::Warning, path, what);
    }
    let moves = |of: fn(&SensorFrame) -> [f32; 3]| {
        let vectors = own.iter().map(|(_, frame)| of(frame));
        deviation(
            &vectors
                .filter(|v| v.iter().all(|x| x.is_finite()))
                .collect::<Vec<_>>(),
        )
    };
    if moves(|frame| frame.accel_m_per_s2) < STILL_M_PER_S2
        && moves(|frame| frame.rate_rad_per_s) < STILL_RAD_PER_S
    {
        let what = format!(
            "{role} does not move: nothing can be learned from it; was it worn? Record again, or give its role to the sensor that was"
        );
        checked.add(Weight::Fatal, path, what);
    }
}

/// Root of the summed variances of three components.
fn deviation(vectors: &[[f32; 3]]) -> f32 {
    let count = vectors.len().max(1) as f32;
    let variance = (0..3).map(|axis| {
        let mean = vectors.iter().map(|v| v[axis]).sum::<f32>() / count;
        vectors
            .iter()
            .map(|v| (v[axis] - mean).powi(2))
            .sum::<f32>()
            / count
    });
    variance.sum::<f32>().sqrt()
}

fn check_datagrams(checked: &mut Checked, folder: &Path) {
    let path = folder.join(DATAGRAMS);
    if !path.exists() {
        return;
    }
    let rows = checked
        .document
        .as_ref()
        .map_or(Vec::new(), |document| document.dialects.clone());
    let dialects = Dialects::with_user_rows(&rows).unwrap_or_else(|_| Dialects::built_in());
    match raw::read(&path) {
        Ok(datagrams) => {
            let counters = decode(&datagrams, dialects).counters;
            if counters.unknown > 0 {
                let what = format!(
                    "{} of {} messages are of no known dialect; write a profile for them and read the take again with --reread --profile FILE",
                    counters.unknown, counters.messages
                );
                checked.add(Weight::Warning, &path, what);
            }
            if counters.malformed > 0 {
                let what = format!(
                    "{} of {} datagrams are malformed and were left out",
                    counters.malformed, counters.datagrams
                );
                checked.add(Weight::Warning, &path, what);
            }
        }
        Err(error) => checked.cannot_read(&path, &error),
    }
}

fn check_sound(checked: &mut Checked, folder: &Path) {
    let Some(audio) = checked
        .document
        .as_ref()
        .and_then(|document| document.audio.clone())
    else {
        let what = "there is no sound; add it with imu2music import --take FOLDER --wav FILE";
        checked.add(Weight::Warning, &folder.join(DOCUMENT), what);
        return;
    };
    let path = folder.join(&audio.file);
    let mono = match read_mono(&path) {
        Ok(mono) => mono,
        Err(error) => return checked.cannot_read(&path, &error),
    };
    check_level(checked, &path, &mono);
    let (from, to) = checked.motion_s;
    let (begins, ends) = (audio.starts_s, audio.starts_s + mono.seconds());
    checked.sound_s = Some((begins, ends));
    let common_s = to.min(ends) - from.max(begins);
    if common_s < LEAST_S {
        let what = format!(
            "sound and motion are there together for {:.1} s only ({LEAST_S} are needed): the sound is at {begins:.1} to {ends:.1} s, the motion at {from:.1} to {to:.1} s. Check starts_s in {DOCUMENT}, or record longer",
            common_s.max(0.0)
        );
        checked.add(Weight::Fatal, &path, what);
    } else if (ends - to).max(from - begins) > UNCOVERED_S {
        let what = format!(
            "the motion is shorter than the sound: {:.1} s of it are left out",
            (ends - to).max(0.0) + (from - begins).max(0.0)
        );
        checked.add(Weight::Warning, &path, what);
    }
}

fn check_level(checked: &mut Checked, path: &Path, mono: &Mono) {
    if mono.clipped > CLIPPED {
        let what = format!(
            "{:.2} % of the samples are cut off at full scale; lower the level and record again",
            100.0 * mono.clipped
        );
        checked.add(Weight::Warning, path, what);
    }
}

/// Reads a document whose take can be used; what is wrong otherwise, all at once.
pub fn usable(folder: &Path) -> Result<Document, String> {
    let checked = check(folder);
    let fatal: Vec<String> = checked
        .findings
        .iter()
        .filter(|found| found.weight == Weight::Fatal)
        .map(Finding::to_string)
        .collect();
    match checked.document {
        Some(document) if fatal.is_empty() => Ok(document),
        _ => Err(fatal.join("\n")),
    }
}
