//! Sixteen slots of models on the audio thread, and the loader that fills them from outside.
//!
//! A switch lands [`SWITCH_TICKS`] after its event: in that time the incoming model hears the last
//! second of real input, a few steps a tick, so that it does not start cold; then the two outputs
//! cross over. Its steps are spread over the time between two ticks ([`Rack::warm`]), so that no
//! callback bears them all. A model that is replaced goes home to be freed. A slot that is empty
//! changes nothing: the last good model plays on.

use crate::gesture::TICK_RATE_HZ;
use crate::handover::{Ship, Shore, handover};

pub const SLOT_COUNT: usize = 16;
/// Ticks from the event of a switch to the start of its crossfade: 200 ms.
pub const SWITCH_TICKS: u32 = TICK_RATE_HZ / 5;
/// Input kept to warm an incoming model: one second.
const HISTORY_TICKS: usize = TICK_RATE_HZ as usize;
/// How far an incoming model catches up with the present in a tick, to have heard everything when the switch lands.
const CATCH_UP_TICKS: u64 = (HISTORY_TICKS as u64).div_ceil(SWITCH_TICKS as u64);
/// Where a model waits that was replaced while it played.
const REPLACED: usize = SLOT_COUNT;

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
}

/// A model (or none, to empty the slot) on its way to its slot, and in it: the box that comes is the box that goes.
struct Arrival<M> {
    slot: usize,
    model: Option<M>,
}

/// Fills slots from outside the audio thread.
pub struct Loader<M> {
    shore: Shore<Arrival<M>>,
}

impl<M: Send> Loader<M> {
    /// Sends a model to a slot (0 to 15), or empties it. `false`: too many are under way, try again.
    pub fn fill(&mut self, slot: usize, model: Option<M>) -> bool {
        slot < SLOT_COUNT && self.shore.send(Box::new(Arrival { slot, model })).is_ok()
    }

    /// Frees what came home.
    pub fn collect(&mut self) -> usize {
        self.shore.collect()
    }
}

/// A model's output between two of its steps.
#[derive(Clone, Copy)]
struct Glide<O> {
    from: O,
    to: O,
    /// Ticks since the step that gave `to`, and from that step to the next.
    since: u32,
    period: u32,
}

/// The switch in progress.
struct Switch<M: Stepping> {
    to: usize,
    ticks: u32,
    /// Of the history, how much the incoming model has heard.
    heard: u64,
    glide: Glide<M::Output>,
    /// What came with the last tick.
    context: M::Context,
}

impl<M: Stepping> Switch<M> {
    /// By how many ticks the incoming model may lag behind the present after so many ticks of the switch.
    fn lag_allowed(ticks: u32) -> u64 {
        u64::from((SWITCH_TICKS + 1).saturating_sub(ticks)) * CATCH_UP_TICKS
    }
}

/// The audio thread's end.
pub struct Rack<M: Stepping> {
    arrivals: Ship<Arrival<M>>,
    slots: [Option<Box<Arrival<M>>>; SLOT_COUNT + 1],
    silent: M::Output,
    playing: Option<usize>,
    glide: Glide<M::Output>,
    switch: Option<Switch<M>>,
    history: Box<[M::Input]>,
    /// Ticks since the reset; also the end of the history.
    tick: u64,
}

/// Both ends of a rack whose output is `silent` until a model plays.
pub fn rack<M: Stepping>(blank: M::Input, silent: M::Output) -> (Loader<M>, Rack<M>) {
    let (shore, arrivals) = handover(2 * SLOT_COUNT);
    let rack = Rack {
        arrivals,
        slots: [const { None }; SLOT_COUNT + 1],
        silent,
        playing: None,
        glide: Glide {
            from: silent,
            to: silent,
            since: 0,
            period: 1,
        },
        switch: None,
        history: vec![blank; HISTORY_TICKS].into_boxed_slice(),
        tick: 0,
    };
    (Loader { shore }, rack)
}

