//! A mapping as the audio thread uses it: fixed arrays, and the smoothers behind its connections.

use super::channels::Channels;
use super::route::Route;
use super::seating::Seating;
use crate::gesture::smoothing::OneEuro;

/// Most inputs that a gesture model may have.
pub const INPUT_CAPACITY: usize = 256;
/// Most connections of one map: every input's own, and as many that were added.
pub const ROUTE_CAPACITY: usize = 2 * INPUT_CAPACITY;

/// Every connection of one model, in the order of its inputs. Memoryless and `Copy`.
#[derive(Clone, Copy, Debug)]
pub struct CompiledMap {
    pub seating: Seating,
    pub(super) input_count: usize,
    routes: [Route; ROUTE_CAPACITY],
    route_count: usize,
}

impl CompiledMap {
    /// Hears nothing and wants no device.
    pub fn empty() -> Self {
        CompiledMap {
            seating: Seating::default(),
            input_count: 0,
            routes: [Route::NONE; ROUTE_CAPACITY],
            route_count: 0,
        }
    }

    pub fn input_count(&self) -> usize {
        self.input_count
    }

    /// `false` when there is no room.
    pub(super) fn push(&mut self, route: Route) -> bool {
        let place = self.routes.get_mut(self.route_count);
        let has_room = place.is_some();
        if let Some(place) = place {
            *place = route;
            self.route_count += 1;
        }
        has_room
    }

    fn routes(&self) -> &[Route] {
        &self.routes[..self.route_count.min(ROUTE_CAPACITY)]
    }
}

/// A map that plays: what feeds one model, with the memory of its smoothers. Steps at the model's own rate, so that
/// no block size changes it.
#[derive(Clone, Debug)]
pub struct MapPlayer {
    map: CompiledMap,
    smoothers: Box<[OneEuro; ROUTE_CAPACITY]>,
}

impl MapPlayer {
    pub fn new(map: &CompiledMap) -> Self {
        MapPlayer {
            map: *map,
            smoothers: Box::new([OneEuro::default(); ROUTE_CAPACITY]),
        }
    }

    /// Takes another map over; connections that hear the channel they heard before go on from where they are.
    pub fn set_map(&mut self, map: &CompiledMap) {
        let routes = self.map.routes.iter().zip(&map.routes);
        for (smoother, (old, new)) in self.smoothers.iter_mut().zip(routes) {
            if old.channel != new.channel {
                smoother.reset();
            }
        }
        self.map = *map;
    }

    pub fn reset(&mut self) {
        self.smoothers.iter_mut().for_each(OneEuro::reset);
    }

    /// Writes the model's inputs, in its order, `step_s` after the last time; inputs beyond the map get 0. Always
    /// finite.
    pub fn read(&mut self, channels: &Channels, step_s: f32, inputs: &mut [f32]) {
        inputs.fill(0.0);
        for (route, smoother) in self.map.routes().iter().zip(self.smoothers.iter_mut()) {
            if let Some(input) = inputs.get_mut(usize::from(route.input)) {
                *input += route.read(channels, smoother, step_s);
            }
        }
        for input in inputs {
            *input = if input.is_finite() { *input } else { 0.0 };
        }
    }
}
