//! Key points over time, as pose estimators leave them: a table, COCO's JSON (`keypoints`: 17 times x, y, score) or
//! MediaPipe's (`landmarks` or `world_landmarks`: 33 times x, y, z, visibility). What was not seen is bridged.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::PoseError;

/// Points less sure than this were not seen.
const SURE: f64 = 0.3;
const COCO: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];
/// MediaPipe's landmarks that limbs are made of.
const MEDIAPIPE: [(usize, &str); 12] = [
    (11, "left_shoulder"),
    (12, "right_shoulder"),
    (13, "left_elbow"),
    (14, "right_elbow"),
    (15, "left_wrist"),
    (16, "right_wrist"),
    (23, "left_hip"),
    (24, "right_hip"),
    (25, "left_knee"),
    (26, "right_knee"),
    (27, "left_ankle"),
    (28, "right_ankle"),
];

type Seen = Option<[f64; 3]>;

/// Named points on an even grid.
pub struct Points {
    pub rate_hz: f64,
    /// Whether the third number means anything.
    pub deep: bool,
    pub tracks: BTreeMap<String, Vec<[f64; 3]>>,
}

pub fn read(path: &Path, fps: f64) -> Result<Points, PoseError> {
    let text = std::fs::read_to_string(path).map_err(|e| PoseError::unreadable(path, &e))?;
    let wrong = |cause: String| PoseError::Points {
        file: path.into(),
        cause,
    };
    let start = text.trim_start();
    if start.starts_with('[') || start.starts_with('{') {
        let document: Value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        return json(&document, fps).map_err(wrong);
    }
    table(&text).map_err(|(line, cause)| PoseError::Line {
        file: path.into(),
        line,
        cause,
    })
}

/// A table's points, moved to an even grid of its mean rate.
fn table(text: &str) -> Result<Points, (usize, String)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| (1, e.to_string()))?.clone();
    let place = |wanted: &str| header.iter().position(|h| h.trim() == wanted);
    let time = place("time_s").ok_or((1, "there is no column time_s".to_owned()))?;
    let names: Vec<&str> = header
        .iter()
        .filter_map(|h| h.trim().strip_suffix("_x"))
        .collect();
    let deep = names.iter().any(|n| place(&format!("{n}_z")).is_some());
    let mut times: Vec<f64> = Vec::new();
    let mut seen: Vec<Vec<Seen>> = vec![Vec::new(); names.len()];
    for (i, record) in reader.records().enumerate() {
        let record = record.map_err(|e| (i + 2, e.to_string()))?;
        let number = |at: Option<usize>| -> Option<f64> {
            let value: f64 = record.get(at?)?.trim().parse().ok()?;
            value.is_finite().then_some(value)
        };
        let now = number(Some(time)).ok_or((i + 2, "time_s is no number".to_owned()))?;
        if times.last().is_some_and(|last| now <= *last) {
            return Err((i + 2, "the time does not go forward".into()));
        }
        times.push(now);
        for (name, seen) in names.iter().zip(&mut seen) {
            let part = |axis: &str| number(place(&format!("{name}_{axis}")));
            let sure = part("score").is_none_or(|score| score >= SURE);
            let point = part("x").zip(part("y"));
            seen.push(
                point
                    .filter(|_| sure)
                    .map(|(x, y)| [x, y, part("z").unwrap_or(0.0)]),
            );
        }
    }
    if times.len() < 4 {
        return Err((
            times.len() + 1,
            "at least 4 lines of points are needed".into(),
        ));
    }
    let seconds = times[times.len() - 1] - times[0];
    let rate_hz = (times.len() - 1) as f64 / seconds;
    let grid: Vec<f64> = (0..times.len())
        .map(|i| times[0] + i as f64 / rate_hz)
        .collect();
    let tracks = names
        .iter()
        .zip(seen)
        .filter_map(|(name, seen)| Some(((*name).to_owned(), bridge(&times, &seen, &grid)?)));
    Ok(Points {
        rate_hz,
        deep,
        tracks: tracks.collect(),
    })
}

fn json(document: &Value, fps: f64) -> Result<Points, String> {
    let rows = document
        .as_array()
        .or_else(|| document["frames"].as_array());
    let rows = rows.ok_or("a list of frames, or an object with a list 'frames', is needed")?;
    let mut seen: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    let mut deep = false;
    for (i, row) in rows.iter().enumerate() {
        let world = ["world_landmarks", "pose_world_landmarks"].iter();
        let world = world.map(|key| &row[*key]).find(|value| value.is_array());
        deep |= world.is_some();
        let flat = ["landmarks", "pose_landmarks"].iter();
        let flat = flat.map(|key| &row[*key]).find(|value| value.is_array());
        let points = match world.or(flat) {
            Some(landmarks) => mediapipe(landmarks),
            None => coco(&row["keypoints"])
                .ok_or_else(|| format!("frame {i} has neither 51 keypoints nor landmarks"))?,
        };
        for (name, point) in points {
            seen.entry(name.into()).or_default().resize(i, None);
            seen.entry(name.into()).or_default().push(point);
        }
    }
    if rows.len() < 4 {
        return Err("at least 4 frames are needed".into());
    }
    let times: Vec<f64> = (0..rows.len()).map(|i| i as f64 / fps).collect();
    let tracks = seen.into_iter().filter_map(|(name, mut seen)| {
        seen.resize(rows.len(), None);
        Some((name, bridge(&times, &seen, &times)?))
    });
    Ok(Points {
        rate_hz: fps,
        deep,
        tracks: tracks.collect(),
    })
}

/// x, y, score, 17 times.
fn coco(value: &Value) -> Option<Vec<(&'static str, Seen)>> {
    let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
    (numbers.len() >= 51).then(|| {
        let points = COCO.iter().zip(numbers.chunks_exact(3));
        points
            .map(|(name, p)| (*name, (p[2] >= SURE).then_some([p[0], p[1], 0.0])))
            .collect()
    })
}

fn mediapipe(landmarks: &Value) -> Vec<(&'static str, Seen)> {
    let point = |at: usize| -> Seen {
        let landmark = &landmarks[at];
        let sure = landmark["visibility"].as_f64().is_none_or(|v| v >= SURE);
        let part = |axis: &str| landmark[axis].as_f64();
        Some([part("x")?, part("y")?, part("z").unwrap_or(0.0)]).filter(|_| sure)
    };
    MEDIAPIPE
        .iter()
        .map(|(at, name)| (*name, point(*at)))
        .collect()
}

/// Values on a grid by straight lines between what was seen; `None` where nearly nothing was.
fn bridge(times: &[f64], seen: &[Seen], grid: &[f64]) -> Option<Vec<[f64; 3]>> {
    let known: Vec<(f64, [f64; 3])> = times
        .iter()
        .zip(seen)
        .filter_map(|(t, p)| Some((*t, (*p)?)))
        .collect();
    if known.len() * 2 < seen.len() {
        return None;
    }
    let at = |t: &f64| {
        let after = known
            .partition_point(|(time, _)| time < t)
            .min(known.len() - 1);
        let (before, after) = (known[after.saturating_sub(1)], known[after]);
        let span = after.0 - before.0;
        let share = if span > 0.0 {
            ((t - before.0) / span).clamp(0.0, 1.0)
        } else {
            0.0
        };
        std::array::from_fn(|i| before.1[i] + (after.1[i] - before.1[i]) * share)
    };
    Some(grid.iter().map(at).collect())
}
