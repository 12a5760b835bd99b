//! The level that leaves the plugin, with a held peak, and the share of its time that the audio callback takes.

use super::style::{ACCENT, ALERT, EDGE, FAINT, TEXT, WELL};
use crate::telemetry::Snapshot;
use crate::units::gain_to_db;
use egui::{Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, vec2};

/// The meter's floor.
const FLOOR_DB: f32 = -60.0;
const HOLD_S: f64 = 1.5;
const FALL_DB_PER_S: f64 = 24.0;
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
    fn the_floor_reads_as_silence() {
        assert_eq!(
            [level_text(-90.0), level_text(-12.34)],
            ["silent", "-12.3 dBFS"]
        );
    }
}
