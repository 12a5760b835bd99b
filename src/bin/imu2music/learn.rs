//! `learn`: shows what an unknown sensor says, leads through four movements, and writes its profile.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use imu2music::sensor::hub::{Reach, Subscription, listen};
use imu2music::sensor::intake::UnknownMessage;
use imu2music::sensor::learn::{Recording, STEP_S, Step};
use imu2music::sensor::profile;

use super::monitor::values;

/// How often the newest values are looked at.
const LOOK: Duration = Duration::from_millis(5);

#[derive(Args)]
pub struct Options {
    /// What the sensor shall be called
    #[arg(long, default_value = "My sensor")]
    name: String,
    /// Port to hear
    #[arg(long, default_value_t = 8888)]
    port: u16,
    /// Hear the network too, not only programs on this machine
    #[arg(long)]
    network: bool,
    /// The sender to learn; otherwise the one that sends most
    #[arg(long)]
    sender: Option<IpAddr>,
    /// Folder for the profile; otherwise that in which the plugin finds it
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Begin each movement after so many seconds instead of waiting for Enter
    #[arg(long)]
    countdown: Option<f64>,
}

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let reach = if options.network {
        Reach::Network
    } else {
        Reach::Loopback
    };
    let (ear, _readings) = listen(options.port, reach)?;
    println!("listening on {}", ear.local_address());
    let sender = sender(&ear, options)?;
    for message in ear.unknown().iter().filter(|m| m.sender == sender) {
        println!("  {} {}", message.address, values(message));
    }
    let mut recording = Recording::new(sender);
    let start = Instant::now();
    for (number, step) in Step::ALL.into_iter().enumerate() {
        println!(
            "\n{} of {}. {}.",
            number + 1,
            Step::ALL.len(),
            step.instruction()
        );
        lead_in(options.countdown)?;
        record(&ear, &mut recording, step, start)?;
    }
    let learned = recording.learn(&options.name)?;
    println!("\nfound");
    learned.found.iter().for_each(|line| println!("  {line}"));
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => profile::folder()?,
    };
    println!("\nsaved as {}", learned.profile.save(&folder)?.display());
    println!(
        "The plugin reads it when it next opens the port. Share the file with others who have this sensor."
    );
    Ok(())
}

fn sender(ear: &Subscription, options: &Options) -> Result<IpAddr, Box<dyn Error>> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let start = Instant::now();
    // A moment longer than the first message, so that all addresses are there.
    while start.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(1000));
        let unknown: Vec<UnknownMessage> = ear.unknown();
        let wanted = unknown
            .iter()
            .filter(|message| options.sender.is_none_or(|sender| sender == message.sender))
            .max_by_key(|message| message.count);
        if let Some(message) = wanted {
            return Ok(message.sender);
        }
    }
    let known: Vec<String> = ear
        .devices()
        .into_iter()
        .map(|device| device.name)
        .collect();
    Err(if known.is_empty() {
        "nothing arrives: set the sensor's target to the address above (--network for sensors on Wi-Fi)".into()
    } else {
        format!(
            "only sensors that are known already send here: {}",
            known.join(", ")
        )
        .into()
    })
}

fn lead_in(countdown: Option<f64>) -> Result<(), Box<dyn Error>> {
    let Some(seconds) = countdown else {
        print!("   Press Enter, then move. ");
        stdout().flush()?;
        if stdin().lock().read_line(&mut String::new())? == 0 {
            return Err("no keyboard to press Enter on: use --countdown".into());
        }
        return Ok(());
    };
    thread::sleep(Duration::from_secs_f64(seconds.clamp(0.0, 60.0)));
    Ok(())
}

fn record(
    ear: &Subscription,
    recording: &mut Recording,
    step: Step,
    start: Instant,
) -> Result<(), Box<dyn Error>> {
    print!("   Now");
    let (begun, mut dots) = (Instant::now(), 0);
    while begun.elapsed().as_secs_f64() < STEP_S {
        for message in ear.unknown() {
            recording.note(step, &message, start.elapsed().as_secs_f64());
        }
        if begun.elapsed().as_secs() > dots {
            dots += 1;
            print!(" .");
            stdout().flush()?;
        }
        thread::sleep(LOOK);
    }
    println!(" done");
    Ok(())
}
