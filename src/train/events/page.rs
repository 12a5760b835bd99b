//! The report of a comparison of event models: one HTML file without anything from outside.

use std::fmt::Write;

use super::evaluate::{KINDS, Score};
use super::run::{Baselines, Run, WrongMotion};
use crate::train::explore::page::{begin, cell, epochs, escaped};

/// A row's networks: one kind, all seeds.
struct Group<'a> {
    arch: &'a str,
    blind: bool,
    runs: Vec<&'a Run>,
}

impl Group<'_> {
    fn name(&self) -> String {
        let blind = if self.blind {
            ", never given motion"
        } else {
            ""
        };
        format!("{}{blind}", self.arch)
    }

    fn values<'a>(&'a self, of: impl Fn(&Run) -> Option<f32> + 'a) -> Vec<f64> {
        self.runs
            .iter()
            .filter_map(|run| of(run).map(f64::from))
            .collect()
    }
}

/// In the order of their first run, those with motion before those without.
fn groups(runs: &[Run]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for run in runs {
        let same = |group: &&mut Group| group.arch == run.arch && group.blind == run.blind;
        match groups.iter_mut().find(same) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group {
                arch: &run.arch,
                blind: run.blind,
                runs: vec![run],
            }),
        }
    }
    groups.sort_by_key(|group| group.blind);
    groups
}

pub fn page(runs: &[Run], baselines: &Baselines) -> String {
    let mut html = begin("Does the network use the motion?");
    let Baselines {
        train_minutes,
        test_minutes,
        train_notes,
        test_events,
        ..
    } = baselines;
    let _ = write!(
        html,
        "<p>Six seconds of motion in, a sequence of 243 events out: 88 note-ons, 88 note-offs, 32 time shifts of 20 to 640 ms, 32 velocities, start, end and pad. {train_minutes:.1} minutes with {train_notes} notes to learn from; {test_minutes:.1} minutes held out for the test, {test_events} events in windows that overlap by half. Cross-entropy in nats per event: how surprising the event was that really came next, given those before it (teacher forcing). Accuracy: how often it was held likeliest. ± is the largest distance of a seed from the mean of the seeds.</p>"
    );
    let groups = groups(runs);
    motion(&mut html, &groups);
    networks(&mut html, &groups, baselines);
    files(&mut html, &groups);
    let _ = write!(
        html,
        "<h2>The truth</h2><audio controls src=\"data:audio/wav;base64,{}\"></audio><p>The notes of the first held-out window, sung by a shipped sound model, as the networks' own are below.</p>",
        baselines.sound
    );
    groups.iter().for_each(|group| examples(&mut html, group));
    origin(&mut html, runs, baselines);
    html
}

/// The research question.
fn motion(html: &mut String, groups: &[Group]) {
    html.push_str("<h2>Cross-entropy by what it hears</h2><table><tr><th>network</th><th>its own motion</th><th>half a take later</th><th>of another take</th><th>at rest</th><th>never given motion</th><th>gained by the motion</th><th>verdict</th></tr>");
    for group in groups.iter().filter(|group| !group.blind) {
        let _ = write!(html, "<tr><td>{}</td>", group.arch);
        cell(
            html,
            3,
            group.values(|run| Some(run.own.cross_entropy)).into_iter(),
        );
        let wrong: [fn(&WrongMotion) -> Option<Score>; 3] = [
            |wrong| Some(wrong.shifted),
            |wrong| wrong.another,
            |wrong| Some(wrong.stilled),
        ];
        for of in wrong {
            let values = group.values(|run| Some(of(run.wrong.as_ref()?)?.cross_entropy));
            cell(html, 3, values.into_iter());
        }
        let blind = groups.iter().find(|g| g.blind && g.arch == group.arch);
        let never = blind.map_or_else(Vec::new, |g| g.values(|run| Some(run.own.cross_entropy)));
        cell(html, 3, never.iter().copied());
        let gains = gains(group, blind);
        cell(html, 3, gains.iter().copied());
        let _ = write!(html, "<td>{}</td></tr>", verdict(&gains));
    }
    html.push_str("</table><p>Gained: the cross-entropy of a network that was trained the same way but never given any motion, minus its own, seed by seed. A network that uses the motion gains more than its seeds differ, and does worse with wrong motion. – : there is one take only, or that run is not there.</p>");
}

