//! A steady tone through a hundred random switches of both models: no click, no dip, no cold start.
//!
//! The models say the same note at their own level, spectrum and frame rate; two of them take a second to warm up,
//! so a switch that forgot to would be heard as a dip.

mod support;

use imu2music::controls::Control;
use imu2music::engine::Source;
use imu2music::engine::keys::HeldKey;
use imu2music::neural::Contract;
use imu2music::neural::gesture_model::GestureModel;
use imu2music::neural::graph::{GraphBuilder, Tensor};
use imu2music::neural::sound_model::SoundModel;
use imu2music::neural::voice::GestureVoice;
use imu2music::sensor::performer::Style;
use support::{Rig, level_db};

const RATE_HZ: f32 = 48_000.0;
const BLOCK: usize = 64;
const SWITCHES: usize = 100;
/// Slots behind the shipped models.
const FIRST_SLOT: u8 = 8;
const MODELS: u8 = 3;
/// Eleven periods of 440 Hz.
const WINDOW: usize = 1200;
/// A new model is heard before this, and nothing of the start after it.
const SETTLED_S: f64 = 2.5;

/// Partials at 0 dB of loudness; frames a second; whether it swells from nothing over about a second.
const TONES: [(&[f32], u32, bool); MODELS as usize] = [
    (&[0.5, 0.0, 0.0], 200, false),
    (&[0.35, 0.2, 0.1], 100, true),
    (&[0.4, 0.0, 0.25], 50, false),
];
const GESTURES: [(f32, u32, bool); MODELS as usize] =
    [(-20.0, 100, false), (-18.0, 200, true), (-22.0, 25, false)];

/// `value` from the first step on, or approached over about a second.
fn swelling(
    g: &mut GraphBuilder,
    x: &Tensor,
    frame_rate_hz: u32,
    swells: bool,
) -> (Tensor, String) {
    let zero = g.affine(x, 0.0, 0.0);
    if !swells {
        return (g.affine(&zero, 0.0, 1.0), String::new());
    }
    let approach = 5.0 / frame_rate_hz as f32;
    let state = g.input("s", &[1, 1]);
    let kept = g.affine(&state, 1.0 - approach, approach);
    let kept = g.add(&kept, &zero);
    g.output("s_out", &kept);
    (kept, r#"{"input":"s","output":"s_out"}"#.into())
}

fn sound((partials, frame_rate_hz, swells): (&[f32], u32, bool)) -> SoundModel {
    let mut g = GraphBuilder::new("tone");
    let x = g.input("x", &[1, 1]);
    let (level, states) = swelling(&mut g, &x, frame_rate_hz, swells);
    let level = g.mul(&level, &x);
    let harmonics = g.dense(&level, partials, &vec![0.0; partials.len()]);
    let noise = g.affine(&x, 0.0, 0.0);
    g.output("harmonics", &harmonics);
    g.output("noise", &noise);
    let text = format!(
        r#"{{"version":1,"kind":"sound","name":"Tone","frame_rate_hz":{frame_rate_hz},
        "inputs":[{{"tensor":"x","names":["loudness"],"mean":[-80],"scale":[0.0125]}}],"states":[{states}],
        "outputs":[{{"harmonic_noise":{{"harmonics":"harmonics","noise":"noise","noise_edges_hz":[0,24000]}}}}]}}"#
    );
    g.contract(&Contract::parse(&text).expect("a contract"));
    SoundModel::load(&g.finish()).expect("it loads")
}

fn gesture((loudness_db, frame_rate_hz, swells): (f32, u32, bool)) -> GestureVoice {
    let mut g = GraphBuilder::new("steady");
    let x = g.input("x", &[1, 1]);
    let (level, states) = swelling(&mut g, &x, frame_rate_hz, swells);
    g.output("y", &level);
    let scale = loudness_db + 80.0;
    let text = format!(
        r#"{{"version":1,"kind":"gesture","name":"Steady","frame_rate_hz":{frame_rate_hz},"feature_schema":1,
        "inputs":[{{"tensor":"x","names":["right_forearm.energy"]}}],"states":[{states}],
        "outputs":[{{"point":{{"control":"loudness","tensor":"y","offset":-80.0,"scale":{scale}}}}}]}}"#
    );
    g.contract(&Contract::parse(&text).expect("a contract"));
    GestureVoice::new(GestureModel::load(&g.finish()).expect("it loads"))
}

