//! Which part of recorded takes is learned from and which is held out: whole takes where there are three or more, else
//! blocks of time with a gap between them. Never single frames, whose neighbours would give the answer away.

use super::take::{Split, Take};

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Train,
    Validation,
    Test,
}
use Purpose::{Test, Train, Validation};

/// A lone take in tenths; the first of two takes in tenths.
const ALONE: [Purpose; 10] = [
    Train, Train, Validation, Train, Test, Train, Train, Validation, Train, Test,
];
const BESIDE_A_TEST: [Purpose; 10] = [
    Train, Train, Train, Validation, Train, Train, Train, Train, Validation, Train,
];
/// Left out on either side of a border between purposes.
const GAP_S: f32 = 0.5;

/// How many of so many takes have a part in training: the first ones.
pub fn learned_from(takes: usize) -> usize {
    match takes {
        0..=2 => takes.min(1),
        more => more - 2,
    }
}

/// In words, for the card.
pub fn spoken(takes: usize) -> &'static str {
    match takes {
        0 | 1 => {
            "time blocks of a tenth of the take: six to learn from, two to stop by, two for the test, 1 s left out between them"
        }
        2 => {
            "the second take is the test; of the first, eight tenths to learn from and two to stop by, 1 s left out between them"
        }
        _ => "by take: the last is the test, the one before it to stop by",
    }
}

/// Cuts takes by purpose.
pub fn split(takes: &[Take], frame_rate_hz: u32) -> Split {
    let mut split = Split::default();
    match takes {
        [] => {}
        [alone] => cut(alone, &ALONE, frame_rate_hz, &mut split),
        [first, test] => {
            cut(first, &BESIDE_A_TEST, frame_rate_hz, &mut split);
            split.test.push(test.clone());
        }
        [train @ .., validation, test] => {
            split.train.extend_from_slice(train);
            split.validation.push(validation.clone());
            split.test.push(test.clone());
        }
    }
    split
}

/// The part of one of the first takes that is learned from; `takes` is how many there are.
pub fn training_part(take: &Take, takes: usize, frame_rate_hz: u32) -> Vec<Take> {
    let pattern = match takes {
        0 | 1 => &ALONE,
        2 => &BESIDE_A_TEST,
        _ => return vec![take.clone()],
    };
    let mut split = Split::default();
    cut(take, pattern, frame_rate_hz, &mut split);
    split.train
}

fn cut(take: &Take, pattern: &[Purpose; 10], frame_rate_hz: u32, split: &mut Split) {
    let gap = (GAP_S * frame_rate_hz as f32) as usize;
    let border = |block: usize| take.frames() * block / pattern.len();
    let mut from = 0;
    while from < pattern.len() {
        let purpose = pattern[from];
        let run = pattern[from..]
            .iter()
            .take_while(|other| **other == purpose)
            .count();
        let to = from + run;
        let first = border(from) + if from > 0 { gap } else { 0 };
        let last = border(to).saturating_sub(if to < pattern.len() { gap } else { 0 });
        if first < last {
            let part = piece(take, first, last);
            match purpose {
                Train => split.train.push(part),
                Validation => split.validation.push(part),
                Test => split.test.push(part),
            }
        }
        from = to;
    }
}

fn piece(take: &Take, from: usize, to: usize) -> Take {
    Take {
        name: take.name.clone(),
        features: take.features[from * take.width..to * take.width].to_vec(),
        width: take.width,
        truth: take.truth[from..to].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::take::tests::take as silent;
    use super::*;

    fn take(frames: usize) -> Take {
        let counted: Vec<f32> = (0..frames).map(|n| n as f32).collect();
        silent(&counted)
    }

    #[test]
    fn parts_of_a_lone_take_never_touch() {
        let split = split(&[take(10_000)], 100);
        let frames = |takes: &[Take]| -> Vec<f32> {
            takes.iter().flat_map(|t| t.features.clone()).collect()
        };
        let (train, validation, test) = (
            frames(&split.train),
            frames(&split.validation),
            frames(&split.test),
        );
        assert!(train.len() > 5000 && validation.len() > 1500 && test.len() > 1500);
        for held_out in validation.iter().chain(&test) {
            assert!(train.iter().all(|frame| (frame - held_out).abs() >= 100.0));
        }
        for frame in &test {
            assert!(
                validation
                    .iter()
                    .all(|other| (frame - other).abs() >= 100.0)
            );
        }
    }

    #[test]
    fn several_takes_are_split_whole() {
        let split = split(&[take(300), take(400), take(500), take(600)], 100);
        let lengths = |takes: &[Take]| takes.iter().map(Take::frames).collect::<Vec<_>>();
        assert_eq!(lengths(&split.train), [300, 400]);
        assert_eq!(lengths(&split.validation), [500]);
        assert_eq!(lengths(&split.test), [600]);
    }
}
