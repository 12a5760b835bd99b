//! The sync tap: a sensor is struck once, which is felt and heard. The moment of either, and how far each may be off,
//! place a recording of sound on the clock of a recording of motion.

use crate::sensor::SensorFrame;

/// The tap is looked for this far from the beginning.
pub const SEARCH_S: f64 = 15.0;
/// From one reading to the next, a strike changes the acceleration by more than this; lively bowing by half of it.
const JOLT_M_PER_S2: f32 = 25.0;
/// It stands out from every other jolt by this factor.
const STANDS_OUT: f32 = 2.0;
/// Readings this close to the tap belong to it.
const SAME_TAP_S: f64 = 0.25;
/// A strike begins where this share of its greatest jolt is reached.
const BEGINS: f32 = 0.4;
/// What is heard of it rises by so many dB over the tenth of a second before.
const RISE_DB: f32 = 20.0;
const BACKGROUND_S: f64 = 0.1;
/// Under this level nothing counts as a strike.
const FLOOR: f32 = 3e-3;
/// Sound is looked at in steps of this length.
const STEP_S: f64 = 5e-4;

/// When a recording was struck, on its own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    pub at_s: f64,
    /// How far off it may be.
    pub error_s: f64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AlignError {
    #[error(
        "no strike is felt in the first {SEARCH_S} s of the motion. Strike the sensor once at the start, apart from playing, or say --offset"
    )]
    NotFelt,
    #[error(
        "the motion has several strikes, at {first_s:.2} s and {second_s:.2} s: which is the tap is not clear. Say --offset"
    )]
    FeltTwice { first_s: f64, second_s: f64 },
    #[error(
        "no strike is heard in the first {SEARCH_S} s of the sound. Strike the sensor near the microphone, or say --offset"
    )]
    NotHeard,
}

/// How far acceleration moved from the reading before, and the times of both.
struct Jolt {
    before_s: f64,
    at_s: f64,
    size: f32,
}

fn jolts(frames: &[SensorFrame]) -> Vec<Jolt> {
    let mut last: Vec<(u16, f64, [f32; 3])> = Vec::new();
    let mut jolts = Vec::new();
    for frame in frames {
        let accel = frame.accel_m_per_s2;
        if accel.iter().any(|a| !a.is_finite()) {
            continue;
        }
        let (device, at_s) = (frame.device.0, frame.time.0);
        match last.iter_mut().find(|(known, ..)| *known == device) {
            Some((_, before_s, before)) => {
                let change = accel.iter().zip(&*before).map(|(a, b)| (a - b).powi(2));
                jolts.push(Jolt {
                    before_s: *before_s,
                    at_s,
                    size: change.sum::<f32>().sqrt(),
                });
                (*before_s, *before) = (at_s, accel);
            }
            None => last.push((device, at_s, accel)),
        }
    }
    jolts
}

/// When the sensor felt the strike: between the last reading without it and the first with it.
pub fn felt(frames: &[SensorFrame]) -> Result<Tap, AlignError> {
    let start_s = frames.first().map_or(0.0, |frame| frame.time.0);
    let jolts = jolts(frames);
    let early = || jolts.iter().filter(|jolt| jolt.at_s - start_s < SEARCH_S);
    let greatest = early()
        .max_by(|a, b| a.size.total_cmp(&b.size))
        .filter(|jolt| jolt.size > JOLT_M_PER_S2)
        .ok_or(AlignError::NotFelt)?;
    let elsewhere = early().filter(|jolt| (jolt.at_s - greatest.at_s).abs() > SAME_TAP_S);
    let rival = elsewhere.max_by(|a, b| a.size.total_cmp(&b.size));
    if let Some(rival) = rival.filter(|rival| rival.size * STANDS_OUT > greatest.size) {
        return Err(AlignError::FeltTwice {
            first_s: greatest.at_s.min(rival.at_s),
            second_s: greatest.at_s.max(rival.at_s),
        });
    }
    let near = |jolt: &&Jolt| (0.0..0.05).contains(&(greatest.at_s - jolt.at_s));
    let begins = early()
        .filter(near)
        .find(|jolt| jolt.size > BEGINS * greatest.size)
        .unwrap_or(greatest);
    Ok(Tap {
        at_s: 0.5 * (begins.before_s + begins.at_s),
        error_s: 0.5 * (begins.at_s - begins.before_s),
    })
}

