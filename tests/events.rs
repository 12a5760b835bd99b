//! A model of events plays notes through the whole engine: in time, the same in every bounce, without a heap.
#![allow(unsafe_code)]

#[path = "support/counting.rs"]
mod counting;
mod support;

use counting::allocations;
use imu2music::engine::note_out::NoteChange;
use imu2music::neural::gesture_model::GestureModel;
use imu2music::neural::voice::GestureVoice;
use imu2music::neural::zoo::tune::tune;
use imu2music::sensor::performer::Style;
use support::{Rig, level_db};

const RATE_HZ: f32 = 48_000.0;
const SLOT: u8 = 9;

fn rig(style: Style, seconds: f64, temperature: f32) -> Rig {
    let mut rig = Rig::new(RATE_HZ, style, 1, seconds + 1.0);
    let voice = GestureVoice::new(GestureModel::load(&tune()).expect("it loads"));
    assert!(rig.shore.gestures.fill(usize::from(SLOT), Some(voice)));
    rig.settings.gesture_slot = SLOT;
    rig.settings.temperature = temperature;
    rig.settings.note_out = true;
    // What the rig began with has crossed over.
    rig.block(&mut vec![0.0; 28_800], &mut vec![0.0; 28_800]);
    while rig.engine.next_note().is_some() {}
    rig
}

/// Sound and notes of `seconds`, rendered in blocks of some lengths.
fn play(rig: &mut Rig, seconds: f64, blocks: &[usize]) -> (Vec<f32>, Vec<NoteChange>) {
    let mut notes = Vec::new();
    let mut sound = Vec::new();
    let mut next = blocks.iter().cycle();
    let total = (seconds * f64::from(RATE_HZ)) as usize;
    while sound.len() < total {
        let length = (*next.next().expect("some lengths")).min(total - sound.len());
        let (mut left, mut right) = (vec![0.0; length], vec![0.0; length]);
        rig.block(&mut left, &mut right);
        sound.extend(left);
        while let Some(note) = rig.engine.next_note() {
            notes.push(note);
        }
    }
    (sound, notes)
}

fn keys(notes: &[NoteChange]) -> Vec<u8> {
    notes
        .iter()
        .filter_map(|note| note.started.map(|(key, _)| key))
        .collect()
}

#[test]
fn the_tune_sounds_and_every_note_goes_out_and_ends() {
    let mut rig = rig(Style::Bow, 4.0, 0.0);
    let (sound, notes) = play(&mut rig, 3.2, &[64]);
    let keys = keys(&notes);
    // A note every 160 ms.
    assert!((18..=22).contains(&keys.len()), "{keys:?}");
    assert!(keys.iter().all(|key| [60, 72].contains(key)), "{keys:?}");
    let ended = notes.iter().filter(|note| note.ended.is_some()).count();
    assert!(ended + 1 >= keys.len(), "{ended} of {}", keys.len());
    assert!(level_db(&sound) > -50.0, "{} dB", level_db(&sound));
}

#[test]
fn a_bounce_repeats_whatever_its_blocks() {
    let bounce = |blocks: &[usize]| play(&mut rig(Style::Bow, 4.0, 2.5), 3.0, blocks);
    let (sound, notes) = bounce(&[64]);
    assert_eq!(bounce(&[64]), (sound.clone(), notes.clone()));
    assert_eq!(bounce(&[1, 333, 64, 2000, 17]), (sound, notes.clone()));
    let mut keys = keys(&notes);
    keys.sort_unstable();
    keys.dedup();
    assert!(keys.len() > 2, "nothing was drawn: {keys:?}");
}

#[test]
fn events_allocate_nothing() {
    let mut rig = rig(Style::Bow, 4.0, 2.5);
    let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
    let mut begun = 0;
    let during = allocations(|| {
        for _ in 0..2000 {
            rig.block(&mut left, &mut right);
            while let Some(note) = rig.engine.next_note() {
                begun += usize::from(note.started.is_some());
            }
        }
    });
    assert!(begun > 5, "{begun}");
    assert_eq!(during, 0);
}
