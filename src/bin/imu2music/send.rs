//! `perform` and `replay`: motion as real UDP packets, at its own times.

use std::error::Error;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use imu2music::sensor::encode::Spoken;
use imu2music::sensor::impair::{Impaired, Impairment};
use imu2music::sensor::performer::{Performer, Placement, Style};
use imu2music::sensor::take::Take;
use imu2music::sensor::transmit::{TimedDatagram, Transmitter, performed_with, speak};
use imu2music::train::takes::perform::{USUAL_RATE_HZ, Wearing};
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Args)]
pub struct PerformOptions {
    /// What the performer does: bow, strum, shake, conduct, still
    #[arg(long, default_value = "bow", value_parser = parse_style)]
    style: Style,
    /// Ends after this long; otherwise plays until it is stopped
    #[arg(long)]
    seconds: Option<f64>,
    /// Another seed is another performance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    straps: Straps,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    network: Network,
}

#[derive(Args)]
pub struct ReplayOptions {
    /// An OSC log or a table of motion (CSV)
    file: PathBuf,
    /// 2 is twice as fast
    #[arg(long, default_value_t = 1.0, value_parser = parse_rate)]
    speed: f64,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct Target {
    /// Where to send: address:port
    #[arg(long, default_value = "127.0.0.1:8888", value_parser = parse_target)]
    to: SocketAddr,
    /// The device to speak like: riot_v2, ngimu, gyrosc, zigsim, comote, mugic, x_imu3 or any other that is known; a
    /// wrong name lists them all (an OSC log is sent as it is)
    #[arg(long, default_value = "riot_v2", value_parser = parse_dialect)]
    dialect: Spoken,
}

/// What the virtual performer wears.
#[derive(Args)]
pub struct Straps {
    /// Where the virtual performer wears a sensor, for each: right_forearm, left_forearm, right_wrist, left_wrist,
    /// right_upper_arm, left_upper_arm, torso or head; if you like with metres from the joint and the degrees by which
    /// the strap is turned about x, y and z, as in right_wrist=0.27,0,0,90. Without any, one on each forearm
    #[arg(long, value_parser = Placement::parse)]
    wear: Vec<Placement>,
    /// Readings per second of each virtual sensor
    #[arg(long, default_value_t = USUAL_RATE_HZ, value_parser = parse_rate)]
    rate: f64,
}

impl Straps {
    /// A take gives each place to one sensor.
    ///
    /// # Errors
    /// Names the place that two would share.
    pub fn check_apart(&self) -> Result<(), String> {
        let mut names: Vec<&str> = self.wear.iter().map(|place| place.name).collect();
        names.sort_unstable();
        match names.windows(2).find(|two| two[0] == two[1]) {
            None => Ok(()),
            Some(two) => Err(format!(
                "--wear {}: a take has one sensor there; give the other another place (a wrist and a forearm may lie \
                 anywhere on the same limb)",
                two[0]
            )),
        }
    }

    pub fn by(&self, performer: &Performer, network: Impairment) -> Wearing {
        let usual = Wearing::usual(performer);
        Wearing {
            sensors: match self.wear.is_empty() {
                true => usual.sensors,
                false => performer.wearing(&self.wear),
            },
            rate_hz: self.rate,
            network,
        }
    }
}

/// A stage's Wi-Fi is imitated, but not where packets go through a real network, which needs no help.
#[derive(Args)]
pub struct Network {
    /// Mean random delay of a packet
    #[arg(long)]
    jitter_ms: Option<f32>,
    /// Share of packets that are lost, 0 to 1
    #[arg(long)]
    loss: Option<f32>,
}

impl Network {
    pub fn impairment(&self, usual: Impairment, seed: u64) -> Impairment {
        let bursts_hz = if self.jitter_ms == Some(0.0) {
            0.0
        } else {
            usual.bursts_hz
        };
        Impairment {
            jitter_ms: self.jitter_ms.unwrap_or(usual.jitter_ms),
            loss: self.loss.unwrap_or(usual.loss),
            bursts_hz,
            seed,
            ..usual
        }
    }
}

pub fn perform(options: &PerformOptions) -> Result<(), Box<dyn Error>> {
    let performer = Performer::new(options.style, options.seed);
    let usual = if options.target.to.ip().is_loopback() {
        Impairment::WIRELESS
    } else {
        Impairment::NONE
    };
    let network = options.network.impairment(usual, options.seed);
    let wearing = options.straps.by(&performer, network);
    let readings = performed_with(performer, wearing.sensors, wearing.rate_hz, options.seconds);
    let plan = Impaired::new(speak(readings, options.target.dialect), network);
    play(plan, options.target.to, 1.0, options.seconds)
}

pub fn replay(options: &ReplayOptions) -> Result<(), Box<dyn Error>> {
    let take = Take::read(&options.file)?;
    let seconds = take.seconds() / options.speed;
    let plan = take.into_datagrams(options.target.dialect).into_iter();
    play(plan, options.target.to, options.speed, Some(seconds))
}

fn play(
    plan: impl Iterator<Item = TimedDatagram> + Send + 'static,
    target: SocketAddr,
    speed: f64,
    seconds: Option<f64>,
) -> Result<(), Box<dyn Error>> {
    let transmitter = Transmitter::start(target, plan, speed)?;
    let (start, bar) = (Instant::now(), progress_bar(seconds)?);
    while !transmitter.is_finished() {
        thread::sleep(Duration::from_millis(50));
        bar.set_position(start.elapsed().as_millis() as u64);
        bar.set_message(format!("{} packets to {target}", transmitter.sent()));
    }
    bar.finish_and_clear();
    println!("{} packets sent to {target}", transmitter.sent());
    match transmitter.failed() {
        0 => Ok(()),
        failed => Err(format!(
            "{failed} packets could not be sent to {target}: is that address on this network?"
        )
        .into()),
    }
}

/// Time that has gone by, in milliseconds; nothing is drawn where there is no terminal.
fn progress_bar(seconds: Option<f64>) -> Result<ProgressBar, Box<dyn Error>> {
    let Some(seconds) = seconds else {
        let spinner = ProgressBar::new_spinner();
        return Ok(spinner.with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?));
    };
    let bar = ProgressBar::new((1e3 * seconds) as u64);
    Ok(bar.with_style(ProgressStyle::with_template(
        "{wide_bar} {eta} left, {msg}",
    )?))
}

pub fn parse_style(name: &str) -> Result<Style, String> {
    Style::from_name(name)
        .ok_or_else(|| format!("one of: {}", Style::ALL.map(Style::name).join(", ")))
}

fn parse_dialect(name: &str) -> Result<Spoken, String> {
    Spoken::from_name(name)
        .ok_or_else(|| format!("one of: {}", Spoken::names().collect::<Vec<_>>().join(", ")))
}

fn parse_target(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; give address:port"))?;
    addresses
        .find(SocketAddr::is_ipv4)
        .ok_or_else(|| "no IPv4 address".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=10_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("from 0.01 to 10000".to_owned())
    }
}
