//! The project's own commands: `cargo xtask demo`, `test`, `setup`, `bundle`, `install`, `bench`.
//!
//! Compiles with no system package, because it is what installs them.

mod bench;
mod bundle;
mod checks;
#[allow(dead_code)] // `tests/hosts.rs` uses the rest of it
mod clap_host;
mod demo;
mod node;
mod python;
mod setup;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    about = "Sets up, tries out, tests and installs IMU2Music"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the system packages and Python hosts that building and testing need
    Setup {
        /// Also what `test --long` needs (Ardour, OSC clients)
        #[arg(long)]
        long: bool,
    },
    /// Play the built plugin from a virtual performer; leaves target/demo/demo.wav and demo.png
    Demo {
        /// Seconds to play
        #[arg(long, default_value_t = 30.0)]
        seconds: f64,
        /// Play a recorded sensor capture instead, with its own timing
        #[arg(long, value_name = "FILE")]
        replay: Option<PathBuf>,
        /// Open the standalone on the sound card, with its editor, instead of rendering
        #[arg(long)]
        live: bool,
    },
    /// Check format and lints, run every deterministic test, play the bundle in real hosts
    Test {
        /// Also what is slow or depends on a quiet machine: Ardour, soak, large fuzz runs; compiles the fuzz targets
        #[arg(long)]
        long: bool,
    },
    /// Build the optimised .clap, .vst3 and standalone into target/bundled
    Bundle,
    /// Bundle, then copy to the user's plugin folders, and the command where the plugin finds it
    Install,
    /// Run the benchmark programs
    Bench,
}

fn main() -> Result<()> {
    let mut arguments = Arguments::parse();
    if let Command::Demo {
        replay: Some(file), ..
    } = &mut arguments.command
    {
        // Before the repository becomes the current directory.
        *file = std::path::absolute(&*file)?;
    }
    let workspace = workspace::Workspace::open()?;
    match arguments.command {
        Command::Setup { long } => setup::everything(&workspace, long),
        Command::Demo {
            live: true, replay, ..
        } => demo::live(&workspace, replay.as_deref()),
        Command::Demo {
            seconds, replay, ..
        } => demo::render(&workspace, seconds, replay.as_deref()),
        Command::Test { long } => checks::run_all(&workspace, long),
        Command::Bundle => bundle::bundle(&workspace, "bundle").map(|_| ()),
        Command::Install => bundle::install(&workspace),
        Command::Bench => bench::run_all(&workspace),
    }
}
