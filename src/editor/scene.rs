//! What one frame of the editor draws: a copy of the desk, taken under its short lock, and what only
//! watching tells (history, losses per device, counters that rise, the held peak).

use super::failures::Failures;
use super::level::Meter;
use crate::gesture::Role;
use crate::gesture::features::FeatureBank;
use crate::gesture::guided::Progress;
use crate::params::SLOT_COUNT;
use crate::plugin::desk::{HISTORY_TICKS, LearnView, Notice, PortView, SlotView, View};
use crate::sensor::announcement::Announced;
use crate::sensor::device::DeviceStatus;
use crate::sensor::frame::DeviceId;
use crate::sensor::intake::{HubCounters, UnknownMessage};
use crate::sensor::performer::Style;
use crate::telemetry::Snapshot;
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

/// Sound that is older than this has stopped: the host does not call the plugin.
const STOPPED_S: f64 = 0.5;
/// A device that was silent for this long is away.
pub const AWAY_S: f64 = 1.0;
/// One that nobody wears and that was not heard for this long has left: it is counted, not listed.
const LEFT_S: f64 = 120.0;
/// Losses are told over this long.
const LOSS_WINDOW_S: f64 = 10.0;

/// The desk at one frame.
#[derive(Default)]
pub struct Scene {
    pub ports: Vec<PortView>,
    /// This machine's addresses on its networks.
    pub addresses: Vec<Ipv4Addr>,
    pub announced: Vec<Announced>,
    pub devices: Vec<DeviceStatus>,
    pub hub: HubCounters,
    pub gestures: [SlotView; SLOT_COUNT],
    pub sounds: [SlotView; SLOT_COUNT],
    pub performer: Option<Style>,
    pub mapping_problems: Vec<String>,
    pub bank: FeatureBank,
    pub lesson: Option<Progress>,
    pub unknown: Vec<UnknownMessage>,
    pub learning: Option<LearnView>,
    pub ports_from_environment: Option<String>,
    pub notice: Option<Notice>,
    pub helper_mode: bool,
    /// The newest tick, while the host calls the plugin.
    pub tick: Option<Snapshot>,
    pub now_s: f64,
}

/// What the editor remembers from frame to frame.
#[derive(Default)]
pub struct Memory {
    /// Oldest first, ten seconds.
    pub history: VecDeque<Snapshot>,
    pub losses: Losses,
    pub failures: Failures,
    pub meter: Meter,
}

impl Scene {
    /// Copies what is drawn and brings `memory` up to date; `now_s` is on the clock of the snapshots.
    pub fn copy(view: &View, memory: &mut Memory, now_s: f64) -> Scene {
        let fresh = absorb(&mut memory.history, &view.history);
        memory
            .meter
            .follow(memory.history.range(memory.history.len() - fresh..), now_s);
        memory.losses.follow(&view.devices, now_s);
        let newest = memory.history.back().copied();
        let counts = newest.map(|tick| tick.counts).unwrap_or_default();
        memory.failures.follow(
            &counts,
            &view.hub,
            view.devices.iter().map(|device| device.lost).sum(),
            now_s,
        );
        Scene {
            ports: view.ports.clone(),
            addresses: view.addresses.clone(),
            announced: view.announced.clone(),
            devices: view.devices.clone(),
            hub: view.hub,
            gestures: view.gestures.clone(),
            sounds: view.sounds.clone(),
            performer: view.performer,
            mapping_problems: view.mapping_problems.clone(),
            bank: view.bank,
            lesson: view.lesson.clone(),
            unknown: view.unknown.clone(),
            learning: view.learning.clone(),
            ports_from_environment: view.ports_from_environment.clone(),
            notice: view.notice.clone(),
            helper_mode: view.helper_mode,
            tick: newest.filter(|tick| (now_s - tick.host_s).abs() < STOPPED_S),
            now_s,
        }
    }

    /// Devices that are heard now.
    pub fn present(&self) -> usize {
        self.devices
            .iter()
            .filter(|device| self.silent_s(device) < AWAY_S)
            .count()
    }

    /// Who is worn in a role, while the host calls the plugin.
    pub fn worn(&self, role: Role) -> Option<DeviceId> {
        self.tick.as_ref()?.worn[role.index()]
    }

    /// The limb that a device plays now.
    pub fn role_of(&self, device: DeviceId) -> Option<Role> {
        Role::ALL
            .into_iter()
            .find(|role| self.worn(*role) == Some(device))
    }

