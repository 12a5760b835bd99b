//! The report: one HTML file without anything from outside.

use std::fmt::Write;

use super::picture::{Curve, draw};
use super::rivals::{Baselines, Rival};
use super::run::Run;
use super::scored::{Scored, WHY_NONE};
use super::spreads::spreads;

/// What every report looks like.
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}figure{display:inline-block;margin:.5rem 1rem .5rem 0}svg{width:460px}figcaption{font-size:13px;color:#666}code,pre{background:#f6f6f4;padding:.1rem .3rem;white-space:pre-wrap}";
const TRUTH: &str = "#999";
const SAID: &str = "#c2410c";

/// Mean and largest distance from it.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    (
        mean,
        values.fold(0.0, |most: f64, value| most.max((value - mean).abs())),
    )
}

pub fn cell(html: &mut String, digits: usize, values: impl Iterator<Item = f64> + Clone) {
    if values.clone().next().is_none() {
        html.push_str("<td>–</td>");
        return;
    }
    let (mean, most) = spread(values);
    let _ = write!(html, "<td>{mean:.digits$} ± {most:.digits$}</td>");
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A report's first lines.
pub fn begin(title: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    )
}

/// The curves of every seed: training in the truth's colour, held-out in the network's. Each point is those two.
pub fn epochs(html: &mut String, title: &str, runs: &[&[[f32; 2]]]) {
    let of = |index: usize| -> Vec<Vec<f32>> {
        let curve = |points: &&[[f32; 2]]| points.iter().map(|point| point[index]).collect();
        runs.iter().map(curve).collect()
    };
    let (train, held_out) = (of(0), of(1));
    let train = train.iter().map(|values| (values, TRUTH));
    let curves: Vec<Curve> = train
        .chain(held_out.iter().map(|values| (values, SAID)))
        .map(|(values, colour)| Curve { values, colour })
        .collect();
    html.push_str(&draw(title, &curves));
}

/// Architectures in the order of their first run.
pub fn by_arch(runs: &[Run]) -> Vec<(&str, Vec<&Run>)> {
    let mut groups: Vec<(&str, Vec<&Run>)> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|(arch, _)| *arch == run.arch) {
            Some((_, group)) => group.push(run),
            None => groups.push((&run.arch, vec![run])),
        }
    }
    groups
}

pub fn page(runs: &[Run], baselines: &Baselines) -> String {
    let mut html = begin("Which network turns this motion into this music?");
    let (train, test) = (baselines.train_minutes, baselines.test_minutes);
    let _ = write!(
        html,
        "<p>{train:.1} minutes to learn from, {test:.1} held out for the test. Every number is of the held-out part; ± is the largest distance of a seed from the mean of the seeds.</p>"
    );
    networks(&mut html, runs);
    others(&mut html, baselines);
    spreads(&mut html, runs, &baselines.rows);
    let _ = write!(
        html,
        "<h2>The truth</h2><audio controls src=\"data:audio/wav;base64,{}\"></audio><p>The Controls of the recording, sung by the same sound model as every network's below. Grey in every picture.</p>",
        baselines.sound
    );
    for (arch, group) in by_arch(runs) {
        network(&mut html, arch, &group, baselines);
    }
    let data = serde_json::to_string_pretty(&baselines.data).unwrap_or_default();
    let of = |value: fn(&Run) -> &String| runs.iter().map(|run| value(run).as_str()).collect();
    let told = [
        of(|run| &run.command),
        of(|run| &run.commit),
        of(|run| &run.machine),
    ];
    origin(&mut html, told, &escaped(&data));
    html
}

const HEADINGS: &str = "<th>loudness r</th><th>note NLL</th><th>calibration error</th><th>median pitch error</th><th>within ½ semitone</th><th>onset F1</th><th>matching</th>";
/// What stands under the first six, with so many digits.
type Column = (usize, fn(&Scored) -> Option<f32>);
const COLUMNS: [Column; 6] = [
    (3, |scores| scores.loudness_r),
    (2, |scores| scores.pitch_nll),
    (3, |scores| scores.pitch_ece),
    (2, |scores| scores.pitch_error_median),
    (2, |scores| scores.pitch_right),
    (2, |scores| scores.onset_f1),
];
/// Of a network that hears motion that is not of this music.
const WRONG: &str = "<th>loudness r</th><th>note NLL</th>";

