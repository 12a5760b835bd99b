//! The `imu2music` command: what sensors say, and sensors that are not there.

#[path = "imu2music/monitor.rs"]
mod monitor;
#[path = "imu2music/send.rs"]
mod send;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Wearable motion sensors over OSC: look at them, or play them without hardware.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show which sensors arrive, how well, and what they say
    Monitor(monitor::Options),
    /// Send what a virtual performer's two forearm sensors would
    Perform(send::PerformOptions),
    /// Send a captured take with its own timing
    Replay(send::ReplayOptions),
    /// Teach a model
    #[cfg(feature = "train")]
    #[command(subcommand)]
    Train(imu2music::train::Lesson),
}

fn main() -> ExitCode {
    let outcome = match Command::parse().task {
        Task::Monitor(options) => monitor::run(&options),
        Task::Perform(options) => send::perform(&options),
        Task::Replay(options) => send::replay(&options),
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
