//! `cargo xtask demo`: the built plugin, in a host, played by a virtual performer over real UDP.
//!
//! Three processes' worth of roles in order: this thread tends the plugin and reports progress, an audio
//! thread renders against the wall clock, and a child process (`imu2music perform` or `replay`) sends.

mod figure;
mod player;
mod report;
mod spectrum;
mod trace;

use crate::bundle::{self, DISPLAY_NAME};
use crate::clap_host::Plugin;
use crate::setup::{self, Purpose};
use crate::workspace::{Workspace, announce, spell};
use anyhow::{Context, Result, bail};
use player::{Progress, Recording};
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trace::Trace;

/// Optimised like the others, and already built where tests have run.
const PROFILE: &str = "dev";
/// What is kept before the first packet, and after the last one while the sound fades.
const LEAD_S: f64 = 0.5;
const TAIL_S: f64 = 2.0;

/// Renders the demo into `target/demo`.
pub fn render(workspace: &Workspace, seconds: f64, replay: Option<&Path>) -> Result<()> {
    if let Some(file) = replay
        && !file.is_file()
    {
        bail!(
            "{} is not a file; give a sensor capture in CSV",
            file.display()
        );
    }
    let bundles = bundle::bundle(workspace, PROFILE)?;
    let folder = workspace.target.join("demo");
    std::fs::create_dir_all(&folder)?;
    let trace_path = folder.join("trace.csv");
    let _ = std::fs::remove_file(&trace_path);

    announce(&format!(
        "opening {} in a CLAP host",
        workspace.shorten(&bundles.clap)
    ));
    let port = free_port()?;
    tell_plugin("IMU2MUSIC_PORTS", &port.to_string());
    tell_plugin("IMU2MUSIC_TRACE", &trace_path.display().to_string());
    let mut plugin = Plugin::open(&bundles.clap)?;
    let sender = performer(workspace, port, seconds, replay);
    let recording = play(&mut plugin, sender, port, seconds, replay.is_some());
    // The trace is complete only once the plugin is gone.
    drop(plugin);
    let mut recording = recording?;
    let trace = Trace::read(&trace_path).with_context(|| {
        format!(
            "the plugin left no readable trace at {}",
            trace_path.display()
        )
    })?;

    let start_s = (recording.performance_s - LEAD_S).max(0.0);
    recording.cut_before(start_s);
    let trace = trace.counted_from(start_s);
    let (wav, png) = (folder.join("demo.wav"), folder.join("demo.png"));
    recording.write_wav(&wav)?;
    announce("drawing");
    figure::draw(&png, &recording, &trace)?;
    report::print(&recording, &trace);
    println!("  sound       {}", workspace.shorten(&wav));
    println!("  picture     {}", workspace.shorten(&png));
    report::judge(&recording, &trace, replay.is_none())
}

/// Opens the standalone, with its editor, on the sound card.
pub fn live(workspace: &Workspace, replay: Option<&Path>) -> Result<()> {
    setup::system_packages(Purpose::Build)?;
    announce("building the standalone");
    crate::workspace::run(workspace.cargo().args([
        "build",
        "-p",
        "imu2music",
        "--profile",
        PROFILE,
    ]))?;
    let port = free_port()?;
    let mut standalone = Command::new(workspace.command_of(PROFILE));
    standalone
        .arg("play")
        .env("IMU2MUSIC_PORTS", port.to_string());
    announce(&format!(
        "{DISPLAY_NAME} on the sound card; close its window to end"
    ));
    let mut window = standalone
        .spawn()
        .with_context(|| format!("could not start `{}`", spell(&standalone)))?;
    std::thread::sleep(Duration::from_secs(2));
    let mut sender = performer(workspace, port, 30.0, replay);
    while window.try_wait()?.is_none() {
        let mut playing = sender
            .spawn()
            .with_context(|| format!("could not start `{}`", spell(&sender)))?;
        while playing.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(100));
            if window.try_wait()?.is_some() {
                stop(&mut playing);
            }
        }
    }
    Ok(())
}

fn performer(workspace: &Workspace, port: u16, seconds: f64, replay: Option<&Path>) -> Command {
    let mut command = Command::new(workspace.command_of(PROFILE));
    match replay {
        Some(file) => command.arg("replay").arg(file),
        None => command.args([
            "perform",
            "--style",
            "bow",
            "--seconds",
            &seconds.to_string(),
        ]),
    };
    command.args(["--to", &format!("127.0.0.1:{port}")]);
    command
}