/// What is known of a group's runs.
fn known(group: &[&Run], of: impl Fn(&Run) -> Option<f32>) -> impl Iterator<Item = f64> + Clone {
    let values: Vec<f64> = group
        .iter()
        .filter_map(|run| of(run).map(f64::from))
        .collect();
    values.into_iter()
}

fn networks(html: &mut String, runs: &[Run]) {
    let _ = write!(
        html,
        "<h2>Networks</h2><table><tr><th>network</th><th>seeds</th><th>parameters</th><th>µs per frame</th><th>training s</th>{HEADINGS}</tr>"
    );
    for (arch, group) in by_arch(runs) {
        let of = |value: fn(&Run) -> f64| {
            let values: Vec<f64> = group.iter().map(|run| value(run)).collect();
            values.into_iter()
        };
        let _ = write!(
            html,
            "<tr><td>{arch}</td><td>{}</td><td>{}</td>",
            group.len(),
            group[0].parameters
        );
        cell(html, 1, of(|run| run.us_per_frame));
        cell(html, 0, of(|run| f64::from(run.seconds)));
        for (digits, value) in COLUMNS {
            cell(html, digits, known(&group, |run| value(&run.scores)));
        }
        let right = group
            .iter()
            .filter_map(|run| run.matching.right.map(f64::from));
        cell(html, 2, right.collect::<Vec<_>>().into_iter());
        html.push_str("</tr>");
    }
    let of = runs[0].matching.of.max(1);
    let _ = write!(
        html,
        "</table><p>µs per frame: the written file in the plugin's own kernels. Note NLL in nats, pitch error in semitones, on sounding frames; where pitch is a point the NLL is of the distribution that it is the mean of. Calibration error: how far the stated chance of the likeliest note lies from how often it is right. Matching: which of {of} motions made these 5 seconds of sound ({} crops)? Chance is {:.0} %. {WHY_NONE}</p>",
        runs[0].matching.crops,
        100.0 / of as f32
    );
    wrong(html, runs);
}

/// The same networks, fed motion that is not of this music: whoever does as well as above has not listened.
fn wrong(html: &mut String, runs: &[Run]) {
    let _ = write!(
        html,
        "<h2>The same networks, fed wrong motion</h2><table><tr><th></th><th colspan=\"2\">its own</th><th colspan=\"2\">of half a take later</th><th colspan=\"2\">of another take</th></tr><tr><th>network</th>{WRONG}{WRONG}{WRONG}</tr>"
    );
    for (arch, group) in by_arch(runs) {
        let _ = write!(html, "<tr><td>{arch}</td>");
        let motions: [fn(&Run) -> Option<Scored>; 3] = [
            |run| Some(run.scores),
            |run| Some(run.wrong_motion),
            |run| run.motion_of_another_take,
        ];
        for motion in motions {
            cell(html, 3, known(&group, |run| motion(run)?.loudness_r));
            cell(html, 2, known(&group, |run| motion(run)?.pitch_nll));
        }
        html.push_str("</tr>");
    }
    let is_alone = runs.iter().all(|run| run.motion_of_another_take.is_none());
    html.push_str(if is_alone {
        "</table><p>The motion of another take is not scored, because there is one take only: name two with --take a.take b.take.</p>"
    } else {
        "</table><p>The motion of another take: the longest stretch of a take with another name, held out where there is one.</p>"
    });
}

fn others(html: &mut String, baselines: &Baselines) {
    let _ = write!(
        html,
        "<h2>What they must beat</h2><table><tr><th></th>{HEADINGS}</tr>"
    );
    for Rival {
        name,
        scores,
        matching,
    } in &baselines.rows
    {
        let _ = write!(html, "<tr><td>{name}</td>");
        let right = matching.and_then(|matching| matching.right);
        let scored = COLUMNS.map(|(digits, value)| (digits, value(scores)));
        for (digits, value) in scored.into_iter().chain([(2, right)]) {
            let text = value.map_or_else(|| "–".into(), |value| format!("{value:.digits$}"));
            let _ = write!(html, "<td>{text}</td>");
        }
        html.push_str("</tr>");
    }
    html.push_str("</table><p>The truth one frame before is no player of motion: it shows what merely following would score.</p>");
}

