//! What a network must beat, besides ridge regression: always the mean (pitch: the histogram of training notes), the
//! truth of one frame before, and a mapping by hand. All answer in the raw outputs of the networks, so one evaluation
//! serves all.

use super::fit::Fed;
use super::heads::Heads;
use super::spread;
use super::take::{Take, Truth};

/// Raw outputs that are the same in every frame.
pub fn mean_row(heads: &Heads, train: &[Fed]) -> Vec<f32> {
    let truths = || train.iter().flat_map(Fed::truth);
    let mut row = vec![0.0f32; heads.width()];
    let mut histogram = vec![1e-3f32; heads.notes.count];
    let (mut pitch_sum, mut sounding) = (0.0, 0.0f32);
    let mut points = vec![0.0f32; heads.points()];
    let mut frames = 0.0f32;
    for truth in truths() {
        frames += 1.0;
        for (sum, raw) in points.iter_mut().zip(heads.raw_points(truth)) {
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
        row[heads.point(index)] = sum / frames.max(1.0);
    }
    for (at, log) in spread::constants(heads, truths().map(|truth| (&row[..], truth))) {
        row[at] = log;
    }
    row
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
        for (which, raw) in heads.raw_points(truth).enumerate() {
            out[heads.point(which)] = raw;
        }
        out[heads.onset()] = if truth.onset { 4.0 } else { -4.0 };
    }
    let said = spread::constants(heads, outputs.chunks_exact(heads.width()).zip(truths));
    for out in outputs.chunks_exact_mut(heads.width()) {
        said.iter().for_each(|(at, log)| out[*at] = *log);
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
                    .map(|(value, truth)| (x(value), heads.raw_point(output, truth)))
            });
            line(pairs)
        };
        debug_assert_eq!(mean.len(), heads.width());
        let mut hand = Hand {
            loudness: of(decades, energy, 0),
            brightness: of(tilted, tilt, 1),
            energy,
            tilt,
            mean,
        };
        let said: Vec<f32> = train
            .iter()
            .flat_map(|take| hand.run(heads, take))
            .collect();
        let truths = train.iter().flat_map(|take| &take.truth);
        for (at, log) in spread::constants(heads, said.chunks_exact(heads.width()).zip(truths)) {
            hand.mean[at] = log;
        }
        Some(hand)
    }

    pub fn run(&self, heads: &Heads, take: &Take) -> Vec<f32> {
        let mut outputs = self.mean.repeat(take.frames());
        for (frame, out) in outputs.chunks_exact_mut(heads.width()).enumerate() {
            let row = take.row(frame);
            let at = |[constant, slope]: [f32; 2], x: f32| constant + slope * x;
            out[heads.loudness()] = at(self.loudness, decades(row[self.energy]));
            out[heads.point(1)] = at(self.brightness, tilted(row[self.tilt]));
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

#[cfg(test)]
pub mod tests {
    use super::super::heads::LOUDNESS_DB;
    use super::super::take::Notes;
    use super::*;
    use crate::controls::Controls;

    /// Pitch and loudness are linear in two features.
    pub fn linear_take() -> Take {
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
        let heads = Heads::of(Notes::of(takes));
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
}
