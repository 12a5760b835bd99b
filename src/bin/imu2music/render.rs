//! `render`: a take played by a gesture model and a sound model, as a WAV file.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use imu2music::neural::ModelError;
use imu2music::neural::gesture_model::GestureModel;
use imu2music::neural::sound_model::SoundModel;
use imu2music::train::gesture::recorded::Recording;
use imu2music::train::render::{SAMPLE_RATE_HZ, controls, sing, write_wav};

#[derive(Args)]
pub struct Options {
    /// A take (folder)
    #[arg(long)]
    take: PathBuf,
    /// A gesture model (ONNX)
    #[arg(long)]
    gesture: PathBuf,
    /// A sound model (ONNX)
    #[arg(long)]
    sound: PathBuf,
    /// The WAV file to write
    #[arg(long)]
    out: PathBuf,
    /// 0 plays the likeliest pitch; 1 draws as the model says
    #[arg(long, default_value_t = 0.0)]
    temperature: f32,
}

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let recording = Recording::read_motion(&options.take)?;
    let mut gesture = load(&options.gesture, GestureModel::load)?;
    let sound = load(&options.sound, SoundModel::load)?;
    let said = controls(&mut gesture, &recording, options.temperature);
    let samples = sing(&sound, &said, gesture.frame_rate_hz());
    write_wav(&options.out, &samples)?;
    let seconds = samples.len() as f64 / f64::from(SAMPLE_RATE_HZ);
    println!(
        "{}: {seconds:.1} s from the beginning of the motion",
        options.out.display()
    );
    Ok(())
}

fn load<T>(
    path: &Path,
    read: impl Fn(&[u8]) -> Result<T, ModelError>,
) -> Result<T, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    read(&bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}
