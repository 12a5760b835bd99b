//! What hosts and songs rely on.

use super::*;

fn params() -> InstrumentParams {
    let names = SlotNames::default();
    names.write()[2] = "Violin".into();
    InstrumentParams::new(SlotNames::default(), names)
}

#[test]
fn a_slot_prints_its_name_and_reads_its_number() {
    let params = params();
    let third = params.sound_slot.preview_normalized(3);
    assert_eq!(
        params.sound_slot.normalized_value_to_string(third, true),
        "03 Violin"
    );
    assert_eq!(
        params
            .sound_slot
            .string_to_normalized_value("03 Something Else"),
        Some(third)
    );
}

#[test]
fn nothing_waits_on_a_guess() {
    let params = params();
    let of = |word, guess| {
        let settings = params.settings(word, guess);
        (settings.offline, settings.patient)
    };
    assert_eq!(of(None, true), (true, false));
    assert_eq!(of(Some(true), false), (true, true));
    assert_eq!(of(Some(false), true), (false, false));
    assert_eq!(of(None, false), (false, false));
}

#[test]
fn every_number_reads_back_what_it_prints() {
    let params = params();
    let words = Control::ALL.map(|word| &params.control(word).value);
    let others = [
        &params.gain_db,
        &params.temperature,
        &params.crossfade_ms,
        &params.playout_ms,
    ];
    for param in words.into_iter().chain(others) {
        for step in 0..=20 {
            let normalized = step as f32 / 20.0;
            let text = param.normalized_value_to_string(normalized, true);
            let back = param.string_to_normalized_value(&text).unwrap_or(f32::NAN);
            let again = param.normalized_value_to_string(back, true);
            assert_eq!(text, again, "{}", param.name());
        }
    }
}

#[test]
fn ids_are_unique_and_final() {
    let mut ids: Vec<String> = params()
        .param_map()
        .into_iter()
        .map(|(id, ..)| id)
        .collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert_eq!(count, 17 + 3 * CONTROL_COUNT + MACRO_COUNT);
    for id in [
        "gesture",
        "sound",
        "recentre",
        "pitch_source",
        "timbre_value_8",
        "macro_1",
        "macro_8",
        "voices",
    ] {
        assert!(
            ids.iter().any(|known| known == id),
            "{id} is gone: songs that automate it would break"
        );
    }
}
