//! Scores as Markdown tables, for a card and for the terminal: a network beside what it must beat.

use std::fmt::Write;

use super::{Report, Scores};

/// Scores as Markdown tables, the network beside what it must beat.
pub fn table(report: &Report) -> String {
    let mut text = String::from(
        "| on unseen performances | note NLL (nats) | calibration error | median pitch error (semitones) | within ½ semitone | loudness r | loudness RMSE (dB) | brightness r | noisiness r | stated dB when silent / loud | onset F1 |",
    );
    let has_timbre = report.network.mean_timbre_r().is_some();
    text += if has_timbre {
        " r of each timbre latent |"
    } else {
        ""
    };
    let _ = writeln!(text, "\n|{}", "---|".repeat(11 + usize::from(has_timbre)));
    let rows = rows(report);
    for (name, scores) in &rows {
        row(&mut text, name, scores);
    }
    text + &spreads(&rows)
}

fn rows(report: &Report) -> Vec<(&'static str, Scores)> {
    let mut rows = vec![
        ("this network", report.network),
        ("ridge regression, same features", report.ridge),
        ("always the mean", report.mean),
        ("the truth one frame before", report.previous_frame),
        (
            "this network, motion shifted by half a take",
            report.network_motion_shifted,
        ),
    ];
    let more = [
        (
            "this network, motion of another take",
            report.network_motion_of_another_take,
        ),
        (
            "by hand: energy is loudness, tilt brightness",
            report.hand_mapping,
        ),
    ];
    rows.extend(
        more.into_iter()
            .filter_map(|(name, scores)| Some((name, scores?))),
    );
    rows
}

fn row(text: &mut String, name: &str, s: &Scores) {
    let each = s.timbre_r.iter().flatten().map(|r| format!("{r:.2}"));
    let mut timbre_r = each.collect::<Vec<_>>().join(" / ");
    if !timbre_r.is_empty() {
        timbre_r = format!(" {timbre_r} |");
    }
    let _ = writeln!(
        text,
        "| {name} | {:.2} | {:.3} | {:.2} | {:.0} % | {:.3} | {:.1} | {:.2} | {:.2} | {:.0} / {:.0} | {:.2} |{timbre_r}",
        s.pitch_nll,
        s.pitch_ece,
        s.pitch_error_median,
        100.0 * s.pitch_right,
        s.loudness_r,
        s.loudness_rmse_db,
        s.brightness_r,
        s.noisiness_r,
        s.loudness_when_silent_db,
        s.loudness_when_loud_db,
        s.onset_f1
    );
}

/// How good the distributions of what is said as a number are; nothing where there are none.
fn spreads(rows: &[(&str, Scores)]) -> String {
    let stated = |scores: &Scores| {
        scores
            .spreads
            .each()
            .into_iter()
            .filter_map(|(name, s)| Some((name, s?)))
    };
    let names: Vec<&str> = rows[..1]
        .iter()
        .flat_map(|(_, scores)| stated(scores))
        .map(|(name, _)| name)
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n| distributions |");
    for name in &names {
        let _ = write!(text, " {name} NLL (nats) | {name} within one deviation |");
    }
    let _ = writeln!(text, "\n|---|{}", "---|---|".repeat(names.len()));
    for (name, scores) in rows {
        let _ = write!(text, "| {name} |");
        for (_, spread) in stated(scores) {
            let _ = write!(
                text,
                " {:.2} | {:.0} % |",
                spread.nll,
                100.0 * spread.within
            );
        }
        text.push('\n');
    }
    let _ = writeln!(text, "\n{WHAT_SPREADS_ARE}");
    text
}

/// What the figures of a distribution mean.
pub const WHAT_SPREADS_ARE: &str = "NLL: of the value in the unit that it is learned in (loudness 20 dB, brightness and noisiness a tenth, timbre 1), in nats a frame, less is better. Within one deviation: 68 % where the distribution is right.";

#[cfg(test)]
mod tests {
    use super::super::spread::Spread;
    use super::*;

    #[test]
    fn distributions_and_timbre_have_figures_where_they_are_said() {
        let mut report = Report::default();
        assert!(!table(&report).contains("within one deviation"));
        for scores in [&mut report.network, &mut report.ridge] {
            scores.timbre_r[..2].copy_from_slice(&[Some(0.25), Some(-0.5)]);
            scores.spreads.loudness = Some(Spread {
                nll: -1.234,
                within: 0.69,
            });
        }
        let said = table(&report);
        assert!(
            said.contains("| loudness NLL (nats) | loudness within one deviation |"),
            "{said}"
        );
        assert!(said.contains("| this network | -1.23 | 69 % |"), "{said}");
        assert!(said.contains("| 0.25 / -0.50 |"), "{said}");
    }
}
