//! `monitor`: a live table of the sensors that arrive, or lines of JSON.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stdout};
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use imu2music::sensor::advice::{hints, unheard};
use imu2music::sensor::clock::ClockSource;
use imu2music::sensor::device::DeviceStatus;
use imu2music::sensor::hub::{PortRole, Reach, Subscription, Wishes, announced, listen};
use imu2music::sensor::intake::UnknownMessage;
use imu2music::sensor::osc::Argument;
use imu2music::sensor::ring::SensorOutput;
use imu2music::units::HostTime;
use serde_json::{Value, json};

#[derive(Args)]
pub struct Options {
    /// Port to hear; may be given several times
    #[arg(long, default_values_t = [8888, 8000, 9000])]
    port: Vec<u16>,
    /// Hear the network too, not only programs on this machine
    #[arg(long)]
    network: bool,
    /// Only this sender of the network; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    allow: Vec<Ipv4Addr>,
    /// Join a multicast group, as 239.1.2.3; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    group: Vec<Ipv4Addr>,
    /// One line of JSON a port instead of a table
    #[arg(long)]
    json: bool,
    /// Ends after this long
    #[arg(long)]
    seconds: Option<f64>,
    /// Seconds between updates
    #[arg(long, default_value_t = 0.25)]
    every: f64,
}

type Ear = (Subscription, SensorOutput);

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let reach = if options.network {
        Reach::Network
    } else {
        Reach::Loopback
    };
    let wishes = Wishes {
        reach,
        senders: options.allow.clone(),
        groups: options.group.clone(),
    };
    let mut ears: Vec<Ear> = Vec::new();
    let mut deaf = String::new();
    for &port in &options.port {
        match listen(port, wishes.clone()) {
            Ok(ear) => ears.push(ear),
            Err(error) => writeln!(deaf, "{error}")?,
        }
    }
    if ears.is_empty() {
        return Err(deaf.trim_end().into());
    }
    if options.json {
        eprint!("{deaf}");
    }
    let (start, redraws) = (Instant::now(), stdout().is_terminal() && !options.json);
    loop {
        thread::sleep(Duration::from_secs_f64(options.every.clamp(0.02, 60.0)));
        let done = options
            .seconds
            .is_some_and(|seconds| start.elapsed().as_secs_f64() >= seconds);
        for (_, output) in &mut ears {
            while output.pop().is_some() {}
        }
        // A table that cannot be redrawn is printed once, at the end.
        if options.json || redraws || done {
            let text = if options.json {
                lines(&ears)
            } else {
                format!("{}{deaf}", table(&ears, reach))
            };
            let clear = if redraws { "\x1b[2J\x1b[H" } else { "" };
            write!(stdout(), "{clear}{text}")?;
            stdout().flush()?;
        }
        if done {
            return Ok(());
        }
    }
}

fn table(ears: &[Ear], reach: Reach) -> String {
    let mut text = String::new();
    let now = HostTime::now();
    for (ear, _) in ears {
        let counters = ear.counters();
        let _ = writeln!(
            text,
            "{}  {}{} packets, {} malformed, {} unknown, {} implausible; receive buffer {} KiB",
            ear.local_address(),
            relation(ear),
            counters.datagrams,
            counters.malformed,
            counters.unknown,
            counters.implausible,
            ear.receive_buffer_bytes() / 1024,
        );
    }
    for (ear, _) in ears {
        if let Some(trouble) = ear.trouble() {
            let _ = writeln!(text, "{trouble}");
        }
        for sender in ear.barred() {
            let _ = writeln!(text, "kept out  {sender}: --allow {sender} lets it in");
        }
    }
    let ports: Vec<u16> = ears.iter().map(|(ear, _)| ear.port()).collect();
    for call in announced()
        .iter()
        .filter_map(|known| unheard(known, &ports))
    {
        let _ = writeln!(text, "{call}");
    }
    let devices: Vec<_> = ears.iter().flat_map(|(ear, _)| ear.devices()).collect();
    let unknown: Vec<_> = ears.iter().flat_map(|(ear, _)| ear.unknown()).collect();
    if devices.is_empty() && unknown.is_empty() {
        text.push_str("\nNothing arrives.\n");
        let addresses = imu2music::sensor::hub::network_addresses();
        for hint in hints(reach, &addresses, std::env::consts::OS) {
            let _ = writeln!(text, "- {hint}");
        }
        return text;
    }
    let _ = writeln!(
        text,
        "\n{:<28}{:>7}{:>7}{:>7}{:>8}{:>8}{:>8}  {:<8}{:>9}{:>9}  orientation w x y z",
        "sensor",
        "Hz",
        "lost",
        "order",
        "jitter",
        "delay",
        "silent",
        "clock",
        "|a| m/s²",
        "|ω| r/s"
    );
    for device in &devices {
        write_device(&mut text, device, now);
    }
    for message in &unknown {
        let _ = writeln!(
            text,
            "unknown  {} {}  ({} times, {})",
            message.address,
            values(message),
            message.count,
            message.sender
        );
    }
    text
}

