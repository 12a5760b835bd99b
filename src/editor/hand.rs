//! The editor's hand on the parameters: every change goes through the host as a gesture with a
//! beginning and an end, so that automation records it. Pedal-like parameters are let go by themselves.

use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::{BoolParam, Param, ParamSetter};
use std::time::{Duration, Instant};

/// Longer than the longest common block (8192 samples at 44.1 kHz), so that no press falls between two.
const PRESS: Duration = Duration::from_millis(220);

/// Sets parameters through the host; without a host it moves nothing.
pub struct Hand<'a> {
    setter: Option<ParamSetter<'a>>,
}

impl<'a> Hand<'a> {
    pub fn new(context: Option<&'a GuiContext>) -> Hand<'a> {
        Hand {
            setter: context.map(GuiContext::param_setter),
        }
    }

    pub fn begin<P: Param>(&self, param: &P) {
        if let Some(setter) = &self.setter {
            setter.begin_set_parameter(param);
        }
    }

    /// Between [`Self::begin`] and [`Self::end`].
    pub fn drag<P: Param>(&self, param: &P, value: P::Plain) {
        if let Some(setter) = &self.setter {
            setter.set_parameter(param, value);
        }
    }

    pub fn end<P: Param>(&self, param: &P) {
        if let Some(setter) = &self.setter {
            setter.end_set_parameter(param);
        }
    }

    /// One whole gesture.
    pub fn set<P: Param>(&self, param: &P, value: P::Plain) {
        self.begin(param);
        self.drag(param, value);
        self.end(param);
    }

    pub fn turn(&self, param: &BoolParam) {
        self.set(param, !param.value());
    }
}

/// A press that lets go by itself. It outlives the window: what a closed editor left pressed is let go
/// when it opens again.
#[derive(Default)]
pub struct Press {
    since: Option<Instant>,
}

impl Press {
    pub fn press(&mut self, param: &BoolParam, hand: &Hand) {
        if self.since.is_none() {
            hand.begin(param);
        }
        hand.drag(param, true);
        self.since = Some(Instant::now());
    }

    /// Called every frame.
    pub fn let_go(&mut self, param: &BoolParam, hand: &Hand) {
        if self.since.is_some_and(|since| since.elapsed() >= PRESS) {
            hand.drag(param, false);
            hand.end(param);
            self.since = None;
        }
    }

    pub fn is_down(&self) -> bool {
        self.since.is_some()
    }
}
