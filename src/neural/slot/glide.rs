//! A straight line from one step's output to the next, which is what is heard between two steps of a model.

use super::{Blend, StepTime, Stepping, place};

/// A model's output between two of its steps.
#[derive(Clone, Copy)]
pub(super) struct Glide<O> {
    from: O,
    to: O,
    /// Ticks since the step that gave `to`, and from that step to the next.
    since: u32,
    period: u32,
}

/// What a model can hear of the past, and when.
pub(super) struct Past<'a, I> {
    pub history: &'a [I],
    /// The tick before the first that this model hears.
    pub before: u64,
    pub now: u64,
    pub delay: u32,
    pub patient: bool,
}

impl<O: Blend> Glide<O> {
    /// At rest.
    pub(super) fn at(output: O) -> Self {
        Glide {
            from: output,
            to: output,
            since: 0,
            period: 1,
        }
    }

    /// Lets the model hear tick `tick` (from 1) and, where the tick that is due after the delay is one of its own,
    /// steps it. Says where the line to its output stands, and whether the step's answer was late.
    pub(super) fn advance<M>(
        &mut self,
        model: Option<&mut M>,
        tick: u64,
        past: Past<M::Input>,
        context: M::Context,
    ) -> (O, bool)
    where
        M: Stepping<Output = O>,
    {
        let Some(model) = model else {
            return (self.to, false);
        };
        let period = model.period_ticks().max(1);
        let is_step = |tick: u64| (tick - 1).is_multiple_of(u64::from(period));
        if is_step(tick) {
            model.look_ahead(tick, &past.history[place(tick)]);
        }
        let due = tick.saturating_sub(u64::from(past.delay));
        if due <= past.before {
            return (self.to, false);
        }
        let mut late = false;
        if is_step(due) {
            let step = StepTime {
                tick: due,
                live: tick == past.now,
                patient: past.patient,
            };
            late = !model.fetch(step) && step.live;
            self.from = self.to;
            self.to = model.step(&past.history[place(due)], context);
            self.since = 0;
        }
        self.since += 1;
        self.period = period;
        (self.now(), late)
    }

    pub(super) fn now(&self) -> O {
        if self.since >= self.period {
            return self.to;
        }
        self.from
            .toward(&self.to, self.since as f32 / self.period as f32)
    }
}
