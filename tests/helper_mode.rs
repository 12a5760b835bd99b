//! Helper threads and waveforms through the whole engine: one latency for every model, offline without chance.

mod support;

use imu2music::controls::Control;
use imu2music::engine::keys::HeldKey;
use imu2music::engine::{Override, Source};
use imu2music::neural::sound_model::SoundModel;
use imu2music::neural::zoo;
use imu2music::sensor::performer::Style;
use support::{Rig, level_db};

const WAVE_SLOT: u8 = 9;
const HELPED_SLOT: u8 = 10;

/// A knob plays 440 Hz at -50 dB, below the limiter; the shipped models and two waveforms are in their slots.
fn rig(sample_rate_hz: f32, helper: bool) -> Rig {
    let mut rig = Rig::new(sample_rate_hz, Style::Still, 1, 20.0);
    rig.engine.set_helper_mode(helper);
    rig.engine.reset();
    let files = [
        (WAVE_SLOT, zoo::sine_wave(200, 24_000, false)),
        (HELPED_SLOT, zoo::sine_wave(50, 16_000, true)),
    ];
    for (slot, file) in files {
        let model = SoundModel::load_with(&file, true).expect("it loads");
        assert!(rig.shore.place_sound(usize::from(slot), model).is_ok());
    }
    for (word, of) in Control::ALL.iter().zip(&mut rig.settings.overrides) {
        let value = match word {
            Control::Pitch => 69.0,
            Control::Loudness => -50.0,
            _ => 0.5,
        };
        *of = Override {
            source: Source::Knob,
            amount: 1.0,
            value,
        };
    }
    rig
}

fn play(sample_rate_hz: f32, helper: bool, slot: u8, block: usize) -> Vec<f32> {
    let mut rig = rig(sample_rate_hz, helper);
    rig.settings.sound_slot = slot;
    rig.render(1.0, || block).left
}

fn crossings(samples: &[f32]) -> usize {
    samples
        .windows(2)
        .filter(|w| w[0] < 0.0 && w[1] >= 0.0)
        .count()
}

#[test]
fn fast_models_wait_exactly_as_long_as_is_reported() {
    let plain = play(48_000.0, false, WAVE_SLOT, 64);
    let padded = play(48_000.0, true, WAVE_SLOT, 64);
    let latency = rig(48_000.0, true).engine.latency_samples() as usize;
    assert_eq!(
        (latency, rig(48_000.0, false).engine.latency_samples()),
        (480, 0)
    );
    assert!(level_db(&plain) > -20.0, "silent");
    // The first tick fades in.
    assert!(padded[latency + 240..] == plain[240..plain.len() - latency]);
}

#[test]
fn waveforms_have_their_pitch_at_every_host_rate_and_no_gap() {
    for rate in [44_100.0, 48_000.0, 96_000.0] {
        for (slot, helper) in [(WAVE_SLOT, false), (HELPED_SLOT, true)] {
            let sound = play(rate, helper, slot, 64);
            let second_half = &sound[sound.len() / 2..];
            let periods = crossings(second_half);
            assert!(
                (219..=221).contains(&periods),
                "{rate} Hz, slot {slot}: {periods}"
            );
            // A peak of 0.375, and no sample of it left out.
            let window = rate as usize / 110;
            let quietest = second_half.windows(window).step_by(window).map(level_db);
            let quietest = quietest.fold(f32::MAX, f32::min);
            assert!(
                (quietest + 11.5).abs() < 0.5,
                "{rate} Hz, slot {slot}: {quietest} dB"
            );
        }
    }
}

#[test]
fn offline_a_helper_thread_gives_the_same_samples_in_any_partition() {
    let whole = play(48_000.0, true, HELPED_SLOT, 64);
    for block in [64, 1, 4096] {
        assert!(
            whole == play(48_000.0, true, HELPED_SLOT, block),
            "blocks of {block}"
        );
    }
}

/// Three keys held, an octave and a twelfth over 440 Hz; the level of each in dB.
fn chord_levels(slot: u8, helper: bool) -> [f32; 3] {
    let mut rig = rig(48_000.0, helper);
    (rig.settings.sound_slot, rig.settings.voices) = (slot, 4);
    for key in [88, 81, 69] {
        rig.engine.keys().press(HeldKey::new(0, key, 0.8));
    }
    let sound = rig.render(1.0, || 64).left;
    [440.0f32, 880.0, 1318.51].map(|hz| {
        let turns = sound[24_000..].iter().enumerate();
        let (real, imaginary) = turns.fold((0.0, 0.0), |(re, im), (n, x)| {
            let angle = (f64::from(hz) * n as f64 / 48_000.0 * std::f64::consts::TAU) as f32;
            (re + x * angle.cos(), im + x * angle.sin())
        });
        20.0 * (real.hypot(imaginary) / 12_000.0).max(1e-9).log10()
    })
}

#[test]
fn a_waveform_plays_chords_and_a_helper_thread_the_newest_key() {
    let chord = chord_levels(WAVE_SLOT, false);
    // A peak of 0.375 over the root of three.
    assert!(chord.iter().all(|db| (db + 13.3).abs() < 0.7), "{chord:?}");
    let newest = chord_levels(HELPED_SLOT, true);
    assert!((newest[0] + 8.5).abs() < 0.7, "{newest:?}");
    assert!(newest[1..].iter().all(|db| *db < -40.0), "{newest:?}");
}

#[test]
fn waveforms_and_frames_change_over_without_a_click() {
    let mut rig = rig(48_000.0, true);
    let mut sound = Vec::new();
    let slots = [0, WAVE_SLOT, HELPED_SLOT];
    for turn in 0..12 {
        rig.settings.sound_slot = slots[turn % 3];
        sound.extend(rig.render(0.35, || 64).left);
    }
    let jump = |samples: &[f32]| {
        samples
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max)
    };
    let steady = slots
        .map(|slot| jump(&play(48_000.0, true, slot, 64)[24_000..]))
        .into_iter()
        .fold(0.0, f32::max);
    // What begins at the start of the first sound is no switch.
    let heard = jump(&sound[12_000..]);
    assert!(heard < 1.3 * steady, "a jump of {heard}, steady {steady}");
    // Positive control: cut where one is high and the other low.
    let (mut a, mut b) = (
        play(48_000.0, true, WAVE_SLOT, 64),
        play(48_000.0, true, 0, 64),
    );
    a.truncate(30_000);
    b.drain(..30_040);
    let spliced: Vec<f32> = a
        .into_iter()
        .chain(b.into_iter().map(|x| x + 0.3))
        .collect();
    assert!(jump(&spliced[12_000..]) > 1.3 * steady);
}