/// When the strike was heard: the first sudden rise.
pub fn heard(samples: &[f32], sample_rate_hz: u32) -> Result<Tap, AlignError> {
    let step = ((STEP_S * f64::from(sample_rate_hz)) as usize).max(1);
    // The difference from sample to sample leaves out hum and speech's low end.
    let crisp: Vec<f32> = samples.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let peaks: Vec<f32> = crisp
        .chunks(step)
        .map(|chunk| chunk.iter().fold(0.0f32, |a, b| a.max(b.abs())))
        .collect();
    let background = (BACKGROUND_S / STEP_S) as usize;
    let step_s = step as f64 / f64::from(sample_rate_hz.max(1));
    let last = ((SEARCH_S / step_s) as usize).min(peaks.len());
    let rise = crate::units::db_to_gain(RISE_DB);
    for now in 0..last {
        let before = &peaks[now.saturating_sub(background)..now];
        let mean = before.iter().sum::<f32>() / before.len().max(1) as f32;
        let coming = &peaks[now..(now + 10).min(peaks.len())];
        let height = coming.iter().fold(0.0f32, |a, b| a.max(*b));
        if height > FLOOR && height > rise * mean && peaks[now] > 0.2 * height && now > 0 {
            return Ok(Tap {
                at_s: (now as f64 + 0.5) * step_s,
                error_s: 0.5 * step_s,
            });
        }
    }
    Err(AlignError::NotHeard)
}

/// The time on the motion's clock at which the sound begins.
pub fn start_of_sound(
    frames: &[SensorFrame],
    samples: &[f32],
    sample_rate_hz: u32,
) -> Result<Tap, AlignError> {
    let (felt, heard) = (felt(frames)?, heard(samples, sample_rate_hz)?);
    Ok(Tap {
        at_s: felt.at_s - heard.at_s,
        error_s: felt.error_s + heard.error_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::DeviceId;
    use crate::sensor::performer::{Chance, Performer, Style};
    use crate::units::HostTime;

    /// Bowing that begins after a strike at `tap_s`.
    fn struck(tap_s: f64, rate_hz: f64) -> Vec<SensorFrame> {
        let performer = Performer::new(Style::Bow, 4);
        (0..(12.0 * rate_hz) as usize)
            .map(|n| {
                let t_s = n as f64 / rate_hz;
                let mut frame = SensorFrame::empty(DeviceId(0), HostTime(t_s));
                frame.accel_m_per_s2 = performer.reading(0, t_s).accel_m_per_s2;
                // A hard knock rings for some 15 ms.
                if (0.0..0.015).contains(&(t_s - tap_s)) {
                    frame.accel_m_per_s2[2] += 60.0;
                }
                frame
            })
            .collect()
    }

    fn knock(tap_s: f64, rate_hz: u32) -> Vec<f32> {
        let mut chance = Chance::new(1, 1);
        (0..8 * rate_hz)
            .map(|n| {
                let since_s = f64::from(n) / f64::from(rate_hz) - tap_s;
                let ring = if since_s >= 0.0 {
                    0.5 * (-since_s / 0.01).exp()
                } else {
                    0.0
                };
                ((ring + 3e-4) * chance.normal()) as f32
            })
            .collect()
    }

    #[test]
    fn the_offset_is_found_within_the_error_that_is_stated() {
        for (rate_hz, tap_s) in [(50.0, 1.237), (100.0, 2.511), (200.0, 3.0042)] {
            let (frames, samples) = (struck(tap_s, rate_hz), knock(1.003, 44_100));
            let start = start_of_sound(&frames, &samples, 44_100).unwrap();
            let off_s = (start.at_s - (tap_s - 1.003)).abs();
            println!(
                "{rate_hz} Hz: off by {:.1} ms, stated {:.1} ms",
                1e3 * off_s,
                1e3 * start.error_s
            );
            assert!(off_s <= start.error_s, "{off_s} {}", start.error_s);
            assert!(start.error_s < 0.7 / rate_hz + 1e-3);
        }
    }

    #[test]
    fn no_tap_and_two_taps_are_said() {
        assert_eq!(felt(&struck(100.0, 100.0)), Err(AlignError::NotFelt));
        let mut twice = struck(2.0, 100.0);
        for (frame, other) in twice.iter_mut().zip(struck(5.0, 100.0)) {
            if other.time.0 > 4.0 {
                *frame = other;
            }
        }
        assert!(matches!(felt(&twice), Err(AlignError::FeltTwice { .. })));
        assert_eq!(heard(&knock(100.0, 8000), 8000), Err(AlignError::NotHeard));
    }
}
