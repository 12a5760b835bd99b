//! A spectral envelope: how strong a frame is in bands that the ear tells apart, partials and noise together. Partials
//! are read as a line through their tops, so the envelope stays while the pitch moves under it.

use std::sync::LazyLock;

use crate::controls::Controls;
use crate::train::analysis::partials::{BANDS, Parts, band_edges_hz, between_partials, stretch};
use crate::units::note_to_hz;

pub const ENVELOPE_BANDS: usize = 24;
/// Centres of the lowest and the highest band.
const LOWEST_HZ: f32 = 150.0;
const HIGHEST_HZ: f32 = 12_000.0;
/// Nothing is looked at further than this under the strongest band, in nepers: 52 dB.
const DEPTH_NEPERS: f32 = 6.0;

/// Log amplitude of each band, in nepers about the mean of all.
pub type Envelope = [f32; ENVELOPE_BANDS];

/// Bands are as wide as the ear's (Glasberg and Moore 1990): even steps of 21.4 log10(1 + f / 229).
fn place(hz: f32) -> f32 {
    (1.0 + hz / 229.0).ln()
}

fn hz_at(place: f32) -> f32 {
    229.0 * (place.exp() - 1.0)
}

fn hz_of(band: f32) -> f32 {
    let (low, high) = (place(LOWEST_HZ), place(HIGHEST_HZ));
    hz_at(low + (high - low) * band / (ENVELOPE_BANDS - 1) as f32)
}

/// The middle of a band.
pub fn centre_hz(band: usize) -> f32 {
    hz_of(band as f32)
}

/// What all frames share.
struct Bands {
    centres_hz: [f32; ENVELOPE_BANDS],
    widths_hz: [f32; ENVELOPE_BANDS],
    /// The noise bands that lie in each, and what part of them does.
    noise: [Vec<(usize, f32)>; ENVELOPE_BANDS],
}

static SHARED: LazyLock<Bands> = LazyLock::new(|| {
    let edges = band_edges_hz();
    let span = |band: usize| (hz_of(band as f32 - 0.5), hz_of(band as f32 + 0.5));
    let inside = |band: usize| {
        let (low, high) = span(band);
        let part = |i: usize| {
            let common = edges[i + 1].min(high) - edges[i].max(low);
            (i, common.max(0.0) / (edges[i + 1] - edges[i]))
        };
        (0..BANDS)
            .map(part)
            .filter(|(_, part)| *part > 0.0)
            .collect()
    };
    Bands {
        centres_hz: std::array::from_fn(centre_hz),
        widths_hz: std::array::from_fn(|band| span(band).1 - span(band).0),
        noise: std::array::from_fn(inside),
    }
});

/// Of the parts of a frame at the pitch of `controls`; `inharmonicity` is its B.
pub fn envelope(parts: &Parts, controls: &Controls, inharmonicity: f32) -> Envelope {
    let f0_hz = note_to_hz(controls.pitch_note);
    let mut levels = [0.0; ENVELOPE_BANDS];
    for (band, level) in levels.iter_mut().enumerate() {
        let k = SHARED.centres_hz[band] / f0_hz;
        let amplitude = between_partials(&parts.harmonics, k / stretch(k as usize, inharmonicity));
        let tones = 0.5 * amplitude * amplitude * SHARED.widths_hz[band] / f0_hz;
        let noise = SHARED.noise[band].iter();
        let noise: f32 = noise
            .map(|(i, part)| part * parts.noise_rms[*i].powi(2))
            .sum();
        *level = 0.5 * (tones + noise).max(1e-20).ln();
    }
    let strongest = levels.iter().fold(f32::MIN, |most, level| most.max(*level));
    let levels = levels.map(|level| level.max(strongest - DEPTH_NEPERS));
    let mean = levels.iter().sum::<f32>() / ENVELOPE_BANDS as f32;
    levels.map(|level| level - mean)
}
