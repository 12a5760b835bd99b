//! `check-model`: what a slot would make of a file.

use clap::Args;
use imu2music::neural::report;
use std::error::Error;
use std::path::PathBuf;

#[derive(Args)]
pub struct Options {
    /// An ONNX file under the model contract
    file: PathBuf,
}

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(&options.file)
        .map_err(|error| format!("{}: {error}", options.file.display()))?;
    let report = report::check(&bytes);
    println!("{report}");
    if report.is_refused() {
        return Err(format!("{} was refused", options.file.display()).into());
    }
    Ok(())
}
