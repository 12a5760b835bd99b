//! The part of a report about numbers that are said as normal distributions: their likelihood and calibration.

use std::fmt::Write;

use super::page::{by_arch, cell};
use super::rivals::Rival;
use super::run::Run;
use super::scored::Scored;
use crate::train::gesture::spread::Spread;
use crate::train::gesture::table::WHAT_SPREADS_ARE;

/// Nothing where nothing is.
pub fn spreads(html: &mut String, runs: &[Run], rivals: &[Rival]) {
    let stated = |scores: &Scored| scores.spreads.each();
    let all: Vec<[(&str, Option<Spread>); 4]> =
        runs.iter().map(|run| stated(&run.scores)).collect();
    let columns: Vec<usize> = (0..4)
        .filter(|column| all.iter().any(|each| each[*column].1.is_some()))
        .collect();
    if columns.is_empty() {
        return;
    }
    html.push_str("<h2>Distributions</h2><table><tr><th></th>");
    for column in &columns {
        let name = all[0][*column].0;
        let _ = write!(
            html,
            "<th>{name} NLL</th><th>{name} within one deviation</th>"
        );
    }
    html.push_str("</tr>");
    let mut row = |name: &str, scores: &[&Scored]| {
        let _ = write!(html, "<tr><td>{name}</td>");
        for column in &columns {
            let spreads: Vec<Spread> = scores
                .iter()
                .filter_map(|scores| stated(scores)[*column].1)
                .collect();
            cell(html, 2, spreads.iter().map(|spread| f64::from(spread.nll)));
            cell(
                html,
                2,
                spreads.iter().map(|spread| f64::from(spread.within)),
            );
        }
        html.push_str("</tr>");
    };
    for (arch, group) in by_arch(runs) {
        let scores: Vec<&Scored> = group.iter().map(|run| &run.scores).collect();
        row(arch, &scores);
    }
    for rival in rivals {
        row(&rival.name, &[&rival.scores]);
    }
    let _ = write!(html, "</table><p>{WHAT_SPREADS_ARE}</p>");
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::run;
    use super::*;

    #[test]
    fn the_distributions_that_there_are_are_shown() {
        let mut run = run("lstm", 1, 0.8);
        run.scores.spreads.brightness = Some(Spread {
            nll: -0.5,
            within: 0.66,
        });
        let rival = Rival {
            name: "ridge regression".into(),
            scores: run.scores,
            matching: None,
        };
        let mut html = String::new();
        spreads(&mut html, &[run], &[rival]);
        let figures = "<td>-0.50 ± 0.00</td><td>0.66 ± 0.00</td>";
        assert!(html.contains("brightness within one deviation") && !html.contains("loudness NLL"));
        assert!(html.contains(&format!("<td>lstm</td>{figures}")));
        assert!(html.contains(&format!("<td>ridge regression</td>{figures}")));
    }
}
