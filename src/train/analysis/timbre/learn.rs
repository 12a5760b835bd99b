//! A timbre from recordings: least squares for the envelope that the four words lead to expect, then the principal
//! components of what they leave (Pearson 1901).

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::envelope::{ENVELOPE_BANDS, Envelope};
use super::words::says;
use super::{REACH, TERMS, Timbre, terms, words_of};
use crate::controls::{Controls, TIMBRE_COUNT};

/// Per frame: holds all terms but the constant near 0.
const PENALTY: f64 = 1e-3;
/// Frames suffice; more are thinned.
const MOST_FRAMES: usize = 40_000;
/// Rarer than this are not enough to say what is usual.
const LEAST_FRAMES: usize = 500;
/// A direction in which envelopes differ less (nepers over all bands) is no timbre but the analysis' own error.
const LEAST_DEVIATION: f64 = 0.15;

/// As many latents as these frames have, at most `count`; `None` where there are none or too few frames. Frames have
/// to sound, with a pitch.
pub fn learn<'a>(
    frames: impl Iterator<Item = (Envelope, &'a Controls)>,
    count: usize,
) -> Option<Timbre> {
    let frames: Vec<_> = frames.collect();
    if count == 0 || frames.len() < LEAST_FRAMES {
        return None;
    }
    let every = frames.len().div_ceil(MOST_FRAMES);
    let heard = frames.into_iter().step_by(every);
    let heard: Vec<(Envelope, [f32; 4])> = heard.map(|(e, c)| (e, words_of(c))).collect();
    let words = [0, 1, 2, 3].map(|word| mean_and_deviation(heard.iter().map(|(_, x)| x[word])));
    let rows: Vec<[f32; TERMS]> = heard
        .iter()
        .map(|(_, x)| standardised(*x, &words))
        .collect();
    let expected = expect(&rows, &heard)?;
    let rest = rest(&rows, &heard, &expected);
    let (axes, share) = components(&rest, count.min(TIMBRE_COUNT));
    if axes.is_empty() {
        return None;
    }
    let says = axes.iter().map(|axis| says(axis)).collect();
    let lines = expected.row_iter();
    Some(Timbre {
        words,
        expected: lines
            .map(|line| line.iter().map(|x| *x as f32).collect())
            .collect(),
        axes,
        share,
        says,
    })
}

fn mean_and_deviation(values: impl Iterator<Item = f32> + Clone) -> [f32; 2] {
    let count = values.clone().count().max(1) as f32;
    let mean = values.clone().sum::<f32>() / count;
    let variance = values.map(|x| (x - mean).powi(2)).sum::<f32>() / count;
    [mean, variance.sqrt().max(1e-3)]
}

fn standardised(mut x: [f32; 4], words: &[[f32; 2]; 4]) -> [f32; TERMS] {
    for (x, [mean, deviation]) in x.iter_mut().zip(words) {
        *x = ((*x - mean) / deviation).clamp(-REACH, REACH);
    }
    terms(x, words[0][0] + words[0][1] * x[0])
}

/// `[ENVELOPE_BANDS, TERMS]`.
fn expect(rows: &[[f32; TERMS]], heard: &[(Envelope, [f32; 4])]) -> Option<DMatrix<f64>> {
    let mut gram = DMatrix::<f64>::zeros(TERMS, TERMS);
    let mut side = DMatrix::<f64>::zeros(TERMS, ENVELOPE_BANDS);
    for (row, (envelope, _)) in rows.iter().zip(heard) {
        let row = DVector::from_iterator(TERMS, row.iter().map(|x| f64::from(*x)));
        let levels = envelope.iter().map(|x| f64::from(*x));
        gram.ger(1.0, &row, &row, 1.0);
        side.ger(
            1.0,
            &row,
            &DVector::from_iterator(ENVELOPE_BANDS, levels),
            1.0,
        );
    }
    for term in 1..TERMS {
        gram[(term, term)] += PENALTY * rows.len() as f64;
    }
    Some(gram.cholesky()?.solve(&side).transpose())
}

/// `[frames, ENVELOPE_BANDS]`: what is not expected.
fn rest(
    rows: &[[f32; TERMS]],
    heard: &[(Envelope, [f32; 4])],
    expected: &DMatrix<f64>,
) -> DMatrix<f64> {
    let terms = rows.iter().flatten().map(|x| f64::from(*x));
    let terms = DMatrix::from_row_iterator(rows.len(), TERMS, terms);
    let levels = heard.iter().flat_map(|(envelope, _)| envelope);
    let levels = levels.map(|x| f64::from(*x));
    DMatrix::from_row_iterator(rows.len(), ENVELOPE_BANDS, levels) - terms * expected.transpose()
}

/// Axes that give deviations of 1, the largest first, and what part of the whole each was.
fn components(rest: &DMatrix<f64>, count: usize) -> (Vec<Vec<f32>>, Vec<f32>) {
    let covariance = rest.tr_mul(rest) / rest.nrows().max(1) as f64;
    let whole = covariance.trace().max(1e-12);
    let found = SymmetricEigen::new(covariance);
    let mut order: Vec<usize> = (0..ENVELOPE_BANDS).collect();
    order.sort_by(|a, b| found.eigenvalues[*b].total_cmp(&found.eigenvalues[*a]));
    let held = order.into_iter().take(count);
    let held = held.filter(|i| found.eigenvalues[*i] > LEAST_DEVIATION * LEAST_DEVIATION);
    held.map(|i| {
        let variance = found.eigenvalues[i];
        let axis = found.eigenvectors.column(i);
        let peak = axis
            .iter()
            .fold(0.0, |m: f64, x| if x.abs() > m.abs() { *x } else { m });
        // Which way is up is chance: let it be where the strongest band grows.
        let gain = peak.signum() / variance.sqrt();
        let axis: Vec<f32> = axis.iter().map(|x| (x * gain) as f32).collect();
        (axis, (variance / whole) as f32)
    })
    .unzip()
}
