//! What a network must beat: always the mean (pitch: the histogram of training notes), and ridge regression on the
//! same features of the same frame. Both answer in the raw outputs of the networks, so one evaluation serves all.

use super::fit::Fed;
use super::loss::{BRIGHTNESS, Heads, LOUDNESS_DB, NOISINESS};
use super::take::{Take, Truth};

/// Raw outputs that are the same in every frame.
pub fn mean_row(heads: &Heads, train: &[Fed]) -> Vec<f32> {
    let truths = || train.iter().flat_map(Fed::truth);
    let mut row = vec![0.0f32; heads.width()];
    let mut histogram = vec![1e-3f32; heads.notes.count];
    let (mut pitch_sum, mut sounding) = (0.0, 0.0f32);
    let mut points = [0.0f32; 3];
    let mut frames = 0.0f32;
    for truth in truths() {
        frames += 1.0;
        for (sum, raw) in points.iter_mut().zip(raw_points(truth)) {
            *sum += raw;
        }
        if truth.voiced() {
            sounding += 1.0;
            pitch_sum += truth.controls.pitch_note;
            for (index, part) in heads.notes.between(truth.controls.pitch_note) {
                histogram[index] += part;
            }
        }
    }
    let total: f32 = histogram.iter().sum();
    for (index, weight) in histogram.iter().enumerate() {
        row[index] = (weight / total).ln();
        row[heads.fine() + index] = pitch_sum / sounding.max(1.0) - heads.notes.note(index);
    }
    for (index, sum) in points.iter().enumerate() {
        row[heads.loudness() + index] = sum / frames.max(1.0);
    }
    row
}

fn raw_points(truth: &Truth) -> [f32; 3] {
    [
        LOUDNESS_DB.raw(truth.loudness_db()),
        BRIGHTNESS.raw(truth.controls.brightness),
        NOISINESS.raw(truth.controls.noisiness),
    ]
}

/// Linear maps from a frame's features (and 1) to pitch, loudness, brightness and noisiness.
pub struct Ridge {
    weights: [Vec<f64>; 4],
    /// Deviation of the pitch residual on training frames, in semitones.
    pitch_deviation: f64,
}

impl Ridge {
    /// `penalty` is per frame, on standardised features.
    pub fn fit(train: &[Fed], penalty: f64) -> Ridge {
        let all = Normal::of(train, penalty, |_| true);
        let sounding = Normal::of(train, penalty, Truth::voiced);
        let weights = [
            sounding.solve(0),
            all.solve(1),
            sounding.solve(2),
            sounding.solve(3),
        ];
        let mut ridge = Ridge {
            weights,
            pitch_deviation: 1.0,
        };
        let (mut square, mut count) = (0.0, 0.0);
        for fed in train {
            for (row, truth) in fed
                .rows()
                .zip(fed.truth())
                .filter(|(_, truth)| truth.voiced())
            {
                square += (ridge.answer(0, row) - f64::from(truth.controls.pitch_note)).powi(2);
                count += 1.0;
            }
        }
        ridge.pitch_deviation = (square / f64::max(count, 1.0)).sqrt().max(0.1);
        ridge
    }

    fn answer(&self, which: usize, row: &[f32]) -> f64 {
        let weights = &self.weights[which];
        let constant = weights[weights.len() - 1];
        row.iter()
            .zip(weights)
            .fold(constant, |sum, (x, w)| sum + f64::from(*x) * w)
    }

    /// Raw outputs `[frames][outputs]`; pitch is a normal around the regressed note.
    pub fn run(&self, heads: &Heads, fed: &Fed) -> Vec<f32> {
        let mut outputs = Vec::with_capacity(fed.frames() * heads.width());
        for row in fed.rows() {
            let start = outputs.len();
            outputs.resize(start + heads.width(), 0.0);
            let out = &mut outputs[start..];
            let pitch = self.answer(0, row);
            for index in 0..heads.notes.count {
                let away = pitch - f64::from(heads.notes.note(index));
                out[index] = (-0.5 * (away / self.pitch_deviation).powi(2)) as f32;
                out[heads.fine() + index] = away as f32;
            }
            for which in 0..3 {
                out[heads.loudness() + which] = self.answer(1 + which, row) as f32;
            }
        }
        outputs
    }
}

