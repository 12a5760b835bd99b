//! The `imu2music` command: the instrument without a host, what sensors say, sensors that are not there, takes and
//! lessons.

#[path = "imu2music/check.rs"]
mod check;
#[path = "imu2music/learn.rs"]
mod learn;
#[cfg(feature = "train")]
#[path = "imu2music/microphone.rs"]
mod microphone;
#[path = "imu2music/monitor.rs"]
mod monitor;
#[path = "imu2music/play.rs"]
mod play;
#[cfg(feature = "train")]
#[path = "imu2music/record.rs"]
mod record;
#[cfg(feature = "train")]
#[path = "imu2music/render.rs"]
mod render;
#[path = "imu2music/send.rs"]
mod send;
#[cfg(feature = "train")]
#[path = "imu2music/takes.rs"]
mod takes;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Wearable motion sensors play neural instruments.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Play the instrument on the sound card, with its editor (the default)
    Play(play::Options),
    /// Show which sensors arrive, how well, and what they say
    Monitor(monitor::Options),
    /// Learn a sensor that is not known yet by moving it, and write its profile
    Learn(learn::Options),
    /// Send what a virtual performer's two forearm sensors would
    Perform(send::PerformOptions),
    /// Send a captured take with its own timing
    Replay(send::ReplayOptions),
    /// Say how a model file would run, and why not where it would not
    CheckModel(check::Options),
    /// Record a take: motion as it arrives, and sound
    #[cfg(feature = "train")]
    Record(record::Options),
    /// Say what is wrong with a take, with the line and the cure
    #[cfg(feature = "train")]
    CheckTake(takes::CheckOptions),
    /// Make a take from motion and sound recorded elsewhere, or add the sound to one
    #[cfg(feature = "train")]
    Import(takes::ImportOptions),
    /// Play a take by two models into a WAV file
    #[cfg(feature = "train")]
    Render(render::Options),
    /// Compare networks on the same takes: one page of numbers, curves and sound
    #[cfg(feature = "train")]
    Explore(imu2music::train::explore::Args),
    /// Make motion that nobody made: takes from recorded music, sensors from motion capture or video
    #[cfg(feature = "train")]
    #[command(subcommand)]
    Virtual(imu2music::train::Virtual),
    /// Teach a model
    #[cfg(feature = "train")]
    #[command(subcommand)]
    Train(imu2music::train::Lesson),
}

fn main() -> ExitCode {
    let task = Command::parse()
        .task
        .unwrap_or_else(|| Task::Play(play::Options::default()));
    let outcome = match task {
        Task::Play(options) => play::run(&options),
        Task::Monitor(options) => monitor::run(&options),
        Task::Learn(options) => learn::run(&options),
        Task::Perform(options) => send::perform(&options),
        Task::Replay(options) => send::replay(&options),
        Task::CheckModel(options) => check::run(&options),
        #[cfg(feature = "train")]
        Task::Record(options) => record::run(&options),
        #[cfg(feature = "train")]
        Task::CheckTake(options) => takes::check(&options),
        #[cfg(feature = "train")]
        Task::Import(options) => takes::import(&options),
        #[cfg(feature = "train")]
        Task::Render(options) => render::run(&options),
        #[cfg(feature = "train")]
        Task::Explore(options) => imu2music::train::compare(&options),
        #[cfg(feature = "train")]
        Task::Virtual(wanted) => imu2music::train::imagine(&wanted),
        #[cfg(feature = "train")]
        Task::Train(lesson) => imu2music::train::run(&lesson),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("imu2music: {error}");
            ExitCode::FAILURE
        }
    }
}
