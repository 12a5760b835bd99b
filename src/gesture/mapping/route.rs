//! One connection of the matrix, from a channel to a model input: smoothed, stretched to the range that the input
//! expects, bent, scaled. Audio thread; always finite for finite channels.

use super::channels::Channels;
use super::{InputSource, MappingProblem, ModelInput};
use crate::gesture::features::LimbFeature;
use crate::gesture::smoothing::OneEuro;

/// Slowest cut-offs of the smoothing, at its least and at its most.
const LIGHT_HZ: f32 = 20.0;
const HEAVY_HZ: f32 = 0.4;
/// How the cut-off rises, per span of the channel covered in a second.
const OPENING_HZ: f32 = 4.0;
/// Exponent of the response at the ends of the curve.
const STEEPEST: f32 = 4.0;

/// One connection, `Copy` and of fixed size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Route {
    pub input: u16,
    pub channel: u16,
    /// Cut-off for a slow hand in Hz; infinite for none.
    slow_hz: f32,
    opening_hz: f32,
    /// From the channel's unit to what the input expects.
    stretch: f32,
    shift: f32,
    /// The response bends about the origin, and meets the straight line again `reach` away from it.
    origin: f32,
    reach: f32,
    exponent: f32,
    gain: f32,
    offset: f32,
}

impl Route {
    pub(super) const NONE: Route = Route {
        input: 0,
        channel: u16::MAX,
        slow_hz: f32::INFINITY,
        opening_hz: 0.0,
        stretch: 1.0,
        shift: 0.0,
        origin: 0.0,
        reach: 1.0,
        exponent: 1.0,
        gain: 0.0,
        offset: 0.0,
    };

    pub(super) fn new(
        number: usize,
        channel: usize,
        input: &ModelInput,
        chosen: &InputSource,
        learned: Option<(f32, f32)>,
        problems: &mut Vec<MappingProblem>,
    ) -> Route {
        let mut finite = |value: f32, otherwise: f32, field| {
            if value.is_finite() {
                return value;
            }
            let input = input.name.clone();
            problems.push(MappingProblem::NotFinite { input, field });
            otherwise
        };
        let gain = finite(chosen.gain, 1.0, "gain");
        let offset = finite(chosen.offset, 0.0, "offset");
        let curve = finite(chosen.curve, 0.0, "curve").clamp(-1.0, 1.0);
        let smoothing = finite(chosen.smoothing, 0.0, "smoothing").clamp(0.0, 1.0);
        let (from, to) = ranges(channel, input, learned);
        let (stretch, shift) = stretch(from, to);
        let (origin, reach) = middle(to);
        let mut route = Route {
            input: number as u16,
            channel: channel as u16,
            stretch,
            shift,
            origin,
            reach,
            exponent: STEEPEST.powf(curve),
            gain: if chosen.invert { -gain } else { gain },
            offset,
            ..Route::NONE
        };
        if smoothing > 0.0 {
            let (least, most) = Channels::span(channel);
            route.slow_hz = LIGHT_HZ * (HEAVY_HZ / LIGHT_HZ).powf(smoothing);
            route.opening_hz = OPENING_HZ / (most - least);
        }
        if chosen.mute {
            route.rest_at(Channels::NEUTRAL.get(channel));
        }
        route
    }

    /// Feeds this value, whatever the channel says.
    pub(super) fn rest_at(&mut self, value: f32) {
        self.gain = 0.0;
        self.offset = value;
    }

    /// What it adds to its input, `step_s` after the last time.
    pub(super) fn read(&self, channels: &Channels, smooth: &mut OneEuro, step_s: f32) -> f32 {
        let mut value = channels.get(usize::from(self.channel));
        if self.slow_hz.is_finite() {
            value = smooth.step(value, step_s, self.slow_hz, self.opening_hz);
        }
        self.gain * self.bend(value * self.stretch + self.shift) + self.offset
    }

    fn bend(&self, value: f32) -> f32 {
        if self.exponent == 1.0 {
            return value;
        }
        let way = (value - self.origin) / self.reach;
        self.origin + self.reach * way.abs().powf(self.exponent).copysign(way)
    }
}

/// What the channel covers, and what it is to cover for the input. A feature that nothing was learned of is heard in
/// its own unit, and so is what an input asks for by name; a macro covers what the model was trained on.
fn ranges(
    channel: usize,
    input: &ModelInput,
    learned: Option<(f32, f32)>,
) -> ((f32, f32), (f32, f32)) {
    let span = Channels::span(channel);
    let named = Channels::index_of(&input.name);
    let wanted: Option<(_, LimbFeature)> = named.and_then(Channels::limb_of);
    let wanted_span = named.map_or((0.0, 1.0), Channels::span);
    // Two deviations about a mean may reach where the feature cannot.
    let trained = input.trained_span.map_or(wanted_span, |(least, most)| {
        let held = (least.max(wanted_span.0), most.min(wanted_span.1));
        if held.1 - held.0 > 1e-6 {
            held
        } else {
            wanted_span
        }
    });
    let same = wanted.map(|(_, feature)| feature);
    match (Channels::limb_of(channel), learned) {
        // A key or a note that the model asks for by name.
        (None, _) if named == Some(channel) => (span, span),
        (None, _) => (span, trained),
        (Some((_, feature)), Some(learned)) if Some(feature) == same => (learned, trained),
        (Some(_), Some(learned)) => (learned, span),
        (Some(_), None) => (span, span),
    }
}

/// The line from one range to another; where both pass through 0 it does too, so that rest stays rest.
fn stretch(from: (f32, f32), to: (f32, f32)) -> (f32, f32) {
    if from == to {
        return (1.0, 0.0);
    }
    let passes = |(least, most): (f32, f32)| least < 0.0 && most > 0.0;
    if passes(from) && passes(to) {
        return (middle(to).1 / middle(from).1, 0.0);
    }
    let by = (to.1 - to.0) / (from.1 - from.0);
    (by, to.0 - from.0 * by)
}

/// Where a range's response bends about, and how far it reaches from there.
fn middle((least, most): (f32, f32)) -> (f32, f32) {
    if least < 0.0 && most > 0.0 {
        (0.0, most.max(-least))
    } else {
        (least, most - least)
    }
}
