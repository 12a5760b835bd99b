//! The last step of the graph: shapes become amplitudes of exactly the loudness and noisiness that were asked for.

use super::{clip, unary};
use crate::controls::SILENCE_DB;
use crate::neural::graph::{GraphBuilder, Tensor};
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::partials::BANDS;
use crate::train::sound::corpus::Stiffness;
use crate::train::sound::network::{FADE_FROM_HZ, FADE_TO_HZ, TINY, band_weights};

/// Loudness rises from nothing over about this much above silence, from a hair above it: rounding must not sound.
const GATE_DB: f32 = 3.0;
const HAIR_DB: f32 = 0.05;
/// The exact levels hold between these notes; the ear hardly weighs a fundamental below.
const LEVEL_NOTES: (f32, f32) = (24.0, 115.0);

/// [`crate::train::sound::network::level`] and [`Frame::new`]: linear amplitudes of partials and bands, and B.
pub(super) fn level(
    g: &mut GraphBuilder,
    words: &[Tensor],
    shapes: &Tensor,
    stiffness: Stiffness,
) -> (Tensor, Tensor, Tensor) {
    let (khz, stretching) = partial_khz(g, &words[0], stiffness);
    let inside = g.affine(
        &khz,
        -1e3 / (FADE_TO_HZ - FADE_FROM_HZ),
        FADE_TO_HZ / (FADE_TO_HZ - FADE_FROM_HZ),
    );
    let inside = clip(g, &inside, (0.0, 1.0));
    let shapes = unary(g, "Exp", shapes);
    let harmonic = g.slice(&shapes, 1, 0, MAX_PARTIALS);
    let harmonic = g.mul(&harmonic, &inside);
    let noise = g.slice(&shapes, 1, MAX_PARTIALS, MAX_PARTIALS + BANDS);
    let square = |g: &mut GraphBuilder, x: &Tensor| g.mul(x, x);
    let (power_h, power_n) = (square(g, &harmonic), square(g, &noise));
    let power_h = g.affine(&power_h, 0.5, 0.0);
    let noisiness = clip(g, &words[3], (0.0, 1.0));
    let tonality = g.affine(&noisiness, -1.0, 1.0);
    let share = |g: &mut GraphBuilder, wanted: &Tensor, power: &Tensor| {
        let sum = g.sum(power);
        let sum = g.affine(&sum, 1.0, TINY);
        g.div(wanted, &sum)
    };
    let (share_h, share_n) = (
        share(g, &tonality, &power_h),
        share(g, &noisiness, &power_n),
    );
    let weight = a_weighting(g, &khz);
    let bands = g.constant(&[1, BANDS], &band_weights());
    let heard = |g: &mut GraphBuilder, power: &Tensor, weight: &Tensor, share: &Tensor| {
        let weighted = g.mul(power, weight);
        let sum = g.sum(&weighted);
        g.mul(&sum, share)
    };
    let heard_h = heard(g, &power_h, &weight, &share_h);
    let heard_n = heard(g, &power_n, &bands, &share_n);
    let both = g.add(&heard_h, &heard_n);
    let both = g.affine(&both, 1.0, TINY);
    let gain = commanded_power(g, &words[1]);
    let gain = g.div(&gain, &both);
    let apply = |g: &mut GraphBuilder, amplitude: &Tensor, share: &Tensor| {
        let power_gain = g.mul(&gain, share);
        let gain = unary(g, "Sqrt", &power_gain);
        g.mul(amplitude, &gain)
    };
    let (harmonics, noise) = (apply(g, &harmonic, &share_h), apply(g, &noise, &share_n));
    (harmonics, noise, stretching)
}

/// The A-weighted power that loudness asks for: exactly 0 at silence.
fn commanded_power(g: &mut GraphBuilder, loudness: &Tensor) -> Tensor {
    let loudness = clip(g, loudness, (SILENCE_DB, 0.0));
    let power = g.affine(&loudness, std::f32::consts::LN_10 / 10.0, 0.0);
    let power = unary(g, "Exp", &power);
    let gate = g.affine(&loudness, 1.0 / GATE_DB, -(SILENCE_DB + HAIR_DB) / GATE_DB);
    let gate = g.relu(&gate);
    let gate = g.tanh(&gate);
    g.mul(&power, &gate)
}

/// Frequencies of the partials in kHz, and B.
fn partial_khz(g: &mut GraphBuilder, pitch: &Tensor, stiffness: Stiffness) -> (Tensor, Tensor) {
    let pitch = clip(g, pitch, LEVEL_NOTES);
    let octave = std::f32::consts::LN_2 / 12.0;
    let f0 = g.affine(&pitch, octave, 0.44f32.ln() - 69.0 * octave);
    let f0 = unary(g, "Exp", &f0);
    let numbers: [f32; MAX_PARTIALS] = std::array::from_fn(|i| (i + 1) as f32);
    let multiples = g.constant(&[1, MAX_PARTIALS], &numbers);
    let harmonic = g.mul(&f0, &multiples);
    if stiffness.is_none() {
        return (harmonic, f0);
    }
    let b = g.affine(
        &pitch,
        stiffness.slope,
        stiffness.level - 60.0 * stiffness.slope,
    );
    let b = unary(g, "Exp", &b);
    let squares = g.constant(&[1, MAX_PARTIALS], &numbers.map(|k| k * k));
    let stretch = g.mul(&b, &squares);
    let stretch = g.affine(&stretch, 1.0, 1.0);
    let stretch = unary(g, "Sqrt", &stretch);
    (g.mul(&harmonic, &stretch), b)
}

/// `a_weight_power` of frequencies in kHz.
fn a_weighting(g: &mut GraphBuilder, khz: &Tensor) -> Tensor {
    let u = g.mul(khz, khz);
    let plus = |g: &mut GraphBuilder, corner_khz: f32| g.affine(&u, 1.0, corner_khz * corner_khz);
    let (a, b, c, d) = (
        plus(g, 0.0206),
        plus(g, 0.1077),
        plus(g, 0.7379),
        plus(g, 12.194),
    );
    // Quotients first: every factor stays near 1.
    let first = g.div(&u, &a);
    let last = g.div(&u, &d);
    let outer = g.mul(&first, &last);
    let outer = g.mul(&outer, &outer);
    let inner = g.mul(&b, &c);
    let weight = g.div(&outer, &inner);
    g.affine(&weight, 12.194f32.powi(4) * 1.258_925f32.powi(2), 0.0)
}
