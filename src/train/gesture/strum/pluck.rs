//! How loud: a struck string rings and dies away, more loudly where the hand swings more, and is silent where the
//! network says that nothing sounds. Where the strokes are is heard; how loud they ring is a straight line through
//! four values, because four minutes teach no more than that.

use serde::Serialize;

use super::super::heads::LOUDNESS_DB;
use super::super::ridge::Normal;
use super::super::take::{FLOOR_DB, VOICED_DB};
use super::learner::{OUTPUTS, SOUNDS};
use super::session::RATE_HZ;

/// A ring is over after so long in a straight line, and after these by half-lives of e.
const LINE_S: f32 = 3.0;
const FADES_S: [f32; 2] = [0.15, 0.6];
/// A stroke's logit is made this much surer. More would blow up the last digits in which kernels and tract differ.
pub const EDGE: f32 = 2.0;
/// The rings and the vigour.
pub const VALUES: usize = 4;
const PENALTY: f64 = 10.0;

/// What a frame takes from the straight ring.
pub fn line_step() -> f32 {
    1.0 / (LINE_S * RATE_HZ as f32)
}

/// What a frame leaves of the fading rings.
pub fn fades() -> [f32; 2] {
    FADES_S.map(|time_s| (-1.0 / (time_s * RATE_HZ as f32)).exp())
}

/// Rings of the last stroke: 1 when it is struck, 0 long after.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ring([f32; 3]);

impl Ring {
    /// `stroke` is the logit of either stroke, its threshold taken off.
    pub fn step(&mut self, stroke: f32) -> [f32; 3] {
        let struck = 1.0 / (1.0 + (-EDGE * stroke).exp());
        let [line, fast, slow] = self.0;
        let [less_fast, less_slow] = fades();
        let fading = [
            (line - line_step()).max(0.0),
            fast * less_fast,
            slow * less_slow,
        ];
        self.0 = fading.map(|ring| ring + struck * (1.0 - ring));
        self.0
    }
}

/// The straight line, to raw loudness as [`LOUDNESS_DB`] has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pluck {
    pub weights: [f32; VALUES],
    pub offset: f32,
}

impl Pluck {
    /// From a session's strokes, the logarithm of its power, and how loud it was at the same frames.
    pub fn fit<'a>(sessions: impl Iterator<Item = (Vec<[f32; VALUES]>, &'a [f32])>) -> Pluck {
        let mut normal = Normal::new(VALUES + 1);
        for (values, loudness_db) in sessions {
            for (values, loudness_db) in values.iter().zip(loudness_db) {
                if *loudness_db > VOICED_DB {
                    let mut x = [1.0; VALUES + 1];
                    x.iter_mut()
                        .zip(values)
                        .for_each(|(x, value)| *x = f64::from(*value));
                    normal.add(&x, 1.0, f64::from(LOUDNESS_DB.raw(*loudness_db)));
                }
            }
        }
        normal.stiffen(PENALTY);
        let line = normal.solve();
        Pluck {
            weights: std::array::from_fn(|index| line[index] as f32),
            offset: line[VALUES] as f32,
        }
    }

    /// Raw loudness of a frame.
    pub fn loudness(&self, values: &[f32; VALUES], raw: &[f32; OUTPUTS]) -> f32 {
        let rings = self
            .weights
            .iter()
            .zip(values)
            .map(|(weight, value)| weight * value);
        let line = rings.sum::<f32>() + self.offset;
        let floor = LOUDNESS_DB.raw(FLOOR_DB);
        let sounds = 1.0 / (1.0 + (-raw[SOUNDS]).exp());
        floor + sounds * (line - floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stroke_rings_at_once_and_dies_away() {
        let mut ring = Ring::default();
        assert!(ring.step(-5.0).iter().all(|ring| *ring < 1e-3));
        assert!(ring.step(4.0).iter().all(|ring| *ring > 0.99));
        let later: Vec<[f32; 3]> = (0..150).map(|_| ring.step(-5.0)).collect();
        assert!(
            later
                .windows(2)
                .all(|two| (0..3).all(|n| two[1][n] < two[0][n]))
        );
        assert!(later[149].iter().all(|ring| *ring < 0.01));
    }

    #[test]
    fn the_line_through_the_rings_is_found_and_silence_is_the_floor() {
        let values: Vec<[f32; VALUES]> = (0..2000)
            .map(|n| std::array::from_fn(|k| ((n * (k + 3)) % 17) as f32 / 17.0))
            .collect();
        let db = |v: &[f32; VALUES]| -30.0 + 8.0 * v[0] + 3.0 * v[1] - 2.0 * v[3];
        let loudness_db: Vec<f32> = values.iter().map(db).collect();
        let pluck = Pluck::fit([(values.clone(), &loudness_db[..])].into_iter());
        let mut sounds = [0.0; OUTPUTS];
        sounds[SOUNDS] = 20.0;
        let said = LOUDNESS_DB.value(pluck.loudness(&values[5], &sounds));
        assert!((said - loudness_db[5]).abs() < 0.5, "{said}");
        sounds[SOUNDS] = -20.0;
        assert!(LOUDNESS_DB.value(pluck.loudness(&values[5], &sounds)) < FLOOR_DB + 0.1);
    }
}
