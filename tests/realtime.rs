//! Nothing reached from `process` allocates or frees, and the detector that says so detects.

mod support;

use imu2music::engine::keys::HeldKey;
use imu2music::neural::sound_model::SoundModel;
use imu2music::neural::zoo;
use imu2music::sensor::performer::Style;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::Rig;

/// Counts allocations and frees of the thread that watches.
struct Counting;

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    if WATCHING.try_with(Cell::get).unwrap_or(false) {
        COUNT.with(|count| count.set(count.get() + 1));
    }
}

#[allow(unsafe_code)]
// SAFETY: every call is handed unchanged to the system allocator; counting touches thread-local cells only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_in(work: impl FnOnce()) -> u64 {
    COUNT.with(|count| count.set(0));
    WATCHING.with(|watching| watching.set(true));
    work();
    WATCHING.with(|watching| watching.set(false));
    COUNT.with(Cell::get)
}

#[test]
fn the_detector_detects() {
    assert_eq!(
        allocations_in(|| drop(std::hint::black_box(vec![0u8; 100]))),
        2
    );
    assert_eq!(allocations_in(|| {}), 0);
}

#[test]
fn playing_switching_and_panic_allocate_nothing() {
    let mut rig = Rig::new(48_000.0, Style::Bow, 1, 12.0);
    rig.map_everything();
    let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
    let mut peak = 0.0f32;
    let count = allocations_in(|| {
        for block in 0..7_500 {
            rig.settings.sound_slot = (block / 300 % 4) as u8;
            rig.settings.gesture_slot = (block / 700 % 3) as u8;
            rig.settings.recentre = block % 500 == 0;
            rig.settings.panic = block == 4_000;
            rig.settings.macros[block % 8] = (block % 97) as f32 / 97.0;
            rig.settings.freeze = (5_000..5_200).contains(&block);
            rig.settings.note_out = true;
            rig.settings.playout_ms = (block % 2_000 < 1_000).then_some(12.0);
            match block % 400 {
                100 => rig
                    .engine
                    .keys()
                    .press(HeldKey::new(0, 60 + (block / 400) as u8, 0.7)),
                300 => rig.engine.keys().release(None, None),
                _ => {}
            }
            rig.block(&mut left, &mut right);
            while rig.engine.next_note().is_some() {}
            peak = left.iter().fold(peak, |peak, x| peak.max(x.abs()));
        }
    });
    assert_eq!(count, 0, "allocations or frees on the audio thread");
    assert!(
        peak > 0.01,
        "nothing sounded, so nothing was tested: peak {peak}"
    );
}

#[test]
fn chords_stolen_and_switched_allocate_nothing() {
    let mut rig = Rig::new(48_000.0, Style::Bow, 1, 8.0);
    let wave = SoundModel::load(&zoo::sine_wave(100, 16_000, false)).expect("it loads");
    assert!(rig.shore.place_sound(3, wave).is_ok());
    let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
    let (mut peak, mut most) = (0.0f32, 0);
    let count = allocations_in(|| {
        for block in 0..4_500 {
            rig.settings.sound_slot = (block / 250 % 4) as u8;
            rig.settings.voices = 1 + (block / 60 % 8) as u8;
            rig.settings.panic = block == 3_000;
            let key = 48 + (block * 7 % 30) as u8;
            match block % 20 {
                3 | 7 | 11 => rig.engine.keys().press(HeldKey::new(0, key, 0.7)),
                15 => rig.engine.keys().release(None, Some(key)),
                19 if block % 500 < 20 => rig.engine.keys().release(None, None),
                _ => {}
            }
            rig.block(&mut left, &mut right);
            most = most.max(rig.engine.voices());
            peak = left.iter().fold(peak, |peak, x| peak.max(x.abs()));
        }
    });
    assert_eq!(count, 0, "allocations or frees on the audio thread");
    assert!(peak > 0.01 && most == 8, "peak {peak}, {most} voices");
}

#[test]
fn the_map_and_the_feed_that_are_replaced_go_home() {
    use imu2music::engine::Mail;
    let mut rig = Rig::new(48_000.0, Style::Still, 1, 1.0);
    let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
    rig.block(&mut left, &mut right);
    for _ in 0..3 {
        let (_, output) = imu2music::sensor::ring::sensor_ring(16);
        assert!(
            rig.shore
                .mail
                .send(Box::new(Mail::Feed {
                    index: 0,
                    readings: Some(output)
                }))
                .is_ok()
        );
        let count = allocations_in(|| rig.block(&mut left, &mut right));
        assert_eq!(count, 0);
    }
    assert_eq!(rig.shore.mail.collect(), 4, "one seating and three feeds");
}