/// The limiter begins to bend at half of full scale, and bends whatever comes in: all is played under that.
const GAIN_DB: f32 = -12.0;
/// One tone, and three of which every partial fits the window too: 440, 520 and 600 Hz.
const SOLO: &[f32] = &[69.0];
const CHORD: &[f32] = &[69.0, 71.892_09, 74.369_51];

/// The pitches are those of held keys; the loudness comes through the gesture model.
fn rig(notes: &[f32], seconds: f64) -> Rig {
    let mut rig = Rig::new(RATE_HZ, Style::Still, 1, seconds + 1.0);
    for n in 0..MODELS {
        let slot = usize::from(FIRST_SLOT + n);
        assert!(
            rig.shore
                .sounds
                .fill(slot, Some(sound(TONES[usize::from(n)])))
        );
        let voice = gesture(GESTURES[usize::from(n)]);
        assert!(rig.shore.gestures.fill(slot, Some(voice)));
    }
    (rig.settings.gesture_slot, rig.settings.sound_slot) = (FIRST_SLOT, FIRST_SLOT);
    let pitch = Control::ALL.iter().position(|word| *word == Control::Pitch);
    rig.settings.overrides[pitch.expect("a pitch")].source = Source::Keys;
    (rig.settings.voices, rig.settings.gain_db) = (notes.len() as u8, GAIN_DB);
    for note in notes {
        let mut key = HeldKey::new(0, *note as u8, 0.8);
        key.tuning_semitones = note.fract();
        rig.engine.keys().press(key);
    }
    rig
}

/// What an ear would notice.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// Largest step from a sample to the next.
    jump: f32,
    /// Largest fourth difference: silent for low partials, loud where a ramp bends.
    kink: f32,
    quietest_db: f32,
    loudest_db: f32,
}

fn hear(samples: &[f32]) -> Heard {
    let levels = samples.windows(WINDOW).step_by(WINDOW / 8).map(level_db);
    let kink = samples
        .windows(5)
        .map(|w| (w[0] - 4.0 * w[1] + 6.0 * w[2] - 4.0 * w[3] + w[4]).abs());
    Heard {
        jump: samples
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max),
        kink: kink.fold(0.0, f32::max),
        quietest_db: levels.clone().fold(f32::MAX, f32::min),
        loudest_db: levels.fold(f32::MIN, f32::max),
    }
}

fn steady(notes: &[f32], gesture: u8, sound: u8) -> Vec<f32> {
    let mut rig = rig(notes, SETTLED_S + 0.5);
    rig.settings.gesture_slot = FIRST_SLOT + gesture;
    rig.settings.sound_slot = FIRST_SLOT + sound;
    let whole = played(&mut rig, SETTLED_S + 0.5, || BLOCK);
    whole[(SETTLED_S * f64::from(RATE_HZ)) as usize..].to_vec()
}

/// A rig's sound at the level that its models gave it.
fn played(rig: &mut Rig, seconds: f64, next_block: impl FnMut() -> usize) -> Vec<f32> {
    let mut sound = rig.render(seconds, next_block).left;
    let gain = 10f32.powf(-GAIN_DB / 20.0);
    sound.iter_mut().for_each(|sample| *sample *= gain);
    sound
}

/// The bounds that the steady tones themselves set.
fn bounds(notes: &[f32]) -> Heard {
    let pairs = (0..MODELS).flat_map(|g| (0..MODELS).map(move |s| (g, s)));
    pairs
        .map(|(gesture, sound)| hear(&steady(notes, gesture, sound)))
        .reduce(|a, b| Heard {
            jump: a.jump.max(b.jump),
            kink: a.kink.max(b.kink),
            quietest_db: a.quietest_db.min(b.quietest_db),
            loudest_db: a.loudest_db.max(b.loudest_db),
        })
        .expect("some tones")
}

