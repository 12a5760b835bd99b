//! The last ten seconds: how much each limb moves, and the musical words that the sound model heard.

use super::scene::{Memory, Scene};
use super::style::{self, ACCENT, FAINT, MUTED, RAISED, ROLES, TEXT};
use super::text::{control_text, words};
use crate::controls::{Control, SILENCE_DB};
use crate::gesture::{ROLE_COUNT, Role};
use crate::telemetry::Snapshot;
use egui::{Color32, RichText, Ui, vec2};
use egui_plot::{HLine, Line, Plot, PlotPoints, PlotUi, VLine};
use std::collections::VecDeque;
use std::ops::RangeInclusive;

const SPAN_S: f64 = 10.0;
/// A longer hole in the history is left open.
const HOLE_S: f64 = 0.1;
/// Below this the pitch is not heard, and not drawn.
const HEARD_DB: f32 = SILENCE_DB + 12.0;
/// Room for the words beside the plots.
const GUTTER: f32 = 116.0;
/// A row lower than this has its name and its value side by side.
const TWO_LINES: f32 = 31.0;
/// Every n-th tick is drawn: 200 Hz is finer than the screen.
const STRIDE: i64 = 3;

type Points = Vec<[f64; 2]>;

/// One row of the traces.
struct Row<'a> {
    name: &'a str,
    value: String,
    range: RangeInclusive<f64>,
    marks: &'a [f64],
    curves: Vec<Curve>,
    filled: bool,
}

struct Curve {
    colour: Color32,
    pieces: Vec<Points>,
}

pub fn traces(ui: &mut Ui, scene: &Scene, memory: &Memory, height: f32) {
    let past = Past {
        ticks: &memory.history,
        now_s: scene.now_s,
    };
    let roles = roles_of(scene.tick.as_ref(), &memory.history);
    let unit = ((height - 16.0 - 5.0 * 5.0) / 6.2).max(18.0);
    ui.spacing_mut().item_spacing.y = 5.0;
    // Nothing here is pressed: a row may be lower than a button.
    ui.spacing_mut().interact_size.y = 0.0;
    motion(ui, scene, &past, &roles, unit * 2.2);
    for control in [
        Control::Pitch,
        Control::Loudness,
        Control::Brightness,
        Control::Noisiness,
    ] {
        word(ui, scene, &past, control, unit);
    }
    time_axis(ui);
}

/// The history as seen from now.
struct Past<'a> {
    ticks: &'a VecDeque<Snapshot>,
    now_s: f64,
}

impl Past<'_> {
    /// The curve of `value`, broken where it is `None` and where ticks are missing.
    fn pieces(&self, value: impl Fn(&Snapshot) -> Option<f32>) -> Vec<Points> {
        let mut pieces = vec![Points::new()];
        let mut last_s = f64::NEG_INFINITY;
        for tick in self.ticks.iter().filter(|tick| is_drawn(tick)) {
            let hole = tick.host_s - last_s > HOLE_S;
            last_s = tick.host_s;
            let point = value(tick)
                .filter(|value| value.is_finite())
                .map(|value| [tick.host_s - self.now_s, f64::from(value)]);
            if hole || point.is_none() {
                pieces.push(Points::new());
            }
            if let (Some(point), Some(piece)) = (point, pieces.last_mut()) {
                piece.push(point);
            }
        }
        pieces.retain(|piece| piece.len() > 1);
        pieces
    }
}

/// Ticks are chosen by their number, so that a curve does not shiver as it travels.
fn is_drawn(tick: &Snapshot) -> bool {
    (tick.host_s * f64::from(crate::gesture::TICK_RATE_HZ)).round() as i64 % STRIDE == 0
}

fn motion(ui: &mut Ui, scene: &Scene, past: &Past, roles: &[usize], height: f32) {
    let curves = roles
        .iter()
        .map(|&role| Curve {
            colour: ROLES[role],
            pieces: past.pieces(|tick| Some(tick.motion_energy[role])),
        })
        .collect();
    let row = Row {
        name: "Motion",
        value: String::new(),
        range: -0.03..=1.05,
        marks: &[0.0, 0.5, 1.0],
        curves,
        filled: roles.len() == 1,
    };
    ui.horizontal(|ui| {
        gutter(ui, height, |ui| {
            ui.label(style::small(row.name));
            if roles.is_empty() {
                ui.label(RichText::new("no limb yet").color(FAINT));
            }
            for &role in roles {
                let value = scene.tick.map_or(0.0, |tick| tick.motion_energy[role]);
                let name = words(Role::ALL[role].name());
                let text = RichText::new(format!("{name} {value:.2}"))
                    .color(ROLES[role])
                    .text_style(egui::TextStyle::Small);
                ui.add(egui::Label::new(text).truncate());
            }
        });
        plot(ui, &row, height);
    });
}

fn word(ui: &mut Ui, scene: &Scene, past: &Past, control: Control, height: f32) {
    let heard = |tick: &Snapshot| control != Control::Pitch || tick.controls.loudness_db > HEARD_DB;
    let pieces = past.pieces(|tick| heard(tick).then(|| tick.controls.get(control)));
    let (range, marks): (_, &[f64]) = match control {
        Control::Pitch => (
            pitch_range(&pieces),
            &[24.0, 36.0, 48.0, 60.0, 72.0, 84.0, 96.0, 108.0],
        ),
        Control::Loudness => (f64::from(SILENCE_DB)..=2.0, &[-60.0, -40.0, -20.0, 0.0]),
        _ => (-0.04..=1.04, &[0.0, 0.5, 1.0]),
    };
    let value = match scene.tick {
        Some(tick) if heard(&tick) => control_text(control, tick.controls.get(control)),
        _ => "–".into(),
    };
    let name = words(&control.name());
    let filled = control == Control::Loudness;
    let row = Row {
        name: &name,
        value,
        range,
        marks,
        curves: vec![Curve {
            colour: ACCENT,
            pieces,
        }],
        filled,
    };
    ui.horizontal(|ui| {
        gutter(ui, height, |ui| {
            let value = RichText::new(&row.value).color(TEXT);
            if height < TWO_LINES {
                ui.horizontal(|ui| {
                    ui.label(style::small(row.name));
                    let value = value.text_style(egui::TextStyle::Small);
                    ui.add(egui::Label::new(value).truncate());
                });
            } else {
                ui.label(style::small(row.name));
                ui.add(egui::Label::new(value).truncate());
            }
        });
        plot(ui, &row, height);
    });
}

