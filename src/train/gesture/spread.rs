//! A number said as a normal distribution: its mean and the logarithm of its deviation, both raw. What that costs the
//! loss, how it is widened by what is held out, and what the report says of it: likelihood and calibration.

use std::f32::consts::TAU;

use serde::{Deserialize, Serialize};

use super::heads::Heads;
use super::take::Truth;
use crate::controls::Control;

/// A log-deviation is held between these: of loudness 0.4 to 150 dB. Silence that is always the same would else be said
/// ever more narrowly, and the first frame that differs would outweigh all others.
pub const LEAST: f32 = -4.0;
pub const MOST: f32 = 2.0;

pub fn deviation(log: f32) -> f32 {
    log.clamp(LEAST, MOST).exp()
}

/// Square of the error in deviations.
fn square_of_z(error: f32, log: f32) -> f32 {
    (error / deviation(log)).powi(2)
}

/// Negative log-likelihood but for a constant, in nats, of a truth so far from the mean.
fn misfit(error: f32, log: f32) -> f32 {
    log.clamp(LEAST, MOST) + 0.5 * square_of_z(error, log)
}

/// The loss of a log-deviation and its slope. Beyond what it is held to there is no likelihood to follow: it is pulled
/// back.
pub fn loss(error: f32, log: f32) -> (f32, f32) {
    let beyond = log - log.clamp(LEAST, MOST);
    let slope = if beyond == 0.0 {
        1.0 - square_of_z(error, log)
    } else {
        2.0 * beyond
    };
    (misfit(error, log) + beyond * beyond, slope)
}

/// What has one deviation for every frame: how far its rows are from these truths. Where each log-deviation stands, and
/// what it has to be; none of what was never heard.
pub fn constants<'a>(
    heads: &Heads,
    rows: impl Iterator<Item = (&'a [f32], &'a Truth)> + Clone,
) -> Vec<(usize, f32)> {
    let of = |which: usize| {
        let at = heads.spread(which)?;
        let (mut square, mut frames) = (0.0f64, 0.0f64);
        let rows = rows.clone();
        for (row, truth) in rows.filter(|(_, truth)| heads.counts(which, truth)) {
            square += f64::from(heads.raw_point(which, truth) - row[heads.point(which)]).powi(2);
            frames += 1.0;
        }
        let variance = (square / frames).max(1e-9) as f32;
        (frames > 0.0).then(|| (at, (0.5 * variance.ln()).clamp(LEAST, MOST)))
    };
    (0..heads.points()).filter_map(of).collect()
}

/// What is made of a network's log-deviation: a share of it, and so much more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Widening {
    pub share: f32,
    pub more: f32,
}

/// A frame of one number: how far it is from the truth, and its log-deviation: what the network adds to the line's.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub error: f32,
    pub add: f32,
    pub line: f32,
}

impl Widening {
    /// Changes nothing.
    pub const NONE: Widening = Widening {
        share: 1.0,
        more: 0.0,
    };
    const SHARES: usize = 5;

    /// Of a network alone: so much wider that the mean square of the errors is one deviation.
    pub fn alone(frames: &[Missed]) -> Widening {
        Widening::of(1.0, frames)
    }

    /// Of one beside a line: also with the share that has the greatest likelihood.
    pub fn beside(frames: &[Missed]) -> Widening {
        let tried = (0..=Widening::SHARES).map(|step| step as f32 / Widening::SHARES as f32);
        let tried = tried.map(|share| Widening::of(share, frames));
        let nll = |widening: &Widening| -> f32 {
            let each = frames.iter();
            each.map(|missed| misfit(missed.error, widening.change(missed)))
                .sum()
        };
        let tried = tried.map(|widening| (nll(&widening), widening));
        let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(Widening::NONE, |(_, widening)| widening)
    }

    fn of(share: f32, frames: &[Missed]) -> Widening {
        /// One would do, were it not for those that are held.
        const ROUNDS: usize = 4;
        let mut widening = Widening { share, more: 0.0 };
        for _ in 0..ROUNDS {
            let each = frames.iter();
            let squares = each.map(|m| f64::from(square_of_z(m.error, widening.change(m))));
            let square = squares.sum::<f64>() / frames.len().max(1) as f64;
            if square > 0.0 {
                widening.more += 0.5 * square.ln() as f32;
            }
        }
        widening.more = widening.more.clamp(LEAST, -LEAST);
        widening
    }

    fn change(&self, missed: &Missed) -> f32 {
        missed.line + self.share * missed.add + self.more
    }
}