/// Whose socket it is.
fn relation(ear: &Subscription) -> String {
    match (ear.role(), ear.guests()) {
        (PortRole::Holder, 0) => String::new(),
        (PortRole::Holder, guests) => format!("shared with {guests} more, "),
        (PortRole::Guest, _) => "shared by another IMU2Music, ".to_owned(),
        (PortRole::Lost, _) => "not heard, ".to_owned(),
    }
}

fn write_device(text: &mut String, device: &DeviceStatus, now: HostTime) {
    let clock = match device.clock {
        ClockSource::Stamp => "its own",
        ClockSource::Arrival => "arrival",
    };
    let latest = &device.latest;
    let orientation: Vec<_> = latest
        .quaternion
        .iter()
        .map(|value| number(*value, 6, 2))
        .collect();
    let _ = writeln!(
        text,
        "{:<28}{:>7.1}{:>7}{:>7}{:>5.1} ms{:>5.1} ms{:>6.1} s  {:<8}{:>9}{:>9}  {}",
        device.name,
        device.rate_hz,
        device.lost,
        device.reordered,
        device.jitter_ms,
        device.delay_ms,
        now.seconds_since(device.last_seen),
        clock,
        number(length(&latest.accel_m_per_s2), 9, 2),
        number(length(&latest.rate_rad_per_s), 9, 2),
        orientation.join(" "),
    );
}

fn number(value: f32, width: usize, decimals: usize) -> String {
    if value.is_nan() {
        format!("{:>width$}", "-")
    } else {
        format!("{value:>width$.decimals$}")
    }
}

fn length(vector: &[f32; 3]) -> f32 {
    vector.iter().map(|value| value * value).sum::<f32>().sqrt()
}

/// What a message says, in a line.
pub fn values(message: &UnknownMessage) -> String {
    let words = message.arguments.iter().map(|argument| match argument {
        Argument::Number(value) => format!("{value:.4}"),
        Argument::Text(text) => format!("{text:?}"),
        Argument::Other => "?".to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn lines(ears: &[Ear]) -> String {
    ears.iter()
        .map(|(ear, _)| format!("{}\n", line(ear)))
        .collect()
}

fn line(ear: &Subscription) -> Value {
    let counters = ear.counters();
    let now = HostTime::now();
    let unknown = ear.unknown();
    json!({
        "address": ear.local_address().to_string(),
        "role": match ear.role() {
            PortRole::Holder => "holder",
            PortRole::Guest => "guest",
            PortRole::Lost => "lost",
        },
        "guests": ear.guests(),
        "takeovers": ear.takeovers(),
        "trouble": ear.trouble().map(|trouble| trouble.to_string()),
        "receive_buffer_bytes": ear.receive_buffer_bytes(),
        "announced": announced().iter().map(|known| json!({
            "address": known.address.to_string(),
            "name": known.name,
            "serial": known.serial,
            "sends_to": known.sends_to,
        })).collect::<Vec<_>>(),
        "barred": counters.barred,
        "barred_senders": ear.barred().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "datagrams": counters.datagrams,
        "messages": counters.messages,
        "frames": counters.frames,
        "malformed": counters.malformed,
        "unknown": counters.unknown,
        "implausible": counters.implausible,
        "devices": ear.devices().iter().map(|device| device_json(device, now)).collect::<Vec<_>>(),
        "unknown_messages": unknown.iter().map(|message| json!({
            "sender": message.sender.to_string(),
            "address": message.address,
            "values": values(message),
            "count": message.count,
        })).collect::<Vec<_>>(),
    })
}

fn device_json(device: &DeviceStatus, now: HostTime) -> Value {
    let latest = &device.latest;
    // JSON has no NaN: what a device does not send is null.
    json!({
        "id": device.id.0,
        "name": device.name,
        "profile": device.profile,
        "sender": device.sender.to_string(),
        "rate_hz": device.rate_hz,
        "frames": device.frames,
        "lost": device.lost,
        "reordered": device.reordered,
        "jitter_ms": device.jitter_ms,
        "delay_ms": device.delay_ms,
        "clock": match device.clock { ClockSource::Stamp => "device", ClockSource::Arrival => "arrival" },
        "drift_ppm": device.drift_ppm,
        "silent_s": now.seconds_since(device.last_seen),
        "accel_m_per_s2": latest.accel_m_per_s2,
        "rate_rad_per_s": latest.rate_rad_per_s,
        "mag_ut": latest.mag_ut,
        "quaternion": latest.quaternion,
        "linear_accel_m_per_s2": latest.linear_accel_m_per_s2,
        "aux": latest.aux,
    })
}
