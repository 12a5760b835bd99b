//! The little quaternion algebra that orientation needs: w, x, y, z in `f64`, Hamilton product,
//! a unit quaternion turns sensor axes into earth axes (z up). Total: no input panics.

pub type Vector = [f64; 3];
pub type Quaternion = [f64; 4];

pub const IDENTITY: Quaternion = [1.0, 0.0, 0.0, 0.0];

pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

pub fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub fn scale(a: Vector, by: f64) -> Vector {
    a.map(|v| v * by)
}

pub fn subtract(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// A vector of a sensor frame in `f64`; absent when any component is not finite. Held to ±`limit`.
pub fn vector_from(values: [f32; 3], limit: f64) -> Option<Vector> {
    values
        .iter()
        .all(|v| v.is_finite())
        .then(|| values.map(|v| f64::from(v).clamp(-limit, limit)))
}

/// A device's quaternion made unit; absent when it is not finite or too short to have a direction.
pub fn quaternion_from(values: [f32; 4]) -> Option<Quaternion> {
    unit(values.map(f64::from))
}

pub fn unit(q: Quaternion) -> Option<Quaternion> {
    let norm = q.iter().map(|v| v * v).sum::<f64>().sqrt();
    (norm.is_finite() && norm > 1e-3).then(|| q.map(|v| v / norm))
}

pub fn multiply(a: Quaternion, b: Quaternion) -> Quaternion {
    [
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    ]
}

pub fn conjugate(q: Quaternion) -> Quaternion {
    [q[0], -q[1], -q[2], -q[3]]
}

/// The rotation matrix of a unit quaternion, row by row.
pub fn matrix(q: Quaternion) -> [Vector; 3] {
    let [w, x, y, z] = q;
    [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ]
}

/// The unit quaternion of a rotation matrix (rows), by its largest component (Shepperd 1978).
pub fn from_matrix(m: [Vector; 3]) -> Option<Quaternion> {
    let squares = [
        1.0 + m[0][0] + m[1][1] + m[2][2],
        1.0 + m[0][0] - m[1][1] - m[2][2],
        1.0 - m[0][0] + m[1][1] - m[2][2],
        1.0 - m[0][0] - m[1][1] + m[2][2],
    ];
    let largest = (0..4).max_by(|a, b| squares[*a].total_cmp(&squares[*b]))?;
    let [wx, wy, wz] = [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]];
    let [xy, xz, yz] = [m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]];
    unit(match largest {
        0 => [squares[0], wx, wy, wz],
        1 => [wx, squares[1], xy, xz],
        2 => [wy, xy, squares[2], yz],
        _ => [wz, xz, yz, squares[3]],
    })
}

/// Turns a vector from sensor axes into earth axes.
pub fn rotate(q: Quaternion, v: Vector) -> Vector {
    matrix(q).map(|row| dot(row, v))
}

/// The direction of "up" in sensor axes: the last row of the matrix.
pub fn up_in_sensor(q: Quaternion) -> Vector {
    matrix(q)[2]
}

/// A turn by `angle_rad` about the vertical.
pub fn about_vertical(angle_rad: f64) -> Quaternion {
    let (sine, cosine) = (0.5 * angle_rad).sin_cos();
    [cosine, 0.0, 0.0, sine]
}

/// A turn about the direction of `rotation` by its length in radians.
pub fn from_rotation_vector(rotation: Vector) -> Quaternion {
    let angle = length(rotation);
    let (sine, cosine) = (0.5 * angle).sin_cos();
    let by = if angle > 1e-9 { sine / angle } else { 0.5 };
    [cosine, rotation[0] * by, rotation[1] * by, rotation[2] * by]
}

/// The rotation vector (radians, at most π long) of a unit quaternion.
pub fn to_rotation_vector(q: Quaternion) -> Vector {
    let q = if q[0] < 0.0 { q.map(|v| -v) } else { q };
    let axis = [q[1], q[2], q[3]];
    let sine = length(axis);
    let by = if sine > 1e-9 {
        2.0 * sine.atan2(q[0]) / sine
    } else {
        2.0
    };
    scale(axis, by)
}

/// Angle about the vertical, -π to π, of the swing-twist split of `q`; `None` where the split is undefined
/// (turned upside down).
pub fn twist_about_vertical(q: Quaternion) -> Option<f64> {
    (q[0] * q[0] + q[3] * q[3] > 1e-4).then(|| {
        let angle = 2.0 * q[3].atan2(q[0]);
        angle.sin().atan2(angle.cos())
    })
}

/// The shortest turn that brings the sensor-axes direction `up` (unit) onto the vertical.
pub fn shortest_to_vertical(up: Vector) -> Quaternion {
    let w = (0.5 * (1.0 + up[2]).max(0.0)).sqrt();
    if w < 1e-6 {
        return [0.0, 1.0, 0.0, 0.0];
    }
    unit([w, 0.5 * up[1] / w, -0.5 * up[0] / w, 0.0]).unwrap_or(IDENTITY)
}

/// Along the shorter arc from `a` (`amount` 0) to `b` (`amount` 1) at constant rate; always unit.
pub fn slerp(a: Quaternion, b: Quaternion, amount: f64) -> Quaternion {
    let turn = multiply(conjugate(a), b);
    let part = scale(to_rotation_vector(turn), amount);
    unit(multiply(a, from_rotation_vector(part))).unwrap_or(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_unit() -> impl Strategy<Value = Quaternion> {
        prop::array::uniform4(-1.0f64..1.0).prop_filter_map("no direction", unit)
    }

    proptest! {
        #[test]
        fn quaternions_stay_unit(a in any_unit(), b in any_unit(), amount in 0.0f64..1.0) {
            for q in [multiply(a, b), slerp(a, b, amount), conjugate(a)] {
                let norm = q.iter().map(|v| v * v).sum::<f64>().sqrt();
                prop_assert!((norm - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn a_rotation_vector_survives_the_round_trip(v in prop::array::uniform3(-1.7f64..1.7)) {
            let back = to_rotation_vector(from_rotation_vector(v));
            prop_assert!(length(subtract(back, v)) < 1e-9);
        }

        #[test]
        fn a_matrix_gives_its_quaternion_back(q in any_unit()) {
            let back = from_matrix(matrix(q)).unwrap();
            let same = q.iter().zip(back).map(|(a, b)| a * b).sum::<f64>();
            prop_assert!(same.abs() > 1.0 - 1e-9);
        }

        #[test]
        fn the_shortest_turn_levels(q in any_unit()) {
            let up = up_in_sensor(q);
            let levelled = rotate(shortest_to_vertical(up), up);
            prop_assert!(levelled[2] > 1.0 - 1e-6);
        }
    }

    #[test]
    fn slerp_meets_both_ends_and_takes_the_shorter_way() {
        let (a, b) = (about_vertical(0.2), about_vertical(1.0).map(|v| -v));
        for (amount, angle) in [(0.0, 0.2), (0.5, 0.6), (1.0, 1.0)] {
            let twist = twist_about_vertical(slerp(a, b, amount));
            assert!((twist.unwrap() - angle).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_no_rotation_is_absent() {
        assert!(quaternion_from([0.0; 4]).is_none());
        assert!(quaternion_from([f32::INFINITY, 0.0, 0.0, 1.0]).is_none());
        assert!(quaternion_from([f32::MAX; 4]).is_some());
    }
}