    /// Devices that are heard and that nobody wears.
    pub fn spares(&self) -> impl Iterator<Item = &DeviceStatus> {
        self.devices
            .iter()
            .filter(|device| self.silent_s(device) < AWAY_S && self.role_of(device.id).is_none())
    }

    /// Not heard for long, and worn by nobody.
    pub fn has_left(&self, device: &DeviceStatus) -> bool {
        self.silent_s(device) > LEFT_S && self.role_of(device.id).is_none()
    }

    pub fn silent_s(&self, device: &DeviceStatus) -> f64 {
        (self.now_s - device.last_seen.0).max(0.0)
    }
}

/// Appends what `theirs` has and `ours` lacks; returns how many ticks that was. A clock that went back
/// (the engine was built anew) starts over.
fn absorb(ours: &mut VecDeque<Snapshot>, theirs: &VecDeque<Snapshot>) -> usize {
    let newest =
        |ticks: &VecDeque<Snapshot>| ticks.back().map_or(f64::NEG_INFINITY, |tick| tick.host_s);
    if newest(theirs) < newest(ours) {
        ours.clear();
    }
    let known = newest(ours);
    let from = theirs.partition_point(|tick| tick.host_s <= known);
    ours.extend(theirs.range(from..));
    let surplus = ours.len().saturating_sub(HISTORY_TICKS);
    ours.drain(..surplus);
    (theirs.len() - from).min(ours.len())
}

/// Lost readings of each device over the last seconds.
#[derive(Default)]
pub struct Losses {
    seen: BTreeMap<DeviceId, VecDeque<(f64, u64)>>,
}

impl Losses {
    fn follow(&mut self, devices: &[DeviceStatus], now_s: f64) {
        self.seen
            .retain(|id, _| devices.iter().any(|device| device.id == *id));
        for device in devices {
            let marks = self.seen.entry(device.id).or_default();
            if marks.back().is_none_or(|mark| now_s - mark.0 >= 0.5) {
                marks.push_back((now_s, device.lost));
            }
            while marks
                .front()
                .is_some_and(|mark| now_s - mark.0 > LOSS_WINDOW_S)
            {
                marks.pop_front();
            }
        }
    }

    /// Share of the readings that were lost of late, 0 to 1.
    pub fn share(&self, device: &DeviceStatus, now_s: f64) -> f32 {
        let Some(&(since, lost_then)) = self.seen.get(&device.id).and_then(VecDeque::front) else {
            return 0.0;
        };
        let lost = device.lost.saturating_sub(lost_then) as f32;
        let arrived = device.rate_hz.max(0.0) * (now_s - since).max(0.0) as f32;
        if lost > 0.0 {
            lost / (lost + arrived)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::samples;

    #[test]
    fn only_new_ticks_are_taken_over() {
        let mut ours = VecDeque::new();
        let mut theirs: VecDeque<Snapshot> =
            (0..10).map(|i| samples::tick(i as f64 * 0.005)).collect();
        assert_eq!(absorb(&mut ours, &theirs), 10);
        theirs.push_back(samples::tick(0.05));
        assert_eq!(absorb(&mut ours, &theirs), 1);
        assert_eq!(absorb(&mut ours, &theirs), 0);
        assert_eq!(ours.len(), 11);
    }

    #[test]
    fn a_clock_that_went_back_starts_over() {
        let mut ours: VecDeque<Snapshot> = [samples::tick(5.0)].into();
        let theirs: VecDeque<Snapshot> = [samples::tick(1.0)].into();
        assert_eq!(absorb(&mut ours, &theirs), 1);
        assert_eq!(ours.len(), 1);
    }

    #[test]
    fn loss_is_told_as_a_share_of_what_was_sent() {
        let mut losses = Losses::default();
        let mut device = samples::device(1);
        losses.follow(std::slice::from_ref(&device), 0.0);
        device.lost += 25;
        losses.follow(std::slice::from_ref(&device), 0.75);
        let share = losses.share(&device, 0.75);
        assert!((share - 0.25).abs() < 1e-3, "{share}");
    }

    #[test]
    fn old_losses_are_forgotten() {
        let mut losses = Losses::default();
        let mut device = samples::device(1);
        losses.follow(std::slice::from_ref(&device), 0.0);
        device.lost += 25;
        for second in 1..30 {
            losses.follow(std::slice::from_ref(&device), f64::from(second));
        }
        assert_eq!(losses.share(&device, 29.0), 0.0);
    }
}
