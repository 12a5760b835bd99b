//! How hard the callback works: the worst share of its block, and how often a block was missed. Audio thread.

/// Shares of the block's duration, measured with the clock reads at both ends of `process`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meters {
    worst_load: f32,
    pub overloads: u64,
}

impl Meters {
    pub fn push(&mut self, spent_s: f64, block_s: f64) {
        let load = if block_s > 0.0 {
            (spent_s / block_s) as f32
        } else {
            0.0
        };
        self.worst_load = self.worst_load.max(load);
        self.overloads += u64::from(load > 1.0);
    }

    /// The worst share since the last call.
    pub fn take_worst_load(&mut self) -> f32 {
        std::mem::take(&mut self.worst_load)
    }
}