/// What was true one frame ago is true now: what a network that only follows would score.
pub fn previous_frame(heads: &Heads, truths: &[Truth]) -> Vec<f32> {
    /// Narrow enough to say one note.
    const DEVIATION: f32 = 0.25;
    let mut outputs = vec![0.0; truths.len() * heads.width()];
    for (frame, out) in outputs.chunks_exact_mut(heads.width()).enumerate() {
        let truth = &truths[frame.saturating_sub(1)];
        for index in 0..heads.notes.count {
            let away = truth.controls.pitch_note - heads.notes.note(index);
            out[index] = -0.5 * (away / DEVIATION).powi(2).min(50.0);
            out[heads.fine() + index] = away;
        }
        out[heads.loudness()..][..3].copy_from_slice(&raw_points(truth));
        out[heads.onset()] = if truth.onset { 4.0 } else { -4.0 };
    }
    outputs
}

/// What anyone would wire up by hand: the energy of the first sensor is loudness, the tilt of its x axis brightness;
/// both lines are fitted to the training frames, pitch is their histogram.
pub struct Hand {
    energy: usize,
    tilt: usize,
    loudness: [f32; 2],
    brightness: [f32; 2],
    mean: Vec<f32>,
}

impl Hand {
    /// `mean` is [`mean_row`]; none where no such features are.
    pub fn fit(heads: &Heads, names: &[String], train: &[Take], mean: Vec<f32>) -> Option<Hand> {
        let find = |feature: &str| names.iter().position(|name| name.ends_with(feature));
        let (energy, tilt) = (find(".energy")?, find(".up_x")?);
        let of = |x: fn(f32) -> f32, feature: usize, output: usize| {
            let pairs = train.iter().flat_map(|take| {
                let rows = (0..take.frames()).map(|frame| take.row(frame)[feature]);
                rows.zip(&take.truth)
                    .map(|(value, truth)| (x(value), raw_points(truth)[output]))
            });
            line(pairs)
        };
        debug_assert_eq!(mean.len(), heads.width());
        Some(Hand {
            loudness: of(decades, energy, 0),
            brightness: of(tilted, tilt, 1),
            energy,
            tilt,
            mean,
        })
    }

    pub fn run(&self, heads: &Heads, take: &Take) -> Vec<f32> {
        let mut outputs = self.mean.repeat(take.frames());
        for (frame, out) in outputs.chunks_exact_mut(heads.width()).enumerate() {
            let row = take.row(frame);
            let at = |[constant, slope]: [f32; 2], x: f32| constant + slope * x;
            out[heads.loudness()] = at(self.loudness, decades(row[self.energy]));
            out[heads.loudness() + 1] = at(self.brightness, tilted(row[self.tilt]));
        }
        outputs
    }
}

fn decades(energy: f32) -> f32 {
    energy.max(1e-3).log10()
}

fn tilted(up: f32) -> f32 {
    up.clamp(-1.0, 1.0).asin()
}

