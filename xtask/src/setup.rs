//! Installs what building and testing need from the system, or says exactly what to type.
//!
//! Only Linux needs system packages. With apt and the right to use it they are installed; otherwise the
//! command is printed and the run stops, because what follows would fail less clearly.

use crate::workspace::{Workspace, announce, run, spell};
use crate::{node, python};
use anyhow::{Result, bail};
use std::process::{Command, Stdio};

/// How much is about to be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    Build,
    Test,
    Long,
}

struct Package {
    debian: &'static str,
    why: &'static str,
    purpose: Purpose,
}

const fn package(purpose: Purpose, debian: &'static str, why: &'static str) -> Package {
    Package {
        debian,
        why,
        purpose,
    }
}

use Purpose::{Build, Long, Test};

const PACKAGES: &[Package] = &[
    package(
        Build,
        "pkg-config",
        "finds the sound libraries for the compiler",
    ),
    package(Build, "libasound2-dev", "ALSA, for the standalone"),
    package(Build, "libjack-jackd2-dev", "JACK, for the standalone"),
    package(Build, "libx11-6", "the editor's window"),
    package(Build, "libx11-xcb1", "the editor's window"),
    package(Build, "libxcb1", "the editor's window"),
    package(Build, "libxcursor1", "the editor's mouse pointer"),
    package(Build, "libxkbcommon0", "the editor's keyboard"),
    package(Build, "libxkbcommon-x11-0", "the editor's keyboard"),
    package(Build, "libgl1", "OpenGL, which draws the editor"),
    package(Test, "python3", "runs the test hosts from PyPI"),
    package(
        Test,
        "python3-venv",
        "keeps the test hosts out of the system's Python",
    ),
    package(Test, "xvfb", "a screen for editors where there is none"),
    package(Long, "ardour", "the VST3's life in a real DAW"),
    package(Long, "xauth", "lets xvfb-run guard its screen"),
    package(Long, "liblo-tools", "OSC as liblo's oscsend writes it"),
    package(Long, "puredata-core", "OSC as Pure Data writes it"),
    package(Long, "nodejs", "runs node-osc"),
    package(Long, "npm", "installs node-osc"),
];

/// The same libraries under other systems' names, for the line that we print there.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "dnf",
        "sudo dnf install pkgconf-pkg-config alsa-lib-devel jack-audio-connection-kit-devel libX11 libX11-xcb libxcb libXcursor libxkbcommon libxkbcommon-x11 libglvnd-glx python3 xorg-x11-server-Xvfb ardour8",
    ),
    (
        "pacman",
        "sudo pacman -S --needed pkgconf alsa-lib jack2 libx11 libxcb libxcursor libxkbcommon libxkbcommon-x11 libglvnd python xorg-server-xvfb ardour",
    ),
    (
        "zypper",
        "sudo zypper install pkg-config alsa-devel libjack-devel libX11-6 libX11-xcb1 libxcb1 libXcursor1 libxkbcommon0 libxkbcommon-x11-0 libglvnd python3 xorg-x11-server-Xvfb ardour",
    ),
];

/// `cargo xtask setup`.
pub fn everything(workspace: &Workspace, long: bool) -> Result<()> {
    let purpose = if long { Long } else { Test };
    system_packages(purpose)?;
    python::environment(workspace, purpose)?;
    if long {
        node::modules(workspace)?;
    }
    println!("Everything is in place.");
    Ok(())
}

/// Makes sure of the system packages for this purpose.
pub fn system_packages(purpose: Purpose) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(()); // macOS and Windows bring what the plugin opens
    }
    announce("system packages");
    if !answers("dpkg-query", &["--version"]) || !answers("apt-get", &["--version"]) {
        return explain_other_system(purpose);
    }
    let missing: Vec<&Package> = wanted(purpose)
        .filter(|package| !installed(package.debian))
        .collect();
    if missing.is_empty() {
        println!("all there");
        return Ok(());
    }
    for package in &missing {
        println!("missing: {:<22} {}", package.debian, package.why);
    }
    install(&missing)
}

fn wanted(purpose: Purpose) -> impl Iterator<Item = &'static Package> {
    PACKAGES
        .iter()
        .filter(move |package| package.purpose <= purpose)
}

fn install(missing: &[&Package]) -> Result<()> {
    let root = user_id() == Some(0);
    let names: Vec<&str> = missing.iter().map(|package| package.debian).collect();
    let mut update = apt(root, &["update", "-q"]);
    let mut arguments = vec![
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
    ];
    arguments.extend(&names);
    let mut install = apt(root, &arguments);
    let by_hand = format!(
        "sudo apt-get update && sudo apt-get install {}",
        names.join(" ")
    );
    if !root && !may_use_sudo() {
        bail!(
            "these packages are missing and this user may not install them. Type:\n\n    {by_hand}\n"
        );
    }
    for step in [&mut update, &mut install] {
        println!("running: {}", spell(step));
        if let Err(error) = run(step) {
            bail!("{error}\nThe packages could not be installed. Type:\n\n    {by_hand}\n");
        }
    }
    Ok(())
}

fn apt(root: bool, arguments: &[&str]) -> Command {
    let mut command = if root {
        Command::new("apt-get")
    } else {
        Command::new("sudo")
    };
    if !root {
        // `env` keeps the setting through sudo's clean environment.
        command.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn may_use_sudo() -> bool {
    // Without a terminal nobody can type a password.
    use std::io::IsTerminal;
    if std::io::stdin().is_terminal() {
        answers("sudo", &["--version"])
    } else {
        answers("sudo", &["-n", "true"])
    }
}

fn explain_other_system(purpose: Purpose) -> Result<()> {
    if purpose == Build && answers("pkg-config", &["--exists", "alsa", "jack"]) {
        println!("no apt here, but ALSA and JACK are found: going on");
        return Ok(());
    }
    for (tool, line) in ELSEWHERE {
        if answers(tool, &["--version"]) {
            println!(
                "This system has no apt. If something below is missing, type:\n\n    {line}\n"
            );
            if answers("pkg-config", &["--exists", "alsa", "jack"]) {
                return Ok(());
            }
            bail!(
                "ALSA and JACK are not found: install them with the line above and run this again"
            );
        }
    }
    let names: Vec<&str> = wanted(purpose).map(|package| package.debian).collect();
    bail!(
        "this system's package manager is unknown here. Install what Debian calls: {}",
        names.join(" ")
    )
}

fn installed(debian: &str) -> bool {
    if debian == "python3-venv" && answers("python3", &["-c", "import venv, ensurepip"]) {
        return true; // a Python that does not come from Debian
    }
    if ["nodejs", "npm"].contains(&debian)
        && answers(if debian == "npm" { "npm" } else { "node" }, &["--version"])
    {
        return true; // from elsewhere: Debian's would only conflict with it
    }
    if debian == "python3" && answers("python3", &["--version"]) {
        return true;
    }
    let output = Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", debian])
        .output();
    output.is_ok_and(|output| output.stdout == b"installed")
}

/// Whether a program is there and content with these arguments.
fn answers(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn user_id() -> Option<u32> {
    let output = Command::new("id").arg("-u").output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn building_needs_no_test_host() {
        assert!(
            wanted(Build).all(|package| package.debian != "xvfb" && package.debian != "ardour")
        );
        assert!(wanted(Long).any(|package| package.debian == "libasound2-dev"));
    }

    #[test]
    fn a_missing_program_does_not_answer() {
        assert!(!answers("a-program-that-nobody-has", &[]));
    }
}
