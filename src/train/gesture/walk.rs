//! Each lane of a batch walks through a stretch of a take window by window, its state carried (detached) from one window
//! to the next.

use super::fit::{Fed, Plan};
use super::learner::Window;
use super::ridge::Straight;
use crate::sensor::performer::Chance;

/// Windows that a lane walks through before it starts afresh somewhere else.
const WINDOWS_PER_STRETCH: usize = 6;

/// Where a lane stands.
#[derive(Clone, Copy)]
struct Lane {
    take: usize,
    frame: usize,
    end: usize,
}

/// The takes cut into stretches at a random phase, in random order.
fn stretches(takes: &[Fed], plan: &Plan, chance: &mut Chance) -> Vec<Lane> {
    let length = plan.window_frames * WINDOWS_PER_STRETCH;
    let mut all = Vec::new();
    for (take, fed) in takes.iter().enumerate() {
        let spare = fed.frames().saturating_sub(plan.window_frames);
        let mut frame = chance.below(plan.window_frames.min(spare + 1));
        while frame + plan.window_frames <= fed.frames() {
            let end = (frame + length).min(fed.frames());
            all.push(Lane { take, frame, end });
            frame = end;
        }
    }
    for index in (1..all.len()).rev() {
        all.swap(index, chance.below(index + 1));
    }
    all
}

/// One epoch's way through the takes: so many lanes side by side.
pub struct Walk<'a> {
    straight: Option<&'a Straight>,
    lanes: Vec<Lane>,
    waiting: Vec<Lane>,
    fresh: Vec<bool>,
    window_frames: usize,
    total: usize,
}

impl<'a> Walk<'a> {
    pub fn new(
        takes: &[Fed],
        straight: Option<&'a Straight>,
        plan: &Plan,
        chance: &mut Chance,
    ) -> Walk<'a> {
        let mut waiting = stretches(takes, plan, chance);
        let total = waiting.len();
        let lanes = waiting.split_off(total - plan.lanes.min(total));
        Walk {
            straight,
            fresh: vec![false; lanes.len()],
            lanes,
            waiting,
            window_frames: plan.window_frames,
            total,
        }
    }

    /// How many walk side by side.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// 0 to 1.
    pub fn done(&self) -> f64 {
        let begun = self.total - self.waiting.len() - self.lanes.len();
        begun as f64 / (self.total - self.lanes.len()).max(1) as f64
    }

    /// The next window of every lane; none when a lane is through its stretch and no other waits.
    pub fn window(&mut self, takes: &[Fed]) -> Option<Window> {
        let frames = self.window_frames;
        let mut window = Window {
            values: Vec::new(),
            beside: Vec::new(),
            truth: Vec::new(),
            lanes: self.lanes.len(),
            fresh: Vec::new(),
        };
        for (lane, fresh) in self.lanes.iter_mut().zip(&mut self.fresh) {
            *fresh = lane.frame + frames > lane.end;
            if *fresh {
                *lane = self.waiting.pop()?;
            }
            let take = &takes[lane.take];
            let width = take.width();
            let values = &take.values[lane.frame * width..][..frames * width];
            window.values.extend_from_slice(values);
            if let Some(straight) = self.straight {
                let said = values
                    .chunks_exact(width)
                    .flat_map(|row| straight.answer(row));
                window.beside.extend(said);
            }
            window
                .truth
                .extend_from_slice(&take.truth()[lane.frame..][..frames]);
            lane.frame += frames;
        }
        window.fresh = self.fresh.clone();
        (window.lanes > 0).then_some(window)
    }
}