/// Constant and slope of the best straight line.
fn line(pairs: impl Iterator<Item = (f32, f32)>) -> [f32; 2] {
    let (mut n, mut sx, mut sy, mut sxx, mut sxy) = (0.0f64, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (f64::from(x), f64::from(y));
        n += 1.0;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    let spread = n * sxx - sx * sx;
    let slope = if spread > 1e-9 {
        (n * sxy - sx * sy) / spread
    } else {
        0.0
    };
    [((sy - slope * sx) / n.max(1.0)) as f32, slope as f32]
}

/// The normal equations of one selection of frames.
struct Normal {
    /// `[size][size]`
    gram: Vec<f64>,
    sides: [Vec<f64>; 4],
    size: usize,
}

impl Normal {
    fn of(train: &[Fed], penalty: f64, counts: impl Fn(&Truth) -> bool) -> Normal {
        let size = train.first().map_or(0, Fed::width) + 1;
        let mut normal = Normal {
            gram: vec![0.0; size * size],
            sides: [(); 4].map(|()| vec![0.0; size]),
            size,
        };
        let mut frames = 0.0;
        for fed in train {
            for (row, truth) in fed
                .rows()
                .zip(fed.truth())
                .filter(|(_, truth)| counts(truth))
            {
                let x = |index: usize| row.get(index).map_or(1.0, |value| f64::from(*value));
                let points = raw_points(truth);
                let y = [truth.controls.pitch_note, points[0], points[1], points[2]];
                frames += 1.0;
                for i in 0..size {
                    for j in 0..=i {
                        normal.gram[i * size + j] += x(i) * x(j);
                    }
                    for (side, y) in normal.sides.iter_mut().zip(y) {
                        side[i] += x(i) * f64::from(y);
                    }
                }
            }
        }
        for i in 0..size.saturating_sub(1) {
            normal.gram[i * size + i] += penalty * frames + 1e-9;
        }
        normal
    }

    /// Cholesky: `gram = L Lᵀ`, then two triangular solves.
    fn solve(&self, which: usize) -> Vec<f64> {
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
        let mut x = self.sides[which].clone();
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
    use super::super::take::{Notes, Standard};
    use super::*;
    use crate::controls::Controls;

    /// Pitch and loudness are linear in two features.
    fn linear_take() -> Take {
        let mut take = Take {
            name: "linear".into(),
            width: 2,
            ..Take::default()
        };
        for i in 0..200 {
            let (a, b) = ((i as f32 * 0.37).sin(), (i as f32 * 0.11).cos());
            take.features.extend([a, b]);
            let mut controls = Controls::SILENT;
            controls.pitch_note = 60.0 + 3.0 * a - 2.0 * b;
            controls.loudness_db = -30.0 + 5.0 * b;
            take.truth.push(Truth {
                controls,
                onset: false,
                pitched: true,
            });
        }
        take
    }

    #[test]
    fn the_previous_frame_and_the_hand_say_what_they_should() {
        let mut take = linear_take();
        for (row, truth) in take.features.chunks_exact_mut(2).zip(&mut take.truth) {
            row[0] = 10f32.powf(row[0] - 1.0);
            truth.controls.loudness_db = -30.0 + 12.0 * row[0].log10();
        }
        let takes = std::slice::from_ref(&take);
        let heads = Heads {
            notes: Notes::of(takes),
        };
        let before = previous_frame(&heads, &take.truth);
        let loudness_db = |row: &[f32]| LOUDNESS_DB.value(row[heads.loudness()]);
        let rows: Vec<&[f32]> = before.chunks_exact(heads.width()).collect();
        assert!((loudness_db(rows[7]) - take.truth[6].controls.loudness_db).abs() < 1e-3);
        let names = ["arm.energy".to_owned(), "arm.up_x".to_owned()];
        let hand = Hand::fit(&heads, &names, takes, vec![0.0; heads.width()]).unwrap();
        for (row, truth) in hand
            .run(&heads, &take)
            .chunks_exact(heads.width())
            .zip(&take.truth)
        {
            assert!((loudness_db(row) - truth.controls.loudness_db).abs() < 0.05);
        }
    }

    #[test]
    fn ridge_finds_a_linear_map() {
        let take = linear_take();
        let standard = Standard::of(std::slice::from_ref(&take));
        let heads = Heads {
            notes: Notes::of(std::slice::from_ref(&take)),
        };
        let fed = [Fed::new(&take, &standard)];
        let raw = Ridge::fit(&fed, 1e-9).run(&heads, &fed[0]);
        for (row, truth) in raw.chunks_exact(heads.width()).zip(&take.truth) {
            let pitch = heads.notes.note(0) + row[heads.fine()];
            assert!((pitch - truth.controls.pitch_note).abs() < 0.01);
            let loudness_db = LOUDNESS_DB.value(row[heads.loudness()]);
            assert!((loudness_db - truth.controls.loudness_db).abs() < 0.05);
        }
    }
}