impl<M: Stepping> Rack<M> {
    /// Every model forgets; models and the one that plays stay.
    pub fn reset(&mut self) {
        self.slots
            .iter_mut()
            .flatten()
            .filter_map(|held| held.model.as_mut())
            .for_each(M::reset);
        self.finish_switch();
        self.glide = Glide {
            from: self.silent,
            to: self.silent,
            since: 0,
            period: 1,
        };
        self.tick = 0;
    }

    /// One tick with slot `selected` (0 to 15) asked for. `crossfade_ticks` is at least 1.
    pub fn tick(
        &mut self,
        selected: usize,
        input: &M::Input,
        context: M::Context,
        crossfade_ticks: u32,
    ) -> M::Output {
        if self.switch.is_none() {
            self.take_arrival();
            self.choose(selected, context);
        }
        self.history[(self.tick % HISTORY_TICKS as u64) as usize] = *input;
        self.tick += 1;
        let heard = match self.playing {
            Some(slot) => {
                let (tick, model) = (self.tick, model_in(&mut self.slots, slot));
                self.glide.advance(model, tick, input, context)
            }
            None => self.silent,
        };
        self.continue_switch(heard, context, crossfade_ticks.max(1))
    }

    /// The model in a slot (0 to 15), to be changed where it stands.
    pub fn in_slot(&mut self, slot: usize) -> Option<&mut M> {
        model_in(&mut self.slots, slot)
    }

    /// Ticks from one step of the model that is heard to the next; 1 without a model.
    pub fn period_ticks(&self) -> u32 {
        self.playing().map_or(1, M::period_ticks)
    }

    /// The model that is heard.
    pub fn playing(&self) -> Option<&M> {
        self.slots[self.playing?].as_ref()?.model.as_ref()
    }

    /// Whether another model is on its way.
    pub fn is_switching(&self) -> bool {
        self.switch.is_some()
    }

    /// At most one a tick; what plays waits behind the scenes until it has faded.
    fn take_arrival(&mut self) {
        let Some(arrival) = self.arrivals.receive() else {
            return;
        };
        let slot = arrival.slot.min(SLOT_COUNT - 1);
        let before = self.slots[slot].take();
        if self.playing == Some(slot) {
            self.slots[REPLACED] = before;
            self.playing = Some(REPLACED);
        } else if let Some(before) = before {
            self.arrivals.send_home(before);
        }
        if arrival.model.is_some() {
            self.slots[slot] = Some(arrival);
        } else {
            self.arrivals.send_home(arrival);
        }
    }

    fn choose(&mut self, selected: usize, context: M::Context) {
        let selected = selected.min(SLOT_COUNT - 1);
        if self.playing == Some(selected) || self.slots[selected].is_none() {
            return;
        }
        if self.playing.is_none() {
            self.playing = Some(selected);
            return;
        }
        if let Some(incoming) = model_in(&mut self.slots, selected) {
            incoming.reset();
        }
        self.switch = Some(Switch {
            to: selected,
            ticks: 0,
            // The oldest places are taken by new input before they could be heard.
            heard: (self.tick + 1 + CATCH_UP_TICKS).saturating_sub(HISTORY_TICKS as u64),
            glide: Glide {
                from: self.silent,
                to: self.silent,
                since: 0,
                period: 1,
            },
            context,
        });
    }

    fn continue_switch(
        &mut self,
        playing: M::Output,
        context: M::Context,
        crossfade_ticks: u32,
    ) -> M::Output {
        let Some(switch) = self.switch.as_mut() else {
            return playing;
        };
        switch.ticks += 1;
        switch.context = context;
        let ticks = switch.ticks;
        self.catch_up(Switch::<M>::lag_allowed(ticks), usize::MAX);
        let Some(switch) = self.switch.as_ref() else {
            return playing;
        };
        let incoming = switch.glide.now();
        if switch.ticks <= SWITCH_TICKS {
            return playing;
        }
        let done = switch.ticks - SWITCH_TICKS;
        if done >= crossfade_ticks {
            (self.playing, self.glide) = (Some(switch.to), switch.glide);
            self.finish_switch();
            return incoming;
        }
        playing.toward(&incoming, done as f32 / crossfade_ticks as f32)
    }

