//! `imu2music explore`: every architecture, every seed, one budget, on the same takes, beside what they must beat; the
//! result is one HTML file. Each run is written as its own small file, so that a sweep can be split over machines
//! (`--shard 2/4`), joined by whoever finishes (`--merge`), and goes on where it was stopped.

pub(super) mod done;
mod matching;
pub(super) mod origin;
pub(super) mod page;
pub(super) mod picture;
mod rivals;
pub(super) mod run;
mod scored;
pub(super) mod sound;
mod spreads;

use std::path::{Path, PathBuf};

use super::gesture::{Arch, Args as Lesson, Says, Size, TrainError, from_takes};
use super::progress::{stop_asked, stop_on_interrupt};
use rivals::Baselines;
use run::Run;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Args {
    /// Recorded takes (folders)
    #[cfg_attr(feature = "standalone", arg(long, num_args = 1.., required_unless_present = "merge"))]
    pub take: Vec<PathBuf>,
    /// What is learned: controls, or events (the original protocol: 243 MIDI-like events, windows of 6 s)
    #[cfg_attr(feature = "standalone", arg(long, default_value = "controls"))]
    pub target: String,
    /// Networks to compare; by default all that the target has
    #[cfg_attr(feature = "standalone", arg(long, value_delimiter = ','))]
    pub archs: Vec<String>,
    /// How often each is trained, from other beginnings
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 3))]
    pub seeds: u64,
    /// The folder of the report
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
    /// Width of every network: 64, or 128 for events
    #[cfg_attr(feature = "standalone", arg(long))]
    pub hidden: Option<usize>,
    /// Layers of every network: 1, or 2 for events
    #[cfg_attr(feature = "standalone", arg(long))]
    pub layers: Option<usize>,
    /// Most epochs; it ends earlier when what is held out stops improving
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 40))]
    pub epochs: usize,
    /// Frames a second: 100, or 50 for events
    #[cfg_attr(feature = "standalone", arg(long))]
    pub frame_rate_hz: Option<u32>,
    /// Vary recorded motion while learning: auto does so for less than ten minutes, on, off
    #[cfg_attr(feature = "standalone", arg(long, default_value = "auto"))]
    pub augment: String,
    #[cfg_attr(feature = "standalone", command(flatten))]
    pub says: Says,
    /// Only every n-th run, as in 2/4: the second of four machines
    #[cfg_attr(feature = "standalone", arg(long, value_parser = parse_shard))]
    pub shard: Option<Shard>,
    /// Trains nothing: makes the report of the runs that lie in --out
    #[cfg_attr(feature = "standalone", arg(long))]
    pub merge: bool,
    /// No progress lines
    #[cfg_attr(feature = "standalone", arg(long))]
    pub quiet: bool,
}

/// What networks of Controls are unless told otherwise.
const HIDDEN: usize = 64;
const LAYERS: usize = 1;
const RATE_HZ: u32 = 100;

/// One machine of several, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub number: usize,
    pub of: usize,
}

/// Reads `2/4`.
pub fn parse_shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/');
    let parsed = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((number, of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
        _ => Err("write it as 2/4: the second of four".into()),
    }
}

impl Shard {
    pub(super) fn takes(shard: Option<Shard>, index: usize) -> bool {
        shard.is_none_or(|shard| index % shard.of == shard.number - 1)
    }
}

