//! What went wrong, as one line of counters: quiet while all is well, lit while a counter rises.

use super::scene::{Memory, Scene};
use super::style::{self, ALERT, FAINT, MUTED, TEXT};
use super::text::percent;
use crate::sensor::intake::HubCounters;
use crate::telemetry::AudioCounts;
use egui::{Response, RichText, TextStyle, Ui, vec2};

/// A counter is lit this long after it last rose.
const LIT_S: f64 = 3.0;
const COUNTERS: usize = 10;

/// What each counter means to a player, in the order of [`Failures`].
const MEANINGS: [(&str, &str); COUNTERS] = [
    (
        "lost",
        "Readings that a sensor sent and that never arrived: a weak radio link or a full network.",
    ),
    (
        "late",
        "Readings that came after their moment: raise the playout delay, or leave it on automatic.",
    ),
    ("malformed", "Packets that are not valid OSC."),
    (
        "unknown",
        "OSC messages that no known sensor sends: nothing is made of them.",
    ),
    (
        "overrun",
        "Readings thrown away because the host did not call the plugin in time.",
    ),
    (
        "bridged",
        "Short gaps (up to 100 ms) in a sensor's stream that were filled by holding and interpolating.",
    ),
    (
        "dropouts",
        "Longer gaps: the sound faded until the sensor came back.",
    ),
    (
        "not finite",
        "Readings, model outputs or samples that were not numbers, replaced before they could be heard.",
    ),
    (
        "overload",
        "Audio callbacks that took longer than their block: use a larger buffer or a lighter model.",
    ),
    (
        "helper late",
        "Steps of a model on its helper thread that were not ready in time: the last one was held. Use a lighter model.",
    ),
];

/// Counters with the moment each last rose.
#[derive(Default)]
pub struct Failures {
    counts: [u64; COUNTERS],
    rose_s: [Option<f64>; COUNTERS],
    primed: bool,
}

impl Failures {
    pub fn follow(&mut self, audio: &AudioCounts, hub: &HubCounters, lost: u64, now_s: f64) {
        let counts = [
            lost,
            audio.late,
            hub.malformed,
            hub.unknown + hub.refused,
            audio.overrun + hub.dropped,
            audio.bridged,
            audio.dropouts,
            audio.not_finite + hub.implausible,
            audio.overload,
            audio.helper_late,
        ];
        for (i, &count) in counts.iter().enumerate() {
            if count > self.counts[i] && self.primed {
                self.rose_s[i] = Some(now_s);
            }
        }
        self.counts = counts;
        self.primed = true;
    }

    fn is_lit(&self, counter: usize, now_s: f64) -> bool {
        self.rose_s[counter].is_some_and(|rose| now_s - rose < LIT_S)
    }
}

/// The line at the foot of the window.
pub fn failures(ui: &mut Ui, scene: &Scene, memory: &Memory) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(14.0, 2.0);
        for (i, (name, meaning)) in MEANINGS.iter().enumerate() {
            let count = memory.failures.counts[i];
            counter(ui, name, count, memory.failures.is_lit(i, scene.now_s)).on_hover_text(*meaning);
        }
        let Some(tick) = scene.tick else { return };
        let load = memory.meter.load;
        let text = RichText::new(format!("callback {}", percent(load))).text_style(TextStyle::Small);
        ui.label(text.color(if load > 0.8 { ALERT } else { MUTED }))
            .on_hover_text("The slowest audio callback of the last second, as a share of the time its block lasts.");
        ui.label(style::small(format!("motion to sound {:.0} ms", tick.motion_age_ms)))
            .on_hover_text("Age of the motion you hear when it leaves the plugin; the sound card's own delay comes after it.");
    });
}

fn counter(ui: &mut Ui, name: &str, count: u64, lit: bool) -> Response {
    let colour = match (count, lit) {
        (0, _) => FAINT,
        (_, false) => TEXT,
        (_, true) => ALERT,
    };
    let text = RichText::new(format!("{name} {}", short_count(count)))
        .text_style(TextStyle::Small)
        .color(colour);
    ui.label(if lit { text.strong() } else { text })
}

/// Counts stay short: 999, 1.2 k, 34 k, 5.6 M.
fn short_count(count: u64) -> String {
    match count {
        0..=999 => count.to_string(),
        1000..=9_999 => format!("{:.1} k", (count / 100) as f64 / 10.0),
        10_000..=999_999 => format!("{} k", count / 1000),
        _ => format!("{:.1} M", (count / 100_000) as f64 / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_before_the_window_opened_are_not_lit() {
        let mut failures = Failures::default();
        let hub = HubCounters::default();
        failures.follow(
            &AudioCounts {
                late: 7,
                ..Default::default()
            },
            &hub,
            0,
            1.0,
        );
        assert!(!failures.is_lit(1, 1.0));
        failures.follow(
            &AudioCounts {
                late: 8,
                ..Default::default()
            },
            &hub,
            0,
            2.0,
        );
        assert!(failures.is_lit(1, 2.5) && !failures.is_lit(1, 9.0));
    }

    #[test]
    fn counts_stay_short() {
        let told = [0, 999, 1250, 34_900, 5_600_001].map(short_count);
        assert_eq!(
            told,
            ["0", "999", "1.2 k", "34 k", "5.6 M"].map(String::from)
        );
    }
}
