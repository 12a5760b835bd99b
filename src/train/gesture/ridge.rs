//! Straight lines from a frame's features to every raw output: ridge regression for pitch and tone, logistic
//! regression for the onset. What a network must beat, and what it stands beside when there is little to learn from:
//! then it learns what the line leaves over.

use super::by_hand::slope;
use super::edge::{Edge, onset_edge};
use super::evaluate::note_nll;
use super::fit::Fed;
use super::heads::Heads;
use super::loss::ONSET_WEIGHT;
use super::spread;
use super::take::Truth;

/// Raw outputs `x · weight + bias`; `weight [inputs][outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Straight {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// Per frame, on standardised features.
const PENALTIES: [f64; 4] = [1e-3, 1e-2, 3e-2, 1e-1];
const LOGISTIC_STEPS: usize = 8;
/// Widths that are tried: 0.5 to 78 times the variance in training.
const SPREADS: i32 = 16;

impl Straight {
    /// With the penalty and the spread that do best on the held-out takes.
    pub fn fit(heads: &Heads, train: &[Fed], held_out: &[Fed]) -> Straight {
        let truths: Vec<Truth> = held_out.iter().flat_map(Fed::truth).copied().collect();
        let loss = |line: &Straight| {
            let raw: Vec<f32> = held_out.iter().flat_map(|fed| line.run(fed)).collect();
            slope(heads, &raw, &truths).0
        };
        let lines = PENALTIES.map(|penalty| Straight::with_penalty(heads, train, penalty));
        let [first, others @ ..] = lines;
        let mut best = (loss(&first), first);
        for line in others {
            let own = loss(&line);
            if own < best.0 {
                best = (own, line);
            }
        }
        let raw: Vec<f32> = held_out.iter().flat_map(|fed| best.1.run(fed)).collect();
        let wider = spread(heads, &raw, &truths);
        let mut line = best.1.with_spread(heads, wider);
        // The same whatever moves.
        for (at, log) in spread::constants(heads, raw.chunks_exact(heads.width()).zip(&truths)) {
            line.bias[at] = log;
        }
        line
    }

    pub fn with_penalty(heads: &Heads, train: &[Fed], penalty: f64) -> Straight {
        let inputs = train.first().map_or(0, Fed::width);
        let mut line = Straight {
            weight: vec![0.0; inputs * heads.width()],
            bias: vec![0.0; heads.width()],
        };
        line.pitch(heads, train, penalty);
        for which in 0..heads.points() {
            let solved = Normal::of(train, penalty, |_, truth| {
                let counts = heads.counts(which, truth);
                counts.then(|| (1.0, f64::from(heads.raw_point(which, truth))))
            });
            line.set(heads.point(which), &solved.solve(), 1.0, 0.0);
        }
        line.set(heads.onset(), &logistic(train, penalty), 1.0, 0.0);
        line
    }

    /// A normal distribution around the regressed note: its logarithm is linear in the features but for what all
    /// notes share, which a softmax takes away.
    fn pitch(&mut self, heads: &Heads, train: &[Fed], penalty: f64) {
        let middle = f64::from(heads.notes.note(heads.notes.count / 2));
        let away = |truth: &Truth| f64::from(truth.controls.pitch_note) - middle;
        let solved = Normal::of(train, penalty, |_, truth| {
            truth.voiced().then(|| (1.0, away(truth)))
        })
        .solve();
        let (mut square, mut count) = (0.0, 0.0f64);
        for (row, truth) in all(train).filter(|(_, truth)| truth.voiced()) {
            square += (dot(&solved, row) - away(truth)).powi(2);
            count += 1.0;
        }
        let variance = (square / count.max(1.0)).max(0.01);
        for index in 0..heads.notes.count {
            let note = f64::from(heads.notes.note(index)) - middle;
            let gain = note / variance;
            self.set(index, &solved, gain, -0.5 * note * note / variance);
            self.set(heads.fine() + index, &solved, 1.0, -note);
        }
    }

    /// Output `which` is `gain` times the line, and `more`.
    fn set(&mut self, which: usize, line: &[f64], gain: f64, more: f64) {
        let outputs = self.bias.len();
        let (constant, slopes) = line.split_last().unwrap_or((&0.0, &[]));
        for (input, slope) in slopes.iter().enumerate() {
            self.weight[input * outputs + which] = (slope * gain) as f32;
        }
        self.bias[which] = (constant * gain + more) as f32;
    }

    /// For a network to stand beside: without fine offsets. Those of a line are its distance from every note, far more
    /// than the part of a semitone that a network has to say, and their error would drown everything else.
    pub fn beside(mut self, heads: &Heads) -> Straight {
        let fine = heads.fine()..heads.loudness();
        for row in self.weight.chunks_exact_mut(heads.width()) {
            row[fine.clone()].fill(0.0);
        }
        self.bias[fine].fill(0.0);
        self
    }

