//! Stepping a loaded model allocates and frees nothing. A positive control proves that
//! the counter counts.
#![allow(unsafe_code)]

#[path = "support/counting.rs"]
mod counting;

use counting::allocations;
use imu2music::controls::Controls;
use imu2music::neural::gesture_model::GestureModel;
use imu2music::neural::slot::StepTime;
use imu2music::neural::sound_model::SoundModel;
use imu2music::neural::{Model, zoo};
use imu2music::sound::frame::SoundFrame;

#[test]
fn the_counter_counts() {
    assert_eq!(
        allocations(|| drop(std::hint::black_box(vec![1u8; 100]))),
        2
    );
}

#[test]
fn a_step_of_any_packed_network_allocates_nothing() {
    let files = [zoo::lstm(32, 64, 2), zoo::gru(8, 48), zoo::ddsp_decoder(64)];
    for file in files {
        let mut model = Model::load(&file).unwrap();
        let during = allocations(|| {
            for _ in 0..50 {
                model.input_mut(0).fill(0.25);
                model.step();
            }
            model.reset();
        });
        assert_eq!(during, 0);
    }
}

#[test]
fn a_gesture_and_a_sound_model_allocate_nothing() {
    let mut gesture = GestureModel::load(&zoo::pitch_chooser(12, 32)).unwrap();
    let mut sound = SoundModel::load(&zoo::ddsp_decoder(64)).unwrap();
    let mut frame = SoundFrame::SILENT;
    let during = allocations(|| {
        for i in 0..200u32 {
            let intent = gesture.step(&[i as f32 * 0.01; 12], 0.7, i.wrapping_mul(2_654_435_761));
            sound.step(&intent.controls, &mut frame);
        }
        gesture.reset();
        sound.reset();
        sound.step(&Controls::SILENT, &mut frame);
    });
    assert_eq!(during, 0);
}

#[test]
fn a_waveform_and_a_helper_thread_s_end_allocate_nothing() {
    let mut wave = SoundModel::load(&zoo::sine_wave(200, 24_000, false)).unwrap();
    wave.prepare(44_100.0).unwrap();
    let mut helped = SoundModel::load_with(&zoo::sine_wave(100, 24_000, true), true).unwrap();
    assert!(helped.runner().helped().is_some());
    let mut frame = SoundFrame::SILENT;
    let (mut left, mut right) = ([0.0; 441], [0.0; 441]);
    let during = allocations(|| {
        for tick in 1..100 {
            for model in [&mut wave, &mut helped] {
                let step = StepTime {
                    tick,
                    live: true,
                    patient: false,
                };
                model.submit(tick, &Controls::SILENT);
                model.fetch(step);
                model.step(&Controls::SILENT, &mut frame);
                model.add_waves(&mut left, &mut right, |_| (0.5, 0.0));
            }
        }
        wave.reset();
        helped.reset();
    });
    assert_eq!(during, 0);
}
