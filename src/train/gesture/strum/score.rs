//! Strums found against strums labelled: one to one within 100 ms, the tolerance of the published baseline (`mir_eval`
//! with a window of 0.1 s), and the correlation of loudness; both with intervals by resampling whole files.

use serde::Serialize;

use super::super::evaluate::Pearson;
use super::session::Strum;
use crate::sensor::performer::Chance;

const WITHIN_S: f64 = 0.1;
const RESAMPLES: usize = 2000;

/// A figure and where 95 of 100 resamplings lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    pub value: f32,
    pub low: f32,
    pub high: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// All files' strums together.
    pub down_f1: Figure,
    pub up_f1: Figure,
    /// Pearson's r over all frames; none where no loudness is said.
    pub loudness_r: Option<Figure>,
}

/// Found, labelled and said strums of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    hit: f64,
    real: f64,
    said: f64,
}

impl Count {
    fn add(&mut self, other: &Count) {
        self.hit += other.hit;
        self.real += other.real;
        self.said += other.said;
    }

    fn f1(&self) -> f64 {
        2.0 * self.hit / (self.real + self.said).max(1.0)
    }
}

/// What was said of one file, beside what is true of it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub said: Vec<Strum>,
    pub real: Vec<Strum>,
    /// Loudness said and true, in dB, frame by frame; empty where none is said.
    pub loudness_db: Vec<[f32; 2]>,
}

impl Answer {
    /// F1 of down and of up strokes.
    pub fn f1(&self) -> [f64; 2] {
        [false, true].map(|up| count(&self.said, &self.real, up).f1())
    }
}

#[derive(Clone, Default)]
struct File {
    counts: [Count; 2],
    loudness: Pearson,
}

impl File {
    fn of(answer: &Answer) -> File {
        let mut loudness = Pearson::default();
        for [said, real] in &answer.loudness_db {
            loudness.add(*said, *real);
        }
        File {
            counts: [false, true].map(|up| count(&answer.said, &answer.real, up)),
            loudness,
        }
    }
}

/// F1 of down strokes and F1 of up strokes of all these together, summed.
pub fn f1_sum<'a>(answers: impl Iterator<Item = (Vec<Strum>, &'a [Strum])>) -> f64 {
    let mut counts = [Count::default(); 2];
    for (said, real) in answers {
        counts[0].add(&count(&said, real, false));
        counts[1].add(&count(&said, real, true));
    }
    counts[0].f1() + counts[1].f1()
}

/// In order of time; the first that fits is taken, which for windows of one width finds as many pairs as can be.
fn count(said: &[Strum], real: &[Strum], up: bool) -> Count {
    let times = |all: &[Strum]| -> Vec<f64> {
        let those = all.iter().filter(|strum| strum.up == up);
        those.map(|strum| strum.time_s).collect()
    };
    let (said, real) = (times(said), times(real));
    let (mut s, mut r, mut hit) = (0, 0, 0);
    while s < said.len() && r < real.len() {
        if (said[s] - real[r]).abs() <= WITHIN_S {
            hit += 1;
            (s, r) = (s + 1, r + 1);
        } else if said[s] < real[r] {
            s += 1;
        } else {
            r += 1;
        }
    }
    Count {
        hit: f64::from(hit),
        real: real.len() as f64,
        said: said.len() as f64,
    }
}

pub fn score(answers: &[Answer]) -> Score {
    let files: Vec<File> = answers.iter().map(File::of).collect();
    let f1 = |direction: usize| {
        interval(&files, &|files| {
            let mut all = Count::default();
            files
                .iter()
                .for_each(|file| all.add(&file.counts[direction]));
            all.f1() as f32
        })
    };
    let has_loudness = answers.iter().any(|answer| !answer.loudness_db.is_empty());
    let loudness = |files: &[&File]| {
        let mut all = Pearson::default();
        files.iter().for_each(|file| all.join(&file.loudness));
        all.r()
    };
    Score {
        down_f1: f1(0),
        up_f1: f1(1),
        loudness_r: has_loudness.then(|| interval(&files, &loudness)),
    }
}

fn interval(files: &[File], of: &dyn Fn(&[&File]) -> f32) -> Figure {
    let mut chance = Chance::new(5, 5);
    let mut tries: Vec<f32> = (0..RESAMPLES)
        .map(|_| {
            let drawn = files.iter().map(|_| &files[chance.below(files.len())]);
            of(&drawn.collect::<Vec<_>>())
        })
        .collect();
    tries.sort_by(f32::total_cmp);
    Figure {
        value: of(&files.iter().collect::<Vec<_>>()),
        low: tries[RESAMPLES / 40],
        high: tries[RESAMPLES - 1 - RESAMPLES / 40],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strums(times: &[f64]) -> Vec<Strum> {
        let strum = |time_s: &f64| Strum {
            time_s: *time_s,
            up: false,
        };
        times.iter().map(strum).collect()
    }

    fn answer(said: Vec<Strum>, real: &[Strum]) -> Answer {
        Answer {
            said,
            real: real.to_vec(),
            loudness_db: Vec::new(),
        }
    }

    #[test]
    fn strums_are_matched_one_to_one_within_a_tenth_of_a_second() {
        let real = strums(&[1.0, 2.0, 3.0]);
        let down = |said: Vec<Strum>| answer(said, &real).f1()[0];
        assert_eq!(down(strums(&[1.09, 2.0, 2.95])), 1.0);
        assert!((down(strums(&[1.0, 1.05, 2.2, 3.0])) - 4.0 / 7.0).abs() < 1e-9);
        let up = |strum: &Strum| Strum { up: true, ..*strum };
        assert_eq!(down(real.iter().map(up).collect()), 0.0);
    }

    #[test]
    fn the_interval_spans_files_that_differ_and_is_narrow_where_all_are_alike() {
        let real = strums(&[1.0, 2.0, 3.0, 4.0]);
        let mixed: Vec<Answer> = (0..8)
            .map(|file| {
                answer(
                    if file % 2 == 0 {
                        real.clone()
                    } else {
                        strums(&[1.0])
                    },
                    &real,
                )
            })
            .collect();
        let down = score(&mixed).down_f1;
        assert!(down.low < down.value && down.value < down.high, "{down:?}");
        let right = score(&vec![answer(real.clone(), &real); 8]);
        assert_eq!((right.down_f1.low, right.down_f1.high), (1.0, 1.0));
        assert_eq!(right.loudness_r, None);
    }
}
