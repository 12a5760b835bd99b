//! The Python hosts: a virtual environment under the target directory, versions pinned.
//!
//! Kept between runs; made anew when the list of packages changes or its Python no longer starts.

use crate::setup::Purpose;
use crate::workspace::{Workspace, announce, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Hosts, senders, and what our own orientation filter and announcements are held against.
const TEST_PACKAGES: &[&str] = &[
    "pedalboard==0.9.26",
    "python-osc==1.9.3",
    "numpy",
    "vqf==2.1.2",
    "h5py==3.16.0",
    "zeroconf==0.154.0",
];
const LONG_PACKAGES: &[&str] = &["dawdreamer==0.9.0"];

/// Path of the environment's Python, made if needed.
pub fn environment(workspace: &Workspace, purpose: Purpose) -> Result<PathBuf> {
    announce("Python hosts");
    let folder = workspace.target.join("python-hosts");
    let python = interpreter(&folder);
    let mut packages = TEST_PACKAGES.to_vec();
    if purpose == Purpose::Long {
        packages.extend(LONG_PACKAGES);
    }
    if is_ready(&folder, &packages) {
        println!("all there");
        return Ok(python);
    }
    // A failed attempt must not look like a finished one.
    let _ = std::fs::remove_file(folder.join("installed.txt"));
    run(Command::new(system_python()?)
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    println!("installing {}", packages.join(", "));
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary=:all:",
    ])
    .args(&packages);
    run(&mut pip).context("the test hosts could not be installed from PyPI")?;
    std::fs::write(folder.join("installed.txt"), packages.join("\n"))?;
    Ok(python)
}

fn is_ready(folder: &Path, packages: &[&str]) -> bool {
    let installed = std::fs::read_to_string(folder.join("installed.txt")).unwrap_or_default();
    let listed = packages
        .iter()
        .all(|package| installed.lines().any(|line| line == *package));
    listed && works(&interpreter(folder), "import pedalboard, pythonosc")
}

fn interpreter(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts/python.exe")
    } else {
        folder.join("bin/python")
    }
}

fn system_python() -> Result<&'static str> {
    for name in ["python3", "python"] {
        if works(
            Path::new(name),
            "import venv, ensurepip, sys; assert sys.version_info >= (3, 10)",
        ) {
            return Ok(name);
        }
    }
    bail!("Python 3.10 or newer with `venv` is needed to run the test hosts, and was not found")
}

fn works(python: &Path, line: &str) -> bool {
    let mut command = Command::new(python);
    command
        .args(["-c", line])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