/// The command.
pub fn run(args: &Args) -> Result<(), TrainError> {
    let target = Target::from_name(&args.target).ok_or_else(|| TrainError::Unknown {
        what: "target",
        value: args.target.clone(),
        choices: "controls, events".into(),
    })?;
    let options = args.says.options();
    if matches!(target, Target::Events) && !options.is_empty() {
        return Err(TrainError::Data(format!(
            "events are drawn one after another and have no timbre: leave out{options}"
        )));
    }
    args.says.distributions()?;
    let mut args = args.clone();
    if args.archs.is_empty() {
        args.archs = target.archs();
    }
    let folder = args.out.join("runs");
    std::fs::create_dir_all(&folder).map_err(|cause| TrainError::Write {
        path: folder.clone(),
        cause,
    })?;
    if !args.merge {
        stop_on_interrupt();
    }
    let done = match target {
        Target::Controls => compare_controls(&args, &folder),
        Target::Events => super::events::run(&args, &folder),
    };
    if done.is_err() {
        // Where nothing was learned nothing is left: a folder goes only if it is empty.
        let _ = std::fs::remove_dir(&folder).and_then(|()| std::fs::remove_dir(&args.out));
    }
    done
}

#[derive(Clone, Copy)]
enum Target {
    Controls,
    Events,
}

impl Target {
    fn from_name(name: &str) -> Option<Target> {
        match name {
            "controls" => Some(Target::Controls),
            "events" => Some(Target::Events),
            _ => None,
        }
    }

    /// Every network that learns it.
    fn archs(self) -> Vec<String> {
        match self {
            Target::Controls => Arch::ALL.map(|arch| arch.name().into()).into(),
            Target::Events => super::events::ARCHS.map(String::from).into(),
        }
    }
}

fn compare_controls(args: &Args, folder: &Path) -> Result<(), TrainError> {
    let unwritable = |cause| TrainError::Write {
        path: folder.to_owned(),
        cause,
    };
    if !args.merge {
        train_all(args, folder)?;
    }
    let runs = Run::read_all(folder)?;
    if runs.is_empty() {
        let what = format!(
            "{}: no finished run is there; run without --merge first",
            folder.display()
        );
        return Err(TrainError::Data(what));
    }
    let baselines = Baselines::read(folder)?;
    let html = page::page(&runs, &baselines);
    let path = args.out.join("report.html");
    super::gesture::export::write(&path, html.as_bytes()).map_err(unwritable)?;
    println!("{}: {} runs", path.display(), runs.len());
    Ok(())
}

fn train_all(args: &Args, folder: &Path) -> Result<(), TrainError> {
    let mut plans = Vec::new();
    for name in &args.archs {
        let arch = Arch::from_name(name).ok_or_else(|| TrainError::Unknown {
            what: "network",
            value: name.clone(),
            choices: Arch::ALL.map(Arch::name).join(", "),
        })?;
        plans.extend((1..=args.seeds).map(|seed| (arch, seed)));
    }
    let own = plans
        .iter()
        .enumerate()
        .filter(|(index, _)| Shard::takes(args.shard, *index));
    let first = args.lesson(plans[0].0, 1);
    let recordings = from_takes::read(&first)?;
    Baselines::make(&first, &recordings, folder)?;
    let takes = recordings.iter().map(|take| &take.sha256[..]);
    let sound = recordings[0].instrument().map(|sound| &sound.sha256[..]);
    let data: Vec<&str> = takes.chain(sound).collect();
    let ground = done::ground(args, &data.join(" "));
    for (_, (arch, seed)) in own {
        if stop_asked() {
            break;
        }
        let size = Size {
            arch: *arch,
            hidden: args.hidden.unwrap_or(HIDDEN),
            layers: args.layers.unwrap_or(LAYERS),
        };
        let name = format!("{}-{seed}", arch.name());
        let is_done = done::is_done(&Run::path(folder, &name), &ground);
        if !args.quiet {
            println!("{} seed {seed}{}", arch.name(), done::again(is_done));
        }
        if is_done {
            continue;
        }
        let lesson = args.lesson(*arch, *seed);
        run::one(&lesson, size, &recordings, folder, &args.command(), &ground)?;
    }
    Ok(())
}

