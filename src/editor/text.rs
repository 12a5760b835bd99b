//! How values read: names with spaces, notes with cents, units where they help.

use crate::controls::Control;

/// "right_forearm" → "Right forearm".
pub fn words(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Pitch classes from C.
pub const CLASS_NAMES: [&str; 12] = [
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
];

/// The nearest note and how far it is off: "A4", "A4 +12 ct".
pub fn note_text(note: f32) -> String {
    if !note.is_finite() {
        return "–".into();
    }
    let nearest = note.round();
    let cents = ((note - nearest) * 100.0).round();
    let (key, octave) = (
        (nearest as i32).rem_euclid(12),
        (nearest as i32).div_euclid(12) - 1,
    );
    let name = format!("{}{octave}", CLASS_NAMES[key as usize]);
    if cents == 0.0 {
        name
    } else {
        format!("{name} {cents:+.0} ct")
    }
}

/// A control's value as a musician reads it.
pub fn control_text(control: Control, value: f32) -> String {
    match control {
        Control::Pitch => note_text(value),
        Control::Loudness if value <= crate::controls::SILENCE_DB + 0.05 => "silent".into(),
        Control::Loudness => format!("{value:.1} dB"),
        _ => format!("{value:.2}"),
    }
}

/// "1 sensor", "3 sensors".
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Shares under a tenth keep a digit: "3.4 %", "41 %".
pub fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_words() {
        assert_eq!(
            [words("right_forearm"), words("pitch"), words("")],
            ["Right forearm", "Pitch", ""]
        );
        assert_eq!(
            [counted(1, "sensor"), counted(0, "sensor")],
            ["1 sensor", "0 sensors"]
        );
    }

    #[test]
    fn notes_read_with_their_cents() {
        assert_eq!(
            [note_text(69.0), note_text(69.12), note_text(59.9)],
            ["A4", "A4 +12 ct", "C4 -10 ct"]
        );
        assert_eq!([note_text(0.0), note_text(f32::NAN)], ["C-1", "–"]);
    }

    #[test]
    fn values_read_with_their_units() {
        assert_eq!(control_text(Control::Loudness, -18.26), "-18.3 dB");
        assert_eq!(control_text(Control::Loudness, -80.0), "silent");
        assert_eq!(control_text(Control::Timbre(3), 0.5), "0.50");
    }

    #[test]
    fn small_shares_keep_a_digit() {
        assert_eq!(
            [percent(0.0), percent(0.034), percent(0.41)],
            ["0.0 %", "3.4 %", "41 %"]
        );
    }
}
