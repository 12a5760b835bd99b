//! What was played, from tables: notes (`onset,offset,pitch`) and, where the recording's own times are in a second
//! table, their alignment (`start,end` in seconds, a line for each note). Notes that begin together are one event.

use std::path::{Path, PathBuf};

/// Notes that begin this close to each other are one chord.
const TOGETHER_S: f64 = 0.04;
/// Nothing shorter can be bowed.
const SHORTEST_S: f64 = 0.04;

/// One note or chord as it sounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub start_s: f64,
    pub end_s: f64,
    /// MIDI note numbers of the highest and the lowest.
    pub top: f64,
    pub bottom: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    #[error("{file}: {cause}. A table of notes has the columns onset, offset and pitch")]
    Unreadable { file: PathBuf, cause: String },
    #[error("{file}, line {line}: {cause}")]
    Line {
        file: PathBuf,
        line: usize,
        cause: String,
    },
    #[error(
        "{notes} has {count} notes and {align} {times} times: they must be of the same recording"
    )]
    Counts {
        notes: PathBuf,
        align: PathBuf,
        count: usize,
        times: usize,
    },
    #[error("{0} holds no note")]
    Empty(PathBuf),
}

/// The alignment beside a table of notes: `x.align.csv` beside `x.notes.csv`.
pub fn alignment_beside(notes: &Path) -> Option<PathBuf> {
    let name = notes.file_name()?.to_str()?;
    let beside = notes.with_file_name(name.replace(".notes.", ".align."));
    (beside != notes && beside.exists()).then_some(beside)
}

/// Reads events in the order of time. Without `align` the table's own onsets and offsets are seconds.
pub fn read(notes: &Path, align: Option<&Path>) -> Result<Vec<Event>, ScoreError> {
    let rows = table(notes, ["onset", "offset", "pitch"])?;
    let mut events: Vec<Event> = match align {
        None => rows.iter().map(|r| event(r[0], r[1], r[2])).collect(),
        Some(align) => {
            let times = table(align, ["start", "end", "start"])?;
            if times.len() != rows.len() {
                return Err(ScoreError::Counts {
                    notes: notes.into(),
                    align: align.into(),
                    count: rows.len(),
                    times: times.len(),
                });
            }
            let pairs = times.iter().zip(&rows);
            pairs.map(|(t, r)| event(t[0], t[1], r[2])).collect()
        }
    };
    if events.is_empty() {
        return Err(ScoreError::Empty(notes.into()));
    }
    events.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    Ok(join(events))
}

fn event(start_s: f64, end_s: f64, pitch: f64) -> Event {
    Event {
        start_s,
        end_s,
        top: pitch,
        bottom: pitch,
    }
}

/// Chords become one event; every event ends where the next begins, at the latest.
fn join(events: Vec<Event>) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        match joined.last_mut() {
            Some(last) if event.start_s - last.start_s < TOGETHER_S => {
                last.top = last.top.max(event.top);
                last.bottom = last.bottom.min(event.bottom);
                last.end_s = last.end_s.max(event.end_s);
            }
            _ => joined.push(event),
        }
    }
    for i in 1..joined.len() {
        joined[i - 1].end_s = joined[i - 1].end_s.min(joined[i].start_s);
    }
    for event in &mut joined {
        event.end_s = event.end_s.max(event.start_s + SHORTEST_S);
    }
    joined
}

/// Three columns of a table, by name.
fn table(path: &Path, names: [&str; 3]) -> Result<Vec<[f64; 3]>, ScoreError> {
    let unreadable = |cause: String| ScoreError::Unreadable {
        file: path.into(),
        cause,
    };
    let mut reader = csv::Reader::from_path(path).map_err(|e| unreadable(e.to_string()))?;
    let header = reader
        .headers()
        .map_err(|e| unreadable(e.to_string()))?
        .clone();
    let mut places = [0; 3];
    for (place, name) in places.iter_mut().zip(names) {
        let found = header.iter().position(|h| h.trim() == name);
        *place = found.ok_or_else(|| unreadable(format!("there is no column {name}")))?;
    }
    let mut rows = Vec::new();
    for (i, record) in reader.records().enumerate() {
        let wrong = |cause: String| ScoreError::Line {
            file: path.into(),
            line: i + 2,
            cause,
        };
        let record = record.map_err(|e| wrong(e.to_string()))?;
        let mut row = [0.0; 3];
        for (value, place) in row.iter_mut().zip(places) {
            let word = record.get(place).unwrap_or("").trim();
            *value = word
                .parse()
                .ok()
                .filter(|x: &f64| x.is_finite())
                .ok_or_else(|| wrong(format!("'{word}' is no number")))?;
        }
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("imu2music_{}_{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn chords_are_one_event_and_times_are_the_recordings() {
        let notes = file(
            "a.notes.csv",
            "onset,offset,pitch,velocity\n0,12,60,64\n0,24,64,64\n12,24,62,64\n",
        );
        let align = file("a.align.csv", "start,end\n1.0,2.5\n1.02,2.5\n2.0,3.0\n");
        assert_eq!(alignment_beside(&notes).as_deref(), Some(&*align));
        let events = read(&notes, Some(&align)).unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].top, events[0].bottom), (64.0, 60.0));
        assert_eq!((events[0].end_s, events[1].start_s), (2.0, 2.0));
        for path in [notes, align] {
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_by_file_and_line() {
        let bad = file("bad.notes.csv", "onset,offset,pitch\n0,1,60\n1,2,x\n");
        let said = read(&bad, None).unwrap_err().to_string();
        assert!(said.contains("line 3") && said.contains("'x'"), "{said}");
        let lacking = file("lacking.notes.csv", "onset,offset\n0,1\n");
        let said = read(&lacking, None).unwrap_err().to_string();
        assert!(said.contains("pitch"), "{said}");
        for path in [bad, lacking] {
            std::fs::remove_file(path).unwrap();
        }
    }
}