/// Seed by seed.
fn gains(group: &Group, blind: Option<&Group>) -> Vec<f64> {
    let same = |run: &&Run| -> Option<f64> {
        let other = blind?.runs.iter().find(|other| other.seed == run.seed)?;
        Some(f64::from(other.own.cross_entropy - run.own.cross_entropy))
    };
    group.runs.iter().filter_map(same).collect()
}

/// In words, for as many seeds as there are.
fn verdict(gains: &[f64]) -> &'static str {
    let low = gains.iter().copied().fold(f64::MAX, f64::min);
    let high = gains.iter().copied().fold(f64::MIN, f64::max);
    match gains.len() {
        0 => "not known",
        1 => "one seed says nothing",
        _ if low > 0.0 && low > high - low => "uses the motion",
        _ if high < 0.0 => "is led astray by the motion",
        _ => "no use shown",
    }
}

fn networks(html: &mut String, groups: &[Group], baselines: &Baselines) {
    let kinds: String = KINDS
        .iter()
        .map(|kind| format!("<th>{kind}</th>"))
        .collect();
    let _ = write!(
        html,
        "<h2>Held-out windows</h2><table><tr><th></th><th>seeds</th><th>parameters</th><th>training s</th><th>cross-entropy</th><th>accuracy</th>{kinds}</tr>"
    );
    for group in groups {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td>",
            group.name(),
            group.runs.len(),
            group.runs[0].parameters
        );
        cell(html, 0, group.values(|run| Some(run.seconds)).into_iter());
        cell(
            html,
            3,
            group.values(|run| Some(run.own.cross_entropy)).into_iter(),
        );
        cell(
            html,
            3,
            group.values(|run| Some(run.own.accuracy)).into_iter(),
        );
        for kind in 0..KINDS.len() {
            cell(
                html,
                2,
                group.values(|run| run.own.by_kind[kind]).into_iter(),
            );
        }
        html.push_str("</tr>");
    }
    let counted = [
        ("how often events come", baselines.windows[0]),
        ("how often they follow the one before", baselines.windows[1]),
        ("how often events come, no ends", baselines.streams[0]),
        (
            "how often they follow the one before, no ends",
            baselines.streams[1],
        ),
    ];
    for (name, score) in counted {
        let _ = write!(
            html,
            "<tr><td>{name}</td><td>–</td><td>–</td><td>–</td><td>{:.3}</td><td>{:.3}</td>",
            score.cross_entropy, score.accuracy
        );
        for kind in score.by_kind {
            let text = kind.map_or_else(|| "–".into(), |value| format!("{value:.2}"));
            let _ = write!(html, "<td>{text}</td>");
        }
        html.push_str("</tr>");
    }
    html.push_str("</table><p>lstm and transformer hear the whole window before its first event, as the original protocol has it; their windows close with an end, which counts. The two streams hear the motion up to each event's own time and never say an end: compare them with the rows without ends. The last four columns are cross-entropies by the kind of event that came.</p>");
}

fn files(html: &mut String, groups: &[Group]) {
    let written: Vec<&Group> = groups
        .iter()
        .filter(|group| group.runs.iter().any(|run| run.file.is_some()))
        .collect();
    if written.is_empty() {
        return;
    }
    html.push_str("<h2>As files</h2><table><tr><th>network</th><th>µs per step</th><th>largest difference from the network</th><th>cross-entropy, streamed</th><th>accuracy, streamed</th></tr>");
    for group in written {
        let of = |value: fn(&super::run::File) -> f64| -> Vec<f64> {
            let files = group.runs.iter().filter_map(|run| run.file.as_ref());
            files.map(value).collect()
        };
        let worst = of(|file| f64::from(file.difference))
            .into_iter()
            .fold(0.0, f64::max);
        let _ = write!(html, "<tr><td>{}</td>", group.arch);
        cell(html, 1, of(|file| file.us_per_step).into_iter());
        let _ = write!(html, "<td>{worst:.1e}</td>");
        cell(
            html,
            3,
            of(|file| f64::from(file.streamed.cross_entropy)).into_iter(),
        );
        cell(
            html,
            3,
            of(|file| f64::from(file.streamed.accuracy)).into_iter(),
        );
        html.push_str("</tr>");
    }
    html.push_str("</table><p>The written models, in the plugin's own kernels, 200 steps a second; the difference over 500 streamed frames. Streamed: over whole held-out stretches with the events that really came, without beginning anew at windows.</p>");
}

