//! Where numbers come from: the commit, and the machine that took the time.

use std::fs;
use std::process::Command;
use std::thread;

/// What this program was built from: the version, and the commit where `cargo xtask bundle` or `install` built it.
pub fn commit() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("IMU2MUSIC_COMMIT") {
        Some(commit) => format!("imu2music {version}, commit {commit}"),
        None => format!("imu2music {version}, built without `cargo xtask`: commit not known"),
    }
}

/// The processor and how many cores of it are ours, as in `Xeon E5 (4 cores, x86_64 linux)`.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let known = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| model_name(&text));
    let name = known
        .or_else(asked)
        .unwrap_or_else(|| "unknown processor".into());
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{name} ({cores} cores, {arch} {os})")
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// macOS says it this way.
fn asked() -> Option<String> {
    let said = Command::new("sysctl")
        .args(["-n", "machdep.cpu.brand_string"])
        .output()
        .ok()?;
    let name = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    (said.status.success() && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_called_by_its_name() {
        let text = "processor\t: 0\nmodel name\t: Quick 3000 @ 2 GHz\ncores\t: 2\n";
        assert_eq!(model_name(text).as_deref(), Some("Quick 3000 @ 2 GHz"));
        assert_eq!(model_name("processor\t: 0\n"), None);
        assert!(machine().contains("cores"));
    }
}
