//! The built plugin in hosts that we did not write, played by real UDP packets.
//!
//! The CLAP runs here, in clack-host; the VST3 in pedalboard and Ardour, through the scripts in
//! `tests/hosts/`. Rendering keeps pace with the wall clock, but nothing is judged by it: levels are
//! compared over seconds and with wide margins. `cargo xtask test` gives the bundles by environment
//! variables; without them the CLAP tests load the library that cargo has just built.

#[allow(dead_code)]
#[path = "../xtask/src/clap_host.rs"]
mod clap_host;
#[path = "hosts/images.rs"]
mod images;
#[path = "hosts/scripts.rs"]
mod scripts;
#[path = "hosts/stage.rs"]
mod stage;

use stage::{Stage, level_db, perform};
use std::net::UdpSocket;

#[test]
fn motion_makes_the_sound_and_its_end_ends_it() {
    let mut stage = Stage::open();
    let port = stage.port;
    let mut senders = Vec::new();
    let sound = stage.render(13.0, |second| match second {
        1 => senders.push(perform("still", port, 3)),
        4 => senders.push(perform("bow", port, 5)),
        _ => {}
    });
    let (still, bowed, after) = (
        sound.between(2.0, 4.0),
        sound.between(5.0, 9.0),
        sound.between(12.0, 13.0),
    );
    assert!(sound.is_finite());
    assert!(
        level_db(bowed) > -50.0,
        "bowing is silent: {:.1} dB",
        level_db(bowed)
    );
    assert!(
        level_db(still) < level_db(bowed) - 15.0,
        "still arms: {:.1} dB",
        level_db(still)
    );
    assert!(
        level_db(after) < -70.0,
        "without sensors: {:.1} dB",
        level_db(after)
    );
}

#[test]
fn two_gestures_give_different_curves() {
    let mut stage = Stage::open();
    let port = stage.port;
    let mut senders = Vec::new();
    stage.render(11.0, |second| match second {
        1 => senders.push(perform("bow", port, 4)),
        6 => senders.push(perform("shake", port, 4)),
        _ => {}
    });
    let trace = stage.close();
    let mean_difference = |column: &str| {
        let (bow, shake) = (
            trace.between(column, 2.0, 5.0),
            trace.between(column, 7.0, 10.0),
        );
        assert!(
            bow.len().min(shake.len()) > 400,
            "the trace has too few rows of {column}"
        );
        let pairs = bow.iter().zip(&shake);
        pairs.map(|(a, b)| (a - b).abs()).sum::<f64>() / bow.len().min(shake.len()) as f64
    };
    let (pitch, loudness_db) = (
        mean_difference("pitch_note"),
        mean_difference("loudness_db"),
    );
    assert!(
        pitch > 0.5 || loudness_db > 2.0,
        "apart by {pitch:.2} semitones and {loudness_db:.2} dB only"
    );
}

#[test]
fn hostile_packets_are_counted_and_the_sound_goes_on() {
    let mut stage = Stage::open();
    let port = stage.port;
    let mut senders = Vec::new();
    let enemy = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let sound = stage.render(10.0, |second| match second {
        1 => senders.push(perform("bow", port, 9)),
        5 => hostile_packets().iter().for_each(|packet| {
            enemy.send_to(packet, ("127.0.0.1", port)).expect("sent");
        }),
        _ => {}
    });
    let trace = stage.close();
    let (before, after) = (
        level_db(sound.between(2.0, 5.0)),
        level_db(sound.between(6.0, 10.0)),
    );
    assert!(sound.is_finite());
    assert!(before > -50.0, "silent before the packets: {before:.1} dB");
    assert!(
        after > before - 20.0,
        "{before:.1} dB before the packets, {after:.1} dB after"
    );
    assert!(
        trace.rise("malformed", 4.5) >= 3.0,
        "malformed packets were not counted"
    );
}

#[test]
fn a_saved_state_comes_back_and_garbage_changes_nothing() {
    let mut stage = Stage::open();
    let saved = stage.plugin().save_state().expect("a state");
    assert!(!saved.is_empty());
    for garbage in [&b""[..], b"\0", b"{}", b"not json at all", &[0xff; 3000]] {
        // A host may be told of the refusal or not; the plugin must stand as it stood.
        let _ = stage.plugin().load_state(garbage);
        assert_eq!(stage.plugin().save_state().expect("a state"), saved);
    }
    stage.plugin().load_state(&saved).expect("its own state");
    assert_eq!(stage.plugin().save_state().expect("a state"), saved);
    let mut senders = Vec::new();
    let port = stage.port;
    let sound = stage.render(6.0, |second| {
        if second == 1 {
            senders.push(perform("bow", port, 5));
        }
    });
    assert!(
        level_db(sound.between(2.0, 6.0)) > -50.0,
        "silent after the garbage"
    );
}

#[test]
#[ignore = "needs pedalboard: run by `cargo xtask test`"]
fn the_vst3_plays_in_pedalboard_at_every_rate_and_block_size() {
    scripts::python("pedalboard_matrix.py");
}

#[test]
#[ignore = "needs pedalboard: run by `cargo xtask test`"]
fn the_vst3_in_pedalboard_follows_motion_and_survives_hostile_packets() {
    scripts::python("pedalboard_motion.py");
}

#[test]
#[ignore = "needs pedalboard: run by `cargo xtask test`"]
fn a_bounce_of_the_vst3_in_pedalboard_repeats() {
    scripts::python("pedalboard_offline.py");
}

#[test]
#[ignore = "needs Ardour: run by `cargo xtask test --long`"]
fn long_the_vst3_lives_through_an_ardour_session() {
    scripts::ardour();
}

/// The 52 KB bundle that overflows a recursive decoder, one byte too many, NaN, a false type string.
fn hostile_packets() -> Vec<Vec<u8>> {
    let mut nested = Vec::new();
    for depth in 0..2600u32 {
        nested.extend_from_slice(b"#bundle\0\0\0\0\0\0\0\0\x01");
        nested.extend_from_slice(&((2599 - depth) * 20).to_be_bytes());
    }
    let long = vec![b'/'; 8193];
    let mut not_numbers = b"/riot/v3/9/accelerometer\0\0\0\0,fffi\0\0\0".to_vec();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        not_numbers.extend_from_slice(&value.to_be_bytes());
    }
    not_numbers.extend_from_slice(&7i32.to_be_bytes());
    let mut wrong_types = b"/riot/v3/9/gyroscope\0\0\0\0,[[[zq\0\0".to_vec();
    wrong_types.extend_from_slice(&[0; 16]);
    vec![nested, long, not_numbers, wrong_types]
}

#[test]
fn the_hostile_packets_are_what_they_claim() {
    let sizes: Vec<usize> = hostile_packets().iter().map(Vec::len).collect();
    assert!(
        (50_000..60_000).contains(&sizes[0]) && sizes[1] == 8193,
        "{sizes:?}"
    );
}
