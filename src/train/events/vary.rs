//! Little material is heard a little differently in every epoch, as gesture models hear it: by sensors strapped on
//! otherwise and at another tempo, and the notes with it.

use std::sync::Arc;

use super::material::{Piece, piece, ruler};
use super::notes::{Note, RATE_HZ};
use crate::sensor::performer::Chance;
use crate::train::gesture::recorded::Recording;
use crate::train::gesture::split::{learned_from, training_part};
use crate::train::gesture::take::Standard;
use crate::train::gesture::vary::{Limits, Variation};

pub struct Vary {
    pub recordings: Arc<[Recording]>,
    /// Of each recording.
    pub notes: Vec<Vec<Note>>,
    pub inputs: Vec<String>,
    pub standard: Standard,
    pub seed: u64,
}

impl Vary {
    /// The pieces that are learned from, varied anew for each epoch.
    pub fn pieces(&self, epoch: usize) -> Vec<Piece> {
        let learned = learned_from(self.recordings.len());
        (0..learned).flat_map(|take| self.of(take, epoch)).collect()
    }

    fn of(&self, take: usize, epoch: usize) -> Vec<Piece> {
        let count = self.recordings.len();
        let chance = Chance::new(self.seed ^ 0xe7e2, (epoch * count + take) as u64);
        let mut variation = Variation::new(chance, Limits::SAME_PLAYER);
        let notes: Vec<Note> = self.notes[take]
            .iter()
            .map(|note| at_tempo(note, &variation))
            .collect();
        let take = self.recordings[take].take(&self.inputs, RATE_HZ, Some(&mut variation));
        let parts = training_part(&ruler(&take), count, RATE_HZ);
        let pieces = parts.iter().map(|part| piece(part, &take, &notes));
        pieces
            .map(|piece| piece.standardised(&self.standard))
            .collect()
    }
}

/// A note keeps its order and at least one frame.
fn at_tempo(note: &Note, variation: &Variation) -> Note {
    let begin = variation.frame(note.begin);
    Note {
        begin,
        end: variation.frame(note.end).max(begin + 1),
        ..*note
    }
}

#[cfg(test)]
mod tests {
    use super::super::notes::heard;
    use super::*;
    use crate::neural::events::Alphabet;
    use crate::neural::shipped::SOUNDS;
    use crate::neural::sound_model::SoundModel;
    use crate::sensor::performer::{Performer, Style};
    use crate::train::takes::perform::{Wearing, perform};

    /// One take of the virtual performer, varied.
    fn vary() -> Vary {
        let folder = std::env::temp_dir().join(format!("imu2music-vary-{}", std::process::id()));
        let sound = SoundModel::load(SOUNDS[1]).unwrap();
        let performer = Performer::new(Style::Bow, 7);
        let wearing = Wearing::usual(&performer);
        perform(performer, wearing, &sound, 24.0, &folder).unwrap();
        let recording = Recording::read(&folder, RATE_HZ).unwrap();
        let _ = std::fs::remove_dir_all(folder);
        let inputs = recording.input_names();
        let take = recording.take(&inputs, RATE_HZ, None);
        Vary {
            notes: vec![heard(&take.truth, &Alphabet::PIANO)],
            standard: Standard {
                mean: vec![0.0; inputs.len()],
                scale: vec![1.0; inputs.len()],
            },
            recordings: [recording].into(),
            inputs,
            seed: 1,
        }
    }

    #[test]
    fn the_notes_are_where_the_varied_sound_has_them() {
        let vary = vary();
        let mut begins = Vec::new();
        for epoch in 0..3 {
            for piece in vary.pieces(epoch) {
                assert_eq!(piece.motion.len(), piece.frames * vary.inputs.len());
                let inside = piece.from + 5..piece.from + piece.frames - 5;
                let own: Vec<&Note> = piece
                    .notes
                    .iter()
                    .filter(|note| inside.contains(&note.begin) && inside.contains(&note.end))
                    .collect();
                let heard = heard(&piece.truth, &Alphabet::PIANO);
                for note in &own {
                    let same = heard.iter().any(|other| {
                        (other.begin + piece.from).abs_diff(note.begin) <= 2
                            && other.note.abs_diff(note.note) <= 1
                    });
                    assert!(same, "{note:?} of {own:?}: {heard:?} from {}", piece.from);
                }
                begins.push(own.iter().map(|note| note.begin).collect::<Vec<_>>());
            }
        }
        assert!(begins.iter().map(Vec::len).sum::<usize>() > 6, "{begins:?}");
        let blocks = begins.len() / 3;
        assert_ne!(begins[..blocks], begins[blocks..2 * blocks]);
    }
}
