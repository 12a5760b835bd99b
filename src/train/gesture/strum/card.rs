//! The page beside a strum model: what it is, from what, how well it does on files left out, how to make it again.

use std::fmt::Write;

use super::decision::Decision;
use super::export::Label;
use super::recording::Recording;
use super::score::{Figure, Score};
use super::session::{RATE_HZ, input_name};
use super::trial::Scores;
use super::{Args, Report};

/// F1 of down and of up strokes that Murgul and Heizmann published.
const PUBLISHED: [f32; 2] = [0.919, 0.847];

fn figure(figure: Figure) -> String {
    format!(
        "{:.3} ({:.3} to {:.3})",
        figure.value, figure.low, figure.high
    )
}

fn row(text: &mut String, name: &str, score: &Score) {
    let loudness = score.loudness_r.map_or_else(|| "–".into(), figure);
    let _ = writeln!(
        text,
        "| {name} | {} | {} | {loudness} |",
        figure(score.down_f1),
        figure(score.up_f1),
    );
}

/// The scores of the files left out, as Markdown.
pub fn table(scores: &Scores) -> String {
    let mut text = String::from("| | down F1 | up F1 | loudness r |\n|---|---|---|---|\n");
    if scores.files == 0 {
        return "No recording was left out for a test.\n".into();
    }
    row(
        &mut text,
        "this model, from motion alone, causal",
        &scores.network,
    );
    let [down, up] = PUBLISHED;
    let _ = writeln!(
        text,
        "| published: strums from the *audio*, direction from the motion (Murgul and Heizmann 2022) | {down} | {up} | – |"
    );
    row(
        &mut text,
        "peak picker on the motion; sees the future",
        &scores.peak_picker,
    );
    row(
        &mut text,
        "steady rhythm; its period and phase are chosen by the labels themselves",
        &scores.steady_rhythm,
    );
    row(
        &mut text,
        "this model, motion shifted by half a file",
        &scores.motion_shifted,
    );
    row(
        &mut text,
        "this model, motion of another file",
        &scores.motion_of_another_file,
    );
    if let Some(score) = &scores.taught_by_virtual_hands {
        row(
            &mut text,
            "the same lesson from **virtual** hands alone, tested on these real files",
            score,
        );
    }
    text
}

/// What an early end means for the model.
pub fn stopped(report: &Report) -> String {
    format!(
        "Stopped by hand: the networks had {:.0} % of their lesson, and {} recordings were left out to test it.",
        100.0 * report.learned,
        report.scores.files
    )
}

fn tested(scores: &Scores, late_ms: f64) -> String {
    if scores.files == 0 {
        return table(scores);
    }
    format!(
        "{strums} strums of {files} files, each file left out once, whole; the networks of a row and their thresholds come \
         from the other files. The shipped networks had the same lesson from all of them. A strum counts within ±100 ms, \
         one to one, all files' strums together. The model says a strum about {late_ms:.0} ms after the strings were \
         struck (`lead_s`), and that constant is taken off before counting. In brackets: 95 % of 2000 resamplings of whole \
         files.\n\n{table}\n{by_file}",
        strums = scores.strums,
        files = scores.files,
        table = table(scores),
        by_file = by_file(scores),
    )
}

