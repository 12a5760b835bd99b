//! What the network is fed: the motion as it is and against its own power of the last two seconds, so that a gentle hand
//! and a wild one strum alike; and how far it has gone since 40, 100 and 200 ms ago, the turns by which a stroke is
//! known. Beside it the power itself, the vigour, for the loudness. The written graph computes the same from one input.

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
pub const WIDTH: usize = 2 + BACK.len();

/// How fast the power follows.
pub fn power_share() -> f32 {
    1.0 - (-1.0 / (POWER_S * super::session::RATE_HZ as f32)).exp()
}

/// Root of the power after each frame, from rest.
fn sizes(motion: &[f32]) -> impl Iterator<Item = f32> {
    let (share, mut power) = (power_share(), 0.0f32);
    motion.iter().map(move |value| {
        let unit = value / UNIT_M_PER_S2;
        power += share * (unit * unit - power);
        (power + STILL_POWER).sqrt()
    })
}

/// How vigorously the hand moves: the logarithm of its power, for every frame.
pub fn vigour(motion: &[f32]) -> impl Iterator<Item = f32> {
    sizes(motion).map(f32::ln)
}

/// Features of every frame, from rest.
pub fn features(motion: &[f32]) -> Vec<f32> {
    let mut rows = Vec::with_capacity(motion.len() * WIDTH);
    let mut past = [0.0f32; PAST];
    for (value, size) in motion.iter().zip(sizes(motion)) {
        let unit = value / UNIT_M_PER_S2;
        rows.push(unit / size);
        rows.push(unit);
        rows.extend(BACK.map(|back| unit - past[PAST - back]));
        past.rotate_left(1);
        past[PAST - 1] = unit;
    }
    rows
}
