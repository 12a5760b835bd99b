//! Newtypes and conversions for the few quantities that could be swapped by mistake.
//! Everything else is a plain `f32` whose name ends in its unit.

use std::ops::{Add, Sub};
use std::sync::OnceLock;
use std::time::Instant;

/// Standard gravity in m/s² (CGPM 1901).
pub const STANDARD_GRAVITY_M_PER_S2: f32 = 9.806_65;

/// Seconds on this process's monotonic clock, counted from its first use.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct HostTime(pub f64);

impl HostTime {
    /// Reads the monotonic clock. On Linux, macOS and Windows this is a user-space read, not a system call.
    pub fn now() -> Self {
        static EPOCH: OnceLock<Instant> = OnceLock::new();
        HostTime(EPOCH.get_or_init(Instant::now).elapsed().as_secs_f64())
    }

    pub fn seconds_since(self, earlier: HostTime) -> f64 {
        self.0 - earlier.0
    }
}

impl Add<f64> for HostTime {
    type Output = HostTime;
    fn add(self, seconds: f64) -> HostTime {
        HostTime(self.0 + seconds)
    }
}

impl Sub<f64> for HostTime {
    type Output = HostTime;
    fn sub(self, seconds: f64) -> HostTime {
        HostTime(self.0 - seconds)
    }
}

/// Seconds on a sensor's own clock, with an unknown offset and drift to [`HostTime`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct DeviceTime(pub f64);

/// MIDI note number (fractional, 69 = A4 = 440 Hz) to Hz.
pub fn note_to_hz(note: f32) -> f32 {
    440.0 * ((note - 69.0) / 12.0).exp2()
}

/// Hz to MIDI note number.
pub fn hz_to_note(hz: f32) -> f32 {
    69.0 + 12.0 * (hz / 440.0).log2()
}

/// Places from 0 to 1, of which any few in a row lie well apart (van der Corput's sequence).
pub fn spread_out(n: u32) -> f64 {
    f64::from(n.reverse_bits()) / (f64::from(u32::MAX) + 1.0)
}

/// Decibels to linear amplitude.
pub fn db_to_gain(db: f32) -> f32 {
    (db * (std::f32::consts::LN_10 / 20.0)).exp()
}

/// Linear amplitude to decibels; silence gives -200 dB.
pub fn gain_to_db(gain: f32) -> f32 {
    20.0 * gain.max(1e-10).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_hz_are_inverse() {
        assert_eq!(note_to_hz(69.0), 440.0);
        assert!((hz_to_note(note_to_hz(53.25)) - 53.25).abs() < 1e-4);
    }

    #[test]
    fn decibels_and_gain_are_inverse() {
        assert!((gain_to_db(db_to_gain(-23.0)) + 23.0).abs() < 1e-3);
        assert_eq!(gain_to_db(0.0), -200.0);
    }
}
