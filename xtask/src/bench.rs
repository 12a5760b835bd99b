//! Runs the benchmark programs of `tests/bench`, from the optimised build that tests and demo use too.

use crate::setup::{self, Purpose};
use crate::workspace::{Workspace, announce, run};
use anyhow::Result;

pub fn run_all(workspace: &Workspace) -> Result<()> {
    setup::system_packages(Purpose::Build)?;
    announce("benchmarks");
    run(workspace
        .cargo()
        .args(["bench", "-p", "imu2music", "--benches", "--profile", "dev"]))
}