/// The tone through all switches, from where it has settled.
fn switched(notes: &[f32], crossfade_ms: f32) -> Vec<f32> {
    let (mut state, mut sound) = (17u64, Vec::new());
    let mut below = |limit: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % limit
    };
    let mut rig = rig(notes, SWITCHES as f64 * 0.4 + SETTLED_S + 2.0);
    rig.settings.crossfade_ms = crossfade_ms;
    rig.render(SETTLED_S, || BLOCK);
    for _ in 0..SWITCHES {
        let step = 1 + below(u64::from(MODELS) - 1) as u8;
        let slot = match below(2) {
            0 => &mut rig.settings.gesture_slot,
            _ => &mut rig.settings.sound_slot,
        };
        *slot = FIRST_SLOT + (*slot - FIRST_SLOT + step) % MODELS;
        let wait_s = 0.25 + below(150) as f64 * 1e-3;
        let block = || 1 + below(2 * BLOCK as u64) as usize;
        sound.extend(played(&mut rig, wait_s, block));
    }
    sound.extend(played(&mut rig, 0.5, || BLOCK));
    sound
}

/// Measured: 5.5e-4 over 30 ms (six ticks), 2.4e-3 without a crossfade (one tick).
const KINK: f32 = 1.2e-3;

fn complaints(heard: Heard, steady: Heard) -> Vec<String> {
    let mut found = Vec::new();
    if heard.jump > 1.05 * steady.jump {
        found.push(format!("a jump of {}, steady {}", heard.jump, steady.jump));
    }
    if heard.kink > KINK {
        found.push(format!("a kink of {}, steady {}", heard.kink, steady.kink));
    }
    if heard.quietest_db < steady.quietest_db - 0.5 {
        let (dip, least) = (heard.quietest_db, steady.quietest_db);
        found.push(format!("a dip to {dip} dB, steady {least} dB"));
    }
    if heard.loudest_db > steady.loudest_db + 0.5 {
        let (swell, most) = (heard.loudest_db, steady.loudest_db);
        found.push(format!("a swell to {swell} dB, steady {most} dB"));
    }
    found
}

fn switches_without_a_trace(notes: &[f32]) {
    let (steady, heard) = (bounds(notes), hear(&switched(notes, 30.0)));
    println!("steady {steady:?}\nswitched {heard:?}");
    assert!(steady.quietest_db > -60.0, "the tone is silent: {steady:?}");
    let levels = heard.loudest_db - heard.quietest_db;
    assert!(levels > 1.5, "nothing was switched: {heard:?}");
    assert_eq!(complaints(heard, steady), Vec::<String>::new());
}

#[test]
fn a_hundred_random_switches_neither_click_nor_dip() {
    switches_without_a_trace(SOLO);
}

#[test]
fn nor_do_they_while_a_chord_is_held() {
    switches_without_a_trace(CHORD);
}

#[test]
fn without_a_crossfade_the_same_switches_are_noticed() {
    for notes in [SOLO, CHORD] {
        let heard = hear(&switched(notes, 0.0));
        println!("without a crossfade {heard:?}");
        assert!(!complaints(heard, bounds(notes)).is_empty());
    }
}

#[test]
fn a_splice_of_two_tones_is_noticed() {
    let spliced = [steady(SOLO, 0, 0), steady(SOLO, 1, 1)[37..].to_vec()].concat();
    assert!(!complaints(hear(&spliced), bounds(SOLO)).is_empty());
}

#[test]
fn more_and_fewer_voices_do_not_click() {
    let mut rig = rig(CHORD, SETTLED_S + 6.0);
    rig.render(SETTLED_S, || BLOCK);
    let mut sound = Vec::new();
    for turn in 0..20 {
        rig.settings.voices = [3, 1, 2, 8][turn % 4];
        sound.extend(played(&mut rig, 0.25, || BLOCK));
    }
    let (heard, steady) = (hear(&sound), bounds(CHORD));
    println!("{heard:?}");
    assert!(heard.kink < KINK && heard.jump < 1.05 * steady.jump);
}
