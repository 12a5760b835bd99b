//! Model time is frame time: the host's block size changes no sample, its sample rate no Control.

mod support;

use imu2music::engine::keys::HeldKey;
use imu2music::sensor::performer::Style;
use support::{Rig, level_db};

const SECONDS: f64 = 6.0;

fn render_in_blocks(next_block: impl FnMut() -> usize) -> (Vec<f32>, Vec<f32>) {
    let rendered = Rig::new(48_000.0, Style::Bow, 1, SECONDS + 1.0).render(SECONDS, next_block);
    (rendered.left, rendered.right)
}

/// A small generator, so that the random partition is the same in every run.
fn random_block(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6364136223846793005)
        .wrapping_add(1442695040888963407);
    1 + (*state >> 33) as usize % 1500
}

#[test]
fn any_partition_into_blocks_gives_the_same_samples() {
    let whole = render_in_blocks(|| 64);
    assert!(
        level_db(&whole.0) > -45.0,
        "the reference is silent: {} dB",
        level_db(&whole.0)
    );
    for size in [1, 17, 511, 4096] {
        assert!(
            whole == render_in_blocks(|| size),
            "blocks of {size} differ from blocks of 64"
        );
    }
    let mut state = 7;
    assert!(
        whole == render_in_blocks(|| random_block(&mut state)),
        "random blocks differ"
    );
}

#[test]
fn an_elaborate_map_is_as_indifferent_to_blocks() {
    let through = |next_block: &mut dyn FnMut() -> usize| {
        let mut rig = Rig::new(48_000.0, Style::Bow, 1, 4.0);
        rig.map_everything();
        rig.render(3.0, next_block).left
    };
    let whole = through(&mut || 64);
    assert!(level_db(&whole) > -60.0, "{} dB", level_db(&whole));
    let mut state = 11;
    assert!(whole == through(&mut || random_block(&mut state)));
    let plain = Rig::new(48_000.0, Style::Bow, 1, 4.0)
        .render(3.0, || 64)
        .left;
    assert!(whole != plain, "the map made no difference");
}

/// Keys come and go, more than there are voices, and the sound models change.
fn chords_in_blocks(next_block: &mut dyn FnMut() -> usize) -> Vec<f32> {
    let mut rig = Rig::new(48_000.0, Style::Bow, 1, 6.0);
    rig.settings.voices = 4;
    let mut sound = Vec::new();
    for step in 0..24u8 {
        let keys = rig.engine.keys();
        match step % 6 {
            4 => keys.release(None, Some(52 + step - 4)),
            5 => keys.release(None, None),
            _ => keys.press(HeldKey::new(0, 52 + step, 0.7)),
        }
        keys.press(HeldKey::new(1, 60 + 2 * (step % 5), 0.5));
        rig.settings.sound_slot = step / 7;
        sound.extend(rig.render(0.15, &mut *next_block).left);
    }
    sound
}

#[test]
fn chords_are_as_indifferent_to_blocks() {
    let whole = chords_in_blocks(&mut || 64);
    assert!(level_db(&whole) > -45.0, "{} dB", level_db(&whole));
    let mut state = 5;
    assert!(whole == chords_in_blocks(&mut || random_block(&mut state)));
    assert!(whole == chords_in_blocks(&mut || 17));
}

#[test]
fn the_samples_do_depend_on_the_motion() {
    let bow = Rig::new(48_000.0, Style::Bow, 1, SECONDS)
        .render(3.0, || 64)
        .left;
    let other = Rig::new(48_000.0, Style::Bow, 2, SECONDS)
        .render(3.0, || 64)
        .left;
    assert!(bow != other, "the comparison above could not have failed");
}

#[test]
fn controls_are_the_same_at_every_sample_rate() {
    let at = |rate: f32| {
        let block = (rate / 100.0) as usize;
        Rig::new(rate, Style::Bow, 1, SECONDS + 1.0)
            .render(SECONDS, || block)
            .controls
    };
    let reference = at(48_000.0);
    for rate in [44_100.0, 88_200.0, 96_000.0, 192_000.0] {
        for (n, (a, b)) in reference.iter().zip(at(rate)).enumerate() {
            let cents = 100.0 * (a.pitch_note - b.pitch_note).abs();
            assert!(cents < 1.0, "{rate} Hz, frame {n}: {cents} cents apart");
            assert!(
                (a.loudness_db - b.loudness_db).abs() < 0.05,
                "{rate} Hz, frame {n}: loudness"
            );
        }
    }
}