    /// Between two ticks: at most one step that the next tick would otherwise have to make.
    pub fn warm(&mut self) {
        if let Some(switch) = &self.switch {
            // The next tick brings one more to hear.
            let lag = Switch::<M>::lag_allowed(switch.ticks + 1).saturating_sub(1);
            self.catch_up(lag, 1);
        }
    }

    /// Steps the incoming model until it lags no more than `lag` ticks behind, at most `steps` times.
    fn catch_up(&mut self, lag: u64, steps: usize) {
        let Some(switch) = self.switch.as_mut() else {
            return;
        };
        for _ in 0..steps {
            if self.tick - switch.heard <= lag {
                break;
            }
            let input = self.history[(switch.heard % HISTORY_TICKS as u64) as usize];
            switch.heard += 1;
            let model = model_in(&mut self.slots, switch.to);
            switch
                .glide
                .advance(model, switch.heard, &input, switch.context);
        }
    }

    /// Ends a switch where it stands; what was replaced goes home.
    fn finish_switch(&mut self) {
        self.switch = None;
        if self.playing != Some(REPLACED)
            && let Some(replaced) = self.slots[REPLACED].take()
        {
            self.arrivals.send_home(replaced);
        }
    }
}

fn model_in<M>(
    slots: &mut [Option<Box<Arrival<M>>>; SLOT_COUNT + 1],
    slot: usize,
) -> Option<&mut M> {
    slots.get_mut(slot)?.as_mut()?.model.as_mut()
}

impl<O: Blend> Glide<O> {
    /// Steps the model when tick `tick` (from 1) is one of its own, and says where the line to its output stands.
    fn advance<M>(
        &mut self,
        model: Option<&mut M>,
        tick: u64,
        input: &M::Input,
        context: M::Context,
    ) -> O
    where
        M: Stepping<Output = O>,
    {
        let Some(model) = model else {
            return self.to;
        };
        let period = model.period_ticks().max(1);
        if (tick - 1).is_multiple_of(u64::from(period)) {
            self.from = self.to;
            self.to = model.step(input, context);
            self.since = 0;
        }
        self.since += 1;
        self.period = period;
        self.now()
    }

