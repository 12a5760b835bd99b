//! What the rack asks of a model.

/// Something that moves in a straight line to something else of its kind.
pub trait Blend: Copy {
    fn toward(&self, target: &Self, amount: f32) -> Self;
}

/// A model that steps in frame time.
pub trait Stepping: Send {
    /// What it hears at every tick.
    type Input: Copy + Send;
    /// What comes with the present tick only.
    type Context: Copy;
    type Output: Blend;

    /// Ticks from one step to the next.
    fn period_ticks(&self) -> u32;
    /// Forgets everything it heard.
    fn reset(&mut self);
    fn step(&mut self, input: &Self::Input, context: Self::Context) -> Self::Output;

    /// Hands over the input of `tick`, which a step will be asked about later: for models that run elsewhere.
    fn look_ahead(&mut self, _tick: u64, _input: &Self::Input) {}

    /// Called before each step; `false`: the answer to the step's look-ahead is late.
    fn fetch(&mut self, _step: StepTime) -> bool {
        true
    }

    /// Runs on a helper thread, so that it needs the rack's delay.
    fn is_helped(&self) -> bool {
        false
    }

    /// Ticks of the past that it can hear beside each present one.
    fn most_catch_up(&self) -> u64 {
        u64::MAX
    }

    /// Has to make a step in the present before it can be heard.
    fn needs_lead(&self) -> bool {
        false
    }
}

/// Which step is asked for, and how.
#[derive(Clone, Copy, Debug)]
pub struct StepTime {
    /// The tick of its input, from 1.
    pub tick: u64,
    /// Not one of the past that an incoming model catches up on.
    pub live: bool,
    /// Nobody listens: an answer that is late is waited for.
    pub patient: bool,
}
