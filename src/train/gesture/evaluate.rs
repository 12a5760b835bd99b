//! How well raw outputs say the truth, in numbers a musician can read; the same for networks and baselines.

use serde::{Deserialize, Serialize};

use super::heads::Heads;
use super::spread::Spreads;
use super::take::{FLOOR_DB, Truth};
use crate::controls::TIMBRE_COUNT;
use crate::neural::gesture_model::{ONSET_BEGINS, ONSET_ENDS};

/// Scores over the frames of some takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Mean negative log-likelihood of the true note on sounding frames, in nats; of the distribution that a point is
    /// the mean of, too.
    pub pitch_nll: f32,
    /// Median |error| of the pitch that is said on sounding frames, in semitones.
    pub pitch_error_median: f32,
    /// Share of sounding frames within half a semitone.
    pub pitch_right: f32,
    /// Pearson's r of loudness (silence at the floor) over all frames.
    pub loudness_r: f32,
    pub loudness_rmse_db: f32,
    /// Expected calibration error: how far the stated chance of the likeliest note lies from how often it is right, 0
    /// to 1 (Guo et al. 2017, ten bins), on sounding frames. A pitch between two notes belongs to both in part.
    pub pitch_ece: f32,
    /// Pearson's r of brightness and of noisiness on sounding frames.
    pub brightness_r: f32,
    pub noisiness_r: f32,
    /// Mean stated loudness while the truth is silent, and while it is louder than -30 dB.
    pub loudness_when_silent_db: f32,
    pub loudness_when_loud_db: f32,
    /// F1 of note onsets within 50 ms.
    pub onset_f1: f32,
    /// Pearson's r of each timbre latent that is said, on sounding frames.
    #[serde(default)]
    pub timbre_r: [Option<f32>; TIMBRE_COUNT],
    #[serde(default)]
    pub spreads: Spreads,
}

impl Scores {
    pub fn mean_timbre_r(&self) -> Option<f32> {
        let said = self.timbre_r.iter().flatten().count();
        let sum: f32 = self.timbre_r.iter().flatten().sum();
        (said > 0).then(|| sum / said as f32)
    }
}

/// The pitch that a row of raw outputs says: the most likely, or as a point the mean.
pub fn pitch_of(heads: &Heads, row: &[f32]) -> f32 {
    if !heads.distributions.pitch {
        return heads.pitch_line().value(heads.raw_pitch(row));
    }
    let count = heads.notes.count;
    let best = (0..count)
        .max_by(|a, b| row[*a].total_cmp(&row[*b]))
        .unwrap_or(0);
    heads.notes.note(best) + row[heads.fine() + best].clamp(-1.5, 1.5)
}

pub fn loudness_of(heads: &Heads, row: &[f32]) -> f32 {
    heads.value(0, row).clamp(FLOOR_DB, 0.0)
}

/// Negative log-likelihood of a note, in nats.
pub fn note_nll(heads: &Heads, row: &[f32], pitch_note: f32) -> f32 {
    let logits = &row[..heads.notes.count];
    let top = logits.iter().fold(f32::MIN, |top, logit| top.max(*logit));
    let log_sum = logits
        .iter()
        .map(|logit| (logit - top).exp())
        .sum::<f32>()
        .ln()
        + top;
    heads
        .notes
        .between(pitch_note)
        .iter()
        .map(|(index, part)| part * (log_sum - logits[*index]))
        .sum()
}

/// Sums behind Pearson's r.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pearson {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Pearson {
    pub fn add(&mut self, x: f32, y: f32) {
        let (x, y) = (f64::from(x), f64::from(y));
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// As if `other`'s pairs had been added too.
    pub fn join(&mut self, other: &Pearson) {
        self.n += other.n;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.yy += other.yy;
        self.xy += other.xy;
    }

    pub fn r(&self) -> f32 {
        let n = self.n.max(1.0);
        let vx = self.xx / n - (self.x / n).powi(2);
        let vy = self.yy / n - (self.y / n).powi(2);
        if vx < 1e-12 || vy < 1e-12 {
            return 0.0;
        }
        ((self.xy / n - self.x * self.y / n / n) / (vx * vy).sqrt()) as f32
    }
}

