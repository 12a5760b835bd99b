//! Virtual sensors against a pendulum, whose forces and rates are known in closed form.

use super::limb::earth;
use super::*;
use crate::units::STANDARD_GRAVITY_M_PER_S2;
use std::fmt::Write;

const SWING_RAD: f64 = 0.6;
const TURN_RAD_PER_S: f64 = 2.0 * std::f64::consts::PI * 1.2;
const LENGTH_M: f64 = 0.255;
const SECONDS: f64 = 6.0;

/// Angle of the pendulum from hanging, its rate and its acceleration.
fn swing(t_s: f64) -> (f64, f64, f64) {
    let (phase, w) = (TURN_RAD_PER_S * t_s, TURN_RAD_PER_S);
    (
        SWING_RAD * phase.sin(),
        SWING_RAD * w * phase.cos(),
        -SWING_RAD * w * w * phase.sin(),
    )
}

/// Specific force along the rod (outward) and across it (the way it swings), and rate, of a sensor on it.
fn expected(t_s: f64) -> (f64, f64, f64) {
    let (angle, rate, acceleration) = swing(t_s);
    let g = f64::from(STANDARD_GRAVITY_M_PER_S2);
    let radius = ALONG * LENGTH_M;
    (
        -radius * rate * rate - g * angle.cos(),
        radius * acceleration + g * angle.sin(),
        rate,
    )
}

/// Largest error of force and of rate, whichever way the sensor is turned about the rod.
fn errors(frames: &[SensorFrame]) -> (f64, f64) {
    let size = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let inner = frames
        .iter()
        .filter(|f| f.time.0 > 0.5 && f.time.0 < SECONDS - 0.5);
    inner.fold((0.0f64, 0.0f64), |(force, turn), frame| {
        let (along, across, rate) = expected(frame.time.0);
        let a = frame.accel_m_per_s2;
        let off = (f64::from(a[0]) - along).abs();
        let off = off.max((size(&a[1..]) - across.abs()).abs());
        let turned = (size(&frame.rate_rad_per_s) - rate.abs()).abs();
        (force.max(off), turn.max(turned))
    })
}

/// The far end of the rod in the plane of x (sideways) and y (up), from its pivot at 1 m.
fn tip(t_s: f64) -> [f64; 3] {
    let angle = swing(t_s).0;
    [LENGTH_M * angle.sin(), 1.0 - LENGTH_M * angle.cos(), 0.3]
}

fn bvh() -> String {
    let mut text = format!(
        "HIERARCHY\nROOT Hips\n{{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation \
         Yrotation\nJOINT RightForeArm\n{{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\nEnd Site\n{{\n\
         OFFSET 0 {} 0\n}}\n}}\n}}\nMOTION\nFrames: {}\nFrame Time: 0.0083333333\n",
        -100.0 * LENGTH_M,
        (SECONDS * 120.0) as usize + 1
    );
    for frame in 0..=(SECONDS * 120.0) as usize {
        let angle = swing(frame as f64 / 120.0).0.to_degrees();
        let _ = writeln!(text, "0 100 30 0 0 0 {angle:.6} 0 0");
    }
    text
}

