//! Keys that are held together sound together: each has its fundamental, the level stays, and one key at a time sounds
//! as it does with one voice.

mod support;

use imu2music::controls::Control;
use imu2music::engine::keys::HeldKey;
use imu2music::engine::{Override, Source};
use imu2music::sensor::performer::Style;
use support::{Rig, level_db};

const RATE_HZ: f32 = 48_000.0;
/// No note of it is a low partial of another.
const KEYS: [u8; 4] = [64, 67, 71, 74];
const VIOLIN: u8 = 0;
const CLARINET: u8 = 1;

/// Still forearms; a knob holds the loudness, so that what is heard depends on the keys alone.
fn steady(sound_slot: u8, voices: u8) -> Rig {
    let mut rig = Rig::new(RATE_HZ, Style::Still, 1, 12.0);
    (rig.settings.sound_slot, rig.settings.voices) = (sound_slot, voices);
    let words = Control::ALL.iter().zip(&mut rig.settings.overrides);
    for (word, over) in words {
        let (source, value) = match word {
            Control::Pitch => (Source::Keys, 60.0),
            Control::Loudness => (Source::Knob, -24.0),
            Control::Brightness => (Source::Knob, 0.45),
            Control::Noisiness => (Source::Knob, 0.05),
            Control::Timbre(_) => (Source::Knob, 0.0),
        };
        *over = Override {
            source,
            amount: 1.0,
            value,
        };
    }
    rig
}

fn press(rig: &mut Rig, keys: &[u8]) {
    for key in keys {
        rig.engine.keys().press(HeldKey::new(0, *key, 0.8));
    }
}

fn play(rig: &mut Rig, seconds: f64) -> Vec<f32> {
    rig.render(seconds, || 64).left
}

/// Level of one frequency under a Hann window, in dB relative to full scale.
fn level_at_db(samples: &[f32], hz: f64) -> f64 {
    let turn = std::f64::consts::TAU / samples.len() as f64;
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (turn * n as f64).cos();
        let angle = std::f64::consts::TAU * hz * n as f64 / f64::from(RATE_HZ);
        real += window * f64::from(*sample) * angle.cos();
        imaginary += window * f64::from(*sample) * angle.sin();
    }
    20.0 * (4.0 * real.hypot(imaginary) / samples.len() as f64).log10()
}

fn key_hz(key: f64) -> f64 {
    440.0 * ((key - 69.0) / 12.0).exp2()
}

/// How far every key's fundamental stands over the cracks on both sides of it.
fn above_the_cracks_db(samples: &[f32], key: u8) -> f64 {
    let at = |offset: f64| level_at_db(samples, key_hz(f64::from(key) + offset));
    at(0.0) - at(-0.5).max(at(0.5))
}

#[test]
fn every_key_of_a_chord_has_its_fundamental() {
    for slot in [VIOLIN, CLARINET] {
        let mut rig = steady(slot, 4);
        press(&mut rig, &KEYS);
        let sound = play(&mut rig, 1.5);
        assert_eq!(rig.engine.voices(), 4);
        let heard = KEYS.map(|key| above_the_cracks_db(&sound[24_000..], key));
        println!("sound {slot}: {heard:.1?} dB over the cracks");
        assert!(heard.iter().all(|db| *db > 18.0), "{slot}: {heard:?}");
        // One voice has but the newest key.
        let mut rig = steady(slot, 1);
        press(&mut rig, &KEYS);
        let sound = play(&mut rig, 1.5);
        let heard = KEYS.map(|key| above_the_cracks_db(&sound[24_000..], key));
        assert!(
            heard[3] > 18.0 && heard[..3].iter().all(|db| *db < 9.0),
            "{slot}: {heard:?}"
        );
    }
}

#[test]
fn a_lifted_key_is_gone_after_half_a_second_and_the_others_stay() {
    let mut rig = steady(VIOLIN, 8);
    press(&mut rig, &KEYS[..3]);
    let held = play(&mut rig, 1.0);
    rig.engine.keys().release(None, Some(KEYS[1]));
    let fall = play(&mut rig, 0.5);
    let rest = play(&mut rig, 1.0);
    let heard = KEYS.map(|key| above_the_cracks_db(&rest, key));
    assert!(
        heard[0] > 18.0 && heard[1] < 9.0 && heard[2] > 18.0,
        "{heard:?}"
    );
    let lifted = |part: &[f32]| level_at_db(part, key_hz(f64::from(KEYS[1])));
    let (before, early, late) = (
        lifted(&held[43_200..]),
        lifted(&fall[..4_800]),
        lifted(&fall[12_000..16_800]),
    );
    println!("the lifted key: {before:.1}, {early:.1}, {late:.1} dB");
    assert!(before - early < 12.0, "it was cut: {before} {early}");
    assert!(before - late > 20.0, "it rang on: {before} {late}");
    rig.engine.keys().release(None, None);
    play(&mut rig, 0.5);
    assert_eq!(rig.engine.voices(), 0);
    assert!(play(&mut rig, 0.1).iter().all(|sample| *sample == 0.0));
}

#[test]
fn a_chord_is_as_loud_as_one_note_and_rarely_limited() {
    let level = |keys: &[u8]| {
        let mut rig = steady(VIOLIN, 8);
        press(&mut rig, keys);
        level_db(&play(&mut rig, 2.0)[48_000..])
    };
    let alone = KEYS.map(|key| level(&[key]));
    let mean = alone.iter().sum::<f32>() / 4.0;
    for count in 2..=4 {
        let chord = level(&KEYS[..count]);
        println!("{count} keys: {chord:.1} dB, each alone {alone:.1?}");
        assert!((chord - mean).abs() < 2.0, "{count}: {chord} {alone:?}");
    }
}

#[test]
fn one_key_at_a_time_sounds_the_same_with_any_number_of_voices() {
    let play = |voices: u8| {
        let mut rig = Rig::new(RATE_HZ, Style::Bow, 1, 6.0);
        rig.settings.voices = voices;
        let mut sound = Vec::new();
        for key in [60, 64, 57, 71] {
            sound.extend(rig.render(0.3, || 64).left);
            press(&mut rig, &[key]);
            sound.extend(rig.render(0.6, || 64).left);
            rig.engine.keys().release(None, None);
        }
        sound
    };
    let one = play(1);
    assert!(level_db(&one) > -50.0, "silent");
    assert!(one == play(8));
}

#[test]
fn a_finger_bends_its_own_voice() {
    let mut rig = steady(CLARINET, 4);
    press(&mut rig, &[60, 67]);
    let tune = |key: &mut HeldKey| key.tuning_semitones = 0.5;
    rig.engine.keys().express(Some(0), Some(60), tune);
    let sound = play(&mut rig, 1.5);
    let sound = &sound[24_000..];
    let at = |key: f64| level_at_db(sound, key_hz(key));
    assert!(at(60.5) > at(60.0) + 25.0 && at(67.0) > at(67.5) + 25.0);
}
