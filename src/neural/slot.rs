//! Sixteen slots of models on the audio thread, and the loader that fills them from outside.
//!
//! A switch lands [`SWITCH_TICKS`] after its event: in that time the incoming model hears the last
//! second of real input, a few steps a tick, so that it does not start cold; then the two outputs
//! cross over. Its steps are spread over the time between two ticks ([`Rack::warm`]), so that no
//! callback bears them all. A model that is replaced goes home to be freed. A slot that is empty
//! changes nothing: the last good model plays on.

mod glide;
mod stepping;

use super::helper::HELPER_TICKS;
use crate::gesture::TICK_RATE_HZ;
use crate::handover::{Ship, Shore, handover};
use glide::{Glide, Past};
pub use stepping::{Blend, StepTime, Stepping};

pub const SLOT_COUNT: usize = 16;
/// Ticks from the event of a switch to the start of its crossfade: 200 ms.
pub const SWITCH_TICKS: u32 = TICK_RATE_HZ / 5;
/// Input kept to warm an incoming model: one second.
const HISTORY_TICKS: usize = TICK_RATE_HZ as usize;
/// A model that needs a lead has caught up this long before: the longest period is as long.
const LEAD_TICKS: u32 = SWITCH_TICKS / 2;
/// Inputs kept: the history, the present one and those that wait for a helper.
const KEPT_TICKS: usize = HISTORY_TICKS + 1 + HELPER_TICKS as usize;
/// Where a model waits that was replaced while it played.
const REPLACED: usize = SLOT_COUNT;

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

/// The switch in progress.
struct Switch<M: Stepping> {
    to: usize,
    ticks: u32,
    /// The tick before the first that the incoming model hears, and the last that it has heard.
    before: u64,
    heard: u64,
    /// It lags behind the present until this tick of the switch, and comes nearer by so much a tick.
    lags_until: u32,
    catch_up: u64,
    glide: Glide<M::Output>,
    /// How much of the incoming model is heard, 0 to 1, at the beginning and at the end of this tick.
    amounts: (f32, f32),
    /// What came with the last tick.
    context: M::Context,
}

impl<M: Stepping> Switch<M> {
    /// By how many ticks the incoming model may lag behind the present after so many ticks of the switch.
    fn lag_allowed(&self, ticks: u32) -> u64 {
        u64::from((self.lags_until + 1).saturating_sub(ticks)) * self.catch_up
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
    /// Ticks from an input to its output: 0, or what helper threads need.
    delay: u32,
    patient: bool,
    late: u64,
}

/// Both ends of a rack whose output is `silent` until a model plays.
pub fn rack<M: Stepping>(blank: M::Input, silent: M::Output) -> (Loader<M>, Rack<M>) {
    let (shore, arrivals) = handover(2 * SLOT_COUNT);
    let rack = Rack {
        arrivals,
        slots: [const { None }; SLOT_COUNT + 1],
        silent,
        playing: None,
        glide: Glide::at(silent),
        switch: None,
        history: vec![blank; KEPT_TICKS].into_boxed_slice(),
        tick: 0,
        delay: 0,
        patient: false,
        late: 0,
    };
    (Loader { shore }, rack)
}

impl<M: Stepping> Rack<M> {
    /// Every model forgets; models and the one that plays stay.
    pub fn reset(&mut self) {
        self.each(M::reset);
        self.finish_switch();
        self.glide = Glide::at(self.silent);
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
        self.receive();
        if self.switch.is_none() {
            self.choose(selected, context);
        }
        self.tick += 1;
        self.history[place(self.tick)] = *input;
        let past = Past {
            history: &self.history,
            before: 0,
            now: self.tick,
            delay: self.delay,
            patient: self.patient,
        };
        let heard = match self.playing {
            Some(slot) => {
                let model = model_in(&mut self.slots, slot);
                let (out, late) = self.glide.advance(model, self.tick, past, context);
                self.late += u64::from(late);
                out
            }
            None => self.silent,
        };
        self.continue_switch(heard, context, crossfade_ticks.max(1))
    }

    /// Gives every model the delay that helper threads need, or takes it away, and with it the models that need it.
    /// Between renders only: it frees, and a reset has to follow.
    pub fn set_helper_mode(&mut self, on: bool) {
        self.delay = if on { HELPER_TICKS } else { 0 };
        self.receive();
        for held in &mut self.slots {
            let model = held.as_ref().and_then(|held| held.model.as_ref());
            if !on && model.is_some_and(M::is_helped) {
                *held = None;
            }
        }
        if self.playing.is_some_and(|slot| self.slots[slot].is_none()) {
            (self.playing, self.switch) = (None, None);
        }
    }

