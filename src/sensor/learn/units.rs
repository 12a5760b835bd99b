//! Which unit a device sends in, from how many of it make one of ours.

/// Counts per °/s of common gyroscopes (their data sheets), and 1000 for m°/s.
const GYRO_COUNTS: [f64; 7] = [131.072, 65.536, 32.768, 16.384, 14.375, 114.285_7, 1000.0];

/// The unit of which `length` make 1 g.
pub(super) fn accel_unit(length: f64) -> String {
    let near = |unit: f64| (length / unit - 1.0).abs() < 0.12;
    let power = length.log2().round().exp2();
    match () {
        () if near(1.0) => "g".into(),
        () if near(9.80665) => "m/s2".into(),
        () if near(1000.0) && (length / power - 1.0).abs() > 0.02 => "mg".into(),
        () if (length / power - 1.0).abs() < 0.03 => format!("g/{power}"),
        () => format!("g/{length:.4}"),
    }
}

/// The unit of which `per_rad_per_s` make 1 rad/s.
pub(super) fn rate_unit(per_rad_per_s: f64) -> String {
    let per_degree = per_rad_per_s.to_radians();
    let off = |unit: f64| (per_degree / unit).ln().abs();
    if (per_rad_per_s).ln().abs() < 0.4 {
        return "rad/s".into();
    }
    if off(1.0) < 0.4 {
        return "deg/s".into();
    }
    let common = GYRO_COUNTS
        .into_iter()
        .min_by(|a, b| off(*a).total_cmp(&off(*b)));
    match common {
        Some(common) if off(common) < 0.2 => format!("deg/s/{common}"),
        _ => format!("deg/s/{per_degree:.6}"),
    }
}