/// What the test says against the model.
fn faults(scores: &Scores, recordings: &[Recording]) -> String {
    let network = &scores.network;
    let mut text = String::new();
    if scores.files == 0 {
        return text;
    }
    let beside = [
        ("down", network.down_f1, PUBLISHED[0]),
        ("up", network.up_f1, PUBLISHED[1]),
    ];
    for (name, figure, published) in beside {
        let than = if figure.value < published {
            "below"
        } else {
            "at or above"
        };
        let within = (figure.low..=figure.high).contains(&published);
        let sure = if within { "well within" } else { "outside" };
        let _ = writeln!(
            text,
            "- F1 of {name} strokes is {than} the published {published}, which lies {sure} the interval that {} files give.",
            scores.files
        );
    }
    let by_f1 = |one: &&(String, [f64; 2], f32), other: &&(String, [f64; 2], f32)| {
        let sum = |row: &(String, [f64; 2], f32)| row.1[0] + row.1[1];
        sum(one).total_cmp(&sum(other))
    };
    if let Some((name, [down, up], _)) = scores.by_file.iter().min_by(by_f1) {
        let apart_s = recordings
            .iter()
            .find(|recording| recording.name == *name)
            .map_or(0.0, apart_s);
        let _ = writeln!(
            text,
            "- Worst is {name} (down {down:.2}, up {up:.2}), with a stroke every {apart_s:.1} s. Slow, rolled strokes are \
             said late or missed, and a slow way back is taken for a stroke."
        );
    }
    if let Some(hands) = &scores.taught_by_virtual_hands {
        let _ = writeln!(
            text,
            "- Virtual hands do not stand in for the recordings: with them alone down strokes have {:.3} and up strokes \
             {:.3}.",
            hands.down_f1.value, hands.up_f1.value
        );
    }
    text
}

/// Mean time from a strum to the next.
fn apart_s(recording: &Recording) -> f64 {
    let (Some(first), Some(last)) = (recording.strums.first(), recording.strums.last()) else {
        return 0.0;
    };
    (last.time_s - first.time_s) / recording.strums.len().saturating_sub(1).max(1) as f64
}

