//! A few seconds of Controls as sound inside a page: sung by a shipped model, 24 kHz, 16 bit, in base 64.

use super::picture::Trace;
use crate::controls::Controls;
use crate::neural::shipped::SOUNDS;
use crate::neural::sound_model::SoundModel;
use crate::train::gesture::TrainError;
use crate::train::render::{SAMPLE_RATE_HZ, sing};

pub fn sung(trace: &Trace, rate_hz: u32) -> Result<String, TrainError> {
    let sound = SoundModel::load(SOUNDS[1]).map_err(|e| TrainError::Engine(e.to_string()))?;
    let controls: Vec<Controls> = trace
        .notes
        .iter()
        .zip(&trace.loudness_db)
        .map(|(note, loudness)| Controls {
            pitch_note: *note,
            loudness_db: *loudness,
            ..Controls::SILENT
        })
        .collect();
    let samples = sing(&sound, &controls, rate_hz);
    Ok(base64(&wav(&samples)))
}

/// Every second sample, after a two-point mean.
fn wav(samples: &[f32]) -> Vec<u8> {
    let rate = SAMPLE_RATE_HZ / 2;
    let data: Vec<u8> = samples
        .chunks_exact(2)
        .map(|pair| (0.5 * (pair[0] + pair[1])).clamp(-1.0, 1.0))
        .flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes())
        .collect();
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend([1u8, 0, 1, 0]);
    bytes.extend(rate.to_le_bytes());
    bytes.extend((2 * rate).to_le_bytes());
    bytes.extend([2u8, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for chunk in bytes.chunks(3) {
        let part = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let word = part(0) << 16 | part(1) << 8 | part(2);
        for digit in 0..4 {
            let is_there = digit <= chunk.len();
            let place = (word >> (18 - 6 * digit) & 63) as usize;
            text.push(if is_there {
                char::from(DIGITS[place])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
