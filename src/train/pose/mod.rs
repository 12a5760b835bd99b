//! `imu2music virtual imu`: what a sensor on a limb would read, from motion capture (BVH) or from the key points that a
//! pose estimator finds in a video. Positions and turns become smooth curves, which the virtual sensor reads as it
//! reads the virtual performer's arms: acceleration with gravity, turn rate, orientation.

pub mod bvh;
pub mod limb;
pub mod points;
pub mod segment;

use std::path::{Path, PathBuf};

use crate::sensor::performer::{Chance, Flaws};
use crate::sensor::{DeviceId, SensorFrame};
use crate::units::HostTime;
use limb::{Motion, Up};

/// Where on the limb the sensor sits, from its near end to its far end: just above the wrist.
const ALONG: f64 = 0.85;
/// Pose estimators tremble: their points are read through a Gaussian of this deviation unless told otherwise.
const POINTS_SMOOTH_MS: f64 = 40.0;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// Motion capture in the Biovision format (y up).
    #[cfg_attr(
        feature = "standalone",
        arg(long, required_unless_present = "points", conflicts_with = "points")
    )]
    pub bvh: Option<PathBuf>,
    /// Key points: a table (`time_s`, then `right_wrist_x`, `right_wrist_y`, and `…_z` where there is depth, `…_score`
    /// if known), or JSON as COCO (17 points) or MediaPipe (33 landmarks) writers leave it.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub points: Option<PathBuf>,
    /// The limb: a joint's name in the BVH file, or for points RightForeArm, LeftForeArm, RightArm, LeftArm,
    /// RightLeg, LeftLeg, RightUpLeg or LeftUpLeg.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub segment: String,
    /// Readings a second.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 100.0))]
    pub rate: f64,
    /// The table of readings to write: `imu2music replay` and `imu2music import` read it.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    /// Metres in one unit of the file's lengths. BVH files are mostly in centimetres (0.01, the default for them);
    /// points with depth in metres (1). Points without depth are scaled by the length of the limb.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub metres_per_unit: Option<f64>,
    /// Which axis of the points is up; images and MediaPipe count downward.
    #[cfg_attr(
        feature = "standalone",
        arg(long, value_enum, default_value = "minus-y")
    )]
    pub up: Up,
    /// Frames a second of JSON points, which say no time.
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 30.0))]
    pub fps: f64,
    /// Points are read through a Gaussian of this deviation, in milliseconds (BVH: not unless told).
    #[cfg_attr(feature = "standalone", arg(long))]
    pub smooth_ms: Option<f64>,
    /// Gives the sensor the noise, bias and crooked strap of a real one, thrown by this seed.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub flaws: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum PoseError {
    #[error("{file}: {cause}. Check its name, and that it can be read")]
    Unreadable { file: PathBuf, cause: String },
    #[error("{file}, line {line}: {cause}")]
    Line {
        file: PathBuf,
        line: usize,
        cause: String,
    },
    #[error("{file}: {cause}")]
    Points { file: PathBuf, cause: String },
    #[error("there is no segment {wanted}; these there are: {known}")]
    NoSegment { wanted: String, known: String },
    #[error("a rate of {0} readings a second is not between 1 and 2000")]
    Rate(f64),
    #[error("{file} cannot be written: {cause}. Choose a folder that can be written to")]
    Unwritable { file: PathBuf, cause: String },
}

impl PoseError {
    fn unreadable(file: &Path, cause: &dyn std::fmt::Display) -> PoseError {
        PoseError::Unreadable {
            file: file.into(),
            cause: cause.to_string(),
        }
    }
}

/// Writes the table, whole or not at all.
pub fn run(args: &Args) -> Result<(), PoseError> {
    if !(1.0..=2000.0).contains(&args.rate) {
        return Err(PoseError::Rate(args.rate));
    }
    let motion = motion(args)?;
    let frames = readings(&motion, args.rate, args.flaws);
    let text = capture(&frames);
    crate::train::gesture::export::write(&args.out, text.as_bytes()).map_err(|e| {
        PoseError::Unwritable {
            file: args.out.clone(),
            cause: e.to_string(),
        }
    })?;
    println!(
        "{}: {} readings of {} in {:.1} s",
        args.out.display(),
        frames.len(),
        args.segment,
        motion.seconds()
    );
    Ok(())
}

fn motion(args: &Args) -> Result<Motion, PoseError> {
    if let Some(file) = &args.bvh {
        let scale = args.metres_per_unit.unwrap_or(0.01);
        let smooth_s = args.smooth_ms.unwrap_or(0.0) / 1e3;
        return bvh::Bvh::read(file)?.motion(&args.segment, ALONG, scale, smooth_s);
    }
    let file = args.points.clone().unwrap_or_default();
    let points = points::read(&file, args.fps)?;
    let wanted = segment::Wanted {
        segment: &args.segment,
        along: ALONG,
        metres_per_unit: args.metres_per_unit.unwrap_or(1.0),
        up: args.up,
        smooth_s: args.smooth_ms.unwrap_or(POINTS_SMOOTH_MS) / 1e3,
    };
    segment::motion(&points, &wanted, &file)
}

/// One sensor's readings as a table with units in its header, as `replay` and `import` read captures.
fn capture(frames: &[SensorFrame]) -> String {
    let axes = |of: &str, unit: &str, axes: &str| -> String {
        let columns = axes.chars().map(|axis| format!(",{of} {axis} ({unit})"));
        columns.collect()
    };
    let mut text = String::from("Time (s)");
    text += &axes("Accelerometer", "m/s^2", "XYZ");
    text += &axes("Gyroscope", "rad/s", "XYZ");
    text += &axes("Quaternion", "1", "WXYZ");
    text.push('\n');
    for frame in frames {
        text += &format!("{:.6}", frame.time.0);
        let SensorFrame {
            accel_m_per_s2,
            rate_rad_per_s,
            quaternion,
            ..
        } = frame;
        let numbers = accel_m_per_s2
            .iter()
            .chain(rate_rad_per_s)
            .chain(quaternion);
        numbers.for_each(|x| text += &format!(",{x:.6}"));
        text.push('\n');
    }
    text
}

/// What lies this near to an end of the motion is left out: nobody knows what came before it.
const END_S: f64 = 0.1;

/// Readings of device 0 on an even grid, on the clock of the source.
pub fn readings(motion: &Motion, rate_hz: f64, flaws: Option<u64>) -> Vec<SensorFrame> {
    let wrong = flaws.map_or(Flaws::NONE, |seed| {
        Flaws::typical(&mut Chance::new(seed, 41))
    });
    let grid = |t_s: f64| (t_s * rate_hz).ceil().max(0.0) as usize;
    let at = |number: usize| {
        let t_s = number as f64 / rate_hz;
        let reading = motion.reading(&wrong, flaws.unwrap_or(0), t_s);
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(t_s));
        frame.accel_m_per_s2 = reading.accel_m_per_s2;
        frame.rate_rad_per_s = reading.rate_rad_per_s;
        frame.quaternion = reading.quaternion;
        frame
    };
    (grid(END_S)..grid(motion.seconds() - END_S))
        .map(at)
        .collect()
}

#[cfg(test)]
mod tests;
