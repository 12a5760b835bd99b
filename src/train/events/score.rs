//! The notes of a take where somebody wrote them down: `notes.csv` (columns onset, offset, pitch and, if it is there,
//! velocity; seconds of the sound) or `notes.mid` (a Standard MIDI File that begins with the sound).

use std::path::Path;

use super::midi;
use super::notes::{Note, RATE_HZ};
use crate::neural::events::Alphabet;
use crate::train::gesture::TrainError;

const TABLE: &str = "notes.csv";
const MIDI: &str = "notes.mid";
/// MIDI velocity where a table has none.
const VELOCITY: f64 = 80.0;

/// One note in seconds, as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Written {
    pub onset_s: f64,
    pub offset_s: f64,
    pub pitch: f64,
    /// 1 to 127.
    pub velocity: f64,
}

/// The notes in a take's folder, on the sound's clock, and the name of their file; none where there is no such file.
pub fn beside(
    folder: &Path,
    alphabet: &Alphabet,
) -> Result<Option<(Vec<Note>, String)>, TrainError> {
    let (table, file) = (folder.join(TABLE), folder.join(MIDI));
    let (written, name) = if table.exists() {
        (read_table(&table)?, TABLE)
    } else if file.exists() {
        let wrong = |cause: String| {
            TrainError::Data(format!(
                "{}: {cause}; export it again as a Standard MIDI File, or delete it",
                file.display()
            ))
        };
        let bytes = std::fs::read(&file).map_err(|e| wrong(e.to_string()))?;
        (midi::notes(&bytes).map_err(wrong)?, MIDI)
    } else {
        return Ok(None);
    };
    let notes = written.iter().filter_map(|note| on_grid(note, alphabet));
    let mut notes: Vec<Note> = notes.collect();
    notes.sort_by_key(|note| (note.begin, note.note));
    Ok(Some((notes, name.into())))
}

/// Notes on the clock of a take that begins at frame `begins` and lasts `frames`.
pub fn within(notes: &[Note], begins: usize, frames: usize) -> Vec<Note> {
    let overlapping = notes.iter().filter(|note| note.end > begins);
    let moved = overlapping.map(|note| Note {
        begin: note.begin.saturating_sub(begins),
        end: (note.end - begins).min(frames),
        ..*note
    });
    moved.filter(|note| note.begin < note.end).collect()
}

fn on_grid(written: &Written, alphabet: &Alphabet) -> Option<Note> {
    let frame = |seconds: f64| (seconds.max(0.0) * f64::from(RATE_HZ)).round() as usize;
    let lowest = usize::from(alphabet.lowest_note);
    let pitch = written.pitch.round() as usize;
    let known = (lowest..lowest + alphabet.notes).contains(&pitch);
    let share = (written.velocity / 127.0).clamp(0.0, 1.0) * alphabet.velocities as f64;
    known.then(|| Note {
        begin: frame(written.onset_s),
        end: frame(written.offset_s).max(frame(written.onset_s) + 1),
        note: pitch as u8,
        velocity: (share.round() as usize).clamp(1, alphabet.velocities) - 1,
    })
}

fn read_table(path: &Path) -> Result<Vec<Written>, TrainError> {
    let wrong = |line: usize, cause: String| {
        TrainError::Data(format!("{}, line {line}: {cause}", path.display()))
    };
    let mut reader = csv::Reader::from_path(path).map_err(|e| wrong(1, e.to_string()))?;
    let header = reader
        .headers()
        .map_err(|e| wrong(1, e.to_string()))?
        .clone();
    let column = |name: &str| header.iter().position(|column| column.trim() == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            wrong(
                1,
                format!(
                    "there is no column '{name}': the first line names onset, offset and pitch"
                ),
            )
        })
    };
    let (onset, offset, pitch) = (needed("onset")?, needed("offset")?, needed("pitch")?);
    let velocity = column("velocity");
    let mut notes = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let line = row + 2;
        let record = record.map_err(|e| wrong(line, e.to_string()))?;
        let number = |column: usize| -> Result<f64, TrainError> {
            let text = record.get(column).unwrap_or("").trim();
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            value.ok_or_else(|| {
                wrong(
                    line,
                    format!("'{text}' is not a number: write seconds and MIDI notes"),
                )
            })
        };
        notes.push(Written {
            onset_s: number(onset)?,
            offset_s: number(offset)?,
            pitch: number(pitch)?,
            velocity: velocity.map_or(Ok(VELOCITY), number)?,
        });
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let path =
            std::env::temp_dir().join(format!("imu2music-score-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_table_is_read_onto_the_grid_and_a_bad_line_is_named() {
        let folder = folder("table");
        let piano = Alphabet::PIANO;
        assert_eq!(beside(&folder, &piano).unwrap(), None);
        let table = "onset,offset,pitch,velocity\n1.0,1.5,60,127\n0.5,2.0,48,64\n3,4,200,64\n";
        std::fs::write(folder.join(TABLE), table).unwrap();
        let (notes, source) = beside(&folder, &piano).unwrap().unwrap();
        assert_eq!(source, TABLE);
        let spans: Vec<_> = notes
            .iter()
            .map(|n| (n.begin, n.end, n.note, n.velocity))
            .collect();
        assert_eq!(spans, [(25, 100, 48, 15), (50, 75, 60, 31)]);
        let cut = within(&notes, 60, 20);
        assert_eq!(
            cut.iter().map(|n| (n.begin, n.end)).collect::<Vec<_>>(),
            [(0, 20), (0, 15)]
        );
        std::fs::write(folder.join(TABLE), "onset,offset,pitch\n1,2,60\n1,x,60\n").unwrap();
        let error = beside(&folder, &piano).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("'x'"), "{error}");
        std::fs::write(folder.join(TABLE), "onset,pitch\n1,60\n").unwrap();
        assert!(
            beside(&folder, &piano)
                .unwrap_err()
                .to_string()
                .contains("'offset'")
        );
        std::fs::remove_dir_all(folder).unwrap();
    }
}
