//! A player who presses and lifts keys.

use super::*;

const BY_ARM: [Override; CONTROL_COUNT] = [Override::GESTURE; CONTROL_COUNT];

/// The arm asks for A3 at -10 dB.
struct Player {
    keys: Keys,
    voices: Voices,
    overrides: [Override; CONTROL_COUNT],
}

impl Player {
    fn new(overrides: [Override; CONTROL_COUNT]) -> Player {
        Player {
            keys: Keys::default(),
            voices: Voices::default(),
            overrides,
        }
    }

    fn from_keys() -> Player {
        let mut overrides = BY_ARM;
        overrides[0].source = Source::Keys;
        Player::new(overrides)
    }

    fn press(&mut self, keys: &[u8]) {
        for key in keys {
            self.keys.press(HeldKey::new(0, *key, 0.8));
        }
    }

    fn release(&mut self, key: u8) {
        self.keys.release(None, Some(key));
    }

    /// The last of so many ticks.
    fn ticks(&mut self, count: usize, limit: usize) -> Chord {
        let gesture = Controls {
            pitch_note: 57.0,
            loudness_db: -10.0,
            ..Controls::SILENT
        };
        let mut chord = Chord::SILENT;
        for _ in 0..count {
            let arm = Arm {
                overrides: &self.overrides,
                gesture: &gesture,
                presence: 1.0,
                transpose_semitones: 0.0,
            };
            chord = self.voices.tick(&self.keys, limit, &arm);
        }
        chord
    }
}

/// Voice, pitch and loudness of what plays.
fn playing(chord: &Chord) -> Vec<(usize, f32, f32)> {
    let told = |voice: usize| (voice, chord.voices[voice]);
    let all = chord.live.iter().map(told);
    all.map(|(voice, c)| (voice, c.pitch_note, c.loudness_db))
        .collect()
}

fn notes(chord: &Chord) -> Vec<f32> {
    playing(chord)
        .into_iter()
        .map(|(_, note, _)| note)
        .collect()
}

#[test]
fn the_arm_alone_has_one_voice_and_the_first_key_takes_it() {
    let mut player = Player::new(BY_ARM);
    assert_eq!(playing(&player.ticks(5, 8)), [(0, 57.0, -10.0)]);
    player.press(&[60]);
    assert_eq!(playing(&player.ticks(1, 8)), [(0, 60.0, -10.0)]);
    player.release(60);
    assert_eq!(playing(&player.ticks(1, 8)), [(0, 57.0, -10.0)]);
}

#[test]
fn every_key_has_a_voice_that_rises_and_falls() {
    let mut player = Player::new(BY_ARM);
    player.ticks(1, 8);
    player.press(&[60, 64, 67]);
    let onset = playing(&player.ticks(1, 8));
    assert_eq!(onset[0], (0, 60.0, -10.0));
    assert!(onset[1..].iter().all(|(_, _, db)| *db < -30.0), "{onset:?}");
    let chord = player.ticks(10, 8);
    assert_eq!(notes(&chord), [60.0, 64.0, 67.0]);
    assert_eq!(chord.lead().pitch_note, 67.0);
    player.release(64);
    let falling = playing(&player.ticks(20, 8));
    assert_eq!((falling[1].0, falling[1].1), (1, 64.0));
    assert!((falling[1].2 - (-10.0 - 20.0 * FALL_DB)).abs() < 1e-3);
    let rest = player.ticks(40, 8);
    assert_eq!(playing(&rest), [(0, 60.0, -10.0), (2, 67.0, -10.0)]);
}

#[test]
fn a_key_that_is_struck_again_takes_its_old_voice_without_a_step() {
    let mut player = Player::new(BY_ARM);
    player.press(&[60, 64, 67]);
    player.ticks(10, 8);
    player.release(64);
    let before = playing(&player.ticks(10, 8))[1];
    player.press(&[64]);
    let after = playing(&player.ticks(1, 8))[1];
    assert_eq!((before.0, before.1), (after.0, after.1));
    let step_db = after.2 - before.2;
    assert!(
        (0.0..RISE_FROM_DB / RISE_TICKS + 1e-3).contains(&step_db),
        "{step_db}"
    );
}

