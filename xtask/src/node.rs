//! The JavaScript client of `test --long`, from npm into the target directory, its version pinned.

use crate::workspace::{Workspace, announce, run};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// The newest that Debian's own Node.js runs.
const PACKAGE: &str = "node-osc@9.1.4";

/// The folder of installed modules, or why there is none: without it one test is passed over.
pub fn modules(workspace: &Workspace) -> Result<PathBuf> {
    announce("Node.js client");
    let folder = workspace.target.join("node-clients");
    let modules = folder.join("node_modules");
    let listed = folder.join("installed.txt");
    if std::fs::read_to_string(&listed).is_ok_and(|text| text == PACKAGE) {
        println!("all there");
        return Ok(modules);
    }
    std::fs::create_dir_all(&folder)?;
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    run(Command::new(npm)
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(&folder)
        .arg(PACKAGE))?;
    std::fs::write(listed, PACKAGE)?;
    Ok(modules)
}