/// Two octaves or more around what was played, in whole octaves from C.
fn pitch_range(pieces: &[Points]) -> RangeInclusive<f64> {
    let notes = || pieces.iter().flatten().map(|point| point[1]);
    let (low, high) = (
        notes().fold(f64::INFINITY, f64::min),
        notes().fold(f64::NEG_INFINITY, f64::max),
    );
    if low > high {
        return 48.0..=84.0;
    }
    let low = ((low - 1.0) / 12.0).floor() * 12.0;
    let high = ((high + 1.0) / 12.0).ceil() * 12.0;
    low - 0.5..=high.max(low + 24.0) + 0.5
}

/// Limbs that moved or that a sensor fills within the history.
fn roles_of(tick: Option<&Snapshot>, history: &VecDeque<Snapshot>) -> Vec<usize> {
    let seen = history.iter().step_by(50).chain(tick);
    let mut present = [false; ROLE_COUNT];
    for tick in seen {
        for (role, present) in present.iter_mut().enumerate() {
            *present |= tick.freshness[role] > 0.0;
        }
    }
    (0..ROLE_COUNT).filter(|&role| present[role]).collect()
}

fn gutter(ui: &mut Ui, height: f32, draw: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(
        vec2(GUTTER, height),
        egui::Layout::top_down(egui::Align::Min),
        |ui| {
            ui.set_min_size(vec2(GUTTER, height));
            ui.spacing_mut().item_spacing.y = 1.0;
            draw(ui);
        },
    );
}

fn plot(ui: &mut Ui, row: &Row, height: f32) {
    let width = ui.available_width();
    let room = egui::Rect::from_min_size(ui.cursor().min, vec2(width, height));
    ui.painter().rect_filled(room, 5.0, style::WELL);
    Plot::new(row.name)
        .width(width)
        .height(height)
        .show_axes(false)
        .show_grid(false)
        .show_background(false)
        .show_crosshair(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .sense(egui::Sense::hover())
        .show(ui, |plot| draw(plot, row));
}

fn draw(plot: &mut PlotUi, row: &Row) {
    plot.set_plot_bounds_x(-SPAN_S..=0.0);
    plot.set_plot_bounds_y(row.range.clone());
    for &mark in row.marks.iter().filter(|mark| row.range.contains(mark)) {
        plot.hline(HLine::new("", mark).color(RAISED).width(1.0));
    }
    for second in [-8.0, -6.0, -4.0, -2.0] {
        plot.vline(
            VLine::new("", second)
                .color(RAISED.gamma_multiply(0.6))
                .width(1.0),
        );
    }
    for curve in &row.curves {
        for piece in &curve.pieces {
            let line = Line::new("", PlotPoints::from(piece.clone()))
                .color(curve.colour)
                .width(1.6)
                .allow_hover(false);
            plot.line(if row.filled {
                line.fill(*row.range.start() as f32).fill_alpha(0.12)
            } else {
                line
            });
        }
    }
}

fn time_axis(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 12.0), egui::Sense::hover());
    let left = rect.left() + GUTTER + ui.spacing().item_spacing.x;
    let font = egui::FontId::proportional(10.5);
    for (share, text, align) in [
        (0.0, "10 s ago", egui::Align2::LEFT_CENTER),
        (0.5, "5 s", egui::Align2::CENTER_CENTER),
        (1.0, "now", egui::Align2::RIGHT_CENTER),
    ] {
        let x = egui::lerp(left..=rect.right(), share);
        ui.painter().text(
            egui::pos2(x, rect.center().y),
            align,
            text,
            font.clone(),
            MUTED,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::samples;

    #[test]
    fn a_hole_in_the_history_breaks_the_curve() {
        let ticks: VecDeque<Snapshot> = (0..400)
            .chain(800..1200)
            .map(|i| samples::tick(i as f64 / 200.0))
            .collect();
        let past = Past {
            ticks: &ticks,
            now_s: 6.0,
        };
        let pieces = past.pieces(|tick| Some(tick.peak));
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().flatten().all(|point| point[0] <= 0.0));
    }

    #[test]
    fn what_is_not_heard_is_not_drawn() {
        let ticks: VecDeque<Snapshot> = (0..400).map(|i| samples::tick(i as f64 / 200.0)).collect();
        let past = Past {
            ticks: &ticks,
            now_s: 2.0,
        };
        assert!(past.pieces(|_| None).is_empty());
        assert!(past.pieces(|_| Some(f32::NAN)).is_empty());
    }

    #[test]
    fn the_pitch_axis_holds_what_was_played_in_whole_octaves() {
        let range = pitch_range(&[vec![[0.0, 59.0], [1.0, 75.0]]]);
        assert_eq!((*range.start(), *range.end()), (47.5, 84.5));
        assert!(pitch_range(&[]).contains(&60.0));
    }
}
