//! Windows side by side: motion, the event before each event, where in time each is decided, and which came.

use super::material::Piece;
use super::network::Arch;
use super::sequence::Sequence;
use crate::neural::events::{Alphabet, Event};

/// `lanes` sequences of the same length; shorter ones are filled with pads of weight 0.
pub struct Batch {
    pub lanes: usize,
    pub frames: usize,
    /// `[lanes][frames][width]`
    pub motion: Vec<f32>,
    /// Events a lane.
    pub length: usize,
    /// The number before each event, `[lanes][length]`: start before the first.
    pub previous: Vec<usize>,
    /// The frame at which each event is decided.
    pub at: Vec<Vec<usize>>,
    pub target: Vec<usize>,
    /// 1 where an event counts, 0 at pads.
    pub weight: Vec<f32>,
}

/// One lane: its motion and its events.
pub struct Lane<'a> {
    pub motion: &'a [f32],
    pub sequence: Sequence,
}

impl Batch {
    /// A network that plays along never says that a window ends, so it is not taught or judged by ends.
    pub fn new(lanes: &[Lane], width: usize, arch: Arch, alphabet: &Alphabet) -> Batch {
        let length = lanes.iter().map(|lane| lane.sequence.events.len()).max();
        let length = length.unwrap_or(0);
        let [start, end, pad] =
            [Event::Start, Event::End, Event::Pad].map(|event| alphabet.number(event));
        let frames = lanes.first().map_or(0, |l| l.motion.len() / width.max(1));
        let mut batch = Batch {
            lanes: lanes.len(),
            frames,
            motion: Vec::with_capacity(lanes.len() * frames * width),
            length,
            previous: Vec::with_capacity(lanes.len() * length),
            at: Vec::with_capacity(lanes.len()),
            target: Vec::with_capacity(lanes.len() * length),
            weight: Vec::with_capacity(lanes.len() * length),
        };
        for lane in lanes {
            batch.motion.extend_from_slice(lane.motion);
            let Sequence { events, frames: at } = &lane.sequence;
            let missing = length - events.len();
            batch.previous.push(start);
            batch.previous.extend(&events[..events.len() - 1]);
            batch.previous.extend(std::iter::repeat_n(pad, missing));
            batch.target.extend(events);
            batch.target.extend(std::iter::repeat_n(pad, missing));
            let counts = |event: &usize| !(arch.streams() && *event == end);
            batch
                .weight
                .extend(events.iter().map(|e| f32::from(u8::from(counts(e)))));
            batch.weight.extend(std::iter::repeat_n(0.0, missing));
            let mut at = at.clone();
            at.resize(length, frames.saturating_sub(1));
            batch.at.push(at);
        }
        batch
    }

    /// Of windows, each a piece and the frame at which it begins.
    pub fn of_windows(windows: &[(&Piece, usize)], arch: Arch, alphabet: &Alphabet) -> Batch {
        let lanes: Vec<Lane> = windows
            .iter()
            .map(|(piece, at)| Lane {
                motion: piece.motion(*at, piece.window),
                sequence: piece.events(*at, piece.window, alphabet),
            })
            .collect();
        let width = windows.first().map_or(1, |(piece, _)| piece.width);
        Batch::new(&lanes, width, arch, alphabet)
    }

    /// The same with the motion at rest: every feature at its mean.
    pub fn stilled(mut self) -> Batch {
        self.motion.fill(0.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::events::sequence::encode;

    #[test]
    fn a_shorter_lane_is_filled_with_what_does_not_count() {
        let piano = Alphabet::PIANO;
        let motion = vec![0.5; 70];
        let lane = |frames: usize| Lane {
            motion: &motion,
            sequence: encode(&[], 0, frames, &piano),
        };
        let batch = Batch::new(&[lane(70), lane(10)], 1, Arch::Lstm, &piano);
        let [start, end, pad] =
            [Event::Start, Event::End, Event::Pad].map(|event| piano.number(event));
        assert_eq!(batch.length, 4);
        assert_eq!(
            batch.target[4..],
            [piano.number(Event::Shift(10)), end, pad, pad]
        );
        assert_eq!(batch.previous[4], start);
        assert_eq!(batch.weight, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(batch.at[0], [0, 32, 64, 69]);
        let streamed = Batch::new(&[lane(70)], 1, Arch::LstmStream, &piano);
        assert_eq!(streamed.weight, [1.0, 1.0, 1.0, 0.0]);
    }
}