impl Args {
    pub(super) fn lesson(&self, arch: Arch, seed: u64) -> Lesson {
        Lesson {
            take: self.take.clone(),
            augment: self.augment.clone(),
            says: self.says.clone(),
            performer: "bow".into(),
            target: "performer".into(),
            minutes: 1.0,
            out: self.out.join(format!("{}.onnx", arch.name())),
            seed,
            arch: arch.name().into(),
            hidden: self.hidden.unwrap_or(HIDDEN),
            layers: self.layers.unwrap_or(LAYERS),
            frame_rate_hz: self.frame_rate_hz.unwrap_or(match self.target.as_str() {
                "events" => super::events::RATE_HZ,
                _ => RATE_HZ,
            }),
            epochs: self.epochs,
            name: None,
            quiet: self.quiet,
        }
    }

    /// What makes the same report again.
    pub(super) fn command(&self) -> String {
        let takes = self.take.iter().filter_map(|take| take.file_name());
        let takes: Vec<_> = takes.map(|name| name.to_string_lossy()).collect();
        let mut command = format!(
            "imu2music explore --target {} --take {} --archs {} --seeds {} --epochs {} --augment {}{}",
            self.target,
            takes.join(" "),
            self.archs.join(","),
            self.seeds,
            self.epochs,
            self.augment,
            self.says.options()
        );
        let numbers = [
            ("hidden", self.hidden),
            ("layers", self.layers),
            (
                "frame-rate-hz",
                self.frame_rate_hz.map(|rate| rate as usize),
            ),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                command += &format!(" --{name} {value}");
            }
        }
        command + " --out report"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(out: &Path) -> Args {
        Args {
            take: vec!["no/such.take".into()],
            target: "controls".into(),
            archs: vec!["fc".into()],
            seeds: 1,
            out: out.into(),
            hidden: None,
            layers: None,
            epochs: 1,
            frame_rate_hz: None,
            augment: "auto".into(),
            says: Says::default(),
            shard: None,
            merge: false,
            quiet: true,
        }
    }

    #[test]
    fn every_network_says_the_distributions_that_were_asked_for() {
        let out = std::env::temp_dir().join("imu2music-explore-nothing");
        let mut args = args(&out);
        let plain = done::ground(&args, "");
        assert!(!args.command().contains("--distribution"));
        args.says.distribution = vec!["loudness".into()];
        assert!(args.command().contains(" --distribution loudness --out"));
        assert_ne!(done::ground(&args, ""), plain);
        let lesson = args.lesson(Arch::Fc, 1);
        assert_eq!(lesson.says.options(), " --distribution loudness");
        args.says.sound = Some("models/violin.onnx".into());
        args.target = "events".into();
        let said = run(&args).unwrap_err().to_string();
        assert!(
            said.contains("leave out --sound violin.onnx --distribution loudness"),
            "{said}"
        );
        args.target = "controls".into();
        args.says.point = vec!["loudness".into()];
        let said = run(&args).unwrap_err().to_string();
        assert!(said.contains("'loudness' is named in"), "{said}");
        assert!(!out.exists());
    }

    #[test]
    fn what_cannot_begin_leaves_no_folder_and_what_was_there_stays() {
        let out = std::env::temp_dir().join(format!("imu2music-explore-{}", std::process::id()));
        let args = args(&out);
        let said = run(&args).unwrap_err().to_string();
        assert!(
            said.contains("no/such.take") && said.contains("imu2music record"),
            "{said}"
        );
        assert!(!out.exists());
        std::fs::create_dir_all(out.join("runs")).unwrap();
        std::fs::write(out.join("runs/events-other.json"), b"{}").unwrap();
        assert!(run(&args).is_err());
        assert!(out.join("runs/events-other.json").exists());
        let _ = std::fs::remove_dir_all(out);
    }

    #[test]
    fn shards_share_the_work_without_rest() {
        assert!(
            parse_shard("0/3").is_err() && parse_shard("4/3").is_err() && parse_shard("x").is_err()
        );
        for index in 0..10 {
            let own = (1..=3).filter(|number| {
                let shard = parse_shard(&format!("{number}/3")).unwrap();
                Shard::takes(Some(shard), index)
            });
            assert_eq!(own.count(), 1);
        }
    }
}
