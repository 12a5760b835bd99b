//! A take played by two models, without a host: recorded motion through the features and kernels that play, the
//! gesture model's Controls gliding on the control grid, the sound model, the synth and the limiter.

use std::path::Path;

use super::gesture::recorded::Recording;
use super::sound::evaluate::{answer, play};
use crate::controls::Controls;
use crate::neural::gesture_model::GestureModel;
use crate::neural::sound_model::{SoundModel, standard_bands};
use crate::sound::limiter::Limiter;

/// Rate of rendered sound.
pub const SAMPLE_RATE_HZ: u32 = super::analysis::audio::ANALYSIS_RATE_HZ as u32;
const CEILING_DB: f32 = -0.3;

/// What a gesture model says of a recording, at its own frame rate. `temperature` 0 plays the likeliest pitch.
pub fn controls(
    gesture: &mut GestureModel,
    recording: &Recording,
    temperature: f32,
) -> Vec<Controls> {
    gesture.reset();
    let names = gesture.input_names().to_vec();
    let rows = recording.features(&names, gesture.frame_rate_hz());
    let steps = rows.chunks_exact(names.len().max(1)).enumerate();
    steps
        .map(|(frame, row)| {
            // Throws the same dice in every rendering.
            let dice = (frame as u32).wrapping_mul(2_654_435_761) ^ 0x9e37_79b9;
            gesture.step(row, temperature, dice).controls
        })
        .collect()
}

/// Controls at `rate_hz` as sound: mono, at [`SAMPLE_RATE_HZ`].
pub fn sing(sound: &SoundModel, controls: &[Controls], rate_hz: u32) -> Vec<f32> {
    let own_rate_hz = sound.frame_rate_hz();
    let Some(last) = controls.len().checked_sub(1) else {
        return Vec::new();
    };
    let count = controls.len() * own_rate_hz as usize / rate_hz as usize;
    let gliding = (0..count).map(|frame| {
        let at = frame as f32 * rate_hz as f32 / own_rate_hz as f32;
        let before = (at as usize).min(last);
        controls[before].toward(&controls[(before + 1).min(last)], at - before as f32)
    });
    let frames = answer(sound, gliding);
    let mut samples = play(frames.into_iter(), &standard_bands(), own_rate_hz);
    let mut same = samples.clone();
    Limiter::new(SAMPLE_RATE_HZ as f32, CEILING_DB).render(&mut samples, &mut same);
    samples
}

/// Writes 24-bit mono WAV, whole or not at all.
pub fn write_wav(path: &Path, samples: &[f32]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 24,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec)?;
    for sample in samples {
        writer.write_sample((sample.clamp(-1.0, 1.0) * 8_388_607.0) as i32)?;
    }
    writer.finalize()?;
    super::gesture::export::write(path, bytes.get_ref()).map_err(hound::Error::IoError)
}