fn table(deep: bool) -> String {
    let z = |name: &str| {
        if deep {
            format!(",{name}_z")
        } else {
            String::new()
        }
    };
    let mut text = format!(
        "time_s,right_elbow_x,right_elbow_y{},right_wrist_x,right_wrist_y{}\n",
        z("right_elbow"),
        z("right_wrist")
    );
    for frame in 0..=(SECONDS * 60.0) as usize {
        let t_s = frame as f64 / 60.0;
        let p = tip(t_s);
        let _ = match deep {
            true => writeln!(text, "{t_s:.6},0,1,0.3,{:.7},{:.7},0.3", p[0], p[1]),
            // An image: pixels, downward.
            false => writeln!(
                text,
                "{t_s:.6},640,100,{:.3},{:.3}",
                640.0 + 900.0 * p[0],
                1000.0 - 900.0 * p[1]
            ),
        };
    }
    text
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("imu2music_{}_{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn args() -> Args {
    Args {
        bvh: None,
        points: None,
        segment: "RightForeArm".into(),
        rate: 100.0,
        out: PathBuf::new(),
        metres_per_unit: None,
        up: Up::Y,
        fps: 30.0,
        smooth_ms: Some(0.0),
        flaws: None,
    }
}

fn sensed(args: &Args) -> Vec<SensorFrame> {
    readings(&motion(args).unwrap(), args.rate, args.flaws)
}

#[test]
fn a_captured_pendulum_is_felt_within_a_twentieth_of_a_metre_per_second_squared() {
    let path = file("pendulum.bvh", &bvh());
    let frames = sensed(&Args {
        bvh: Some(path.clone()),
        ..args()
    });
    let (force, turn) = errors(&frames);
    println!("BVH at 120 frames a second: {force:.4} m/s², {turn:.5} rad/s at worst");
    assert!(force < 0.05 && turn < 0.005, "{force} {turn}");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn points_with_depth_and_points_lifted_from_an_image_feel_the_pendulum_too() {
    for (deep, up, smooth_ms, force_within, turn_within) in [
        (true, Up::Y, 0.0, 0.1, 0.02),
        (false, Up::MinusY, 20.0, 0.3, 0.1),
    ] {
        let path = file(&format!("pendulum_{deep}.csv"), &table(deep));
        let frames = sensed(&Args {
            points: Some(path.clone()),
            up,
            smooth_ms: Some(smooth_ms),
            ..args()
        });
        let (force, turn) = errors(&frames);
        println!("deep {deep}: {force:.4} m/s², {turn:.5} rad/s at worst");
        assert!(
            force < force_within && turn < turn_within,
            "{deep}: {force} {turn}"
        );
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn the_quaternion_turns_the_force_at_rest_to_the_sky() {
    let still: String = bvh().replace("0 100 30 0 0 0 ", "0 100 30 10 20 30 ");
    let rows: Vec<&str> = still.lines().collect();
    let first = rows.iter().position(|l| l.starts_with("0 100")).unwrap();
    let mut text = rows[..first].join("\n");
    (0..=(SECONDS * 120.0) as usize).for_each(|_| text += "\n0 100 30 10 20 30 40 0 0");
    let path = file("still.bvh", &text);
    let frames = sensed(&Args {
        bvh: Some(path.clone()),
        ..args()
    });
    let frame = frames[300];
    let q = crate::sensor::performer::Rotation(frame.quaternion.map(f64::from));
    let force = q.apply(frame.accel_m_per_s2.map(f64::from));
    let sky = [0.0, 0.0, f64::from(STANDARD_GRAVITY_M_PER_S2)];
    assert!(
        (0..3).all(|i| (force[i] - sky[i]).abs() < 1e-3),
        "{force:?}"
    );
    assert_eq!(earth([0.0, 1.0, 0.0], Up::Y), [0.0, 0.0, 1.0]);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn pose_estimators_json_is_read_and_gaps_are_bridged() {
    let mut coco = Vec::new();
    let mut media = Vec::new();
    for frame in 0..180 {
        let p = tip(f64::from(frame) / 30.0);
        let (x, y) = (640.0 + 900.0 * p[0], 1000.0 - 900.0 * p[1]);
        let mut points = vec![0.0; 51];
        points[8 * 3..8 * 3 + 3].copy_from_slice(&[640.0, 100.0, 0.9]);
        let score = if frame % 10 == 3 { 0.1 } else { 0.9 };
        points[10 * 3..10 * 3 + 3].copy_from_slice(&[x, y, score]);
        coco.push(serde_json::json!({ "image_id": frame, "keypoints": points }));
        let mut landmarks = vec![serde_json::json!({ "x": 0.0, "y": 0.0, "z": 0.0 }); 33];
        landmarks[14] = serde_json::json!({ "x": 0.0, "y": -1.0, "z": 0.3, "visibility": 0.9 });
        landmarks[16] = serde_json::json!({ "x": p[0], "y": -p[1], "z": 0.3, "visibility": 0.9 });
        media.push(serde_json::json!({ "world_landmarks": landmarks }));
    }
    for (name, document) in [("coco.json", coco), ("media.json", media)] {
        let path = file(name, &serde_json::to_string(&document).unwrap());
        let frames = sensed(&Args {
            points: Some(path.clone()),
            up: Up::MinusY,
            smooth_ms: None,
            ..args()
        });
        let (force, _) = errors(&frames);
        assert!(force < 3.0, "{name}: {force}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn the_table_is_a_capture_that_replay_reads_and_its_ends_do_not_jump() {
    let frames = {
        let path = file("ends.bvh", &bvh());
        let frames = sensed(&Args {
            bvh: Some(path.clone()),
            ..args()
        });
        std::fs::remove_file(path).unwrap();
        frames
    };
    let take = crate::sensor::take::Take::parse(&capture(&frames)).unwrap();
    let crate::sensor::take::Take::Readings(readings) = take else {
        panic!("not readings");
    };
    assert_eq!(readings.len(), frames.len());
    for (reading, frame) in readings.iter().zip(&frames) {
        let (a, b) = (reading.frame.accel_m_per_s2, frame.accel_m_per_s2);
        assert!(
            (0..3).all(|i| (a[i] - b[i]).abs() < 1e-5 && a[i].abs() < 30.0),
            "{a:?} {b:?}"
        );
        assert!((reading.frame.quaternion[0] - frame.quaternion[0]).abs() < 1e-5);
    }
}

#[test]
fn what_is_wrong_is_named() {
    let path = file("broken.bvh", &bvh().replace("Frames: 721", "Frames: 900"));
    let said = motion(&Args {
        bvh: Some(path.clone()),
        ..args()
    });
    let said = said.err().unwrap().to_string();
    assert!(
        said.contains("broken.bvh") && said.contains("ends too early"),
        "{said}"
    );
    std::fs::write(&path, bvh()).unwrap();
    let said = motion(&Args {
        bvh: Some(path.clone()),
        segment: "Tail".into(),
        ..args()
    });
    let said = said.err().unwrap().to_string();
    assert!(
        said.contains("Tail") && said.contains("RightForeArm"),
        "{said}"
    );
    std::fs::remove_file(path).unwrap();
}
