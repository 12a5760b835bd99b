//! A parameter as a bar: drag to change (with shift: finely), double-click to type, control-click for
//! the default.

use super::hand::Hand;
use super::style::{ACCENT, ACCENT_DIM, EDGE, RAISED, ROW_HEIGHT, TEXT, WELL};
use egui::{
    Align2, Key, Rect, Response, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, vec2,
};
use nice_plug::prelude::Param;

/// Full range per point dragged, when dragged finely.
const FINE: f32 = 0.0008;

/// Draws `param` at `width` and lets it be changed.
pub fn bar<P: Param>(ui: &mut Ui, hand: &Hand, param: &P, width: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width, ROW_HEIGHT), Sense::click_and_drag());
    response.widget_info(|| {
        WidgetInfo::slider(
            ui.is_enabled(),
            f64::from(param.modulated_normalized_value()),
            param.name(),
        )
    });
    if type_value(ui, hand, param, rect, &response) {
        return response;
    }
    drag(ui, hand, param, rect, &response);
    if ui.is_rect_visible(rect) {
        paint(ui, param, rect, &response);
    }
    response.on_hover_text_at_pointer(
        "Drag; with Shift finely. Double-click to type, Ctrl-click for the default.",
    )
}

/// Where a drag stands, before it is snapped to a step.
fn drag<P: Param>(ui: &mut Ui, hand: &Hand, param: &P, rect: Rect, response: &Response) {
    if response.clicked() && ui.input(|input| input.modifiers.command) {
        hand.set(param, param.default_plain_value());
        return;
    }
    if response.drag_started() {
        hand.begin(param);
        ui.data_mut(|data| data.insert_temp(response.id, param.unmodulated_normalized_value()));
    }
    if response.dragged() {
        let fine = ui.input(|input| input.modifiers.shift);
        let from = ui
            .data(|data| data.get_temp(response.id))
            .unwrap_or(param.unmodulated_normalized_value());
        let to = dragged(from, response.drag_delta().x, rect.width(), fine);
        ui.data_mut(|data| data.insert_temp(response.id, to));
        let value = param.preview_plain(to);
        if value != param.unmodulated_plain_value() {
            hand.drag(param, value);
        }
    }
    if response.drag_stopped() {
        hand.end(param);
    }
}

/// The normalised value after the pointer moved by `delta` points over a bar of `width`.
fn dragged(from: f32, delta: f32, width: f32, fine: bool) -> f32 {
    let per_point = if fine { FINE } else { 1.0 / width.max(1.0) };
    (from + delta * per_point).clamp(0.0, 1.0)
}

/// The text field over the bar; `true` while it is open.
fn type_value<P: Param>(
    ui: &mut Ui,
    hand: &Hand,
    param: &P,
    rect: Rect,
    response: &Response,
) -> bool {
    let id = response.id.with("typed");
    if response.double_clicked() {
        ui.data_mut(|data| data.insert_temp(id, param.to_string()));
        ui.memory_mut(|memory| memory.request_focus(id.with("field")));
    }
    let Some(mut text) = ui.data(|data| data.get_temp::<String>(id)) else {
        return false;
    };
    let field = egui::TextEdit::singleline(&mut text)
        .id(id.with("field"))
        .font(TextStyle::Body);
    let edited = ui.put(rect, field);
    if !edited.lost_focus() {
        ui.data_mut(|data| data.insert_temp(id, text));
        return true;
    }
    ui.data_mut(|data| data.remove::<String>(id));
    let meant = !ui.input(|input| input.key_pressed(Key::Escape));
    if let Some(normalized) = param.string_to_normalized_value(&text).filter(|_| meant) {
        hand.set(param, param.preview_plain(normalized));
    }
    true
}

fn paint<P: Param>(ui: &Ui, param: &P, rect: Rect, response: &Response) {
    let held = response.dragged();
    let edge = if held {
        ACCENT
    } else if response.hovered() {
        EDGE
    } else {
        RAISED
    };
    let painter = ui.painter();
    painter.rect_filled(rect, 5.0, WELL);
    let reach = rect.width() * param.modulated_normalized_value();
    if reach > 0.5 {
        let filled = Rect::from_min_size(rect.min, vec2(reach, rect.height()));
        let inside = painter.with_clip_rect(filled.intersect(painter.clip_rect()));
        inside.rect_filled(rect, 5.0, ACCENT_DIM);
        inside.hline(
            rect.x_range().shrink(4.0),
            rect.bottom() - 2.0,
            Stroke::new(2.0, ACCENT),
        );
    }
    painter.rect_stroke(rect, 5.0, Stroke::new(1.0, edge), StrokeKind::Inside);
    let text = param.to_string();
    painter.text(
        rect.center(),
        Align2::CENTER_CENTER,
        text,
        TextStyle::Body.resolve(ui.style()),
        TEXT,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_over_the_whole_bar_covers_the_range_and_no_more() {
        assert_eq!(dragged(0.0, 100.0, 100.0, false), 1.0);
        assert_eq!(dragged(0.5, -400.0, 100.0, false), 0.0);
    }

    #[test]
    fn shift_drags_more_finely() {
        assert!(dragged(0.0, 10.0, 100.0, true) < dragged(0.0, 10.0, 100.0, false) / 10.0);
    }
}