fn network(html: &mut String, arch: &str, group: &[&Run], baselines: &Baselines) {
    let first = group[0];
    let _ = write!(
        html,
        "<h2>{arch}</h2><audio controls src=\"data:audio/wav;base64,{}\"></audio><br>",
        first.sound
    );
    let pair = |truth, said| {
        [
            Curve {
                values: truth,
                colour: TRUTH,
            },
            Curve {
                values: said,
                colour: SAID,
            },
        ]
    };
    html.push_str(&draw(
        "loudness in dB",
        &pair(&baselines.truth.loudness_db, &first.trace.loudness_db),
    ));
    html.push_str(&draw(
        "pitch in notes",
        &pair(&baselines.truth.notes, &first.trace.notes),
    ));
    let curves: Vec<&[[f32; 2]]> = group.iter().map(|run| &run.curve[..]).collect();
    let title = "loss by epoch, training grey, held-out red, every seed";
    epochs(html, title, &curves);
}

/// Commands, commits and machines of all runs, and what was learned from.
pub fn origin(html: &mut String, told: [Vec<&str>; 3], data: &str) {
    let [commands, commits, machines] = told.map(|mut all| {
        all.sort_unstable();
        all.dedup();
        escaped(&all.join("\n"))
    });
    let _ = write!(
        html,
        "<h2>Make it again</h2><pre>{commands}</pre><p>Commit</p><pre>{commits}</pre><p>Machine</p><pre>{machines}</pre><p>Learned from:</p><pre>{data}</pre></html>"
    );
}

#[cfg(test)]
pub mod tests {
    use super::super::matching::Matching;
    use super::super::picture::Trace;
    use super::*;

    pub fn run(arch: &str, seed: u64, loudness_r: f32) -> Run {
        Run {
            arch: arch.into(),
            seed,
            parameters: 1234,
            us_per_frame: 3.5,
            seconds: 10.0,
            epochs: 2,
            scores: Scored {
                loudness_r: Some(loudness_r),
                ..Scored::default()
            },
            wrong_motion: Scored::default(),
            motion_of_another_take: None,
            matching: Matching {
                right: Some(0.5),
                of: 10,
                crops: 12,
            },
            curve: vec![[2.0, 2.5], [1.0, 1.5]],
            trace: Trace::of([(60.0, -20.0), (61.0, -30.0)].into_iter()),
            sound: "UklGRg==".into(),
            command: "imu2music explore --take <a>".into(),
            commit: "abc1234".into(),
            machine: "Quick 3000 (2 cores)".into(),
            lesson: String::new(),
        }
    }

    #[test]
    fn a_page_shows_every_network_with_its_spread_and_needs_nothing_from_outside() {
        let runs = [run("lstm", 1, 0.8), run("lstm", 2, 0.9), run("tcn", 1, 0.7)];
        let baselines = Baselines {
            rows: vec![Rival {
                name: "random forest".into(),
                scores: Scored::default(),
                matching: Some(runs[0].matching),
            }],
            truth: runs[0].trace.clone(),
            sound: String::new(),
            data: serde_json::json!({"takes": [{"sha256": "f00d"}]}),
            train_minutes: 1.0,
            test_minutes: 0.5,
        };
        let html = page(&runs, &baselines);
        assert!(!html.contains("Distributions"));
        for wanted in [
            "0.850 ± 0.050",
            "0.700 ± 0.000",
            "random forest",
            "Quick 3000",
            "<td>–</td>",
            "f00d",
            "abc1234",
            "--take &lt;a&gt;",
            "<polyline",
            "Chance is 10 %",
            "not scored, because there is one take only",
            "no note sounds",
        ] {
            assert!(html.contains(wanted), "{wanted}");
        }
        assert!(!html.contains("http") && !html.contains("<script"));
    }

    #[test]
    fn a_finished_run_is_read_back_as_it_was() {
        let run = run("gru", 3, 0.25);
        let text = serde_json::to_string(&run).unwrap();
        let back: Run = serde_json::from_str(&text).unwrap();
        assert_eq!((back.arch, back.scores), (run.arch, run.scores));
        assert_eq!((back.matching, back.trace), (run.matching, run.trace));
    }
}
