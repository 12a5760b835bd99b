//! The little of rotations that reading a device's quaternion needs.

use super::fit::Vector;

/// A rotation, w first, made unit.
#[derive(Clone, Copy)]
pub(super) struct Turn(f64, Vector);

impl Turn {
    pub(super) fn new(w: f64, v: Vector) -> Turn {
        let length = (w * w + v.iter().map(|x| x * x).sum::<f64>())
            .sqrt()
            .max(1e-9);
        Turn(w / length, v.map(|x| x / length))
    }

    pub(super) fn inverse(self) -> Turn {
        Turn(self.0, self.1.map(|v| -v))
    }

    /// First `other`, then `self`.
    pub(super) fn after(self, other: Turn) -> Turn {
        let (Turn(w, [x, y, z]), Turn(v, [a, b, c])) = (self, other);
        Turn(
            w * v - x * a - y * b - z * c,
            [
                w * a + x * v + y * c - z * b,
                w * b - x * c + y * v + z * a,
                w * c + x * b - y * a + z * v,
            ],
        )
    }

    /// Where up is in the sensor's axes.
    pub(super) fn up(self) -> Vector {
        let Turn(w, [x, y, z]) = self;
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ]
    }

    /// Axis times angle, the short way round.
    pub(super) fn vector(self) -> Vector {
        let Turn(w, v) = if self.0 < 0.0 {
            Turn(-self.0, self.1.map(|x| -x))
        } else {
            self
        };
        let sine = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let by = if sine > 1e-9 {
            2.0 * sine.atan2(w) / sine
        } else {
            2.0
        };
        v.map(|x| x * by)
    }
}
