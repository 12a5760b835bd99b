//! `record`: a take from live sensors. Datagrams go to the disk as they come, and the sound beside them on the same
//! clock; at the end they are decoded by the code that listens live. The folder gets its name when it is whole.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use imu2music::gesture::Role;
use imu2music::neural::shipped::SOUNDS;
use imu2music::neural::sound_model::SoundModel;
use imu2music::sensor::dialect::Dialects;
use imu2music::sensor::hub::{Reach, Subscription, listen};
use imu2music::sensor::impair::Impairment;
use imu2music::sensor::performer::{Performer, Style};
use imu2music::sensor::profile::Profile;
use imu2music::sensor::take::decode::decode;
use imu2music::sensor::take::document::{
    AUDIO, Alignment, Audio, DATAGRAMS, DOCUMENT, Document, FRAMES, SCHEMA, Worn,
};
use imu2music::sensor::take::folder::TakeFolder;
use imu2music::sensor::take::frames;
use imu2music::sensor::take::raw::{self, RawDatagram};
use imu2music::train::progress::{stop_asked, stop_on_interrupt};
use imu2music::train::takes::import::{Offset, add_sound, units};
use imu2music::train::takes::perform::perform;
use imu2music::units::HostTime;

use super::microphone::Microphone;
use super::send::{Network, Straps};
use super::takes::About;

#[derive(Args)]
pub struct Options {
    /// The folder to make, as in song.take
    #[arg(long)]
    out: PathBuf,
    #[arg(long, default_value_t = 8888)]
    port: u16,
    /// Hear the network, not only programs on this machine
    #[arg(long)]
    network: bool,
    /// Ends after this long; otherwise Ctrl-C ends it
    #[arg(long)]
    seconds: Option<f64>,
    /// Who wears what, as in right_forearm=0 (a part of the sensor's name, as `monitor` shows it). Without any, sensors
    /// fill right_forearm, left_forearm and so on in the order of their coming
    #[arg(long, value_parser = parse_seat)]
    role: Vec<(Role, String)>,
    /// The virtual performer instead of sensors, its music played by a shipped model: bow, strum, shake, conduct
    #[arg(long, value_parser = super::send::parse_style, requires = "seconds", conflicts_with_all = ["wav", "input", "no_audio", "role"])]
    performer: Option<Style>,
    /// With --performer: another seed is another performance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    straps: Straps,
    #[command(flatten)]
    imitated: Network,
    /// A WAV file of the same performance, recorded elsewhere: placed by the sync tap
    #[arg(long, conflicts_with_all = ["input", "no_audio"])]
    wav: Option<PathBuf>,
    /// A part of the sound input's name; otherwise the system's default
    #[arg(long)]
    input: Option<String>,
    /// Motion only: the sound is added later with `import`
    #[arg(long)]
    no_audio: bool,
    /// A profile (JSON) for sensors that no dialect knows
    #[arg(long)]
    profile: Vec<PathBuf>,
    #[command(flatten)]
    about: About,
}

fn parse_seat(text: &str) -> Result<(Role, String), String> {
    let (role, device) = text.split_once('=').ok_or("write ROLE=SENSOR")?;
    Ok((super::takes::parse_role(role)?, device.to_owned()))
}

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if let (Some(style), Some(seconds)) = (options.performer, options.seconds) {
        options.straps.check_apart()?;
        let sound = SoundModel::load(SOUNDS[0])?;
        let performer = Performer::new(style, options.seed);
        let network = options
            .imitated
            .impairment(Impairment::WIRELESS, options.seed);
        let wearing = options.straps.by(&performer, network);
        perform(performer, wearing, &sound, seconds, &options.out)?;
        return super::takes::say(&options.out);
    }
    let reach = if options.network {
        Reach::Network
    } else {
        Reach::Loopback
    };
    let mut rows = Vec::new();
    for path in &options.profile {
        rows.extend(Profile::read(path)?.rows());
    }
    let folder = TakeFolder::create(&options.out)?;
    let (subscription, mut readings) = listen(options.port, reach)?;
    let wants_microphone = options.wav.is_none() && !options.no_audio;
    let microphone = wants_microphone
        .then(|| Microphone::open(options.input.as_deref()))
        .transpose()?;
    stop_on_interrupt();
    let start = HostTime::now();
    let mut tape = Tape::begin(
        &folder,
        start,
        &subscription,
        microphone,
        Dialects::with_user_rows(&rows)?,
    )?;
    println!(
        "recording on {}; Ctrl-C ends it",
        subscription.local_address()
    );
    let enough = |now: HostTime| {
        options
            .seconds
            .is_some_and(|seconds| now.seconds_since(start) >= seconds)
    };
    while !stop_asked() && !enough(HostTime::now()) {
        thread::sleep(Duration::from_millis(20));
        while readings.pop().is_some() {}
        tape.run()?;
        tape.report(&subscription);
    }
    drop(subscription);
    let (datagrams, audio) = tape.end()?;
    let decoded = decode(&datagrams, Dialects::with_user_rows(&rows)?);
    if decoded.frames.is_empty() {
        return Err(format!(
            "no reading came in on port {}: nothing is kept. `imu2music monitor --port {}` shows what arrives",
            options.port, options.port
        )
        .into());
    }
    let mut devices = decoded.devices;
    seat(&mut devices, &options.role)?;
    let document = Document {
        schema: SCHEMA,
        recorded_unix_s: unix_s() - HostTime::now().seconds_since(start),
        units: units(),
        devices,
        audio,
        dialects: rows,
        ..options.about.document()
    };
    folder.write(FRAMES, frames::text(&decoded.frames).as_bytes())?;
    folder.write(DOCUMENT, document.text().as_bytes())?;
    folder.finish()?;
    if let Some(wav) = &options.wav {
        add_wav(&options.out, wav)?;
    }
    for worn in &document.devices {
        println!(
            "{:<16} {} at {:.1} readings/s, {} lost",
            worn.role, worn.name, worn.rate_hz, worn.lost
        );
    }
    println!(
        "{}: {} datagrams, {} readings",
        options.out.display(),
        datagrams.len(),
        decoded.frames.len()
    );
    super::takes::say(&options.out)
}

