//! Where things lie: the repository, the target directory, and how a child process is started.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

/// File name of a program on this system.
pub fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

impl Workspace {
    /// Finds the repository and makes it the current directory.
    pub fn open() -> Result<Self> {
        // Cargo sets the variable at run time too: the binary may come from another clone's shared target.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask lies in the repository root")?
            .to_owned();
        std::env::set_current_dir(&root).with_context(|| format!("entering {}", root.display()))?;
        let metadata = cargo_metadata::MetadataCommand::new()
            .no_deps()
            .exec()
            .context("reading cargo metadata")?;
        Ok(Self {
            root,
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    pub fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        // Set for xtask itself by `cargo run`: a child build must not see it.
        command.env_remove("CARGO_MANIFEST_DIR");
        command
    }

    /// The folder in which cargo leaves what a profile built.
    pub fn built(&self, profile: &str) -> PathBuf {
        self.target
            .join(if profile == "dev" { "debug" } else { profile })
    }

    /// The `imu2music` command as a profile built it.
    pub fn command_of(&self, profile: &str) -> PathBuf {
        self.built(profile).join(program("imu2music"))
    }

    /// A path as short as it can be said.
    pub fn shorten<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// A command as a user would type it.
pub fn spell(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command to its end; says which failed and how.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start `{}`", spell(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", spell(command));
    }
    Ok(())
}

pub fn announce(step: &str) {
    println!("\n── {step}");
}