    /// With an onset that is as often right on these takes as it can be.
    pub fn with_best_edge(self, heads: &Heads, takes: &[&Fed], rate_hz: f32) -> Straight {
        let answers = takes.iter().map(|fed| (self.run(fed), fed.truth()));
        let edge = onset_edge(heads, &answers.collect::<Vec<_>>(), rate_hz);
        self.with_edge(heads, edge)
    }

    /// With the onset's logit changed by `edge`.
    pub fn with_edge(mut self, heads: &Heads, edge: Edge) -> Straight {
        for row in self.weight.chunks_exact_mut(heads.width()) {
            row[heads.onset()] *= edge.sharpness;
        }
        let bias = &mut self.bias[heads.onset()];
        *bias = edge.change(*bias);
        self
    }

    /// With the variance around the regressed note so many times what it was.
    fn with_spread(mut self, heads: &Heads, wider: f32) -> Straight {
        for row in self.weight.chunks_exact_mut(heads.width()) {
            row[..heads.notes.count]
                .iter_mut()
                .for_each(|w| *w /= wider);
        }
        let bias = &mut self.bias[..heads.notes.count];
        bias.iter_mut().for_each(|b| *b /= wider);
        self
    }

    pub fn parameters(&self) -> usize {
        self.weight.len() + self.bias.len()
    }

    /// Raw outputs `[frames][outputs]`.
    pub fn run(&self, fed: &Fed) -> Vec<f32> {
        fed.rows().flat_map(|row| self.answer(row)).collect()
    }

    /// Raw outputs of one frame.
    pub fn answer(&self, row: &[f32]) -> Vec<f32> {
        let mut out = self.bias.clone();
        for (x, weights) in row.iter().zip(self.weight.chunks_exact(out.len().max(1))) {
            for (out, weight) in out.iter_mut().zip(weights) {
                *out += x * weight;
            }
        }
        out
    }
}

/// How much wider than its errors in training the line's distribution has to be, by the likelihood of what is held out:
/// there the errors are larger, and a normal distribution that does not know it is beaten by anything.
fn spread(heads: &Heads, raw: &[f32], truths: &[Truth]) -> f32 {
    let rows = raw.chunks_exact(heads.width()).zip(truths);
    let sounding: Vec<_> = rows.filter(|(_, truth)| truth.voiced()).collect();
    let nll = |wider: f32| -> f64 {
        let of = |(row, truth): &(&[f32], &Truth)| {
            let notes: Vec<f32> = row[..heads.notes.count].iter().map(|l| l / wider).collect();
            f64::from(note_nll(heads, &notes, truth.controls.pitch_note))
        };
        sounding.iter().map(of).sum()
    };
    let tried = (0..SPREADS).map(|power| 0.5 * 1.4f32.powi(power));
    let tried = tried.map(|wider| (nll(wider), wider));
    let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|_| !sounding.is_empty())
        .map_or(1.0, |best| best.1)
}

fn all(train: &[Fed]) -> impl Iterator<Item = (&[f32], &Truth)> {
    train.iter().flat_map(|fed| fed.rows().zip(fed.truth()))
}

fn dot(line: &[f64], row: &[f32]) -> f64 {
    let constant = line[line.len() - 1];
    let products = row.iter().zip(line).map(|(x, w)| f64::from(*x) * w);
    products.sum::<f64>() + constant
}

/// Logistic regression of the onset by reweighted least squares, frames that begin a note counting as in the loss.
fn logistic(train: &[Fed], penalty: f64) -> Vec<f64> {
    let mut line = vec![0.0; train.first().map_or(0, Fed::width) + 1];
    for _ in 0..LOGISTIC_STEPS {
        line = Normal::of(train, penalty, |row, truth| {
            let logit = dot(&line, row).clamp(-15.0, 15.0);
            let chance = 1.0 / (1.0 + (-logit).exp());
            let (count, aim) = if truth.onset {
                (f64::from(ONSET_WEIGHT), 1.0)
            } else {
                (1.0, 0.0)
            };
            let weight = (chance * (1.0 - chance)).max(1e-4);
            Some((count * weight, logit + (aim - chance) / weight))
        })
        .solve();
    }
    line
}

/// The normal equations of a straight line.
pub struct Normal {
    /// `[size][size]`
    gram: Vec<f64>,
    side: Vec<f64>,
    size: usize,
}

