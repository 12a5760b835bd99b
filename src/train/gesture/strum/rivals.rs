//! What a strum model must beat: a peak picker on the motion, and the steady rhythm that fits a file best. Both look at
//! the whole file, as no player can.

use super::score::{Answer, f1_sum};
use super::session::{RATE_HZ, Session, Strum};

/// Width of the mean that the published baseline smooths the motion by, 5 readings.
const SMOOTH_S: f64 = 5.0 / 18.75;
const APART_S: f64 = 0.15;

/// Strums where the smoothed motion rises (down) or falls (up) faster than `share` of its deviation in 53 ms.
pub fn peaks(session: &Session, share: f32) -> Vec<Strum> {
    let rate = f64::from(RATE_HZ);
    let width = (SMOOTH_S * rate).round() as usize;
    let step = (rate / 18.75).round() as usize;
    let means = session.motion.windows(width);
    let values: Vec<f32> = means
        .map(|w| w.iter().sum::<f32>() / width as f32)
        .collect();
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count).sqrt();
    let slope: Vec<f32> = values
        .windows(2 * step + 1)
        .map(|w| 0.5 * (w[2 * step] - w[0]))
        .collect();
    let mut found: Vec<(Strum, f32)> = Vec::new();
    for (index, three) in slope.windows(3).enumerate() {
        let size = three[1].abs();
        let is_peak = size > share * deviation && size >= three[0].abs() && size > three[2].abs();
        if !is_peak {
            continue;
        }
        let frame = index + 1 + step + width / 2;
        let strum = Strum {
            time_s: frame as f64 / rate,
            up: three[1] < 0.0,
        };
        match found.last_mut() {
            Some(last) if strum.up == last.0.up && strum.time_s - last.0.time_s < APART_S => {
                if size > last.1 {
                    *last = (strum, size);
                }
            }
            _ => found.push((strum, size)),
        }
    }
    found.into_iter().map(|(strum, _)| strum).collect()
}

/// The share that does best on these sessions.
pub fn best_share(sessions: &[&Session]) -> f32 {
    let fit = |share: f32| f1_sum(sessions.iter().map(|s| (peaks(s, share), &s.strums[..])));
    let shares = (2..24).map(|step| step as f32 * 0.05);
    shares
        .max_by(|a, b| fit(*a).total_cmp(&fit(*b)))
        .unwrap_or(0.3)
}

/// The steady beats of each direction that fit the session best, at a period and phase chosen by its own labels.
pub fn steady(session: &Session) -> Vec<Strum> {
    let mut all = Vec::new();
    for up in [false, true] {
        let mut best = (-1.0, Vec::new());
        for period_s in (15..200).map(|n| f64::from(n) * 0.01) {
            for phase_s in (0..12).map(|n| f64::from(n) / 12.0 * period_s) {
                let beats =
                    (0..((session.seconds() - phase_s) / period_s).ceil() as usize).map(|n| {
                        Strum {
                            time_s: phase_s + n as f64 * period_s,
                            up,
                        }
                    });
                let answer = Answer {
                    said: beats.collect(),
                    real: session.strums.clone(),
                    loudness_db: Vec::new(),
                };
                let fit = answer.f1()[usize::from(up)];
                if fit > best.0 {
                    best = (fit, answer.said);
                }
            }
        }
        all.extend(best.1);
    }
    all.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hand that swings once a second.
    fn swinging() -> Session {
        let at = |frame: i32| f64::from(frame) / f64::from(RATE_HZ);
        let wave = |t_s: f64| -(t_s * std::f64::consts::TAU).cos() as f32;
        Session {
            name: "a".into(),
            strums: (0..10)
                .flat_map(|n| {
                    [(0.25, false), (0.75, true)].map(|(t, up)| Strum {
                        time_s: f64::from(n) + t,
                        up,
                    })
                })
                .collect(),
            motion: (0..500).map(|frame| wave(at(frame))).collect(),
            loudness_db: vec![-20.0; 500],
        }
    }

    #[test]
    fn motion_that_is_slowed_below_is_down_and_above_is_up() {
        let session = swinging();
        let share = best_share(&[&session]);
        let fit = f1_sum([(peaks(&session, share), &session.strums[..])].into_iter());
        assert!(fit > 1.9, "{fit}");
    }

    #[test]
    fn a_steady_player_is_met_by_a_steady_rhythm() {
        let session = swinging();
        assert!(f1_sum([(steady(&session), &session.strums[..])].into_iter()) > 1.9);
    }
}
