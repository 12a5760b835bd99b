//! Smooth scalar curves from key frames, read at any time. Transitions are quintic, the minimum-jerk path of human
//! reaching (Flash and Hogan 1985): position, speed and acceleration are continuous, so a virtual accelerometer on
//! an arm that follows one has no steps.

/// The minimum-jerk step: 0 below 0, 1 above 1, flat at both ends.
fn min_jerk(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    u * u * u * (10.0 + u * (6.0 * u - 15.0))
}

/// Integral of [`min_jerk`] from 0 to `u` (`u` at most 1).
fn min_jerk_integral(u: f64) -> f64 {
    let u = u.clamp(0.0, 1.0);
    let u4 = u * u * u * u;
    u4 * (2.5 + u * (u - 3.0))
}

#[derive(Clone, Copy, Debug)]
struct Key {
    start_s: f64,
    duration_s: f64,
    from: f64,
    to: f64,
    /// Integral of the curve from time 0 to `start_s`.
    area: f64,
}

impl Key {
    fn value(&self, t_s: f64) -> f64 {
        self.from + (self.to - self.from) * min_jerk((t_s - self.start_s) / self.duration_s)
    }

    fn area_to(&self, t_s: f64) -> f64 {
        let since = t_s - self.start_s;
        let moving = since.min(self.duration_s);
        let ramp = self.duration_s * min_jerk_integral(moving / self.duration_s);
        self.area
            + self.from * moving
            + (self.to - self.from) * ramp
            + self.to * (since - moving).max(0.0)
    }
}

/// A curve that rests at a value and moves to the next one at each key.
#[derive(Clone, Debug)]
pub struct Curve {
    keys: Vec<Key>,
}

impl Curve {
    pub fn resting_at(value: f64) -> Self {
        Curve {
            keys: vec![Key {
                start_s: 0.0,
                duration_s: 1e-3,
                from: value,
                to: value,
                area: 0.0,
            }],
        }
    }

    /// From `start_s`, moves to `to` within `duration_s`. Keys come in order of time; one that would begin before the
    /// last movement has ended waits for it.
    pub fn go(&mut self, start_s: f64, duration_s: f64, to: f64) {
        let last = self.keys[self.keys.len() - 1];
        let start_s = start_s.max(last.start_s + last.duration_s);
        self.keys.push(Key {
            start_s,
            duration_s: duration_s.max(1e-3),
            from: last.to,
            to,
            area: last.area_to(start_s),
        });
    }

    fn key(&self, t_s: f64) -> &Key {
        let after = self.keys.partition_point(|key| key.start_s <= t_s);
        &self.keys[after.saturating_sub(1)]
    }

    pub fn at(&self, t_s: f64) -> f64 {
        self.key(t_s).value(t_s)
    }

    /// Integral from time 0: of a speed, the distance.
    pub fn area(&self, t_s: f64) -> f64 {
        self.key(t_s.max(0.0)).area_to(t_s.max(0.0))
    }

    /// Where the last key leads.
    pub fn goal(&self) -> f64 {
        self.keys[self.keys.len() - 1].to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_integral_of_the_curve() {
        let mut curve = Curve::resting_at(0.5);
        curve.go(1.0, 0.4, -2.0);
        curve.go(1.2, 0.3, 1.0);
        curve.go(3.0, 0.1, 0.0);
        let step = 1e-4;
        let sum: f64 = (0..40_000)
            .map(|i| curve.at((i as f64 + 0.5) * step) * step)
            .sum();
        assert!(
            (sum - curve.area(4.0)).abs() < 1e-5,
            "{sum} against {}",
            curve.area(4.0)
        );
    }

    #[test]
    fn a_curve_has_no_steps() {
        let mut curve = Curve::resting_at(0.0);
        curve.go(0.1, 0.2, 1.0);
        curve.go(0.15, 0.1, -1.0);
        let largest = (0..6000)
            .map(|i| (curve.at((i + 1) as f64 * 1e-4) - curve.at(i as f64 * 1e-4)).abs())
            .fold(0.0, f64::max);
        assert!(largest < 0.005, "{largest}");
    }
}