fn examples(html: &mut String, group: &Group) {
    let first = group.runs[0];
    let _ = write!(html, "<h2>{}</h2>", group.name());
    if !first.sound.is_empty() {
        let _ = write!(
            html,
            "<audio controls src=\"data:audio/wav;base64,{}\"></audio><br>{}",
            first.sound, first.picture
        );
    }
    let curves: Vec<&[[f32; 2]]> = group.runs.iter().map(|run| &run.curve[..]).collect();
    let title = "cross-entropy by epoch, training grey, held-out red, every seed";
    epochs(html, title, &curves);
}

fn origin(html: &mut String, runs: &[Run], baselines: &Baselines) {
    let data = serde_json::to_string_pretty(&baselines.data).unwrap_or_default();
    let of = |value: fn(&Run) -> &String| runs.iter().map(|run| value(run).as_str()).collect();
    let told = [
        of(|run| &run.command),
        of(|run| &run.commit),
        of(|run| &run.machine),
    ];
    crate::train::explore::page::origin(html, told, &escaped(&data));
}

#[cfg(test)]
mod tests {
    use super::super::run::File;
    use super::*;

    fn run(arch: &str, seed: u64, blind: bool, cross_entropy: f32) -> Run {
        let own = Score {
            events: 100,
            cross_entropy,
            accuracy: 0.5,
            by_kind: [Some(1.0), None, Some(2.0), Some(3.0)],
        };
        Run {
            arch: arch.into(),
            seed,
            blind,
            parameters: 1234,
            seconds: 10.0,
            epochs: 2,
            own,
            wrong: (!blind).then_some(WrongMotion {
                shifted: own,
                another: None,
                stilled: own,
            }),
            file: (!blind).then_some(File {
                us_per_step: 42.5,
                difference: 7e-8,
                streamed: own,
            }),
            curve: vec![[2.0, 2.5], [1.0, 1.5]],
            picture: "<svg></svg>".into(),
            sound: "UklGRg==".into(),
            command: "imu2music explore --take <a>".into(),
            commit: "abc1234".into(),
            machine: "Quick 3000 (2 cores)".into(),
            lesson: String::new(),
        }
    }

    #[test]
    fn a_page_answers_whether_the_motion_is_used() {
        let runs = [
            run("lstm-stream", 1, false, 1.0),
            run("lstm-stream", 1, true, 1.5),
            run("lstm-stream", 2, false, 1.1),
            run("lstm-stream", 2, true, 1.5),
            run("lstm", 1, false, 1.0),
        ];
        let baselines = Baselines {
            windows: [runs[0].own; 2],
            streams: [runs[0].own; 2],
            sound: String::new(),
            data: serde_json::json!({"takes": [{"sha256": "f00d"}]}),
            train_minutes: 1.0,
            test_minutes: 0.5,
            train_notes: 77,
            test_events: 100,
        };
        let html = page(&runs, &baselines);
        for wanted in [
            "0.450 ± 0.050",
            "uses the motion",
            "not known",
            "lstm-stream, never given motion",
            "how often they follow the one before, no ends",
            "42.5 ± 0.0",
            "7.0e-8",
            "<td>–</td>",
            "77 notes",
            "f00d",
            "abc1234",
            "--take &lt;a&gt;",
            "<polyline",
        ] {
            assert!(html.contains(wanted), "{wanted}");
        }
        assert!(!html.contains("http") && !html.contains("<script"));
    }

    #[test]
    fn a_gain_smaller_than_the_seeds_differ_shows_nothing() {
        assert_eq!(verdict(&[0.4, 0.5]), "uses the motion");
        assert_eq!(verdict(&[0.1, 0.5]), "no use shown");
        assert_eq!(verdict(&[-0.1, 0.5]), "no use shown");
        assert_eq!(verdict(&[-0.1, -0.5]), "is led astray by the motion");
        assert_eq!(verdict(&[0.5]), "one seed says nothing");
    }
}
