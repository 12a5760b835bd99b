//! What the network is fed: the motion against its own power of the last two seconds, so that a gentle hand and a wild
//! one strum alike; how far that has gone since 40, 100 and 200 ms ago, the turns by which a stroke is known; and the
//! power itself, for the loudness. The written graph computes the same from one input.

/// Motion is counted in this.
pub const UNIT_M_PER_S2: f32 = 2.0;
/// The memory of the power.
const POWER_S: f32 = 2.0;
/// A hand with this much of a unit squared is still: its tremor is not blown up to strums.
pub const STILL_POWER: f32 = 0.05;
/// Frames back that the motion is compared with.
pub const BACK: [usize; 3] = [2, 5, 10];
/// Frames that are remembered.
pub const PAST: usize = 10;
/// Which feature is the power.
pub const POWER: usize = 1;
pub const WIDTH: usize = 2 + BACK.len();

/// How fast the power follows.
pub fn power_share() -> f32 {
    1.0 - (-1.0 / (POWER_S * super::session::RATE_HZ as f32)).exp()
}

/// Features of every frame, from rest.
pub fn features(motion: &[f32]) -> Vec<f32> {
    let (share, mut power) = (power_share(), 0.0f32);
    let mut rows = Vec::with_capacity(motion.len() * WIDTH);
    let mut past = [0.0f32; PAST];
    for value in motion {
        let unit = value / UNIT_M_PER_S2;
        power += share * (unit * unit - power);
        let size = (power + STILL_POWER).sqrt();
        rows.push(unit / size);
        rows.push(size.ln());
        rows.extend(BACK.map(|back| (unit - past[PAST - back]) / size));
        past.rotate_left(1);
        past[PAST - 1] = unit;
    }
    rows
}