    /// Ticks from an input to its output.
    pub fn delay_ticks(&self) -> u32 {
        self.delay
    }

    /// Offline, late answers are waited for.
    pub fn set_patient(&mut self, patient: bool) {
        self.patient = patient;
    }

    /// Steps of the model that was heard whose answers were late.
    pub fn late_steps(&self) -> u64 {
        self.late
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

    /// Takes every model that has arrived; during a switch they wait, because what is heard must stay.
    pub fn receive(&mut self) {
        while self.switch.is_none()
            && let Some(arrival) = self.arrivals.receive()
        {
            self.place(arrival);
        }
    }

    /// What plays waits behind the scenes until it has faded.
    fn place(&mut self, arrival: Box<Arrival<M>>) {
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
        // Nothing has sounded since the reset: what played before it must not lead in, or no bounce would repeat.
        if self.playing.is_none() || self.tick == 0 {
            self.playing = Some(selected);
            self.finish_switch();
            return;
        }
        let Some(incoming) = model_in(&mut self.slots, selected) else {
            return;
        };
        incoming.reset();
        let mut lags_until = SWITCH_TICKS;
        if incoming.needs_lead() {
            lags_until -= LEAD_TICKS;
        }
        if incoming.is_helped() {
            lags_until -= HELPER_TICKS;
        }
        let catch_up = (HISTORY_TICKS as u64).div_ceil(u64::from(lags_until));
        let catch_up = catch_up.min(incoming.most_catch_up());
        let warming = (catch_up * u64::from(lags_until)).min(HISTORY_TICKS as u64);
        // The oldest places are taken by new input before they could be heard.
        let oldest = (self.tick + 1 + catch_up).saturating_sub(warming);
        let before = if catch_up == 0 { self.tick } else { oldest };
        self.switch = Some(Switch {
            to: selected,
            ticks: 0,
            before,
            heard: before,
            lags_until,
            catch_up,
            amounts: (0.0, 0.0),
            glide: Glide::at(self.silent),
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
        let done = switch.ticks.saturating_sub(SWITCH_TICKS);
        let amount = (done as f32 / crossfade_ticks as f32).min(1.0);
        switch.amounts = (switch.amounts.1, amount);
        let lag = switch.lag_allowed(switch.ticks);
        self.catch_up(lag, usize::MAX);
        let Some(switch) = self.switch.as_ref() else {
            return playing;
        };
        let incoming = switch.glide.now();
        // A waveform that leaves is still heard in the tick in which it becomes silent.
        if switch.amounts.0 >= 1.0 {
            (self.playing, self.glide) = (Some(switch.to), switch.glide);
            self.finish_switch();
        }
        match done {
            0 => playing,
            _ if amount >= 1.0 => incoming,
            _ => playing.toward(&incoming, amount),
        }
    }

    /// The models that are heard in this tick, each with its gain at the tick's beginning and at its end.
    pub fn each_heard(&mut self, mut hear: impl FnMut(&mut M, f32, f32)) {
        let switch = self.switch.as_ref();
        let ((from, to), incoming) = switch.map_or(((0.0, 0.0), None), |switch| {
            (switch.amounts, Some(switch.to))
        });
        if let Some(slot) = self.playing
            && let Some(model) = model_in(&mut self.slots, slot)
        {
            hear(model, 1.0 - from, 1.0 - to);
        }
        if let Some(slot) = incoming
            && let Some(model) = model_in(&mut self.slots, slot)
        {
            hear(model, from, to);
        }
    }

    /// Every model in its slot, to be changed where it stands.
    pub fn each(&mut self, change: impl FnMut(&mut M)) {
        let held = self.slots.iter_mut().flatten();
        held.filter_map(|held| held.model.as_mut()).for_each(change);
    }

    /// Between two ticks: at most one step that the next tick would otherwise have to make.
    pub fn warm(&mut self) {
        if let Some(switch) = &self.switch {
            // The next tick brings one more to hear.
            let lag = switch.lag_allowed(switch.ticks + 1).saturating_sub(1);
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
            switch.heard += 1;
            let model = model_in(&mut self.slots, switch.to);
            let past = Past {
                history: &self.history,
                before: switch.before,
                now: self.tick,
                delay: self.delay,
                patient: self.patient,
            };
            let (heard, context) = (switch.heard, switch.context);
            switch.glide.advance(model, heard, past, context);
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

/// Where the input of a tick (from 1) is kept.
fn place(tick: u64) -> usize {
    (tick % KEPT_TICKS as u64) as usize
}

#[cfg(test)]
mod tests;
