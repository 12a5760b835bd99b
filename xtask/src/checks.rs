//! `cargo xtask test`: everything that must hold before a commit, in the order that fails soonest.
//!
//! The host tests load the bundles that this run has just made, so cargo's own tests run after them.
//! Ends with one plain line, `N passed, N failed`, over every step and every test.

use crate::setup::{self, Purpose};
use crate::workspace::{Workspace, announce, run, spell};
use crate::{bundle, node, python};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

const PACKAGES: [&str; 2] = ["imu2music", "xtask"];

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

pub fn run_all(workspace: &Workspace, long: bool) -> Result<()> {
    let started = Instant::now();
    let purpose = if long { Purpose::Long } else { Purpose::Test };
    setup::system_packages(purpose)?;
    let python = python::environment(workspace, purpose)?;
    let node_modules = long.then(|| node::modules(workspace)).transpose();
    let node_modules = node_modules.unwrap_or_else(|error| {
        println!("node-osc could not be installed, its test is passed over: {error}");
        None
    });

    let mut tally = Tally::default();
    tally.step(
        "format",
        workspace.cargo().args(["fmt", "--all", "--check"]),
    );
    // One package at a time, and all targets at once: cargo chooses dependencies' features by what is
    // asked for together, and this way nothing is compiled twice.
    for package in PACKAGES {
        let lints = [
            "clippy",
            "-p",
            package,
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        tally.step(
            &format!("lints of {package}"),
            workspace.cargo().args(lints),
        );
    }
    if long {
        // Its own folder: what it depends on is built without the plugin's usual features.
        let folder = workspace.target.join("fuzz");
        let mut check = workspace.cargo();
        check.args([
            "check",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--target-dir",
        ]);
        tally.step("fuzz targets", check.arg(folder));
    }
    let built = tally.step(
        "build",
        workspace
            .cargo()
            .args(["build", "-p", "imu2music", "--all-targets"]),
    );
    if built {
        announce("bundle");
        let bundles = bundle::assemble(workspace, "dev")?;
        let hosted = |arguments: &[&str]| {
            let mut command = workspace.cargo();
            command.arg("test").args(arguments);
            command
                .env("IMU2MUSIC_CLAP", &bundles.clap)
                .env("IMU2MUSIC_VST3", &bundles.vst3);
            command.env("IMU2MUSIC_PYTHON", &python);
            if long {
                command.env("IMU2MUSIC_LONG", "1");
            }
            if let Some(modules) = &node_modules {
                command.env("IMU2MUSIC_NODE_MODULES", modules);
            }
            command
        };
        for package in PACKAGES {
            let name = format!("tests of {package}");
            tally.tests(&name, &mut hosted(&["-p", package, "--no-fail-fast"]))?;
        }
        let mut in_hosts = vec![
            "-p",
            "imu2music",
            "--test",
            "hosts",
            "--",
            "--ignored",
            "--test-threads=1",
        ];
        if !long {
            in_hosts.extend(["--skip", "long_"]);
        }
        tally.tests("hosts from PyPI and Debian", &mut hosted(&in_hosts))?;
        if let Some(runtime) = sanitizer_runtime() {
            let arguments = [
                "-p",
                "imu2music",
                "--features",
                "rtsan",
                "--test",
                "sanitizer",
            ];
            let mut sanitized = hosted(&arguments);
            sanitized
                .env("RTSAN_ENABLE", "1")
                .env("RTSAN_LIB_PATH", runtime);
            tally.tests("RealtimeSanitizer", &mut sanitized)?;
        }
    }
    tally.close(started)
}

impl Tally {
    /// One command that counts as one check.
    fn step(&mut self, name: &str, command: &mut Command) -> bool {
        announce(&format!("{name}: {}", spell(command)));
        let outcome = run(command);
        self.count(name, outcome.is_ok());
        outcome.is_ok()
    }

    fn count(&mut self, name: &str, good: bool) {
        if good {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.failures.push(name.to_owned());
        }
    }

    /// A `cargo test`, whose own counts are added.
    fn tests(&mut self, name: &str, command: &mut Command) -> Result<()> {
        announce(&format!("{name}: {}", spell(command)));
        let failed_before = self.failed;
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start cargo test")?;
        let output = child.stdout.take().context("cargo test has an output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            if let Some((passed, failed)) = counts(&line) {
                self.passed += passed;
                self.failed += failed;
            }
            if let Some(test) = line.strip_suffix(" ... FAILED") {
                self.failures
                    .push(test.trim_start_matches("test ").to_owned());
            }
        }
        // A crash or a test that does not compile ends without a count.
        if !child.wait()?.success() && self.failed == failed_before {
            self.count(name, false);
        }
        Ok(())
    }

    fn close(self, started: Instant) -> Result<()> {
        println!();
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{:.0} s in all", started.elapsed().as_secs_f64());
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed > 0 {
            std::process::exit(1);
        }
        Ok(())
    }
}

/// The toolchain's own RealtimeSanitizer; not every system's toolchain brings one.
fn sanitizer_runtime() -> Option<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let mut files = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    files.find(|path| path.to_string_lossy().ends_with("_rt.rtsan.a"))
}

/// Passed and failed out of libtest's closing line.
fn counts(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let count = |word: &str| {
        let before = rest.split(word).next()?;
        before.rsplit(' ').next()?.parse().ok()
    };
    Some((count(" passed")?, count(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_closing_line_of_libtest() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test sensor::osc::tests::ok ... ok"), None);
    }

    #[test]
    fn a_command_that_fails_is_a_failure() {
        let mut tally = Tally::default();
        assert!(!tally.step("impossible", &mut Command::new("a-program-that-nobody-has")));
        assert_eq!((tally.passed, tally.failed), (0, 1));
    }
}
