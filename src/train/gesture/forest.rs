//! A random forest (Breiman 2001) as a baseline: frames judged one by one by trees that were grown on draws of the
//! training frames. Small enough to stand here; the crates that offer one change features of others' dependencies.

use super::fit::Fed;
use super::heads::Heads;
use super::spread;
use super::take::Truth;
use crate::sensor::performer::Chance;

const TREES: u64 = 60;
const DEPTH: usize = 14;
const LEAST_LEAF: usize = 6;
/// Thresholds tried on each feature of a split, drawn from the frames there.
const TRIED: usize = 12;
/// Neighbouring frames are alike: so many are drawn for a tree.
const MOST_FRAMES: usize = 6000;
/// Every note keeps this chance, however seldom it was met.
const FLOOR: f32 = 1e-3;

/// A frame, what decides how frames are parted, and what a leaf remembers the mean of.
struct Sample<'a> {
    x: &'a [f32],
    guide: Vec<f32>,
    answer: Vec<f32>,
}

enum Node {
    Split {
        feature: usize,
        threshold: f32,
        /// Places of the lower and the upper side.
        sides: [usize; 2],
    },
    Leaf(Vec<f32>),
}

struct Tree(Vec<Node>);

/// One forest for what sounds, one for how loud it is and when it begins.
pub struct Forest {
    tone: Vec<Tree>,
    loudness: Vec<Tree>,
    /// Log-deviations and where they stand.
    deviations: Vec<(usize, f32)>,
}

impl Forest {
    /// Deviations are those of what is held out: of frames that it has seen a forest knows too much.
    pub fn fit(heads: &Heads, train: &[Fed], held_out: &[Fed], seed: u64) -> Forest {
        let frames = || train.iter().flat_map(|fed| fed.rows().zip(fed.truth()));
        let tone = frames()
            .filter(|(_, truth)| truth.voiced())
            .map(|(x, truth)| {
                let mut guide = vec![truth.controls.pitch_note / 5.0];
                guide.extend(heads.raw_points(truth).skip(1));
                Sample {
                    x,
                    answer: tone_of(heads, truth),
                    guide,
                }
            });
        let loudness = frames().map(|(x, truth)| {
            let onset = f32::from(u8::from(truth.onset));
            let both = vec![heads.raw_point(0, truth), onset];
            Sample {
                x,
                answer: both.clone(),
                guide: both,
            }
        });
        let mut forest = Forest {
            tone: grow(&tone.collect::<Vec<_>>(), seed),
            loudness: grow(&loudness.collect::<Vec<_>>(), seed + 1),
            deviations: Vec::new(),
        };
        let raw = held_out.iter().flat_map(|fed| forest.run(heads, fed));
        let raw: Vec<f32> = raw.collect();
        let truths = held_out.iter().flat_map(Fed::truth);
        let rows = raw.chunks_exact(heads.width()).zip(truths);
        forest.deviations = spread::constants(heads, rows);
        forest
    }

    /// Raw outputs `[frames][outputs]`.
    pub fn run(&self, heads: &Heads, fed: &Fed) -> Vec<f32> {
        fed.rows().flat_map(|row| self.answer(heads, row)).collect()
    }

    fn answer(&self, heads: &Heads, row: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; heads.width()];
        if let Some(tone) = mean(&self.tone, row) {
            let count = heads.notes.count;
            for index in 0..count {
                out[index] = (tone[index] + FLOOR).ln();
                out[heads.fine() + index] = tone[count] - heads.notes.note(index);
            }
            for which in 1..heads.points() {
                out[heads.point(which)] = tone[count + which];
            }
        }
        if let Some(loudness) = mean(&self.loudness, row) {
            out[heads.loudness()] = loudness[0];
            let chance = loudness[1].clamp(1e-3, 1.0 - 1e-3);
            out[heads.onset()] = (chance / (1.0 - chance)).ln();
        }
        for (at, log) in &self.deviations {
            out[*at] = *log;
        }
        out
    }
}

/// Chances of the notes, then pitch and every number but the loudness.
fn tone_of(heads: &Heads, truth: &Truth) -> Vec<f32> {
    let mut answer = vec![0.0; heads.notes.count];
    for (index, part) in heads.notes.between(truth.controls.pitch_note) {
        answer[index] += part;
    }
    answer.push(truth.controls.pitch_note);
    answer.extend(heads.raw_points(truth).skip(1));
    answer
}

fn mean(trees: &[Tree], row: &[f32]) -> Option<Vec<f32>> {
    let mut sum: Option<Vec<f32>> = None;
    for leaf in trees.iter().filter_map(|tree| tree.leaf(row)) {
        match &mut sum {
            None => sum = Some(leaf.to_vec()),
            Some(sum) => sum
                .iter_mut()
                .zip(leaf)
                .for_each(|(sum, value)| *sum += value),
        }
    }
    sum.map(|sum| sum.iter().map(|value| value / trees.len() as f32).collect())
}

fn grow(samples: &[Sample], seed: u64) -> Vec<Tree> {
    if samples.is_empty() {
        return Vec::new();
    }
    let one = |stream: u64| {
        let mut chance = Chance::new(seed, stream);
        let drawn = (0..samples.len().min(MOST_FRAMES)).map(|_| chance.below(samples.len()));
        let mut drawn: Vec<usize> = drawn.collect();
        let mut tree = Tree(Vec::new());
        tree.grow(samples, &mut drawn, DEPTH, &mut chance);
        tree
    };
    (0..TREES).map(one).collect()
}