/// Scores `raw` (`[frames][outputs]` per take) against the takes' truth.
pub fn score(heads: &Heads, frame_rate_hz: f32, pairs: &[(&[f32], &[Truth])]) -> Scores {
    let mut errors = Vec::new();
    let (mut nll, mut square, mut frames) = (0.0f64, 0.0f64, 0.0f64);
    let (mut silent, mut loud) = ((0.0f64, 0.0f64), (0.0f64, 0.0f64));
    let mut trust = Trust::default();
    let mut alike = vec![Pearson::default(); heads.points()];
    let mut onsets = Matches::default();
    for (raw, truths) in pairs {
        let rows: Vec<&[f32]> = raw.chunks_exact(heads.width()).collect();
        for (row, truth) in rows.iter().zip(truths.iter()) {
            let said_db = loudness_of(heads, row);
            frames += 1.0;
            square += f64::from(said_db - truth.loudness_db()).powi(2);
            alike[0].add(said_db, truth.loudness_db());
            let part = if truth.loudness_db() <= FLOOR_DB {
                &mut silent
            } else {
                &mut loud
            };
            if truth.loudness_db() <= FLOOR_DB || truth.loudness_db() > -30.0 {
                part.0 += f64::from(said_db);
                part.1 += 1.0;
            }
            if truth.voiced() {
                errors.push((pitch_of(heads, row) - truth.controls.pitch_note).abs());
                nll += f64::from(note_nll(heads, row, truth.controls.pitch_note));
                for (which, alike) in alike.iter_mut().enumerate().skip(1) {
                    let wanted = truth.controls.get(heads.control(which));
                    alike.add(heads.value(which, row), wanted);
                }
                trust.add(heads, row, truth.controls.pitch_note);
            }
        }
        let logits = rows.iter().map(|row| row[heads.onset()]);
        onsets.add(frame_rate_hz, &begun(logits), truths);
    }
    errors.sort_by(f32::total_cmp);
    let sounding = errors.len().max(1) as f64;
    let mut timbre_r = [None; TIMBRE_COUNT];
    for (r, alike) in timbre_r.iter_mut().zip(&alike[3..]) {
        *r = Some(alike.r());
    }
    Scores {
        pitch_nll: (nll / sounding) as f32,
        pitch_error_median: errors.get(errors.len() / 2).copied().unwrap_or(0.0),
        pitch_right: errors.partition_point(|e| *e < 0.5) as f32 / sounding as f32,
        loudness_r: alike[0].r(),
        loudness_rmse_db: (square / frames.max(1.0)).sqrt() as f32,
        pitch_ece: trust.error(),
        brightness_r: alike[1].r(),
        noisiness_r: alike[2].r(),
        loudness_when_silent_db: (silent.0 / silent.1.max(1.0)) as f32,
        loudness_when_loud_db: (loud.0 / loud.1.max(1.0)) as f32,
        onset_f1: onsets.f1(),
        timbre_r,
        spreads: Spreads::of(heads, pairs),
    }
}

/// F1 of the onsets that raw outputs of whole takes would begin, their logits being `change`d.
pub fn onset_f1(
    heads: &Heads,
    rate_hz: f32,
    answers: &[(Vec<f32>, &[Truth])],
    change: impl Fn(f32) -> f32,
) -> f32 {
    let mut matches = Matches::default();
    for (raw, truths) in answers {
        let rows = raw.chunks_exact(heads.width());
        let logits = rows.map(|row| change(row[heads.onset()]));
        matches.add(rate_hz, &begun(logits), truths);
    }
    matches.f1()
}

/// Frames in which the engine would begin a note: another begins only after the chance has fallen far enough.
pub fn begun(logits: impl Iterator<Item = f32>) -> Vec<usize> {
    let logit = |chance: f32| (chance / (1.0 - chance)).ln();
    let (begins, ends) = (logit(ONSET_BEGINS), logit(ONSET_ENDS));
    let mut sounding = false;
    rises(logits.map(|logit| {
        sounding = logit > if sounding { ends } else { begins };
        sounding
    }))
}

/// Stated chances of the likeliest note beside how often it was right.
#[derive(Default)]
struct Trust {
    /// Frames, stated chances, right ones, by stated chance.
    bins: [[f64; 3]; 10],
}

impl Trust {
    fn add(&mut self, heads: &Heads, row: &[f32], pitch_note: f32) {
        let logits = &row[..heads.notes.count];
        let top = logits.iter().fold(f32::MIN, |top, logit| top.max(*logit));
        let best = logits.iter().position(|logit| *logit == top).unwrap_or(0);
        let chance = 1.0 / logits.iter().map(|logit| (logit - top).exp()).sum::<f32>();
        let between = heads.notes.between(pitch_note);
        let right = between.iter().filter(|(index, _)| *index == best);
        let right: f32 = right.map(|(_, part)| part).sum();
        let bin = &mut self.bins[((chance * 10.0) as usize).min(9)];
        bin[0] += 1.0;
        bin[1] += f64::from(chance);
        bin[2] += f64::from(right);
    }

    fn error(&self) -> f32 {
        let frames: f64 = self.bins.iter().map(|bin| bin[0]).sum();
        let off: f64 = self.bins.iter().map(|bin| (bin[1] - bin[2]).abs()).sum();
        (off / frames.max(1.0)) as f32
    }
}

/// Onsets said and true, matched one to one within 50 ms.
#[derive(Default)]
struct Matches {
    hit: f32,
    said: f32,
    real: f32,
}

impl Matches {
    fn add(&mut self, rate_hz: f32, said: &[usize], truths: &[Truth]) {
        let real = rises(truths.iter().map(|truth| truth.onset));
        let reach = 0.05 * rate_hz;
        let mut next = 0;
        for at in &real {
            while next < said.len() && (said[next] as f32) < *at as f32 - reach {
                next += 1;
            }
            if next < said.len() && said[next] as f32 <= *at as f32 + reach {
                self.hit += 1.0;
                next += 1;
            }
        }
        self.said += said.len() as f32;
        self.real += real.len() as f32;
    }

    fn f1(&self) -> f32 {
        2.0 * self.hit / (self.said + self.real).max(1.0)
    }
}

/// Frames where a condition becomes true.
fn rises(conditions: impl Iterator<Item = bool>) -> Vec<usize> {
    let mut before = false;
    let mut frames = Vec::new();
    for (frame, now) in conditions.enumerate() {
        if now && !before {
            frames.push(frame);
        }
        before = now;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_begins_again_only_after_the_chance_has_fallen() {
        let logits = [-2.0, 1.0, -0.5, 1.0, -2.0, 0.1, 0.2, -0.9, 3.0];
        assert_eq!(begun(logits.into_iter()), [1, 5, 8]);
    }
}
