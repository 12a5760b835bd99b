//! The page beside a model: what it is, from what, how well it does and where it fails, how to make it again.

use std::fmt::Write;
use std::path::Path;

use super::export::Label;
use super::fit::Model;
use super::heads::Heads;
use super::table::table;
use super::{Args, Report, Size, Trained};

/// `bowing-forearm.onnx` → `Bowing forearm`.
pub fn spoken_name(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(String::new, |stem| {
        stem.to_string_lossy().replace(['-', '_'], " ")
    });
    let mut letters = stem.chars();
    letters.next().map_or_else(
        || "Gesture".into(),
        |first| first.to_uppercase().chain(letters).collect(),
    )
}

/// The command line that makes this model again.
pub fn command(args: &Args) -> String {
    let mut line = String::from("imu2music train gesture");
    if args.take.is_empty() {
        let Args {
            performer,
            target,
            minutes,
            ..
        } = args;
        let _ = write!(
            line,
            " --performer {performer} --target {target} --minutes {minutes}"
        );
    } else {
        let takes = args.take.iter().filter_map(|take| take.file_name());
        let takes: Vec<_> = takes.map(|name| name.to_string_lossy()).collect();
        let _ = write!(
            line,
            " --take {} --augment {}",
            takes.join(" "),
            args.augment
        );
    }
    line += &args.says.options();
    let _ = write!(
        line,
        " --seed {} --arch {} --hidden {} --layers {} --frame-rate-hz {} --epochs {}",
        args.seed, args.arch, args.hidden, args.layers, args.frame_rate_hz, args.epochs
    );
    if let Some(name) = &args.name {
        let _ = write!(line, " --name \"{name}\"");
    }
    let file = args
        .out
        .file_name()
        .map_or_else(String::new, |file| file.to_string_lossy().into_owned());
    let _ = write!(line, " --out models/{file}");
    line
}

/// Where it learned from, in a sentence.
fn data(label: &Label, report: &Report) -> String {
    let (train, test) = (report.train_minutes, report.test_minutes);
    let Some(takes) = label.data["takes"].as_array() else {
        return format!(
            "**synthetic**, {train:.0} minutes of the virtual performer for training, {test:.0} for the test; no \
             recording of a person is in it."
        );
    };
    let mut text = format!(
        "{} recorded takes, {train:.1} minutes for training, {test:.1} for the test; {}.",
        takes.len(),
        label.data["split"].as_str().unwrap_or_default()
    );
    for take in takes {
        let word = |key: &str| take[key].as_str().unwrap_or_default().to_owned();
        let _ = write!(
            text,
            "\n  - {} ({}; licence {}; {}), SHA-256 of motion and sound `{}`",
            word("name"),
            word("participant"),
            word("licence"),
            word("notes"),
            word("sha256")
        );
    }
    text
}

/// Which sound model's timbre it says, if one's.
fn timbre(label: &Label) -> Option<String> {
    let sound = &label.data["sound"];
    let says = sound["timbre"].as_array()?;
    let each = says.iter().enumerate().map(|(index, says)| {
        format!(
            "`timbre_{}`: {}",
            index + 1,
            says.as_str().unwrap_or_default()
        )
    });
    Some(format!(
        "The timbre latents are those of the sound model {} (SHA-256 `{}`), in standard deviations; {}.",
        sound["name"].as_str().unwrap_or_default(),
        sound["sha256"].as_str().unwrap_or_default(),
        each.collect::<Vec<_>>().join("; ")
    ))
}

/// What the model states, in a sentence.
fn says(heads: &Heads) -> String {
    let mut said = vec![if heads.distributions.pitch {
        "pitch as a distribution over notes with a fine offset".into()
    } else {
        "pitch as a point, the mean of a distribution over notes (it learned by the likelihood of that, and note NLL and \
         calibration error are of it)"
            .to_owned()
    }];
    let numbers = (0..heads.points()).map(|which| match heads.spread(which) {
        Some(_) => format!("{} as a normal distribution", heads.control(which).name()),
        None => heads.control(which).name(),
    });
    said.extend(numbers);
    said.extend(["onset probability".into(), "confidence".into()]);
    said.join(", ")
}

/// What the held-out performances made of the network.
fn calibrated(model: &Model) -> String {
    let calibration = &model.calibration;
    let mut cooled = format!(
        "its notes are stated at a temperature of {:.2}",
        calibration.temperature
    );
    if !calibration.tail.is_none() {
        let share = 100.0 * calibration.tail.share;
        let _ = write!(cooled, ", over a tail of {share:.0} %");
    }
    match model.straight {
        None => format!("By what was held out to stop by, {cooled}."),
        Some(_) => format!(
            "Beside a straight line (ridge regression) that it corrects; by what was held out to stop by, it counts \
             for {:.0} % in pitch, {:.0} % in loudness, {:.0} % in brightness, and {cooled}.",
            100.0 * calibration.pitch,
            100.0 * calibration.point(0),
            100.0 * calibration.point(1),
        ),
    }
}

