//! One reading of one device in SI units: what the network thread hands to the audio thread.

use crate::units::HostTime;

/// Which device, as numbered by this library image's hub in order of first appearance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(pub u16);

/// User channels of a frame: buttons, analogue inputs, EMG, pressure, battery.
pub const AUX_COUNT: usize = 8;

/// One reading. Every field a device (or this message of it) does not carry is NaN; the playout joins them.
#[derive(Clone, Copy, Debug)]
pub struct SensorFrame {
    pub device: DeviceId,
    /// When the reading was made, on the host's clock.
    pub time: HostTime,
    /// Specific force in m/s², gravity included: at rest its length is 9.81 and it points up.
    pub accel_m_per_s2: [f32; 3],
    /// Angular rate about the sensor's axes in rad/s.
    pub rate_rad_per_s: [f32; 3],
    /// Magnetic field in µT.
    pub mag_ut: [f32; 3],
    /// Sensor → earth (z up) rotation as w, x, y, z.
    pub quaternion: [f32; 4],
    /// Acceleration without gravity in m/s², sensor axes.
    pub linear_accel_m_per_s2: [f32; 3],
    /// Buttons, analogue inputs and the like, in the device's own scale.
    pub aux: [f32; AUX_COUNT],
}

impl SensorFrame {
    /// A frame that carries nothing yet.
    pub fn empty(device: DeviceId, time: HostTime) -> Self {
        SensorFrame {
            device,
            time,
            accel_m_per_s2: [f32::NAN; 3],
            rate_rad_per_s: [f32::NAN; 3],
            mag_ut: [f32::NAN; 3],
            quaternion: [f32::NAN; 4],
            linear_accel_m_per_s2: [f32::NAN; 3],
            aux: [f32::NAN; AUX_COUNT],
        }
    }
}
