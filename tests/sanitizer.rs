//! RealtimeSanitizer over the engine: system calls, allocations, printing and contended locks in anything
//! reached from `process` abort the test. Built by `cargo xtask test` with the feature `rtsan`.
#![cfg(feature = "rtsan")]

mod support;

use imu2music::engine::keys::HeldKey;
use imu2music::sensor::performer::Style;
use std::process::Command;
use support::Rig;

const CONTROL_VARIABLE: &str = "IMU2MUSIC_SANITIZER_CONTROL";

#[rtsan_standalone::nonblocking]
fn allocate_where_it_is_forbidden() {
    std::hint::black_box(vec![0u8; 100]);
}

#[test]
fn the_sanitizer_detects() {
    if std::env::var_os(CONTROL_VARIABLE).is_some() {
        rtsan_standalone::ensure_initialized();
        allocate_where_it_is_forbidden();
        return;
    }
    let program = std::env::current_exe().unwrap();
    let control = Command::new(program)
        .args(["--exact", "the_sanitizer_detects"])
        .env(CONTROL_VARIABLE, "1")
        .output()
        .unwrap();
    assert!(
        !control.status.success(),
        "an allocation in real-time context was not noticed"
    );
    let said = String::from_utf8_lossy(&control.stderr).into_owned();
    assert!(said.contains("RealtimeSanitizer"), "{said}");
}

#[test]
fn the_engine_is_real_time_safe_while_it_plays_and_switches() {
    rtsan_standalone::ensure_initialized();
    let mut rig = Rig::new(48_000.0, Style::Bow, 1, 8.0);
    let (mut left, mut right) = ([0.0; 64], [0.0; 64]);
    for block in 0..5_000 {
        rig.settings.sound_slot = (block / 400 % 3) as u8;
        rig.settings.gesture_slot = (block / 900 % 3) as u8;
        rig.settings.panic = block == 3_000;
        rig.settings.voices = 1 + (block / 300 % 8) as u8;
        if block % 50 == 0 {
            let key = HeldKey::new(0, 50 + (block / 50 % 20) as u8, 0.7);
            rig.engine.keys().press(key);
        }
        rig.block(&mut left, &mut right);
    }
}
