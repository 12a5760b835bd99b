//! Sound frames to samples, on the audio thread: no allocation after `new`, no lock, no panic path.
//!
//! ```text
//! SoundFrame ─► harmonic ─┐
//!            └► noise ────┴► synth, one a voice ─► choir ─► fade ─► limiter ─► DAW
//! ```
//!
//! Every part gives the same samples however the host splits its blocks.

pub mod choir;
pub mod chord_frame;
pub mod fade;
pub mod frame;
pub mod harmonic;
pub mod limiter;
pub mod noise;
pub mod synth;

/// Above this nothing is synthesised, whatever the host's rate: what is heard does not depend on it.
const TOP_HZ: f32 = 20_000.0;
/// The same bound as a share of low sample rates: 20 kHz at 44.1 kHz.
const TOP_SHARE: f32 = 0.4535;

/// The highest frequency synthesised at a sample rate.
pub fn top_hz(sample_rate_hz: f32) -> f32 {
    TOP_HZ.min(TOP_SHARE * sample_rate_hz)
}
