//! A sweep that was stopped goes on where it ended: every run notes what it was trained on and how, and one that would be
//! the same again is not trained again.

use std::path::Path;

use serde::Deserialize;

use super::Args;
use super::origin::commit;
use super::run::read;

/// All that decides a run's numbers but its network and its seed, in words; `data` tells one set of takes from another.
pub fn ground(args: &Args, data: &str) -> String {
    let Args {
        target,
        hidden,
        layers,
        epochs,
        frame_rate_hz,
        augment,
        ..
    } = args;
    let options = args.says.options();
    format!(
        "{target}, hidden {hidden:?}, layers {layers:?}, {epochs} epochs, {frame_rate_hz:?} Hz, augment {augment}{options}, {}, of {data}",
        commit()
    )
}

/// Whether the file of a run says that it had this lesson, whole.
pub fn is_done(path: &Path, lesson: &str) -> bool {
    #[derive(Deserialize)]
    struct Noted {
        #[serde(default)]
        lesson: String,
    }
    path.exists() && read::<Noted>(path).is_ok_and(|noted| noted.lesson == lesson)
}

/// What the line of a run that is done says of it.
pub fn again(is_done: bool) -> &'static str {
    if is_done {
        ": as it was trained before"
    } else {
        ""
    }
}

/// What a run notes: nothing where it was stopped, so that it is trained again.
pub fn noted(lesson: &str, stopped_by_hand: bool) -> String {
    if stopped_by_hand {
        String::new()
    } else {
        lesson.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_run_of_the_same_lesson_is_done() {
        let folder = std::env::temp_dir().join(format!("imu2music-done-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run-lstm-1.json");
        assert!(!is_done(&path, "a"));
        for (text, done) in [
            (r#"{"lesson": "a", "arch": "lstm"}"#, true),
            (r#"{"lesson": "b"}"#, false),
            (r#"{"arch": "of an older version"}"#, false),
            ("half a fi", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(is_done(&path, "a"), done, "{text}");
        }
        assert_eq!((&noted("a", false)[..], &noted("a", true)[..]), ("a", ""));
        let _ = std::fs::remove_dir_all(folder);
    }
}
