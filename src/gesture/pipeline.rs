//! The whole gesture side in one piece: readings in, the features of every role at each tick out. Engine and
//! training both call this, so that what was trained is what plays. Audio thread; nothing allocates after `new`.

use super::alignment::aligned;
use super::features::{FeatureBank, LIMB_FEATURE_COUNT, Limb, LimbFeature};
use super::mapping::{Seat, Seating};
use super::playout::Playout;
use super::quaternion::Quaternion;
use super::{ROLE_COUNT, Role, TICK_S};
use crate::sensor::{DeviceId, SensorFrame};
use crate::units::HostTime;

/// Engaging and releasing the motion takes this long.
const ENGAGE_S: f32 = 0.1;
/// An automatic seat whose device is silent for this long may go to a spare one.
const SPARE_AFTER_S: f64 = 2.0;

/// One tick of motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    pub bank: FeatureBank,
    /// By role: 1 while its device is heard, falling to 0 when it stops or motion is released; 0 without a device.
    pub freshness: [f32; ROLE_COUNT],
}

impl Motion {
    pub const NEUTRAL: Motion = Motion {
        bank: FeatureBank::NEUTRAL,
        freshness: [0.0; ROLE_COUNT],
    };

    /// The freshest of the roles that `seating` wants; 1 when it wants none.
    pub fn freshest(&self, seating: &Seating) -> f32 {
        let wanted = seating.wanted();
        if wanted.is_empty() {
            return 1.0;
        }
        wanted
            .iter()
            .map(|role| self.freshness[role.index()])
            .fold(0.0, f32::max)
    }
}

/// Playout, seats and limbs.
#[derive(Clone, Debug)]
pub struct MotionTick {
    pub playout: Playout,
    limbs: [Limb; ROLE_COUNT],
    worn: [Option<DeviceId>; ROLE_COUNT],
    seating: Seating,
    /// How each limb's sensor is turned, as its state has it.
    turned: [Option<Quaternion>; ROLE_COUNT],
    /// As measured, before engagement.
    measured: Motion,
    measured_at: HostTime,
    motion: Motion,
    is_engaged: bool,
    engaged: f32,
}

impl MotionTick {
    pub fn new() -> Self {
        MotionTick {
            playout: Playout::new(),
            limbs: std::array::from_fn(|_| Limb::new()),
            worn: [None; ROLE_COUNT],
            seating: Seating::default(),
            turned: [None; ROLE_COUNT],
            measured: Motion::NEUTRAL,
            measured_at: HostTime(f64::NEG_INFINITY),
            motion: Motion::NEUTRAL,
            is_engaged: true,
            engaged: 1.0,
        }
    }

    /// Forgets all motion; seats and engagement stay.
    pub fn reset(&mut self) {
        self.playout.reset();
        self.limbs.iter_mut().for_each(Limb::reset);
        self.worn = [None; ROLE_COUNT];
        self.measured = Motion::NEUTRAL;
        self.measured_at = HostTime(f64::NEG_INFINITY);
        self.motion = Motion::NEUTRAL;
        self.engaged = f32::from(u8::from(self.is_engaged));
    }

    pub fn push(&mut self, frame: SensorFrame) {
        self.playout.push(frame);
    }

    /// Who wears what from now on. Devices that keep their role keep their state.
    pub fn set_seating(&mut self, seating: &Seating) {
        self.seating = *seating;
    }

    pub fn seating(&self) -> &Seating {
        &self.seating
    }

    /// "This is forward", for every limb.
    pub fn recentre(&mut self) {
        self.limbs.iter_mut().for_each(Limb::recentre);
    }

    /// Released, every feature glides to its resting value and freshness to 0 within 100 ms.
    pub fn engage(&mut self, is_engaged: bool) {
        self.is_engaged = is_engaged;
    }

    /// Which device is worn in each role now.
    pub fn worn(&self) -> &[Option<DeviceId>; ROLE_COUNT] {
        &self.worn
    }

    pub fn limb(&self, role: Role) -> &Limb {
        &self.limbs[role.index()]
    }

    /// The motion of the last tick.
    pub fn motion(&self) -> &Motion {
        &self.motion
    }