fn by_file(scores: &Scores) -> String {
    let rows = scores.by_file.iter().map(|(name, [down, up], loudness)| {
        format!("| {name} | {down:.2} | {up:.2} | {loudness:.2} |\n")
    });
    format!(
        "| left out | down F1 | up F1 | loudness r |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

fn network(args: &Args) -> String {
    match (args.members, args.hidden) {
        (1, hidden) => format!("an LSTM of {hidden}"),
        (members, hidden) => {
            format!("{members} LSTMs of {hidden}, their answers averaged in one graph")
        }
    }
}

fn command(args: &Args) -> String {
    let file = args.out.file_name().unwrap_or_default().to_string_lossy();
    let folder = args.data.file_name().unwrap_or_default().to_string_lossy();
    let Args {
        seed,
        hidden,
        members,
        steps,
        lag_ms,
        name,
        ..
    } = args;
    format!(
        "imu2music train strum --data {folder} --seed {seed} --hidden {hidden} --members {members} --steps {steps} \
         --lag-ms {lag_ms} --name \"{name}\" --out models/{file}"
    )
}

fn data(recordings: &[Recording]) -> String {
    let seconds: f64 = recordings
        .iter()
        .filter_map(|r| r.readings.last())
        .map(|row| row[0])
        .sum();
    let mut text = format!(
        "{:.1} minutes of one guitarist, KLANGIO-GST-MM-T by Klangio GmbH, Apache-2.0 (Sebastian Murgul and Michael \
         Heizmann, *A Multimodal Approach to Acoustic Guitar Strumming Action Transcription*, ISMIR late-breaking 2022), \
         each recording also at other tempi and strengths; a fifth is the virtual performer's strumming, **synthetic**, \
         so that sensors of 18.75 to 200 readings a second are known, and some is hands at rest. The recorded axis is \
         taken, gravity removed by its mean of two seconds, for acceleration downwards.",
        seconds / 60.0
    );
    for recording in recordings {
        let _ = write!(
            text,
            "\n  - {}, SHA-256 of motion, labels and sound `{}`",
            recording.name, recording.sha256
        );
    }
    text
}

pub fn markdown(
    label: &Label,
    args: &Args,
    decision: &Decision,
    recordings: &[Recording],
    report: &Report,
) -> String {
    let late_ms = 1e3 * decision.late_s;
    format!(
        "# {name}\n\nA gesture model (motion → Controls). {description}\n\n\
         - Network: {network}, {parameters} parameters, {RATE_HZ} \
         steps a second, 1 input. Before them the graph takes the motion as it is, against its own power of two seconds, and as far as it has gone in 40, 100 and 200 ms.\n\
         - Input: `{input}`.\n\
         - Says: which of two notes as a distribution, loudness, brightness, onset probability.\n\
         - Data: {data}\n\
         - Licence: {licence}.\n\n\
         ## How well\n\n\
         {stopped}{tested}\n\
         The written file, played by the plugin's kernels, differs from the trained networks by {difference:.1e} at most \
         over 500 streamed frames.\n\n\
         ## What 18.75 readings a second bound\n\n\
         Each reading stands for 53 ms, so no stroke is placed better than about ±27 ms, and motion above 9.4 Hz is not \
         there: the hand's blow on the strings is not in the data, only its swing. Strokes nearer than about 110 ms cannot \
         be told apart. The model waits until the hand is slowed on the far side of the strings, hence {late_ms:.0} ms; a \
         sensor that is as slow adds up to 53 ms of playout. `--lag-ms` chooses another balance.\n\n\
         ## Make it again\n\n```\n{command}\n```\n\n{seconds:.0} s on one core, the test included.\n\n\
         ## Known failings\n\n\
         - One guitarist, one guitar, one axis; a stroke in the air counts as a strum.\n\
         - Loudness follows the vigour and the pauses; how hard the strings were really met is hardly in the motion.\n\
         - Timing: {late_ms:.0} ms is felt. It suits playing along less than shaping what sounds.\n\
         {faults}",
        stopped = if report.stopped_by_hand {
            format!("**{}**\n\n", stopped(report))
        } else {
            String::new()
        },
        tested = tested(&report.scores, late_ms),
        faults = faults(&report.scores, recordings),
        name = label.name,
        description = label.description,
        network = network(args),
        parameters = report.parameters,
        input = input_name(),
        data = data(recordings),
        licence = label.licence,
        difference = report.export_difference,
        command = command(args),
        seconds = report.seconds,
    )
}

#[cfg(test)]
mod tests {
    use super::super::score::{Figure, Score};
    use super::super::session::Strum;
    use super::*;

    fn slow(name: &str) -> Recording {
        let strum = |beat: i32| Strum {
            time_s: 2.0 * f64::from(beat),
            up: false,
        };
        Recording {
            name: name.into(),
            sha256: String::new(),
            strums: (0..10).map(strum).collect(),
            readings: Vec::new(),
            loudness_db: Vec::new(),
        }
    }

    fn scores() -> Scores {
        let figure = |value: f32| Figure {
            value,
            low: value - 0.1,
            high: value + 0.05,
        };
        let network = Score {
            down_f1: figure(0.93),
            up_f1: figure(0.7),
            loudness_r: None,
        };
        Scores {
            files: 2,
            network,
            by_file: vec![("a".into(), [0.9, 0.9], 0.4), ("b".into(), [0.2, 0.7], 0.3)],
            ..super::super::Trial::default().scores()
        }
    }

    #[test]
    fn the_faults_are_those_of_the_test() {
        let said = faults(&scores(), &[slow("a"), slow("b")]);
        assert!(
            said.contains("down strokes is at or above the published 0.919"),
            "{said}"
        );
        assert!(
            said.contains("up strokes is below the published 0.847, which lies outside"),
            "{said}"
        );
        assert!(
            said.contains("Worst is b (down 0.20, up 0.70), with a stroke every 2.0 s"),
            "{said}"
        );
    }

    #[test]
    fn a_lesson_without_a_test_claims_nothing() {
        let none = super::super::Trial::default().scores();
        assert_eq!(faults(&none, &[]), "");
        assert_eq!(
            tested(&none, 60.0),
            "No recording was left out for a test.\n"
        );
    }
}
