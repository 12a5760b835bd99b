//! `imu2music virtual ghost`: takes from a recorded violin and its notes. The sound is real; how it may have been
//! bowed is inferred (`bowing`), and the virtual violinist's arms carry it out. Several bowings of one sound differ in
//! what the sound cannot say.

pub mod bowing;
pub mod score;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::controls::{Controls, SILENCE_DB};
use crate::sensor::performer::{OPEN, Performer, Style};
use crate::sensor::take::TakeError;
use crate::sensor::take::document::{AUDIO, Document};
use crate::sensor::take::folder::TakeFolder;
use crate::train::analysis::audio::{ANALYSIS_RATE_HZ, AudioError, read_wav};
use crate::train::analysis::{Analysis, analyse};
use crate::train::render::write_wav;
use crate::train::takes::perform::{self, SYNTHETIC, Wearing};
use crate::units::note_to_hz;
use bowing::{Ghost, Heard, RATE_HZ};
use score::ScoreError;

/// The loud end of the sound is put here, as the virtual violinist plays.
const LOUD_DB: f32 = -14.0;
const LOUD_SHARE: f32 = 0.95;
/// Pitches that are looked for: a violin's.
const NOTES: (f32, f32) = (OPEN[0] as f32 - 1.0, 103.0);

#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// The recording: WAV, or anything that an installed ffmpeg reads.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub audio: PathBuf,
    /// Its notes: a table with the columns onset, offset, pitch.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub notes: PathBuf,
    /// When they sound: a table with the columns start, end in seconds, a line for each note. Left out, it is the
    /// `x.align.csv` beside `x.notes.csv`; without one, onsets and offsets are seconds.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub align: Option<PathBuf>,
    /// The folder that the takes are written to.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    /// Motions for the one sound.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub bowings: u32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub seed: u64,
    /// Licence of the recording, with the attribution that it asks for.
    #[cfg_attr(feature = "standalone", arg(long, default_value = ""))]
    pub licence: String,
}