#[test]
fn the_oldest_key_is_crowded_out_and_comes_back() {
    let mut player = Player::new(BY_ARM);
    player.press(&[60, 64]);
    player.ticks(10, 2);
    player.press(&[67]);
    assert_eq!(notes(&player.ticks(10, 2)), [67.0, 64.0]);
    player.release(67);
    assert_eq!(notes(&player.ticks(1, 2)), [60.0, 64.0]);
}

#[test]
fn with_one_voice_the_newest_key_speaks_at_once() {
    let mut player = Player::new(BY_ARM);
    for (key, note) in [(60, 60.0), (64, 64.0), (67, 67.0)] {
        player.press(&[key]);
        assert_eq!(playing(&player.ticks(1, 1)), [(0, note, -10.0)]);
        assert_eq!(player.voices.gains()[0], 1.0);
    }
    player.release(67);
    assert_eq!(playing(&player.ticks(1, 1)), [(0, 64.0, -10.0)]);
}

#[test]
fn a_chord_whose_pitch_is_the_keys_ends_with_them() {
    let mut player = Player::from_keys();
    assert_eq!(playing(&player.ticks(3, 8)), []);
    player.press(&[60, 64]);
    assert_eq!(notes(&player.ticks(10, 8)), [60.0, 64.0]);
    player.keys.release(None, None);
    assert_eq!(notes(&player.ticks(10, 8)), [60.0, 64.0]);
    let rest = player.ticks(60, 8);
    assert_eq!(
        (playing(&rest).len(), rest.lead().loudness_db),
        (0, SILENCE_DB)
    );
    // One voice stays where the last key was, as ever.
    assert_eq!(notes(&player.ticks(1, 1)), [64.0]);
}

#[test]
fn fewer_voices_let_the_older_keys_fall_and_more_bring_them_back() {
    let mut player = Player::new(BY_ARM);
    player.press(&[60, 64, 67, 71]);
    player.ticks(10, 4);
    let falling = playing(&player.ticks(1, 2));
    assert_eq!(falling.len(), 4);
    assert!(falling[0].2 > -12.0, "it was cut: {falling:?}");
    assert_eq!(notes(&player.ticks(60, 2)), [67.0, 71.0]);
    player.ticks(10, 4);
    assert_eq!(player.ticks(1, 4).live.count(), 4);
}

#[test]
fn the_power_of_all_is_that_of_one_and_does_not_jump() {
    let mut player = Player::new(BY_ARM);
    player.ticks(10, 8);
    let mut before = player.voices.gains()[0];
    for (n, keys) in [60, 62, 64, 65, 67, 69, 71, 72].iter().enumerate() {
        player.press(&[*keys]);
        for _ in 0..10 {
            player.ticks(1, 8);
            let gain = player.voices.gains()[0];
            assert!(gain <= before && gain > 0.88 * before, "{before} {gain}");
            before = gain;
        }
        assert!((before - 1.0 / (n as f32 + 1.0).sqrt()).abs() < 1e-3);
    }
}

#[test]
fn more_keys_than_voices_never_lose_one() {
    let mut player = Player::from_keys();
    let mut state = 1u32;
    for _ in 0..5_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let key = 40 + (state >> 24) as u8 % 30;
        let limit = 1 + (state >> 8) as usize % 8;
        match (state >> 16) % 3 {
            0 => player.release(key),
            _ => player.press(&[key]),
        }
        let chord = player.ticks(1 + (state >> 12) as usize % 4, limit);
        for down in player.keys.newest(limit) {
            assert!(notes(&chord).contains(&f32::from(down.key)));
        }
    }
}