impl Tree {
    fn leaf(&self, row: &[f32]) -> Option<&[f32]> {
        let mut place = 0;
        loop {
            match self.0.get(place)? {
                Node::Leaf(answer) => return Some(answer),
                Node::Split {
                    feature,
                    threshold,
                    sides,
                } => place = sides[usize::from(row[*feature] > *threshold)],
            }
        }
    }

    /// Returns the place of what was grown.
    fn grow(
        &mut self,
        samples: &[Sample],
        drawn: &mut [usize],
        depth: usize,
        chance: &mut Chance,
    ) -> usize {
        let place = self.0.len();
        self.0.push(Node::Leaf(Vec::new()));
        let split = (depth > 0 && drawn.len() >= 2 * LEAST_LEAF)
            .then(|| best_split(samples, drawn, chance))
            .flatten();
        self.0[place] = match split {
            None => Node::Leaf(mean_answer(samples, drawn)),
            Some((feature, threshold)) => {
                drawn.sort_by(|a, b| samples[*a].x[feature].total_cmp(&samples[*b].x[feature]));
                let middle = drawn.partition_point(|index| samples[*index].x[feature] <= threshold);
                let (low, high) = drawn.split_at_mut(middle);
                let sides = [
                    self.grow(samples, low, depth - 1, chance),
                    self.grow(samples, high, depth - 1, chance),
                ];
                Node::Split {
                    feature,
                    threshold,
                    sides,
                }
            }
        };
        place
    }
}

fn mean_answer(samples: &[Sample], drawn: &[usize]) -> Vec<f32> {
    let mut sum = vec![0.0; samples[0].answer.len()];
    for index in drawn {
        for (sum, value) in sum.iter_mut().zip(&samples[*index].answer) {
            *sum += value / drawn.len() as f32;
        }
    }
    sum
}

/// The feature (of a third, drawn) and threshold that part the guides best: the greatest sum of squared means.
fn best_split(samples: &[Sample], drawn: &[usize], chance: &mut Chance) -> Option<(usize, f32)> {
    let inputs = samples[0].x.len();
    let guides = samples[0].guide.len();
    let mut best: Option<(f64, usize, f32)> = None;
    for _ in 0..inputs.div_ceil(3) {
        let feature = chance.below(inputs);
        let mut thresholds: Vec<f32> = (0..TRIED)
            .map(|_| samples[drawn[chance.below(drawn.len())]].x[feature])
            .collect();
        thresholds.sort_by(f32::total_cmp);
        thresholds.dedup();
        // Sums of the guides between one threshold and the next, and how many frames.
        let mut sums = vec![vec![0.0f64; guides + 1]; thresholds.len() + 1];
        for index in drawn {
            let sample = &samples[*index];
            let bucket = thresholds.partition_point(|threshold| *threshold < sample.x[feature]);
            sums[bucket][guides] += 1.0;
            for (sum, guide) in sums[bucket].iter_mut().zip(&sample.guide) {
                *sum += f64::from(*guide);
            }
        }
        let total: Vec<f64> = (0..=guides)
            .map(|g| sums.iter().map(|sum| sum[g]).sum())
            .collect();
        let mut low = vec![0.0; guides + 1];
        for (threshold, sum) in thresholds.iter().zip(&sums) {
            low.iter_mut().zip(sum).for_each(|(low, sum)| *low += sum);
            let high_count = total[guides] - low[guides];
            if low[guides] < LEAST_LEAF as f64 || high_count < LEAST_LEAF as f64 {
                continue;
            }
            let fit: f64 = (0..guides)
                .map(|g| low[g].powi(2) / low[guides] + (total[g] - low[g]).powi(2) / high_count)
                .sum();
            if best.is_none_or(|(most, _, _)| fit > most) {
                best = Some((fit, feature, *threshold));
            }
        }
    }
    best.map(|(_, feature, threshold)| (feature, threshold))
}

#[cfg(test)]
mod tests {
    use super::super::baseline::tests::linear_take;
    use super::super::heads::LOUDNESS_DB;
    use super::super::take::{Notes, Standard};
    use super::*;

    #[test]
    fn a_forest_finds_what_no_line_can() {
        let mut take = linear_take();
        for (row, truth) in take.features.chunks_exact(2).zip(&mut take.truth) {
            truth.controls.loudness_db = if row[0] * row[1] > 0.0 { -10.0 } else { -40.0 };
        }
        let standard = Standard::of(std::slice::from_ref(&take));
        let heads = Heads::of(Notes::of(std::slice::from_ref(&take)));
        let fed = standard.fed(std::slice::from_ref(&take));
        let raw = Forest::fit(&heads, &fed, &fed, 1).run(&heads, &fed[0]);
        let mut pitch_error = 0.0;
        let right = raw.chunks_exact(heads.width()).zip(&take.truth);
        let right = right.filter(|(row, truth)| {
            let pitch = super::super::evaluate::pitch_of(&heads, row);
            pitch_error += (pitch - truth.controls.pitch_note).abs() / 200.0;
            (LOUDNESS_DB.value(row[heads.loudness()]) - truth.controls.loudness_db).abs() < 10.0
        });
        assert!(right.count() > 180);
        assert!(pitch_error < 0.8, "{pitch_error}");
    }
}
