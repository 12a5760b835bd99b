//! One message of every row of the table, as its sender's documents give it, with the SI values it must become.

use super::*;
use crate::sensor::layout::{Quantity, Values};
use Quantity::{Accel, Attitude, Aux, Euler, Gravity, Linear, Mag, Quaternion, Rate};

const G: f32 = 9.806_65;
const N: f32 = f32::NAN;
const DEG: f32 = std::f32::consts::PI / 180.0;

/// Arguments as text: `'name` is a string, `..n` the numbers 1 to n.
fn message(address: &str, arguments: &str) -> Message {
    let arguments = arguments.split_whitespace().flat_map(|word| {
        if let Some(count) = word.strip_prefix("..") {
            let count: u32 = count.parse().unwrap();
            return (1..=count)
                .map(|number| Argument::Number(f64::from(number)))
                .collect();
        }
        match word.strip_prefix('\'') {
            Some(text) => vec![Argument::Text(text.to_owned())],
            None => vec![Argument::Number(word.parse().unwrap())],
        }
    });
    Message {
        address: address.to_owned(),
        arguments: arguments.collect(),
        time_tag: None,
    }
}

type Expected = &'static [(Quantity, &'static [f32])];
const NOTHING: Expected = &[];

/// Address, arguments, profile, id, values.
#[rustfmt::skip]
const EXAMPLES: &[(&str, &str, &str, &str, Expected)] = &[
    ("/sensors", "..10", "NGIMU", "", &[(Rate, &[DEG, 2.0 * DEG, 3.0 * DEG]), (Accel, &[4.0 * G, 5.0 * G, 6.0 * G]), (Mag, &[7.0, 8.0, 9.0])]),
    ("/quaternion", "1 0 0 0", "NGIMU", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/euler", "1 2 3", "NGIMU", "", &[(Euler, &[3.0 * DEG, 2.0 * DEG, DEG])]),
    ("/linear", "1 2 3", "NGIMU", "", &[(Linear, &[G, 2.0 * G, 3.0 * G])]),
    ("/earth", "..3", "NGIMU", "", NOTHING),
    ("/matrix", "..9", "NGIMU", "", NOTHING),
    ("/magnitudes", "..3", "NGIMU", "", NOTHING),
    ("/analogue", "..8", "NGIMU", "", &[(Aux, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])]),
    ("/battery", "50 0 4 0.1 'charging", "NGIMU", "", NOTHING),
    ("/altitude", "12", "NGIMU", "", NOTHING),
    ("/temperature", "21 22", "NGIMU", "", NOTHING),
    ("/humidity", "40", "NGIMU", "", NOTHING),
    ("/rssi", "-50 80", "NGIMU", "", NOTHING),
    ("/button", "", "NGIMU", "", NOTHING),
    ("/sensors", "..18", "RIME InstrumentBuilder", "", NOTHING),

    ("/ximu3/I", "1000000 1 2 3 4 5 6", "x-IMU3", "", &[(Rate, &[DEG, 2.0 * DEG, 3.0 * DEG]), (Accel, &[4.0 * G, 5.0 * G, 6.0 * G])]),
    ("/ximu3/M", "1000000 1 0 -1", "x-IMU3", "", &[(Mag, &[50.0, 0.0, -50.0])]),
    ("/ximu3/Q", "1000000 1 0 0 0", "x-IMU3", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/ximu3/A", "1000000 1 2 3", "x-IMU3", "", &[(Euler, &[3.0 * DEG, 2.0 * DEG, DEG])]),
    ("/ximu3/L", "1000000 1 0 0 0 1 2 3", "x-IMU3", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0]), (Linear, &[G, 2.0 * G, 3.0 * G])]),
    ("/ximu3/E", "1000000 1 0 0 0 1 2 3", "x-IMU3", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/ximu3/T", "1000000 25", "x-IMU3", "", NOTHING),

    ("/riot/v3/7/accelerometer", "..3 1500", "R-IoT v3", "7", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/riot/v3/7/gyroscope", "..3 1500", "R-IoT v3", "7", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/riot/v3/7/magnetometer", "..3 1500", "R-IoT v3", "7", &[(Mag, &[1.0, 2.0, 3.0])]),
    ("/riot/v3/7/gravity", "..3 1500", "R-IoT v3", "7", &[(Gravity, &[1.0, 2.0, 3.0])]),
    ("/riot/v3/7/absoluteorientation/quaternion", "0.1 0.2 0.3 0.9 1500", "R-IoT v3", "7", &[(Quaternion, &[0.9, 0.1, 0.2, 0.3])]),
    ("/riot/v3/7/absoluteorientation/euler", "..3 1500", "R-IoT v3", "7", &[(Euler, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/riot/v3/7/bno055/quaternion", "..4 1500", "R-IoT v3", "7", NOTHING),
    ("/riot/v3/7/bno055/euler", "..3 1500", "R-IoT v3", "7", NOTHING),
    ("/riot/v3/7/heading", "..3 1500", "R-IoT v3", "7", NOTHING),
    ("/riot/v3/7/barometer", "..2 1500", "R-IoT v3", "7", NOTHING),
    ("/riot/v3/7/temperature", "..3 1500", "R-IoT v3", "7", NOTHING),
    ("/riot/v3/7/battery", "0.8 1 1500", "R-IoT v3", "7", NOTHING),
    ("/riot/v3/7/analog", "..3 1500", "R-IoT v3", "7", &[(Aux, &[N, 1.0, 2.0, N, N, N, N, N])]),
    ("/riot/v3/7/control/key", "1 0 1500", "R-IoT v3", "7", &[(Aux, &[1.0, N, N, N, N, N, N, N])]),

    ("/comote/v3/42/accelerometer", "..3 1500 100", "CoMote v3", "42", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/comote/v3/42/gyroscope", "..3 1500 100", "CoMote v3", "42", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/comote/v3/42/gravity", "..3 1500 100", "CoMote v3", "42", &[(Gravity, &[1.0, 2.0, 3.0])]),
    ("/comote/v3/42/magnetometer", "..3 1500 100", "CoMote v3", "42", &[(Mag, &[1.0, 2.0, 3.0])]),
    ("/comote/v3/42/absoluteorientation/quaternion", "0 0 0 1 1500 100", "CoMote v3", "42", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/comote/v3/42/absoluteorientation/euler", "..3 1500 100", "CoMote v3", "42", &[(Attitude, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/comote/v3/42/heading", "..3 1500 100", "CoMote v3", "42", NOTHING),
    ("/comote/v3/42/control/buttonA", "1 1500", "CoMote v3", "42", &[(Aux, &[1.0, N, N, N, N, N, N, N])]),
    ("/comote/v3/42/control/buttonB", "1 1500", "CoMote v3", "42", &[(Aux, &[N, 1.0, N, N, N, N, N, N])]),
    ("/comote/v3/42/control/slider", "1 1500", "CoMote v3", "42", &[(Aux, &[N, N, 1.0, N, N, N, N, N])]),
    ("/comote/42/devicemotion", "10 1 2 3 30 10 20", "CoMote v2", "42", &[(Accel, &[1.0, 2.0, 3.0]), (Rate, &[10.0 * DEG, 20.0 * DEG, 30.0 * DEG])]),
    ("/comote/42/heading", "..4", "CoMote v2", "42", NOTHING),
    ("/comote/42/buttonA", "1", "CoMote v2", "42", &[(Aux, &[1.0, N, N, N, N, N, N, N])]),
    ("/comote/42/buttonB", "1", "CoMote v2", "42", &[(Aux, &[N, 1.0, N, N, N, N, N, N])]),

    ("/accxyz", "..3", "TouchOSC", "", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/gyrosc/gyro", "..3", "GyrOSC", "", &[(Attitude, &[3.0, 1.0, 2.0])]),
    ("/gyrosc/rrate", "..3", "GyrOSC", "", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/gyrosc/accel", "..3", "GyrOSC", "", &[(Linear, &[-G, -2.0 * G, -3.0 * G])]),
    ("/gyrosc/grav", "0 0 -1", "GyrOSC", "", &[(Gravity, &[0.0, 0.0, G])]),
    ("/gyrosc/quat", "'1 '0 '0 '0", "GyrOSC", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/gyrosc/mag", "..3", "GyrOSC", "", &[(Mag, &[1.0, 2.0, 3.0])]),
    ("/gyrosc/comp", "90", "GyrOSC", "", NOTHING),
    ("/gyrosc/button", "1", "GyrOSC", "", &[(Aux, &[1.0, N, N, N, N, N, N, N])]),
    ("/gyrosc/amp", "0.5", "GyrOSC", "", &[(Aux, &[N, 0.5, N, N, N, N, N, N])]),
    ("/gyrosc/me/gyro", "..3", "GyrOSC", "me", &[(Attitude, &[3.0, 1.0, 2.0])]),
    ("/gyrosc/me/rrate", "..3", "GyrOSC", "me", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/gyrosc/me/accel", "..3", "GyrOSC", "me", &[(Linear, &[-G, -2.0 * G, -3.0 * G])]),
    ("/gyrosc/me/grav", "0 0 -1", "GyrOSC", "me", &[(Gravity, &[0.0, 0.0, G])]),
    ("/gyrosc/me/quat", "1 0 0 0", "GyrOSC", "me", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/gyrosc/me/mag", "..3", "GyrOSC", "me", &[(Mag, &[1.0, 2.0, 3.0])]),
    ("/gyrosc/me/comp", "90", "GyrOSC", "me", NOTHING),
    ("/gyrosc/me/button", "1", "GyrOSC", "me", &[(Aux, &[1.0, N, N, N, N, N, N, N])]),
    ("/gyrosc/me/amp", "0.5", "GyrOSC", "me", &[(Aux, &[N, 0.5, N, N, N, N, N, N])]),
    ("/ZIGSIM/ab-1/accel", "..3", "ZIG SIM", "ab-1", &[(Linear, &[-G, -2.0 * G, -3.0 * G])]),
    ("/ZIGSIM/ab-1/gravity", "0 0 -1", "ZIG SIM", "ab-1", &[(Gravity, &[0.0, 0.0, G])]),
    ("/ZIGSIM/ab-1/gyro", "..3", "ZIG SIM", "ab-1", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/ZIGSIM/ab-1/quaternion", "0 0 0 1", "ZIG SIM", "ab-1", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/ZIGSIM/ab-1/touch01", "0.1 0.2", "ZIG SIM", "ab-1", NOTHING),
    ("/ab-1/deviceinfo", "'iPhone 'ab-1 'ios '17 1170 2532", "ZIG SIM", "ab-1", NOTHING),
    ("/accelerometer", "..3", "Sensors2OSC", "", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/gyroscope", "..3", "Sensors2OSC", "", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/linearacceleration", "..3", "Sensors2OSC", "", &[(Linear, &[1.0, 2.0, 3.0])]),
    ("/gravity", "..3", "Sensors2OSC", "", &[(Gravity, &[1.0, 2.0, 3.0])]),
    ("/rotationvector", "0 0 0 1 0.5", "Sensors2OSC", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/gamerotationvector", "0 0 0 1", "Sensors2OSC", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/georotationvector", "0 0 0 1", "Sensors2OSC", "", NOTHING),
    ("/orientation", "..3", "Sensors2OSC", "", NOTHING),
    ("/magneticfield", "..3", "Sensors2OSC", "", &[(Mag, &[1.0, 2.0, 3.0])]),
    ("/accelerometer/raw/z", "3", "oscHook", "", &[(Accel, &[N, N, 3.0])]),
    ("/accelerometer/linear/y", "3", "oscHook", "", &[(Linear, &[N, 3.0, N])]),
    ("/accelerometer/gravity/x", "3", "oscHook", "", &[(Gravity, &[3.0, N, N])]),
    ("/multisense/orientation/pitch", "1", "MultiSense OSC", "", &[(Attitude, &[N, DEG, N])]),
    ("/multisense/accelerometer/x", "1", "MultiSense OSC", "", &[(Accel, &[1.0, N, N])]),
    ("/multisense/pad/x", "0.5", "MultiSense OSC", "", &[(Aux, &[0.5, N, N, N, N, N, N, N])]),
    ("/multisense/pad/y", "0.5", "MultiSense OSC", "", &[(Aux, &[N, 0.5, N, N, N, N, N, N])]),
    ("/multisense/pad/touchUP", "1", "MultiSense OSC", "", &[(Aux, &[N, N, 1.0, N, N, N, N, N])]),
    ("/data/motion/gyroscope/x", "1", "Data OSC", "", &[(Rate, &[1.0, N, N])]),
    ("/data/motion/accelerometer/z", "-1", "Data OSC", "", &[(Accel, &[N, N, G])]),
    ("/syntien/motion/1/scope1", "..3", "Syntien", "", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/syntien/motion/1/scope2", "..3", "Syntien", "", &[(Attitude, &[3.0, 2.0, 1.0])]),
    ("/tdlidar/motion/rotation/y", "1", "tdlidar", "", &[(Rate, &[N, 1.0, N])]),
    ("/holonist/acc/z", "-1", "Holon.ist", "", &[(Accel, &[N, N, G])]),
    ("/holonist/userAcc/z", "-1", "Holon.ist", "", &[(Linear, &[N, N, G])]),
    ("/holonist/gyro/z", "1", "Holon.ist", "", &[(Rate, &[N, N, 1.0])]),
    ("/holonist/rotation/z", "1", "Holon.ist", "", NOTHING),
    ("/holonist/attitude/z", "1", "Holon.ist", "", NOTHING),
    ("/holonist/activity", "'walking", "Holon.ist", "", NOTHING),
    ("/holonist/postures/tree/match", "0.5", "Holon.ist", "", NOTHING),

    ("/mugicdata", "..12 1 0 0 0 90 3900 3 3 3 3 12.5 77", "MUGIC", "", &[(Accel, &[1.0, 2.0, 3.0]), (Euler, &[4.0 * DEG, 5.0 * DEG, 6.0 * DEG]), (Rate, &[7.0 * DEG, 8.0 * DEG, 9.0 * DEG]), (Mag, &[10.0, 11.0, 12.0]), (Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/myo/accel", "'ab:cd 1 2 3", "Myo-OSC", "", &[(Accel, &[G, 2.0 * G, 3.0 * G])]),
    ("/myo/gyro", "'ab:cd 1 2 3", "Myo-OSC", "", &[(Rate, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/myo/orientation", "'ab:cd 0 0 0 1 5 6 7", "Myo-OSC", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/myo/pose", "'ab:cd 'fist", "Myo-OSC", "", NOTHING),
    ("/myo1/orientation/quaternion", "0 0 0 1", "Myo Mapper", "1", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/myo1/acceleration/raw", "1 2 3", "Myo Mapper", "1", &[(Accel, &[G, 2.0 * G, 3.0 * G])]),
    ("/myo1/gyro/raw", "1 2 3", "Myo Mapper", "1", &[(Rate, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/myo1/emg/raw", "..8", "Myo Mapper", "1", &[(Aux, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])]),
    ("/myo1/orientation/scaled", "..3", "Myo Mapper", "1", NOTHING),
    ("/wii/1/accel/pry", "0.1 0.2 0.3 0.4", "OSCulator Wii", "1", &[(Aux, &[0.1, 0.2, 0.3, 0.4, N, N, N, N])]),
    ("/wii/1/accel/xyz", "..3", "OSCulator Wii", "1", &[(Aux, &[N, N, N, N, 1.0, 2.0, 3.0, N])]),
    ("/wii/1/accel/pry/0", "1", "OSCulator Wii", "1", &[(Aux, &[1.0, N, N, N, N, N, N, N])]),
    ("/wii/1/accel/pry/1", "1", "OSCulator Wii", "1", &[(Aux, &[N, 1.0, N, N, N, N, N, N])]),
    ("/wii/1/accel/pry/2", "1", "OSCulator Wii", "1", &[(Aux, &[N, N, 1.0, N, N, N, N, N])]),
    ("/wii/1/accel/pry/3", "1", "OSCulator Wii", "1", &[(Aux, &[N, N, N, 1.0, N, N, N, N])]),
    ("/wii/1/button/A", "1", "OSCulator Wii", "1", &[(Aux, &[N, N, N, N, N, N, N, 1.0])]),
    ("/wii/1/nunchuk/accel/pry", "..4", "OSCulator Wii", "1", NOTHING),
    ("/TStick_520/raw/accl", "..3", "T-Stick", "520", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/TStick_520/raw/gyro", "..3", "T-Stick", "520", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/TStick_520/raw/magn", "..3", "T-Stick", "520", &[(Mag, &[1.0, 2.0, 3.0])]),
    ("/TStick_520/orientation", "1 0 0 0", "T-Stick", "520", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/TStick_520/instrument/ypr", "..3", "T-Stick", "520", &[(Euler, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/TStick_520/instrument/shakexyz", "..3", "T-Stick", "520", &[(Aux, &[1.0, 2.0, 3.0, N, N, N, N, N])]),
    ("/TStick_520/instrument/jabxyz", "..3", "T-Stick", "520", &[(Aux, &[N, N, N, 1.0, 2.0, 3.0, N, N])]),
    ("/EmotiBit/0/ACC:X", "1", "EmotiBit", "0", &[(Accel, &[G, N, N])]),
    ("/EmotiBit/0/GYRO:Y", "1", "EmotiBit", "0", &[(Rate, &[N, DEG, N])]),
    ("/EmotiBit/0/MAG:Z", "1", "EmotiBit", "0", &[(Mag, &[N, N, 1.0])]),
    ("/muse/acc", "1 2 3 1500000000 12", "Muse", "", &[(Accel, &[G, 2.0 * G, 3.0 * G])]),
    ("/muse/gyro", "1 2 3", "Muse", "", &[(Rate, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/x-imu/euler", "1 2 3", "x-IMU (IMU2OSC)", "", &[(Euler, &[3.0 * DEG, 2.0 * DEG, DEG])]),
    ("/x-imu/calibrated", "..9", "x-IMU (IMU2OSC)", "", &[(Rate, &[DEG, 2.0 * DEG, 3.0 * DEG]), (Accel, &[4.0 * G, 5.0 * G, 6.0 * G]), (Mag, &[700.0, 800.0, 900.0])]),

    ("/VMC/Ext/Bone/Pos", "'LeftHand 0 1 0 0.1 0.2 0.3 0.9", "VMC", "LeftHand", &[(Quaternion, &[0.9, -0.3, 0.1, -0.2])]),
    ("/VMC/Ext/Tra/Pos", "'T1 0 1 0 0.1 0.2 0.3 0.9", "VMC", "T1", &[(Quaternion, &[0.9, -0.3, 0.1, -0.2])]),
    ("/VMC/Ext/Con/Pos", "'C1 0 1 0 0.1 0.2 0.3 0.9", "VMC", "C1", &[(Quaternion, &[0.9, -0.3, 0.1, -0.2])]),
    ("/VMC/Ext/Hmd/Pos", "'H1 0 1 0 0.1 0.2 0.3 0.9", "VMC", "H1", &[(Quaternion, &[0.9, -0.3, 0.1, -0.2])]),
    ("/VMC/Ext/Root/Pos", "'root 0 1 0 0.1 0.2 0.3 0.9 1 1 1 0 0 0", "VMC", "root", &[(Quaternion, &[0.9, -0.3, 0.1, -0.2])]),
    ("/VMC/Ext/T", "12.5", "VMC", "", NOTHING),
    ("/VMC/Ext/OK", "1", "VMC", "", NOTHING),
    ("/tracking/trackers/1/position", "..3", "VRChat trackers", "1", NOTHING),
    ("/tracking/trackers/1/rotation", "..3", "VRChat trackers", "1", NOTHING),
    ("/ypr", "..3", "Supperware", "", &[(Euler, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/SceneRotator/quaternions", "1 0 0 0", "IEM SceneRotator", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/bridge/quat", "1 0 0 0", "nvsonic", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/nxosc/xyz", "..3", "Waves Nx", "", &[(Aux, &[1.0, 2.0, 3.0, N, N, N, N, N])]),
    ("/imuquat", "1 0 0 0", "ESP32", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/imu", "1 0 0 0", "ESP32", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/imu", "1 0 0 0 'left", "ESP32", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/imu", "..3", "ESP32", "", &[(Accel, &[1.0, 2.0, 3.0])]),
    ("/IMU", "1 0 0 0", "ESP32", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/IMU", "1 0 0 0 'left", "ESP32", "", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/IMU", "..3", "ESP32", "", &[(Accel, &[1.0, 2.0, 3.0])]),

    ("/0/raw", "3000 1 4096 0 -4096 16384 0 -16384 0 0 10000 25", "R-IoT v1.5", "0", &[(Accel, &[G, 0.0, -G]), (Rate, &[1000.0 * DEG, 0.0, -1000.0 * DEG]), (Mag, &[0.0, 0.0, 88.6]), (Aux, &[1.0, N, N, N, N, N, N, N])]),
    ("/0/quat", "1 0 0 0", "R-IoT v1.5", "0", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/0/euler", "..4", "R-IoT v1.5", "0", &[(Euler, &[DEG, 2.0 * DEG, 3.0 * DEG])]),
    ("/0/raw", "3000 1 0 0 1 0.1 0.2 0.3 1 2 3 25 1 0 0 0 10 20 30 40", "R-IoT v1.8", "0", &[(Aux, &[1.0, N, N, N, N, N, N, N]), (Accel, &[0.0, 0.0, G]), (Rate, &[100.0 * DEG, 200.0 * DEG, 300.0 * DEG]), (Mag, &[100.0, 200.0, 300.0]), (Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
    ("/0/analog", "100 200", "R-IoT v1", "0", &[(Aux, &[N, 100.0, 200.0, N, N, N, N, N])]),
    ("/0/raw", "0 0 1 0.1 0.2 0.3 1 2 3 25 1 0 2498 12 1 0 0 0 10 20 30 40", "R-IoT v2", "0", &[(Accel, &[0.0, 0.0, G]), (Rate, &[100.0 * DEG, 200.0 * DEG, 300.0 * DEG]), (Mag, &[100.0, 200.0, 300.0]), (Quaternion, &[1.0, 0.0, 0.0, 0.0]), (Aux, &[1.0, 2498.0, 12.0, 0.0, N, N, N, N])]),
    ("/0/bitalino", "..11", "R-IoT v2", "0", NOTHING),
    ("/ab-1/accel", "..3", "ZIG SIM", "ab-1", &[(Linear, &[-G, -2.0 * G, -3.0 * G])]),
    ("/ab-1/gravity", "0 0 -1", "ZIG SIM", "ab-1", &[(Gravity, &[0.0, 0.0, G])]),
    ("/ab-1/gyro", "..3", "ZIG SIM", "ab-1", &[(Rate, &[1.0, 2.0, 3.0])]),
    ("/ab-1/quaternion", "0 0 0 1", "ZIG SIM", "ab-1", &[(Quaternion, &[1.0, 0.0, 0.0, 0.0])]),
];

fn same(a: f32, b: f32) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-4 * b.abs().max(1.0)
}

fn assert_values(address: &str, values: &Values, expected: Expected) {
    let quantities = [
        Accel, Linear, Gravity, Rate, Mag, Quaternion, Euler, Attitude, Aux,
    ];
    for quantity in quantities {
        let wanted = expected
            .iter()
            .find(|(known, _)| *known == quantity)
            .map(|(_, numbers)| *numbers);
        let got = values.of(quantity);
        let fits = match wanted {
            Some(wanted) => {
                wanted.len() == got.len() && wanted.iter().zip(got).all(|(&a, &b)| same(a, b))
            }
            None => got.iter().all(|number| number.is_nan()),
        };
        assert!(fits, "{address}: {quantity:?} is {got:?}, not {wanted:?}");
    }
}

#[test]
fn every_documented_message_becomes_its_si_values() {
    let mut dialects = Dialects::built_in();
    for &(address, arguments, profile, id, expected) in EXAMPLES {
        let message = message(address, arguments);
        let reading = dialects
            .read(&message, None)
            .unwrap_or_else(|| panic!("{address} is not known"));
        assert_eq!((reading.profile, reading.id), (profile, id), "{address}");
        assert_values(address, &reading.values, expected);
    }
}

#[test]
fn every_row_of_the_table_has_an_example() {
    let mut dialects = Dialects::built_in();
    let read: Vec<_> = EXAMPLES
        .iter()
        .map(|(address, arguments, ..)| {
            dialects
                .read(&message(address, arguments), None)
                .unwrap()
                .row
        })
        .collect();
    for (row, (profile, address, _)) in dialects.row_ids().zip(TABLE) {
        assert!(
            read.contains(&row),
            "no example reaches {profile} {address}"
        );
    }
}

#[test]
fn trailing_stamps_and_sequences_are_kept() {
    let mut dialects = Dialects::built_in();
    let riot = dialects
        .read(&message("/riot/v3/0/gyroscope", "..3 1500"), None)
        .unwrap()
        .values;
    assert_eq!(riot.stamp_s, Some(1.5));
    let text = "..12 1 0 0 0 90 3900 3 3 3 3 12.5 77";
    let mugic = dialects
        .read(&message("/mugicdata", text), None)
        .unwrap()
        .values;
    assert_eq!((mugic.stamp_s, mugic.sequence), (Some(12.5), Some(77)));
}

#[test]
fn unknown_addresses_and_wrong_arities_are_not_guessed() {
    let mut dialects = Dialects::built_in();
    for (address, arguments) in [
        ("/mixer/fader", "0.5"),
        ("/sensors", "..9"),
        ("/0/raw", "..21"),
        ("/quaternion", "1 0 0 'x"),
        ("", ""),
        ("/", ""),
        ("//raw", "..22"),
    ] {
        assert!(
            dialects.read(&message(address, arguments), None).is_none(),
            "{address}"
        );
    }
}

#[test]
fn a_flood_of_new_addresses_is_not_remembered_for_ever() {
    let mut dialects = Dialects::built_in();
    for number in 0..5_000 {
        dialects.read(&message(&format!("/flood/{number}"), ""), None);
    }
    assert!(dialects.remembered_count() <= 1024);
}

#[test]
fn a_users_row_comes_before_the_built_in_ones_and_its_errors_name_it() {
    let row = |address: &str, layout: &str| Row {
        profile: "Glove".into(),
        address: address.into(),
        layout: layout.into(),
    };
    let mut dialects = Dialects::with_user_rows(&[row("/imu", "accel[mg]:xyz")]).unwrap();
    let reading = dialects
        .read(&message("/imu", "1000 0 0"), None)
        .unwrap()
        .values;
    assert!(same(reading.of(Accel)[0], G));
    let error =
        Dialects::with_user_rows(&[row("/a", "skip"), row("/b", "accel[ft]:xyz")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 2 ('/b'): field 'accel[ft]:xyz': an unknown unit"
    );
    let error = Dialects::with_user_rows(&[row("b", "skip")]).unwrap_err();
    assert!(error.to_string().contains("row 1"), "{error}");
}

#[test]
fn what_a_sender_spoke_before_decides_between_alike_rows() {
    let rows = [("A", "aux:1"), ("B", "aux:2")].map(|(profile, layout)| Row {
        profile: profile.into(),
        address: "/pad".into(),
        layout: layout.into(),
    });
    let mut dialects = Dialects::with_user_rows(&rows).unwrap();
    let pad = message("/pad", "1");
    assert_eq!(dialects.read(&pad, None).unwrap().profile, "A");
    assert_eq!(dialects.read(&pad, Some("B")).unwrap().profile, "B");
}
