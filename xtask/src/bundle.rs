//! Builds the bundles and copies them to where hosts look.

use crate::setup::{self, Purpose};
use crate::workspace::{Workspace, announce, program, run};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGE: &str = "imu2music";
const DEV: &str = "dev";
pub const DISPLAY_NAME: &str = "IMU2Music";

/// The bundles of one build, in `target/bundled`.
pub struct Bundles {
    pub clap: PathBuf,
    pub vst3: PathBuf,
}

/// Builds with a cargo profile and bundles.
pub fn bundle(workspace: &Workspace, profile: &str) -> Result<Bundles> {
    setup::system_packages(Purpose::Build)?;
    announce(&format!(
        "building the plugin ({profile} profile; the first time takes minutes)"
    ));
    let mut build = workspace.cargo();
    build.args(["build", "-p", PACKAGE, "--profile", profile]);
    // Reports name it. Not in the profile of the tests, where every commit would compile the package once more.
    if profile != DEV
        && let Some(commit) = commit(workspace)
    {
        build.env("IMU2MUSIC_COMMIT", commit);
    }
    run(&mut build)?;
    assemble(workspace, profile)
}

/// The commit that is built, marked where the files differ from it; `None` outside of git.
fn commit(workspace: &Workspace) -> Option<String> {
    let said = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .current_dir(&workspace.root)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let commit = String::from_utf8(said.stdout).ok()?;
    (said.status.success() && !commit.trim().is_empty()).then(|| commit.trim().to_owned())
}

/// Bundles what a profile has already built.
pub fn assemble(workspace: &Workspace, profile: &str) -> Result<Bundles> {
    let folder = if profile == DEV { "debug" } else { profile };
    let arguments = [String::from("--profile"), String::from(folder)];
    nice_plug_xtask::bundle(&workspace.target, PACKAGE, &arguments, false)?;
    let home = workspace.target.join("bundled");
    let bundles = Bundles {
        clap: home.join(format!("{DISPLAY_NAME}.clap")),
        vst3: home.join(format!("{DISPLAY_NAME}.vst3")),
    };
    for bundle in [&bundles.clap, &bundles.vst3] {
        if !bundle.exists() {
            bail!(
                "{} was not made: the library does not export that format",
                bundle.display()
            );
        }
    }
    Ok(bundles)
}

/// Where this user's hosts look for plugins, and where commands lie.
struct Places {
    clap: PathBuf,
    vst3: PathBuf,
    commands: PathBuf,
}

fn places() -> Result<Places> {
    let folder = |variable: &str| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .with_context(|| format!("the variable {variable} is not set"))
    };
    if cfg!(windows) {
        let local = folder("LOCALAPPDATA")?;
        let common = local.join("Programs").join("Common");
        let commands = local.join("Programs").join(DISPLAY_NAME);
        return Ok(Places {
            clap: common.join("CLAP"),
            vst3: common.join("VST3"),
            commands,
        });
    }
    let home = folder("HOME")?;
    if cfg!(target_os = "macos") {
        let plugins = home.join("Library/Audio/Plug-Ins");
        return Ok(Places {
            clap: plugins.join("CLAP"),
            vst3: plugins.join("VST3"),
            commands: home.join(".local/bin"),
        });
    }
    Ok(Places {
        clap: home.join(".clap"),
        vst3: home.join(".vst3"),
        commands: home.join(".local/bin"),
    })
}

/// `cargo xtask install`.
pub fn install(workspace: &Workspace) -> Result<()> {
    let bundles = bundle(workspace, "bundle")?;
    let places = places()?;
    announce("installing");
    let command = workspace.command_of("bundle");
    for (from, folder) in [
        (&bundles.clap, &places.clap),
        (&bundles.vst3, &places.vst3),
        (&command, &places.commands),
    ] {
        let name = if from == &command {
            program(PACKAGE).into()
        } else {
            from.file_name().unwrap_or_default().to_owned()
        };
        let to = folder.join(name);
        replace(from, &to)
            .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
        println!("{}", to.display());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder == places.commands) {
        println!(
            "(the plugin finds the command there; to type it in a shell, add that folder to PATH)"
        );
    }
    Ok(())
}

/// Copies a file or folder over what was there, so that a host sees the old or the new, never half.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().context("a target has a folder")?;
    std::fs::create_dir_all(parent)?;
    let mut fresh = to.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    remove(&fresh)?;
    copy(from, &fresh)?;
    remove(to)?;
    std::fs::rename(&fresh, to)?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return std::fs::copy(from, to).map(|_| ());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_only_the_new_bundle() {
        let scratch =
            std::env::temp_dir().join(format!("imu2music-replace-{}", std::process::id()));
        let (from, to) = (
            scratch.join("new/Some.vst3"),
            scratch.join("plugins/Some.vst3"),
        );
        std::fs::create_dir_all(from.join("Contents")).expect("a folder");
        std::fs::write(from.join("Contents/library"), "new").expect("a file");
        std::fs::create_dir_all(to.join("Contents")).expect("a folder");
        std::fs::write(to.join("Contents/stale"), "old").expect("a file");
        replace(&from, &to).expect("replaced");
        assert_eq!(
            std::fs::read(to.join("Contents/library")).expect("copied"),
            b"new"
        );
        assert!(!to.join("Contents/stale").exists());
        std::fs::remove_dir_all(scratch).expect("cleaned");
    }
}
