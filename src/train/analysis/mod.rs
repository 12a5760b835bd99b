//! What a recording says in the words of [`Controls`], frame by frame: the one analysis that all training shares.
//!
//! Loudness, brightness and noisiness are computed from the partials and the noise that the frame is made of, so
//! a frame played back with those parts has exactly those controls. Offline; uses as much memory as it needs.

pub mod audio;
pub mod onsets;
pub mod partials;
pub mod pitch;
pub mod timbre;

use crate::controls::{Controls, SILENCE_DB};
use crate::units::hz_to_note;
use audio::ANALYSIS_RATE_HZ;
use partials::{Parts, Splitter, TOP_HZ, stretch};
use pitch::Pitch;

/// Power under which a frame is held to have no pitch.
const PITCH_FLOOR: f32 = 1e-7;

/// A recording taken apart. Frame `n` is about the time `n / frame_rate_hz`.
pub struct Analysis {
    pub frame_rate_hz: u32,
    pub controls: Vec<Controls>,
    /// 0 to 1: how sure the pitch is; 0 where there is none (the pitch then runs on from its neighbours).
    pub voicing: Vec<f32>,
    pub parts: Vec<Parts>,
}

/// How loud the ear finds each frequency, as a gain of power: A-weighting (IEC 61672), 1 at 1 kHz.
pub fn a_weight_power(hz: f32) -> f32 {
    let f2 = hz * hz;
    let shape = (12_194.0f32.powi(2) * f2 * f2)
        / ((f2 + 20.6f32.powi(2))
            * ((f2 + 107.7f32.powi(2)) * (f2 + 737.9f32.powi(2))).sqrt()
            * (f2 + 12_194.0f32.powi(2)));
    (shape * 1.258_925).powi(2)
}

/// Loudness, brightness and noisiness of parts at a pitch.
pub fn describe(parts: &Parts, f0_hz: f32, inharmonicity: f32) -> Controls {
    describe_bands(
        &parts.harmonics,
        &parts.noise_rms,
        &partials::band_edges_hz(),
        f0_hz,
        inharmonicity,
    )
}

/// The same for noise in bands between any edges. Loudness is 20 log10 of the A-weighted RMS.
pub fn describe_bands(
    harmonics: &[f32],
    noise_rms: &[f32],
    edges: &[f32],
    f0_hz: f32,
    inharmonicity: f32,
) -> Controls {
    let tones = harmonics.iter().enumerate().map(|(i, a)| {
        (
            f0_hz * (i + 1) as f32 * stretch(i + 1, inharmonicity),
            0.5 * a * a,
        )
    });
    let bands = noise_rms
        .iter()
        .zip(edges.windows(2))
        .map(|(rms, edge)| (0.5 * (edge[0] + edge[1]), rms * rms));
    let noise: f32 = bands.clone().map(|(_, power)| power).sum();
    let (mut power, mut weighted, mut moment) = (0.0f32, 0.0f32, 0.0f32);
    for (hz, p) in tones.filter(|(hz, _)| *hz < TOP_HZ).chain(bands) {
        power += p;
        weighted += p * a_weight_power(hz);
        moment += p * hz;
    }
    let mut controls = Controls {
        pitch_note: hz_to_note(f0_hz),
        ..Controls::SILENT
    };
    if power > 0.0 {
        controls.loudness_db = (10.0 * weighted.max(1e-20).log10()).clamp(SILENCE_DB, 0.0);
        controls.brightness = ((moment / power / 125.0).max(1e-3).log2() / 7.0).clamp(0.0, 1.0);
        controls.noisiness = (noise / power).clamp(0.0, 1.0);
    }
    controls
}

/// Takes mono `samples` at [`ANALYSIS_RATE_HZ`] apart. `inharmonicity` says how a pitch in Hz stretches its partials
/// (0 for bowed and blown sounds); pitch is looked for within `range_hz`.
pub fn analyse(
    samples: &[f32],
    frame_rate_hz: u32,
    range_hz: (f32, f32),
    inharmonicity: impl Fn(f32) -> f32,
) -> Analysis {
    let hop = f64::from(ANALYSIS_RATE_HZ) / f64::from(frame_rate_hz);
    let frames = (samples.len() as f64 / hop) as usize;
    let path = pitch::track(samples, hop, frames, PITCH_FLOOR, range_hz);
    let f0_hz = run_on(&path);
    let mut splitter = Splitter::new();
    let mut analysis = Analysis {
        frame_rate_hz,
        controls: Vec::new(),
        voicing: Vec::new(),
        parts: Vec::new(),
    };
    for (frame, pitch) in path.iter().enumerate() {
        let voiced = pitch.hz > 0.0;
        let b = inharmonicity(f0_hz[frame]);
        let parts = splitter.split(samples, &f0_hz, frame, hop, voiced, b);
        analysis.controls.push(describe(&parts, f0_hz[frame], b));
        analysis.voicing.push(pitch.clarity);
        analysis.parts.push(parts);
    }
    analysis
}

/// Pitch everywhere: where there is none, the last one holds (before the first, the first).
fn run_on(path: &[Pitch]) -> Vec<f32> {
    let mut last = path
        .iter()
        .map(|p| p.hz)
        .find(|hz| *hz > 0.0)
        .unwrap_or(261.6);
    path.iter()
        .map(|p| {
            if p.hz > 0.0 {
                last = p.hz;
            }
            last
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weighting_matches_the_standard() {
        for (hz, db) in [
            (31.5, -39.4),
            (100.0, -19.1),
            (1000.0, 0.0),
            (2500.0, 1.3),
            (10_000.0, -2.5),
        ] {
            assert!(
                (10.0 * a_weight_power(hz).log10() - db).abs() < 0.15,
                "{hz}"
            );
        }
    }

    #[test]
    fn a_sine_has_its_controls() {
        let samples: Vec<f32> = (0..24_000)
            .map(|n| 0.5 * (std::f32::consts::TAU * 1000.0 * n as f32 / 48_000.0).sin())
            .collect();
        let analysis = analyse(&samples, 100, pitch::WIDEST_HZ, |_| 0.0);
        let controls = analysis.controls[25];
        assert!((controls.pitch_note - hz_to_note(1000.0)).abs() < 0.02);
        assert!((controls.loudness_db + 9.03).abs() < 0.2);
        assert!((controls.brightness - 3.0 / 7.0).abs() < 0.01);
        assert!(controls.noisiness < 0.001);
    }
}