    /// One step of the control grid. Call it once per tick, with times 1/200 s apart. Where time stands still (a host
    /// that renders faster than live sensors move) the features hold.
    pub fn tick(&mut self, time: HostTime) -> &Motion {
        let elapsed_s = time.seconds_since(self.measured_at);
        if time.0.is_finite() && !(0.0..0.5 * TICK_S).contains(&elapsed_s) {
            self.measured_at = time;
            self.measure(time);
        }
        let way = TICK_S as f32 / ENGAGE_S;
        let way = if self.is_engaged { way } else { -way };
        self.engaged = (self.engaged + way).clamp(0.0, 1.0);
        for role in 0..ROLE_COUNT {
            self.motion.bank.0[role] = engaged(self.measured.bank.0[role], self.engaged);
            self.motion.freshness[role] = self.measured.freshness[role] * self.engaged;
        }
        &self.motion
    }

    fn measure(&mut self, time: HostTime) {
        self.playout.advance(time);
        self.take_seats(time);
        for role in 0..ROLE_COUNT {
            (self.measured.bank.0[role], self.measured.freshness[role]) = match self.worn[role] {
                None => (LimbFeature::NEUTRAL, 0.0),
                Some(device) => {
                    let played = self.playout.read(device, time);
                    let frame = self.turn(role, &played.frame);
                    let features = self.limbs[role].step_fresh(&frame, played.freshness);
                    (features, played.freshness)
                }
            };
        }
    }

    /// The reading in the limb's own axes, where it is known how its sensor sits.
    fn turn(&mut self, role: usize, frame: &SensorFrame) -> SensorFrame {
        let turn = self.seating.turns[role];
        if self.turned[role] != turn {
            self.turned[role] = turn;
            self.limbs[role].reset();
        }
        turn.map_or(*frame, |turn| aligned(frame, turn))
    }

    fn take_seats(&mut self, time: HostTime) {
        let seats = self.seating.seats;
        for (role, seat) in seats.into_iter().enumerate() {
            match seat {
                Seat::Device(device) => self.wear(role, Some(device)),
                Seat::Empty | Seat::Reserved => self.wear(role, None),
                Seat::Automatic => {}
            }
        }
        let seating = self.seating;
        for role in seating.wanted().iter().map(|role| role.index()) {
            if seats[role] != Seat::Automatic {
                continue;
            }
            let is_silent = self.worn[role].is_none_or(|device| self.is_silent(device, time));
            if is_silent && let Some(device) = self.spare(time) {
                self.wear(role, Some(device));
            }
        }
    }

    fn is_silent(&self, device: DeviceId, time: HostTime) -> bool {
        let newest = self.playout.newest(device);
        newest.is_none_or(|newest| time.seconds_since(newest) > SPARE_AFTER_S)
    }

    /// The first device to have come that is heard and that no role names.
    fn spare(&self, time: HostTime) -> Option<DeviceId> {
        let seats = &self.seating.seats;
        self.playout.devices().iter().copied().find(|device| {
            !self.worn.contains(&Some(*device))
                && !seats.contains(&Seat::Device(*device))
                && !self.is_silent(*device, time)
        })
    }

    fn wear(&mut self, role: usize, device: Option<DeviceId>) {
        if self.worn[role] != device {
            self.worn[role] = device;
            self.limbs[role].reset();
        }
    }
}

impl Default for MotionTick {
    fn default() -> Self {
        MotionTick::new()
    }
}

/// From rest (0) to the features as they are (1); directions stay directions.
fn engaged(features: [f32; LIMB_FEATURE_COUNT], amount: f32) -> [f32; LIMB_FEATURE_COUNT] {
    if amount >= 1.0 {
        return features;
    }
    let mut out = LimbFeature::NEUTRAL;
    for (rest, moving) in out.iter_mut().zip(features) {
        *rest += (moving - *rest) * amount;
    }
    let up = LimbFeature::UpX.index()..LimbFeature::UpZ.index() + 1;
    let heading = LimbFeature::HeadingSin.index()..LimbFeature::HeadingCos.index() + 1;
    let x_axis = LimbFeature::XAxisX.index()..LimbFeature::XAxisZ.index() + 1;
    let y_axis = LimbFeature::YAxisX.index()..LimbFeature::YAxisZ.index() + 1;
    for direction in [up, heading, x_axis, y_axis] {
        let part = &mut out[direction.clone()];
        let norm = part.iter().map(|v| v * v).sum::<f32>().sqrt();
        if norm > 1e-3 {
            part.iter_mut().for_each(|v| *v /= norm);
        } else {
            part.copy_from_slice(&LimbFeature::NEUTRAL[direction]);
        }
    }
    out
}

#[cfg(test)]
mod tests;