pub fn markdown(trained: &Trained, command: &str, size: Size) -> String {
    let (label, report) = (&trained.label, &trained.report);
    let mut page = String::new();
    let _ = writeln!(
        page,
        "# {}\n\nA gesture model (motion → Controls). {}\n",
        label.name, label.description
    );
    let _ = writeln!(
        page,
        "- Network: {} of {} × {}, {} parameters, {} steps a second, {} inputs.",
        size.arch.name().to_uppercase(),
        size.hidden,
        size.layers,
        report.parameters,
        label.frame_rate_hz,
        label.inputs.len()
    );
    let _ = writeln!(page, "- {}", calibrated(&trained.fitted.kept));
    let _ = writeln!(page, "- Inputs: `{}`.", label.inputs.join("`, `"));
    let _ = writeln!(page, "- Says: {}.", says(&trained.heads));
    if let Some(timbre) = timbre(label) {
        let _ = writeln!(page, "- {timbre}");
    }
    let _ = writeln!(page, "- Data: {}", data(label, report));
    let _ = writeln!(page, "- Licence: {}.\n", label.licence);
    let _ = writeln!(page, "## How well\n\n{}", table(report));
    let _ = writeln!(
        page,
        "The written file, played by the plugin's kernels, differs from the trained network by {:.1e} at most over 500 streamed frames.\n",
        report.export_difference
    );
    let _ = writeln!(
        page,
        "## Make it again\n\n```\n{command}\n```\n\n{} epochs, {:.0} s on one core.\n",
        report.epochs, report.seconds
    );
    if report.stopped_by_hand {
        let _ = writeln!(page, "**{}**\n", stopped(report));
    }
    let synthetic = !label.data["takes"].is_array();
    let _ = write!(page, "## Known failings\n\n{}", faults(report, synthetic));
    page
}

/// A lesson that Ctrl-C ended.
pub fn stopped(report: &Report) -> String {
    format!(
        "Stopped by hand in epoch {}; the best network so far was kept.",
        report.epochs
    )
}

/// What the figures say against the model.
fn faults(report: &Report, synthetic: bool) -> String {
    let (network, ridge) = (&report.network, &report.ridge);
    let mut text = String::from(if synthetic {
        "- The arms that it learned from are synthetic, and those of the test were drawn by the same recipe: no person's \
         motion has been tried.\n"
    } else {
        "- Other players, sensors and straps than those of its takes have not been tried.\n"
    });
    if network.pitch_nll > ridge.pitch_nll {
        let _ = writeln!(
            text,
            "- A straight line says the notes better (NLL {:.2}, the line's {:.2}).",
            network.pitch_nll, ridge.pitch_nll
        );
    }
    if network.pitch_ece > SURE_ECE {
        let _ = writeln!(
            text,
            "- It is not as often right about a note as it is sure: the two differ by {:.2} on average.",
            network.pitch_ece
        );
    }
    if network.onset_f1 < GOOD_F1 {
        let _ = writeln!(
            text,
            "- Beginnings of notes are often missed or said too often (F1 {:.2}, a straight line {:.2}).",
            network.onset_f1, ridge.onset_f1
        );
    }
    let mut heard = vec![
        ("Loudness", network.loudness_r, ridge.loudness_r),
        ("Brightness", network.brightness_r, ridge.brightness_r),
        ("Noisiness", network.noisiness_r, ridge.noisiness_r),
    ];
    if let (Some(own), Some(line)) = (network.mean_timbre_r(), ridge.mean_timbre_r()) {
        heard.push(("Timbre", own, line));
    }
    for (what, own, line) in heard {
        if own < line + BETTER_R {
            let _ = writeln!(
                text,
                "- {what} is hardly better than a straight line's (r {own:.2}, {line:.2})."
            );
        }
    }
    text
}

/// A mean distance of chance and truth, a share of onsets and a gain of correlation that are worth a word.
const SURE_ECE: f32 = 0.1;
const GOOD_F1: f32 = 0.6;
const BETTER_R: f32 = 0.005;

#[cfg(test)]
mod tests {
    use super::super::Scores;
    use super::super::take::Notes;
    use super::*;

    #[test]
    fn a_card_says_what_its_figures_say_against_the_model() {
        let good = Scores {
            onset_f1: 0.9,
            loudness_r: 0.95,
            brightness_r: 0.7,
            noisiness_r: 0.7,
            ..Scores::default()
        };
        let mut report = Report {
            network: good,
            ..Report::default()
        };
        assert_eq!(faults(&report, true).lines().count(), 1);
        report.ridge = good;
        report.network.onset_f1 = 0.44;
        report.network.brightness_r = 0.8;
        report.network.pitch_ece = 0.137;
        report.network.pitch_nll = 0.3;
        let said = faults(&report, false);
        assert_eq!(said.lines().count(), 6, "{said}");
        assert!(said.contains("NLL 0.30, the line's 0.00"), "{said}");
        assert!(said.contains("F1 0.44, a straight line 0.90"), "{said}");
        assert!(said.contains("Loudness is hardly better") && !said.contains("Brightness"));
        assert!(!said.contains("Timbre"));
        (report.network.timbre_r[0], report.ridge.timbre_r[0]) = (Some(-0.01), Some(0.0));
        assert!(faults(&report, false).contains("Timbre is hardly better"));
    }

    #[test]
    fn a_card_says_what_is_a_distribution() {
        let mut heads = Heads::of(Notes {
            lowest: 60.0,
            count: 2,
        });
        assert!(
            says(&heads)
                .contains("pitch as a distribution over notes with a fine offset, loudness, ")
        );
        heads.distributions.pitch = false;
        heads.distributions.loudness = true;
        let said = says(&heads);
        assert!(
            said.contains("likelihood of that") && said.contains("loudness as a normal"),
            "{said}"
        );
    }
}
