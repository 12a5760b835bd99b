//! Which notes a song allows. `Copy`, used on every thread.

/// Pitch classes of an octave.
pub const CLASS_COUNT: usize = 12;

/// How much nearer another note has to be before a held one gives way, in semitones.
const HYSTERESIS_SEMITONES: f32 = 0.2;

/// What may be played above a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScaleKind {
    /// Every pitch, between the notes too.
    #[default]
    Free,
    Chromatic,
    Major,
    Minor,
    HarmonicMinor,
    Dorian,
    Mixolydian,
    MajorPentatonic,
    MinorPentatonic,
    Blues,
    WholeTone,
}

impl ScaleKind {
    /// Semitones above the root.
    pub fn degrees(self) -> &'static [u8] {
        match self {
            ScaleKind::Free | ScaleKind::Chromatic => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
            ScaleKind::Major => &[0, 2, 4, 5, 7, 9, 11],
            ScaleKind::Minor => &[0, 2, 3, 5, 7, 8, 10],
            ScaleKind::HarmonicMinor => &[0, 2, 3, 5, 7, 8, 11],
            ScaleKind::Dorian => &[0, 2, 3, 5, 7, 9, 10],
            ScaleKind::Mixolydian => &[0, 2, 4, 5, 7, 9, 10],
            ScaleKind::MajorPentatonic => &[0, 2, 4, 7, 9],
            ScaleKind::MinorPentatonic => &[0, 3, 5, 7, 10],
            ScaleKind::Blues => &[0, 3, 5, 6, 7, 10],
            ScaleKind::WholeTone => &[0, 2, 4, 6, 8, 10],
        }
    }
}

/// A root and what may be played above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scale {
    /// Pitch class, 0 (C) to 11.
    pub root: u8,
    pub kind: ScaleKind,
}

impl Scale {
    pub fn is_free(self) -> bool {
        self.kind == ScaleKind::Free
    }

    /// Whether a pitch class, 0 (C) to 11, is one of its notes.
    pub fn has(self, class: usize) -> bool {
        let above = (class + CLASS_COUNT - usize::from(self.root) % CLASS_COUNT) % CLASS_COUNT;
        self.kind.degrees().iter().any(|d| usize::from(*d) == above)
    }

    /// Whether the note that lies nearest to `note` (MIDI, fractional) is one of its notes; anything is where it is free.
    pub fn allows(self, note: f32) -> bool {
        self.is_free() || self.has(class_of(note))
    }

    /// The note of the scale that is nearest to `note` (MIDI, fractional), or `held` while that is about as near. Of
    /// two notes that are equally near it is the lower. A free scale gives `note` back.
    pub fn nearest(self, note: f32, held: Option<f32>) -> f32 {
        if self.is_free() || !note.is_finite() {
            return note;
        }
        let middle = note.round();
        let reach = CLASS_COUNT as i32 / 2;
        let mut best = middle;
        let mut distance = f32::MAX;
        for step in -reach..=reach {
            let candidate = middle + step as f32;
            let away = (candidate - note).abs();
            if self.has(class_of(candidate)) && away < distance {
                (best, distance) = (candidate, away);
            }
        }
        match held {
            Some(held)
                if self.allows(held) && (held - note).abs() < distance + HYSTERESIS_SEMITONES =>
            {
                held
            }
            _ => best,
        }
    }
}

/// The pitch class, 0 (C) to 11, of the note nearest to a MIDI note.
pub fn class_of(note: f32) -> usize {
    (note.round() as i32).rem_euclid(CLASS_COUNT as i32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const D_MAJOR: Scale = Scale {
        root: 2,
        kind: ScaleKind::Major,
    };

    #[test]
    fn a_root_moves_the_notes() {
        let classes: Vec<usize> = (0..CLASS_COUNT).filter(|c| D_MAJOR.has(*c)).collect();
        assert_eq!(classes, [1, 2, 4, 6, 7, 9, 11]);
        assert!(D_MAJOR.allows(61.3) && !D_MAJOR.allows(60.2));
    }

    #[test]
    fn pitches_go_to_the_nearest_note_and_do_not_flicker_between_two() {
        assert_eq!(D_MAJOR.nearest(60.2, None), 61.0);
        assert_eq!(D_MAJOR.nearest(60.0, None), 59.0);
        assert_eq!(D_MAJOR.nearest(68.05, Some(67.0)), 67.0);
        assert_eq!(D_MAJOR.nearest(68.2, Some(67.0)), 69.0);
        // The note that was held belongs to another key now.
        assert_eq!(D_MAJOR.nearest(60.1, Some(60.0)), 61.0);
    }

    #[test]
    fn a_free_scale_changes_nothing() {
        assert_eq!(Scale::default().nearest(60.37, Some(64.0)), 60.37);
        assert!(Scale::default().allows(61.5));
    }

    #[test]
    fn every_scale_has_its_root_and_keeps_its_own_notes() {
        let kinds = [ScaleKind::Chromatic, ScaleKind::Blues, ScaleKind::WholeTone];
        for kind in kinds {
            for root in 0..12 {
                let scale = Scale { root, kind };
                assert!(scale.has(usize::from(root)));
                for note in 0..128 {
                    let nearest = scale.nearest(note as f32, None);
                    assert_eq!(scale.nearest(nearest, None), nearest);
                    assert!((nearest - note as f32).abs() <= 2.0);
                }
            }
        }
    }
}
