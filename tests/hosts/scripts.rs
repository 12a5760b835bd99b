//! Runs the host scripts beside this file, each in a process of its own, and hands their verdict on.

use super::stage::free_port;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts")
}

fn from_xtask(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"))
        .into()
}

/// A Python script in the environment that xtask made.
pub fn python(script: &str) {
    let mut command = Command::new(from_xtask("IMU2MUSIC_PYTHON"));
    command
        .arg(here().join(script))
        .arg(from_xtask("IMU2MUSIC_VST3"))
        .arg(env!("CARGO_BIN_EXE_imu2music"));
    // No editor is opened: without a display JUCE leaves X11 alone.
    command.env_remove("DISPLAY");
    run(command, script, Duration::from_secs(600));
}

/// A session in Ardour with its dummy backend, in a home of its own.
pub fn ardour() {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ardour");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).expect("a scratch folder");
    let mut command = Command::new("sh");
    command
        .arg(here().join("ardour_session.sh"))
        .arg(from_xtask("IMU2MUSIC_VST3"));
    command.arg(env!("CARGO_BIN_EXE_imu2music")).arg(&scratch);
    run(command, "ardour_session.sh", Duration::from_secs(600));
}

fn run(mut command: Command, name: &str, limit: Duration) {
    let trace = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.trace.csv"));
    let _ = std::fs::remove_file(&trace);
    command
        .env("IMU2MUSIC_PORTS", free_port().to_string())
        .env("IMU2MUSIC_TRACE", trace);
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success(), "{name} failed: {status}");
            return;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{name} did not end in {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