#[derive(Debug, thiserror::Error)]
pub enum GhostError {
    #[error(transparent)]
    Score(#[from] ScoreError),
    #[error(transparent)]
    Audio(#[from] AudioError),
    #[error(transparent)]
    Take(#[from] TakeError),
    #[error("the sound cannot be written: {0}")]
    Wav(#[from] hound::Error),
    #[error(
        "{notes}: the last note ends at {end_s:.1} s, but {audio} is only {seconds:.1} s long: they are not of the same recording"
    )]
    Longer {
        notes: PathBuf,
        audio: PathBuf,
        end_s: f64,
        seconds: f64,
    },
    #[error("{file}: {cause}. Install ffmpeg, or convert it: ffmpeg -i INPUT -ac 1 OUTPUT.wav")]
    Undecoded { file: PathBuf, cause: String },
    #[error("{file} cannot be made: {cause}. Choose a folder that can be written to")]
    Folder { file: PathBuf, cause: String },
}

/// Writes `NAME_1.take`, `NAME_2.take` and so on.
pub fn run(args: &Args) -> Result<(), GhostError> {
    let align = args
        .align
        .clone()
        .or_else(|| score::alignment_beside(&args.notes));
    let events = score::read(&args.notes, align.as_deref())?;
    let samples = sound(&args.audio)?;
    let seconds = samples.len() as f64 / f64::from(ANALYSIS_RATE_HZ);
    let end_s = events.iter().fold(0.0, |end, e| e.end_s.max(end));
    if end_s > seconds + 1.0 {
        return Err(GhostError::Longer {
            notes: args.notes.clone(),
            audio: args.audio.clone(),
            end_s,
            seconds,
        });
    }
    println!(
        "{} notes and chords in {seconds:.0} s; hearing how they were played",
        events.len()
    );
    let range_hz = (note_to_hz(NOTES.0), note_to_hz(NOTES.1));
    let analysis = analyse(&samples, RATE_HZ as u32, range_hz, |_| 0.0);
    std::fs::create_dir_all(&args.out).map_err(|e| GhostError::Folder {
        file: args.out.clone(),
        cause: e.to_string(),
    })?;
    let stem = args.audio.file_stem().unwrap_or_default().to_string_lossy();
    for bowing in 1..=args.bowings {
        let seed = args.seed.wrapping_mul(1000).wrapping_add(u64::from(bowing));
        let ghost = Ghost::compose(&events, heard(&analysis), seed);
        let strokes = ghost.strokes.len();
        let performer = Performer::playing(Style::Bow, seed, Box::new(ghost));
        let path = args.out.join(format!("{stem}_{bowing}.take"));
        let folder = TakeFolder::create(&path)?;
        write_wav(&folder.file(AUDIO), &samples)?;
        let wearing = Wearing::usual(&performer);
        let about = about(args, &stem, bowing);
        perform::write(folder, performer, wearing, seconds, about)?;
        println!("{}: {strokes} strokes", path.display());
    }
    Ok(())
}

fn about(args: &Args, stem: &str, bowing: u32) -> Document {
    Document {
        participant: "ghost player".into(),
        licence: args.licence.clone(),
        notes: format!(
            "{SYNTHETIC} motion (ghost player): bowing {bowing} inferred for the recording '{stem}', seed {}",
            args.seed
        ),
        ..Document::default()
    }
}

/// The analysis at the level of the virtual violinist.
fn heard(analysis: &Analysis) -> Heard {
    let mut levels: Vec<f32> = analysis.controls.iter().map(|c| c.loudness_db).collect();
    levels.sort_by(f32::total_cmp);
    let loud = levels.get((levels.len() as f32 * LOUD_SHARE) as usize);
    let gain_db = LOUD_DB - loud.copied().unwrap_or(LOUD_DB);
    let louder = |c: &Controls| Controls {
        loudness_db: (c.loudness_db + gain_db).clamp(SILENCE_DB, 0.0),
        ..*c
    };
    Heard {
        controls: analysis.controls.iter().map(louder).collect(),
        voicing: analysis.voicing.clone(),
    }
}

/// Mono at the analysis rate; what is not WAV is decoded by ffmpeg.
fn sound(path: &Path) -> Result<Vec<f32>, GhostError> {
    let is_wav = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("wav"));
    if is_wav || !path.exists() {
        return Ok(read_wav(path)?);
    }
    let undecoded = |cause: String| GhostError::Undecoded {
        file: path.into(),
        cause,
    };
    let decoded = std::env::temp_dir().join(format!("imu2music_ghost_{}.wav", std::process::id()));
    let outcome = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-i"])
        .arg(path)
        .args(["-ac", "1"])
        .arg(&decoded)
        .output()
        .map_err(|e| undecoded(format!("ffmpeg does not start ({e})")))?;
    if !outcome.status.success() {
        let said = String::from_utf8_lossy(&outcome.stderr);
        return Err(undecoded(
            said.lines().last().unwrap_or("not decoded").into(),
        ));
    }
    let samples = read_wav(&decoded);
    let _ = std::fs::remove_file(&decoded);
    Ok(samples?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::takes::check;

    /// Sixteen notes of a saw, and their table, in a folder of its own.
    fn material(name: &str) -> (PathBuf, Args) {
        let folder = std::env::temp_dir().join(format!("imu2music_{name}_{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut notes = String::from("onset,offset,pitch\n");
        let (mut phase, mut samples) = (0.0f32, Vec::new());
        for note in 0..16 {
            let (start_s, pitch) = (0.5 + 0.75 * note as f32, 67.0 + note as f32);
            notes += &format!("{start_s},{},{pitch}\n", start_s + 0.7);
            samples.resize((start_s * ANALYSIS_RATE_HZ) as usize, 0.0);
            for _ in 0..(0.7 * ANALYSIS_RATE_HZ) as usize {
                phase = (phase + note_to_hz(pitch) / ANALYSIS_RATE_HZ).fract();
                samples.push(0.3 * (phase - 0.5));
            }
        }
        samples.resize(samples.len() + 24_000, 0.0);
        write_wav(&folder.join("solo.wav"), &samples).unwrap();
        std::fs::write(folder.join("solo.notes.csv"), notes).unwrap();
        let args = Args {
            audio: folder.join("solo.wav"),
            notes: folder.join("solo.notes.csv"),
            align: None,
            out: folder.join("takes"),
            bowings: 2,
            seed: 3,
            licence: "CC0".into(),
        };
        (folder, args)
    }

    #[test]
    fn a_recording_and_its_notes_become_takes_that_say_what_they_are() {
        let (folder, args) = material("ghost");
        run(&args).unwrap();
        let frames = |bowing: u32| {
            let take = args.out.join(format!("solo_{bowing}.take"));
            let document = check::usable(&take).unwrap();
            assert!(
                document
                    .notes
                    .starts_with("synthetic motion (ghost player)")
            );
            assert_eq!(document.devices.len(), 2);
            std::fs::read_to_string(take.join("frames.csv")).unwrap()
        };
        assert_ne!(frames(1), frames(2));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn notes_of_another_recording_are_refused_and_nothing_is_written() {
        let (folder, args) = material("ghost_longer");
        std::fs::write(&args.notes, "onset,offset,pitch\n50,51,70\n").unwrap();
        let said = run(&args).unwrap_err().to_string();
        assert!(
            said.contains("solo.notes.csv") && said.contains("51.0"),
            "{said}"
        );
        assert!(!args.out.exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