impl Normal {
    /// `counts` gives a frame's weight and what it should be; none leaves it out.
    fn of(
        train: &[Fed],
        penalty: f64,
        counts: impl Fn(&[f32], &Truth) -> Option<(f64, f64)>,
    ) -> Normal {
        let size = train.first().map_or(0, Fed::width) + 1;
        let mut normal = Normal::new(size);
        let mut total = 0.0;
        let mut x = vec![1.0; size];
        for (row, truth) in all(train) {
            let Some((weight, y)) = counts(row, truth) else {
                continue;
            };
            total += weight;
            x.iter_mut()
                .zip(row)
                .for_each(|(x, value)| *x = f64::from(*value));
            normal.add(&x, weight, y);
        }
        normal.stiffen(penalty * total);
        normal
    }

    /// For so many values a frame, the last of them always 1.
    pub fn new(size: usize) -> Normal {
        Normal {
            gram: vec![0.0; size * size],
            side: vec![0.0; size],
            size,
        }
    }

    /// The line shall say `y` of the values `x`.
    pub fn add(&mut self, x: &[f64], weight: f64, y: f64) {
        let rows = self.gram.chunks_exact_mut(self.size);
        for (i, (row, side)) in rows.zip(&mut self.side).enumerate() {
            let weighed = weight * x[i];
            for (sum, x) in row[..=i].iter_mut().zip(x) {
                *sum += weighed * x;
            }
            *side += weighed * y;
        }
    }

    /// Holds all but the constant near 0.
    pub fn stiffen(&mut self, penalty: f64) {
        for i in 0..self.size.saturating_sub(1) {
            self.gram[i * self.size + i] += penalty + 1e-9;
        }
    }

    /// Cholesky: `gram = L Lᵀ`, then two triangular solves. The last is the constant.
    pub fn solve(&self) -> Vec<f64> {
        let n = self.size;
        let mut l = self.gram.clone();
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let rest = l[i * n + j] - dot;
                l[i * n + j] = if i == j {
                    rest.max(1e-12).sqrt()
                } else {
                    rest / l[j * n + j]
                };
            }
        }
        let mut x = self.side.clone();
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| l[i * n + k] * x[k]).sum();
            x[i] = (x[i] - dot) / l[i * n + i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| l[k * n + i] * x[k]).sum();
            x[i] = (x[i] - dot) / l[i * n + i];
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::super::baseline::tests::linear_take;
    use super::super::heads::LOUDNESS_DB;
    use super::super::take::{Notes, Standard};
    use super::*;

    #[test]
    fn ridge_finds_a_linear_map() {
        let take = linear_take();
        let standard = Standard::of(std::slice::from_ref(&take));
        let heads = Heads::of(Notes::of(std::slice::from_ref(&take)));
        let fed = standard.fed(std::slice::from_ref(&take));
        let raw = Straight::with_penalty(&heads, &fed, 1e-9).run(&fed[0]);
        for (row, truth) in raw.chunks_exact(heads.width()).zip(&take.truth) {
            let pitch = heads.notes.note(0) + row[heads.fine()];
            assert!((pitch - truth.controls.pitch_note).abs() < 0.01);
            let loudness_db = LOUDNESS_DB.value(row[heads.loudness()]);
            assert!((loudness_db - truth.controls.loudness_db).abs() < 0.05);
        }
    }

    #[test]
    fn a_line_that_errs_more_on_what_is_held_out_says_so() {
        let take = linear_take();
        let standard = Standard::of(std::slice::from_ref(&take));
        let heads = Heads::of(Notes::of(std::slice::from_ref(&take)));
        let fed = standard.fed(std::slice::from_ref(&take));
        let other = standard.fed(&[take.shifted(take.frames() / 3)]);
        let nll = |line: &Straight| {
            let raw = line.run(&other[0]);
            let rows = raw.chunks_exact(heads.width()).zip(other[0].truth());
            rows.map(|(row, truth)| note_nll(&heads, row, truth.controls.pitch_note))
                .sum::<f32>()
                / other[0].frames() as f32
        };
        let sure = nll(&Straight::with_penalty(&heads, &fed, 1e-2));
        let fair = nll(&Straight::fit(&heads, &fed, &other));
        assert!(sure > 10.0 && fair < 4.0, "{sure} {fair}");
    }

    #[test]
    fn an_onset_that_follows_a_feature_is_found_by_the_line() {
        let mut take = linear_take();
        for (frame, truth) in take.truth.iter_mut().enumerate() {
            truth.onset = take.features[2 * frame] > 0.5;
        }
        let standard = Standard::of(std::slice::from_ref(&take));
        let heads = Heads::of(Notes::of(std::slice::from_ref(&take)));
        let fed = standard.fed(std::slice::from_ref(&take));
        let line = Straight::fit(&heads, &fed, &fed).with_best_edge(&heads, &[&fed[0]], 50.0);
        let raw = line.run(&fed[0]);
        let rows = raw.chunks_exact(heads.width()).zip(&take.truth);
        let right = rows.filter(|(row, truth)| (row[heads.onset()] > 0.0) == truth.onset);
        assert!(right.count() > 180);
    }
}
