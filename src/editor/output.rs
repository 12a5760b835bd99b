//! What comes out and what went wrong: the level meter, and the line of counters at the foot, quiet
//! while all is well and lit while a counter rises.

use super::scene::{Memory, Scene};
use super::style::{self, ACCENT, ALERT, EDGE, FAINT, MUTED, TEXT, WELL};
use crate::sensor::intake::HubCounters;
use crate::telemetry::{AudioCounts, Snapshot};
use crate::units::gain_to_db;
use egui::{
    Rect, Response, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, vec2,
};

/// The meter's floor.
const FLOOR_DB: f32 = -60.0;
const HOLD_S: f64 = 1.5;
const FALL_DB_PER_S: f64 = 24.0;
/// A counter is lit this long after it last rose.
const LIT_S: f64 = 3.0;
const COUNTERS: usize = 8;

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
    (
        "malformed",
        "Packets that are not valid OSC, or that no known sensor sends.",
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
            audio.overrun + hub.dropped,
            audio.bridged,
            audio.dropouts,
            audio.not_finite,
            audio.overload,
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

/// Peak level that falls slowly, and a held maximum.
pub struct Meter {
    pub level_db: f32,
    pub held_db: f32,
    held_s: f64,
    last_s: f64,
    /// The limiter's deepest reduction among the last ticks.
    pub limiter_db: f32,
    /// The worst callback of the last second, as a share of its block.
    pub load: f32,
    load_s: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Meter {
            level_db: FLOOR_DB,
            held_db: FLOOR_DB,
            held_s: 0.0,
            last_s: 0.0,
            limiter_db: 0.0,
            load: 0.0,
            load_s: 0.0,
        }
    }
}

impl Meter {
    pub fn follow<'a>(&mut self, fresh: impl Iterator<Item = &'a Snapshot>, now_s: f64) {
        let elapsed_s = (now_s - self.last_s).clamp(0.0, 1.0);
        self.last_s = now_s;
        let fallen = (FALL_DB_PER_S * elapsed_s) as f32;
        self.level_db = (self.level_db - fallen).max(FLOOR_DB);
        self.limiter_db = (self.limiter_db + fallen).min(0.0);
        for tick in fresh {
            self.level_db = self.level_db.max(gain_to_db(tick.peak));
            self.limiter_db = self.limiter_db.min(tick.limiter_db);
            if tick.callback_load >= self.load || now_s - self.load_s > 1.0 {
                (self.load, self.load_s) = (tick.callback_load, now_s);
            }
        }
        if self.level_db >= self.held_db {
            (self.held_db, self.held_s) = (self.level_db, now_s);
        } else if now_s - self.held_s > HOLD_S {
            self.held_db = (self.held_db - fallen).max(self.level_db);
        }
    }
}

/// The output level, drawn `width` wide.
pub fn meter(ui: &mut Ui, meter: &Meter, width: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width, 30.0), Sense::hover());
    let bar = Rect::from_min_size(rect.min + vec2(0.0, 4.0), vec2(width, 8.0));
    let at = |db: f32| bar.left() + bar.width() * share_of_meter(db);
    let painter = ui.painter();
    painter.rect_filled(bar, 4.0, WELL);
    painter.rect_stroke(bar, 4.0, Stroke::new(1.0, EDGE), StrokeKind::Outside);
    let lit = Rect::from_min_max(bar.min, egui::pos2(at(meter.level_db), bar.bottom()));
    if lit.width() > 0.5 {
        painter
            .with_clip_rect(lit.intersect(painter.clip_rect()))
            .rect_filled(bar, 4.0, ACCENT);
    }
    if meter.held_db > FLOOR_DB {
        let colour = if meter.held_db > -0.5 { ALERT } else { TEXT };
        painter.vline(at(meter.held_db), bar.y_range(), Stroke::new(2.0, colour));
    }
    let font = TextStyle::Small.resolve(ui.style());
    let marks: &[f32] = if width > 140.0 {
        &[-48.0, -36.0, -24.0, -12.0]
    } else {
        &[-40.0, -20.0]
    };
    for &mark in marks {
        painter.text(
            egui::pos2(at(mark), rect.bottom()),
            egui::Align2::CENTER_BOTTOM,
            format!("{mark:.0}"),
            font.clone(),
            FAINT,
        );
    }
    painter.text(
        rect.right_bottom(),
        egui::Align2::RIGHT_BOTTOM,
        "0",
        font,
        FAINT,
    );
    let told = format!("Output {}", level_text(meter.held_db));
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &told));
    response
}

fn share_of_meter(db: f32) -> f32 {
    ((db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0)
}

/// "-12.3 dBFS", or "silent" at the meter's floor.
pub fn level_text(db: f32) -> String {
    if db <= FLOOR_DB {
        "silent".into()
    } else {
        format!("{db:.1} dBFS")
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

/// Shares under a tenth keep a digit: "3.4 %", "41 %".
pub fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
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
    use crate::editor::samples;

    #[test]
    fn the_peak_is_held_then_falls() {
        let mut meter = Meter::default();
        let mut loud = samples::tick(0.0);
        loud.peak = 0.5;
        meter.follow([loud].iter(), 10.0);
        assert!((meter.held_db + 6.02).abs() < 0.01);
        meter.follow([].iter(), 11.0);
        assert!((meter.held_db + 6.02).abs() < 0.01 && meter.level_db < -20.0);
        meter.follow([].iter(), 12.0);
        assert!(meter.held_db < -20.0);
    }

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
    fn numbers_stay_short() {
        assert_eq!(
            ["0", "999", "1.2 k", "34 k", "5.6 M"].map(String::from),
            [0, 999, 1250, 34_900, 5_600_001].map(short_count)
        );
        assert_eq!(
            [percent(0.0), percent(0.034), percent(0.41)],
            ["0.0 %", "3.4 %", "41 %"]
        );
        assert_eq!(
            [level_text(-90.0), level_text(-12.34)],
            ["silent", "-12.3 dBFS"]
        );
    }
}
