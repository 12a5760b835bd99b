//! `check-take` and `import`: takes as documents.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use imu2music::gesture::Role;
use imu2music::sensor::profile::Profile;
use imu2music::sensor::take::document::{Audio, Document};
use imu2music::train::takes::check;
use imu2music::train::takes::import::{self, Offset};
use imu2music::train::takes::reread::reread;

/// What a take says of the person.
#[derive(Args)]
pub struct About {
    /// A code for who plays, not a name
    #[arg(long, default_value = "")]
    participant: String,
    /// What they agreed to
    #[arg(long, default_value = "")]
    consent: String,
    /// As in "CC BY 4.0"
    #[arg(long, default_value = "")]
    licence: String,
    #[arg(long, default_value = "")]
    notes: String,
}

impl About {
    pub fn document(&self) -> Document {
        Document {
            participant: self.participant.clone(),
            consent: self.consent.clone(),
            licence: self.licence.clone(),
            notes: self.notes.clone(),
            ..Document::default()
        }
    }
}

pub fn parse_role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| format!("one of: {}", Role::ALL.map(Role::name).join(", ")))
}

#[derive(Args)]
pub struct CheckOptions {
    take: PathBuf,
    /// Decode the raw datagrams again, with this version's dialects and --profile
    #[arg(long)]
    reread: bool,
    /// A profile (JSON) for sensors that no dialect knows, or that one misunderstood
    #[arg(long, requires = "reread")]
    profile: Vec<PathBuf>,
}

pub fn check(options: &CheckOptions) -> Result<(), Box<dyn Error>> {
    if options.reread {
        let mut rows = Vec::new();
        for path in &options.profile {
            rows.extend(Profile::read(path)?.rows());
        }
        let (before, after) = reread(&options.take, &rows)?;
        println!(
            "{}: {before} readings before, {after} now",
            options.take.display()
        );
    }
    say(&options.take)
}

/// Prints what a check finds; an error if the take cannot be used.
pub fn say(take: &Path) -> Result<(), Box<dyn Error>> {
    let checked = check::check(take);
    for found in &checked.findings {
        println!("{found}");
    }
    let (from, to) = checked.motion_s;
    let sound = checked.sound_s.map_or("no sound".into(), |(from, to)| {
        format!("sound from {from:.2} to {to:.2} s")
    });
    println!(
        "{}: {} readings from {from:.2} to {to:.2} s, {sound}",
        take.display(),
        checked.frames
    );
    if checked.is_usable() {
        Ok(())
    } else {
        Err(format!("{} cannot be used as it is", take.display()).into())
    }
}

#[derive(Args)]
pub struct ImportOptions {
    /// A table of one sensor's readings (CSV with a header of quantities and units)
    #[arg(long, required_unless_present = "take", requires = "out")]
    imu: Option<PathBuf>,
    /// A take that lacks its sound
    #[arg(long, conflicts_with = "imu")]
    take: Option<PathBuf>,
    #[arg(long)]
    wav: PathBuf,
    /// Where the sound begins on the clock of the motion, in seconds; found by the sync tap if it is left out
    #[arg(long, allow_negative_numbers = true)]
    offset: Option<f64>,
    /// Where the sensor was worn
    #[arg(long, default_value = "right_forearm", value_parser = parse_role)]
    role: Role,
    /// The folder to make
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    about: About,
}

pub fn import(options: &ImportOptions) -> Result<(), Box<dyn Error>> {
    let offset = options.offset.map_or(Offset::Tap, Offset::Given);
    let (take, audio) = match (&options.take, &options.imu, &options.out) {
        (Some(take), ..) => (take, import::add_sound(take, &options.wav, offset)?),
        (None, Some(imu), Some(out)) => {
            let document = options.about.document();
            let audio = import::import(
                imu,
                &options.wav,
                offset,
                options.role.name(),
                out,
                document,
            )?;
            (out, audio)
        }
        _ => return Err("say --imu FILE --out FOLDER, or --take FOLDER".into()),
    };
    println!("{}", spoken(&audio));
    say(take)
}

fn spoken(audio: &Audio) -> String {
    let error = audio.error_s.map_or(String::new(), |error| {
        format!(", within {:.1} ms", 1e3 * error)
    });
    format!(
        "the sound begins at {:.4} s of the motion{error}",
        audio.starts_s
    )
}