    fn now(&self) -> O {
        if self.since >= self.period {
            return self.to;
        }
        self.from
            .toward(&self.to, self.since as f32 / self.period as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says its own number, and how much it has heard since it was last reset.
    struct Counter {
        number: f32,
        heard: u32,
        period: u32,
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Said(f32, u32);

    impl Blend for Said {
        fn toward(&self, target: &Self, amount: f32) -> Self {
            Said(self.0 + (target.0 - self.0) * amount, target.1)
        }
    }

    impl Stepping for Counter {
        type Input = f32;
        type Context = ();
        type Output = Said;
        fn period_ticks(&self) -> u32 {
            self.period
        }
        fn reset(&mut self) {
            self.heard = 0;
        }
        fn step(&mut self, _: &f32, _: ()) -> Said {
            self.heard += 1;
            Said(self.number, self.heard)
        }
    }

    fn filled(numbers: &[f32]) -> (Loader<Counter>, Rack<Counter>) {
        let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
        for (slot, &number) in numbers.iter().enumerate() {
            assert!(loader.fill(
                slot,
                Some(Counter {
                    number,
                    heard: 0,
                    period: 1
                })
            ));
        }
        for _ in 0..300 {
            rack.tick(0, &1.0, (), 6);
        }
        (loader, rack)
    }

    #[test]
    fn a_switch_lands_on_its_tick_fades_in_a_line_and_is_warm() {
        let (_loader, mut rack) = filled(&[10.0, 20.0]);
        let said: Vec<Said> = (0..60).map(|_| rack.tick(1, &1.0, (), 4)).collect();
        let landing = SWITCH_TICKS as usize;
        assert!(said[..landing].iter().all(|s| s.0 == 10.0));
        let fade: Vec<f32> = said[landing..landing + 4].iter().map(|s| s.0).collect();
        assert_eq!(fade, [12.5, 15.0, 17.5, 20.0]);
        assert!(
            said[landing + 3].1 > HISTORY_TICKS as u32,
            "cold start: heard {}",
            said[landing + 3].1
        );
    }

    /// What was heard, in order.
    struct Ear {
        heard: Vec<f32>,
    }

    impl Stepping for Ear {
        type Input = f32;
        type Context = ();
        type Output = Said;
        fn period_ticks(&self) -> u32 {
            1
        }
        fn reset(&mut self) {
            self.heard.clear();
        }
        fn step(&mut self, input: &f32, _: ()) -> Said {
            self.heard.push(*input);
            Said(*input, self.heard.len() as u32)
        }
    }

    /// Switches to an [`Ear`] after 300 ticks, with so many calls of `warm` between two ticks. What it has heard
    /// when the switch has landed, and the most steps that one tick or one `warm` made.
    fn warmed(between: usize) -> (Vec<f32>, usize) {
        let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
        for slot in 0..2 {
            loader.fill(slot, Some(Ear { heard: Vec::new() }));
        }
        let (mut most, mut before) = (0, 0);
        let mut now = 0.0;
        for tick in 0..=300 + SWITCH_TICKS {
            rack.tick(usize::from(tick >= 300), &now, (), 6);
            for _ in 0..between {
                let heard = rack.in_slot(1).map_or(0, |ear| ear.heard.len());
                most = most.max(heard.saturating_sub(before));
                before = heard;
                rack.warm();
            }
            now += 1.0;
        }
        let heard = rack.in_slot(1).map(|ear| ear.heard.clone());
        (heard.unwrap_or_default(), most)
    }

    #[test]
    fn an_incoming_model_hears_the_last_second_in_order_however_its_steps_are_spread() {
        let (heard, most) = warmed(14);
        let last = 300 + SWITCH_TICKS;
        assert_eq!(heard.last(), Some(&(last as f32)));
        assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
        assert!(heard.len() >= HISTORY_TICKS);
        assert_eq!(most, 1, "steps were bunched");
        assert_eq!(warmed(0).0, heard);
        assert_eq!(warmed(2).0, heard);
    }

    #[test]
    fn an_empty_slot_keeps_the_last_good_model() {
        let (_loader, mut rack) = filled(&[10.0]);
        assert!((0..100).all(|_| rack.tick(7, &1.0, (), 1).0 == 10.0));
    }

    #[test]
    fn a_model_that_is_replaced_while_it_plays_fades_and_goes_home() {
        let (mut loader, mut rack) = filled(&[10.0]);
        assert!(loader.fill(
            0,
            Some(Counter {
                number: 30.0,
                heard: 0,
                period: 1
            })
        ));
        let said: Vec<f32> = (0..60).map(|_| rack.tick(0, &1.0, (), 4).0).collect();
        assert_eq!((said[0], said[59]), (10.0, 30.0));
        assert_eq!(loader.collect(), 1);
    }

    #[test]
    fn an_emptied_slot_plays_on_until_another_is_asked_for() {
        let (mut loader, mut rack) = filled(&[10.0, 20.0]);
        assert!(loader.fill(0, None));
        assert!((0..100).all(|_| rack.tick(0, &1.0, (), 1).0 == 10.0));
        assert_eq!(
            (0..100).map(|_| rack.tick(1, &1.0, (), 1).0).last(),
            Some(20.0)
        );
        assert_eq!(loader.collect(), 2);
    }

    #[test]
    fn a_slow_model_moves_in_a_straight_line() {
        let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
        loader.fill(
            0,
            Some(Counter {
                number: 8.0,
                heard: 0,
                period: 4,
            }),
        );
        let said: Vec<f32> = (0..6).map(|_| rack.tick(0, &1.0, (), 1).0).collect();
        assert_eq!(said, [2.0, 4.0, 6.0, 8.0, 8.0, 8.0]);
    }
}
