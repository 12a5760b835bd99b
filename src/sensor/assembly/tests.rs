use super::*;
use crate::sensor::frame::DeviceId;
use crate::units::HostTime;

fn frame() -> SensorFrame {
    SensorFrame::empty(DeviceId(0), HostTime(0.0))
}

fn values(quantity: Quantity, numbers: &[f32]) -> Values {
    let mut values = Values::default();
    values.numbers[quantity.range()].copy_from_slice(numbers);
    values
}

#[test]
fn axes_that_come_apart_are_joined() {
    let (mut assembly, mut frame) = (Assembly::default(), frame());
    let nan = f32::NAN;
    assert!(
        !assembly
            .add(&values(Quantity::Rate, &[1.0, nan, nan]), 0.0, &mut frame)
            .new
    );
    assert!(
        !assembly
            .add(&values(Quantity::Rate, &[nan, 2.0, nan]), 0.001, &mut frame)
            .new
    );
    assert!(
        assembly
            .add(&values(Quantity::Rate, &[nan, nan, 3.0]), 0.002, &mut frame)
            .new
    );
    assert_eq!(frame.rate_rad_per_s, [1.0, 2.0, 3.0]);
}

#[test]
fn axes_of_different_moments_are_not_joined() {
    let (mut assembly, mut frame) = (Assembly::default(), frame());
    let nan = f32::NAN;
    for (part, at_s) in [
        ([1.0, nan, nan], 0.0),
        ([nan, 2.0, nan], 0.1),
        ([nan, nan, 3.0], 0.101),
    ] {
        assert!(
            !assembly
                .add(&values(Quantity::Accel, &part), at_s, &mut frame)
                .new
        );
    }
    // The next whole set is joined again.
    for (part, at_s) in [
        ([4.0, nan, nan], 0.11),
        ([nan, 5.0, nan], 0.111),
        ([nan, nan, 6.0], 0.112),
    ] {
        assembly.add(&values(Quantity::Accel, &part), at_s, &mut frame);
    }
    assert_eq!(frame.accel_m_per_s2, [4.0, 5.0, 6.0]);
}

#[test]
fn gravity_and_user_acceleration_make_specific_force() {
    let (mut assembly, mut frame) = (Assembly::default(), frame());
    assembly.add(
        &values(Quantity::Gravity, &[0.0, 0.0, 9.8]),
        0.0,
        &mut frame,
    );
    assembly.add(&values(Quantity::Linear, &[1.0, 0.0, 0.2]), 0.0, &mut frame);
    assert_eq!(frame.accel_m_per_s2, [1.0, 0.0, 10.0]);
    assert_eq!(frame.linear_accel_m_per_s2, [1.0, 0.0, 0.2]);
}

#[test]
fn an_unknown_unit_of_acceleration_is_told_from_rest() {
    for (rest, unit) in [(1.0, STANDARD_GRAVITY_M_PER_S2), (9.81, 1.0)] {
        let mut assembly = Assembly::default();
        let mut reading = values(Quantity::Accel, &[0.0, 0.0, rest]);
        reading.accel_unit_unknown = true;
        let mut frame = frame();
        for _ in 0..40 {
            assembly.add(&reading, 0.0, &mut frame);
        }
        // A swing after that changes nothing.
        let mut swing = values(Quantity::Accel, &[0.0, 0.0, 5.0 * rest]);
        swing.accel_unit_unknown = true;
        assembly.add(&swing, 0.0, &mut frame);
        assert_eq!(frame.accel_m_per_s2[2], 5.0 * rest * unit);
    }
}

#[test]
fn impossible_numbers_are_left_out() {
    let (mut assembly, mut frame) = (Assembly::default(), frame());
    let shock = assembly.add(&values(Quantity::Accel, &[0.0, 0.0, 3e4]), 0.0, &mut frame);
    let zero = assembly.add(&values(Quantity::Quaternion, &[0.0; 4]), 0.0, &mut frame);
    assert!(shock.implausible && zero.implausible && !shock.new && !zero.new);
    assert!(frame.accel_m_per_s2[0].is_nan() && frame.quaternion[0].is_nan());
}

#[test]
fn quaternions_come_out_unit() {
    let (mut assembly, mut frame) = (Assembly::default(), frame());
    assembly.add(
        &values(Quantity::Quaternion, &[1.1, 0.0, 0.0, 1.1]),
        0.0,
        &mut frame,
    );
    let norm: f32 = frame.quaternion.iter().map(|value| value * value).sum();
    assert!((norm - 1.0).abs() < 1e-6);
}

#[test]
fn angles_become_quaternions_until_the_device_sends_its_own() {
    let (mut assembly, mut frame) = (Assembly::default(), frame());
    let half = std::f32::consts::FRAC_1_SQRT_2;
    assembly.add(
        &values(Quantity::Euler, &[90f32.to_radians(), 0.0, 0.0]),
        0.0,
        &mut frame,
    );
    assert!((frame.quaternion[0] - half).abs() < 1e-6 && (frame.quaternion[3] - half).abs() < 1e-6);
    // CoreMotion's pitch is about x.
    assembly.add(
        &values(Quantity::Attitude, &[0.0, 90f32.to_radians(), 0.0]),
        0.0,
        &mut frame,
    );
    assert!((frame.quaternion[1] - half).abs() < 1e-6);
    assembly.add(
        &values(Quantity::Quaternion, &[1.0, 0.0, 0.0, 0.0]),
        0.0,
        &mut frame,
    );
    assembly.add(&values(Quantity::Euler, &[1.0, 0.0, 0.0]), 0.0, &mut frame);
    assert_eq!(frame.quaternion, [1.0, 0.0, 0.0, 0.0]);
}