/// How good a distribution is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean negative log-likelihood of the raw number (loudness in 20 dB, brightness and noisiness in tenths), in nats a
    /// frame.
    pub nll: f32,
    /// Share of truths within one deviation; 0.68 where the distribution is right.
    pub within: f32,
}

/// Of every control that is a distribution; loudness over all frames, the rest over sounding ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spreads {
    pub loudness: Option<Spread>,
    pub brightness: Option<Spread>,
    pub noisiness: Option<Spread>,
    /// All latents together.
    pub timbre: Option<Spread>,
}

impl Spreads {
    pub fn of(heads: &Heads, pairs: &[(&[f32], &[Truth])]) -> Spreads {
        let spread = |wanted: fn(Control) -> bool| {
            let (mut nll, mut within, mut frames) = (0.0f64, 0.0f64, 0.0f64);
            for which in (0..heads.points()).filter(|which| wanted(heads.control(*which))) {
                let at = heads.spread(which)?;
                let each = pairs.iter().flat_map(|(raw, truths)| {
                    let rows = raw.chunks_exact(heads.width());
                    rows.zip(truths.iter())
                });
                for (row, truth) in each.filter(|(_, truth)| heads.counts(which, truth)) {
                    let error = row[heads.point(which)] - heads.raw_point(which, truth);
                    nll += f64::from(misfit(error, row[at]) + 0.5 * TAU.ln());
                    within += f64::from(u8::from(square_of_z(error, row[at]) <= 1.0));
                    frames += 1.0;
                }
            }
            (frames > 0.0).then(|| Spread {
                nll: (nll / frames) as f32,
                within: (within / frames) as f32,
            })
        };
        Spreads {
            loudness: spread(|control| control == Control::Loudness),
            brightness: spread(|control| control == Control::Brightness),
            noisiness: spread(|control| control == Control::Noisiness),
            timbre: spread(|control| matches!(control, Control::Timbre(_))),
        }
    }

    /// Without what is no number.
    pub fn finite(&self) -> Spreads {
        let finite = |spread: Option<Spread>| spread.filter(|s| (s.nll + s.within).is_finite());
        Spreads {
            loudness: finite(self.loudness),
            brightness: finite(self.brightness),
            noisiness: finite(self.noisiness),
            timbre: finite(self.timbre),
        }
    }

    pub fn each(&self) -> [(&'static str, Option<Spread>); 4] {
        [
            ("loudness", self.loudness),
            ("brightness", self.brightness),
            ("noisiness", self.noisiness),
            ("timbre", self.timbre),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::performer::Chance;

    /// Errors whose logarithm moves by 0.4 where the line's moves by -1 and the network's by 2; and half as large again.
    fn missed() -> Vec<Missed> {
        let mut chance = Chance::new(1, 1);
        let mut one = |frame: usize| {
            let log: f32 = if frame.is_multiple_of(2) { -0.5 } else { 0.5 };
            Missed {
                error: 1.5 * (0.4 * log).exp() * chance.normal() as f32,
                add: 2.0 * log,
                line: -log,
            }
        };
        (0..4000).map(&mut one).collect()
    }

    #[test]
    fn a_network_that_boasts_is_widened_and_beside_a_line_it_is_shared() {
        let frames = missed();
        let alone = Widening::alone(&frames);
        let square = |widening: Widening| {
            let each = frames.iter();
            let squares = each.map(|m| square_of_z(m.error, widening.change(m)));
            squares.sum::<f32>() / frames.len() as f32
        };
        assert_eq!(alone.share, 1.0);
        assert!((square(alone) - 1.0).abs() < 0.01);
        let beside = Widening::beside(&frames);
        assert!((square(beside) - 1.0).abs() < 0.01);
        // 0.4 = 2 * share - 1.
        assert!((0.55..=0.85).contains(&beside.share), "{beside:?}");
        assert!((beside.more - 1.5f32.ln()).abs() < 0.05, "{beside:?}");
        assert_eq!(Widening::alone(&[]), Widening::NONE);
    }

    #[test]
    fn the_slope_of_a_loss_is_its_slope() {
        for (error, log) in [(0.3, -1.0), (2.0, 0.5), (0.1, -5.0), (0.1, 3.0)] {
            let step = 1e-2;
            let up = loss(error, log + step).0 - loss(error, log - step).0;
            let slope = loss(error, log).1;
            assert!((up / (2.0 * step) - slope).abs() < 0.01 * slope.abs().max(1.0));
        }
    }
}
