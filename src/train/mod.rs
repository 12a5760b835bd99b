//! Feature `train`: from recordings (or the virtual performer) to a model that plays. Runs in the `imu2music` command,
//! never in the plugin. The features are computed by the code that plays, the result is written as ONNX under the
//! contract and checked against the network that was trained.

pub mod analysis;
pub mod course;
pub mod device;
mod digest;
pub mod events;
pub mod explore;
pub mod gesture;
pub mod ghost;
pub mod pose;
pub mod progress;
pub mod recurrent;
pub mod render;
pub mod sound;
pub mod takes;

use progress::Progress;
use std::error::Error;

/// What `imu2music train` can teach.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Subcommand))]
pub enum Lesson {
    /// A gesture model: motion → Controls
    Gesture(gesture::Args),
    /// A gesture model of a strumming hand, from labelled recordings of strumming
    Strum(gesture::strum::Args),
    /// A sound model: Controls → sound
    Sound(sound::Args),
    /// A sound model's held-out phrases again: as recorded, as it plays them, and what was asked of it
    Listen(sound::listen::Args),
    /// Phrases for a synthesiser to play, as a MIDI file: recordings to train a sound model on
    Phrases(sound::phrases::Phrases),
}

/// The command `imu2music train …`.
pub fn run(lesson: &Lesson) -> Result<(), Box<dyn Error>> {
    if matches!(lesson, Lesson::Gesture(_) | Lesson::Sound(_)) {
        device::check()?;
    }
    match lesson {
        Lesson::Gesture(args) => gesture::run(args).map(|_| ()).map_err(Into::into),
        Lesson::Strum(args) => gesture::strum::run(args).map(|_| ()).map_err(Into::into),
        Lesson::Sound(args) => teach_sound(args),
        Lesson::Listen(args) => sound::listen::run(args).map_err(Into::into),
        Lesson::Phrases(wanted) => sound::phrases::run(wanted).map_err(Into::into),
    }
}

/// The command `imu2music explore`.
pub fn compare(wanted: &explore::Args) -> Result<(), Box<dyn Error>> {
    device::check()?;
    explore::run(wanted).map_err(Into::into)
}

/// Motion that nobody made.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Subcommand))]
pub enum Virtual {
    /// Takes from a recorded violin and its notes: the sound is real, the bowing is inferred and the motion synthetic
    Ghost(ghost::Args),
    /// What a sensor on a limb would read, from motion capture or the poses of a video
    Imu(pose::Args),
}

/// The command `imu2music virtual …`.
pub fn imagine(wanted: &Virtual) -> Result<(), Box<dyn Error>> {
    match wanted {
        Virtual::Ghost(args) => ghost::run(args).map_err(Into::into),
        Virtual::Imu(args) => pose::run(args).map_err(Into::into),
    }
}

fn teach_sound(args: &sound::Args) -> Result<(), Box<dyn Error>> {
    progress::stop_on_interrupt();
    let mut progress = Progress::new(false);
    let report = sound::run(args, &mut |done, text| {
        progress.report(done, text);
        !progress::stop_asked()
    })?;
    if report.stopped {
        println!("{}", sound::card::STOPPED);
    }
    println!(
        "{} and {}: {} steps on {:.0} s of sound",
        report.file.display(),
        report.card.display(),
        report.steps,
        report.seconds_of_audio
    );
    Ok(())
}