fn add_wav(take: &Path, wav: &Path) -> Result<(), Box<dyn Error>> {
    add_sound(take, wav, Offset::Tap).map(|_| ()).map_err(|error| {
        let (take, wav) = (take.display(), wav.display());
        format!("{error}. The take is kept without sound: imu2music import --take {take} --wav {wav} --offset SECONDS").into()
    })
}

fn unix_s() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Gives devices their roles: as told, or in the order of their coming.
fn seat(devices: &mut [Worn], wanted: &[(Role, String)]) -> Result<(), Box<dyn Error>> {
    for (role, name) in wanted {
        let known: Vec<String> = devices.iter().map(|worn| worn.name.clone()).collect();
        let free = devices.iter_mut().filter(|worn| worn.role.is_empty());
        let worn = free
            .into_iter()
            .find(|worn| worn.name.contains(&**name))
            .ok_or_else(|| {
                format!(
                    "no sensor's name contains '{name}' for {}; heard were: {}",
                    role.name(),
                    known.join(", ")
                )
            })?;
        worn.role = role.name().into();
    }
    if wanted.is_empty() {
        for (worn, role) in devices.iter_mut().zip(Role::ALL) {
            worn.role = role.name().into();
        }
    }
    Ok(())
}

/// What goes to the disk while it comes.
struct Tape {
    start: HostTime,
    arriving: std::sync::mpsc::Receiver<RawDatagram>,
    datagrams: Vec<RawDatagram>,
    file: BufWriter<File>,
    dialects: Dialects,
    sound: Option<Sound>,
    said: HostTime,
}

struct Sound {
    microphone: Microphone,
    writer: hound::WavWriter<BufWriter<File>>,
    starts: Option<HostTime>,
}

impl Tape {
    fn begin(
        folder: &TakeFolder,
        start: HostTime,
        subscription: &Subscription,
        microphone: Option<Microphone>,
        dialects: Dialects,
    ) -> Result<Tape, Box<dyn Error>> {
        let mut file = BufWriter::new(File::create(folder.file(DATAGRAMS))?);
        writeln!(file, "{}", raw::HEADER)?;
        let sound = microphone
            .map(|microphone| {
                println!("hearing {}", microphone.name);
                let spec = hound::WavSpec {
                    channels: microphone.channels,
                    sample_rate: microphone.sample_rate_hz,
                    bits_per_sample: 32,
                    sample_format: hound::SampleFormat::Float,
                };
                let writer = hound::WavWriter::create(folder.file(AUDIO), spec)?;
                Ok::<_, hound::Error>(Sound {
                    microphone,
                    writer,
                    starts: None,
                })
            })
            .transpose()?;
        Ok(Tape {
            start,
            arriving: subscription.record(),
            datagrams: Vec::new(),
            file,
            dialects,
            sound,
            said: start,
        })
    }

    fn run(&mut self) -> Result<(), Box<dyn Error>> {
        for datagram in self.arriving.try_iter() {
            self.file
                .write_all(datagram.line(self.start, &mut self.dialects).as_bytes())?;
            let arrival = HostTime(datagram.arrival.seconds_since(self.start));
            self.datagrams.push(RawDatagram {
                arrival,
                ..datagram
            });
        }
        if let Some(sound) = &mut self.sound {
            for block in sound.microphone.blocks() {
                sound.starts.get_or_insert(block.heard);
                for sample in block.samples {
                    sound.writer.write_sample(sample)?;
                }
            }
        }
        Ok(())
    }

    fn report(&mut self, subscription: &Subscription) {
        let now = HostTime::now();
        if now.seconds_since(self.said) < 5.0 {
            return;
        }
        self.said = now;
        let (seconds, devices) = (now.seconds_since(self.start), subscription.devices().len());
        println!(
            "{seconds:4.0} s, {devices} sensors, {} datagrams",
            self.datagrams.len()
        );
    }

    /// Closes the files; what was heard, and where the sound begins.
    fn end(mut self) -> Result<(Vec<RawDatagram>, Option<Audio>), Box<dyn Error>> {
        self.run()?;
        self.file.flush()?;
        let Some(sound) = self.sound else {
            return Ok((self.datagrams, None));
        };
        sound.writer.finalize()?;
        let starts = sound.starts.ok_or(
            "the sound input gave no sound: choose another with --input, or use --no-audio",
        )?;
        let audio = Audio {
            file: AUDIO.into(),
            starts_s: starts.seconds_since(self.start),
            sample_rate_hz: sound.microphone.sample_rate_hz,
            channels: sound.microphone.channels,
            alignment: Alignment::Clock,
            error_s: None,
        };
        Ok((self.datagrams, Some(audio)))
    }
}