/// Activates, waits for the plugin's ear, lets the sender play to its end.
fn play(
    plugin: &mut Plugin,
    mut sender: Command,
    port: u16,
    seconds: f64,
    until_sender_ends: bool,
) -> Result<Recording> {
    let ready = plugin.activate(player::SAMPLE_RATE_HZ, player::BLOCK)?;
    let progress = Arc::new(Progress::default());
    let audio = player::start(ready, progress.clone());
    let outcome = (|| {
        wait_until_listening(plugin, port)?;
        println!(
            "the plugin listens on port {port}; starting `{}`",
            spell(&sender)
        );
        let started_s = progress.seconds();
        let mut child = sender
            .spawn()
            .with_context(|| format!("could not start `{}`", spell(&sender)))?;
        // A performer that hangs must not hang the demo.
        let limit_s = if until_sender_ends {
            3600.0
        } else {
            seconds + 10.0
        };
        let outcome = accompany(plugin, &mut child, &progress, started_s, limit_s);
        stop(&mut child);
        outcome.map(|()| started_s)
    })();
    progress.stop();
    let (player, mut recording) = audio
        .join()
        .map_err(|_| anyhow::anyhow!("the audio thread panicked"))?;
    plugin.deactivate(player);
    recording.performance_s = outcome?;
    if let Some(failure) = recording.failure.take() {
        bail!("{failure}");
    }
    Ok(recording)
}

/// Tends the plugin and shows progress until the sender is done and its sound has faded.
fn accompany(
    plugin: &mut Plugin,
    child: &mut Child,
    progress: &Progress,
    started_s: f64,
    limit_s: f64,
) -> Result<()> {
    let mut ended_s = None;
    let mut line = ProgressLine::new();
    loop {
        std::thread::sleep(Duration::from_millis(20));
        plugin.tend();
        let now_s = progress.seconds() - started_s;
        line.show(now_s, progress);
        if !progress.is_running() {
            bail!("the audio thread stopped early");
        }
        if let Some(end_s) = ended_s {
            if now_s > end_s + TAIL_S {
                line.end();
                return Ok(());
            }
        } else if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("the sender failed: {status}");
            }
            ended_s = Some(now_s);
        } else if now_s > limit_s {
            bail!("the sender did not end");
        }
    }
}

/// Asks the port itself: an unbound UDP port on loopback refuses what is sent to it.
fn wait_until_listening(plugin: &mut Plugin, port: u16) -> Result<()> {
    let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    probe.connect((Ipv4Addr::LOCALHOST, port))?;
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut accepted = 0;
    while accepted < 3 {
        if Instant::now() > deadline {
            bail!("the plugin does not listen on port {port}");
        }
        plugin.tend();
        // The refusal of one send is reported by the next.
        accepted = if probe.send(b"/hello\0\0,\0\0\0").is_ok() {
            accepted + 1
        } else {
            0
        };
        std::thread::sleep(Duration::from_millis(30));
    }
    Ok(())
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

#[allow(unsafe_code)]
fn tell_plugin(variable: &str, value: &str) {
    // SAFETY: called before any other thread exists in this process.
    unsafe { std::env::set_var(variable, value) }
}

/// One line that renews itself on a terminal, or one every few seconds elsewhere.
struct ProgressLine {
    terminal: bool,
    next: Instant,
}

impl ProgressLine {
    fn new() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            next: Instant::now(),
        }
    }

    fn show(&mut self, now_s: f64, progress: &Progress) {
        if Instant::now() < self.next {
            return;
        }
        self.next += Duration::from_millis(if self.terminal { 100 } else { 2500 });
        let level_db = progress.level_db();
        let bar = "█".repeat(((level_db + 60.0) / 2.0).clamp(0.0, 30.0) as usize);
        let text = format!("  {now_s:5.1} s   level {level_db:6.1} dB  {bar:<30}");
        if self.terminal {
            print!("\r{text}")
        } else {
            println!("{}", text.trim_end())
        }
        let _ = std::io::stdout().flush();
    }

    fn end(&self) {
        if self.terminal {
            println!();
        }
    }
}
