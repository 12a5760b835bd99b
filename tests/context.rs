//! What a gesture model asks for beside the motion reaches it: keys, scale, and the note that it stated before.

mod support;

use imu2music::controls::scale::{Scale, ScaleKind, class_of};
use imu2music::engine::keys::HeldKey;
use imu2music::neural::Contract;
use imu2music::neural::gesture_model::GestureModel;
use imu2music::neural::graph::GraphBuilder;
use imu2music::neural::voice::GestureVoice;
use imu2music::sensor::performer::Style;
use support::Rig;

const RATE_HZ: f32 = 48_000.0;
const BLOCK: usize = 240;
/// A slot behind the shipped models.
const SLOT: u8 = 8;

/// Says what it hears: the first four words as timbres, the last one and a semitone as its pitch.
fn listener() -> GestureVoice {
    let mut g = GraphBuilder::new("listener");
    let x = g.input("x", &[1, 5]);
    let y = g.affine(&x, 1.0, 0.0);
    g.output("y", &y);
    let text = r#"{"version":1,"kind":"gesture","name":"Listener","frame_rate_hz":50,"feature_schema":1,
        "inputs":[{"tensor":"x","names":["keys.newest","keys.count","keys.class_4","scale.class_4","previous_note"],
        "mean":[0,0,0,0,0],"scale":[0.02,1,1,1,0.5]}],
        "outputs":[{"point":{"control":"timbre_1","tensor":"y","index":0}},
        {"point":{"control":"timbre_2","tensor":"y","index":1}},
        {"point":{"control":"timbre_3","tensor":"y","index":2}},
        {"point":{"control":"timbre_4","tensor":"y","index":3}},
        {"point":{"control":"pitch","tensor":"y","index":4,"scale":2.0,"offset":1.0}}]}"#;
    g.contract(&Contract::parse(text).expect("a contract"));
    GestureVoice::new(GestureModel::load(&g.finish()).expect("it loads"))
}

fn rig() -> Rig {
    let mut rig = Rig::new(RATE_HZ, Style::Bow, 1, 4.0);
    rig.shore.gestures.fill(usize::from(SLOT), Some(listener()));
    rig.settings.gesture_slot = SLOT;
    rig.settings.crossfade_ms = 5.0;
    // A model is heard when it has had the last second of motion.
    rig.render(1.0, || BLOCK);
    rig
}

#[test]
fn keys_and_scale_are_heard() {
    let mut rig = rig();
    let heard = |rig: &mut Rig| {
        let timbre = rig.render(0.2, || BLOCK).controls.last().unwrap().timbre;
        [timbre[0] * 50.0, timbre[1], timbre[2], timbre[3]].map(|v| (v * 100.0).round() / 100.0)
    };
    assert_eq!(heard(&mut rig), [60.0, 0.0, 0.0, 1.0]);
    rig.engine.keys().press(HeldKey::new(0, 64, 1.0));
    rig.engine.keys().press(HeldKey::new(0, 67, 1.0));
    rig.settings.scale = Scale {
        root: 0,
        kind: ScaleKind::Minor,
    };
    assert_eq!(heard(&mut rig), [67.0, 2.0, 1.0, 0.0]);
    rig.engine.keys().release(None, None);
    assert_eq!(heard(&mut rig), [67.0, 0.0, 0.0, 0.0]);
}

#[test]
fn the_note_before_is_heard_and_a_scale_holds_what_is_made_of_it() {
    let mut rig = rig();
    let notes = |rig: &mut Rig| {
        let controls = rig.render(0.4, || BLOCK).controls;
        let mut notes: Vec<i32> = controls
            .iter()
            .map(|c| c.pitch_note.round() as i32)
            .collect();
        notes.dedup();
        notes
    };
    // A semitone up at each of 50 steps a second, from where the slot's fade left it.
    let climb = notes(&mut rig);
    let (first, last) = (climb[0], climb[climb.len() - 1]);
    assert!((15..=21).contains(&(last - first)), "{climb:?}");
    rig.settings.scale = Scale {
        root: 2,
        kind: ScaleKind::Major,
    };
    rig.render(0.05, || BLOCK);
    let held = notes(&mut rig);
    assert!(
        held.iter()
            .all(|note| rig.settings.scale.has(class_of(*note as f32))),
        "{held:?}"
    );
}
