//! The look: dark and calm, one accent for what is alive, one colour kept for what went wrong.
//! Small text reaches a contrast of 7:1 on the cards (WCAG AAA), muted text 6:1.

use egui::{
    Align2, Color32, CornerRadius, FontFamily, FontId, Margin, Response, RichText, Role, Sense,
    Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, vec2,
};

pub const BACKGROUND: Color32 = Color32::from_rgb(0x0d, 0x10, 0x15);
pub const CARD: Color32 = Color32::from_rgb(0x16, 0x1b, 0x22);
pub const WELL: Color32 = Color32::from_rgb(0x10, 0x14, 0x1a);
pub const RAISED: Color32 = Color32::from_rgb(0x24, 0x2c, 0x36);
pub const EDGE: Color32 = Color32::from_rgb(0x33, 0x3e, 0x4a);
pub const TEXT: Color32 = Color32::from_rgb(0xee, 0xf2, 0xf6);
pub const MUTED: Color32 = Color32::from_rgb(0xa3, 0xb0, 0xbd);
pub const FAINT: Color32 = Color32::from_rgb(0x75, 0x83, 0x91);
pub const ACCENT: Color32 = Color32::from_rgb(0x5c, 0xdb, 0xc8);
/// Accent behind text.
pub const ACCENT_DIM: Color32 = Color32::from_rgb(0x1f, 0x5a, 0x55);
/// Kept for failures.
pub const ALERT: Color32 = Color32::from_rgb(0xff, 0x93, 0x6c);
pub const ALERT_DIM: Color32 = Color32::from_rgb(0x4a, 0x26, 0x1b);

/// One colour per limb: the accent first, then calm neighbours that differ in lightness too.
pub const ROLES: [Color32; crate::gesture::ROLE_COUNT] = [
    ACCENT,
    Color32::from_rgb(0xf0, 0xe2, 0xa8),
    Color32::from_rgb(0x8f, 0xb8, 0xff),
    Color32::from_rgb(0xd3, 0xa8, 0xf0),
    Color32::from_rgb(0x9c, 0xd6, 0x72),
    Color32::from_rgb(0xe9, 0x9c, 0xb8),
    Color32::from_rgb(0xdd, 0xe3, 0xea),
    Color32::from_rgb(0x7f, 0x93, 0xa8),
];

const ROUND: CornerRadius = CornerRadius::same(6);
/// Height of everything that can be clicked.
pub const ROW_HEIGHT: f32 = 26.0;

/// Dresses a fresh context.
pub fn install(ctx: &egui::Context) {
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(|style| {
        style.text_styles = [
            (
                TextStyle::Small,
                FontId::new(11.5, FontFamily::Proportional),
            ),
            (TextStyle::Body, FontId::new(13.5, FontFamily::Proportional)),
            (
                TextStyle::Button,
                FontId::new(13.5, FontFamily::Proportional),
            ),
            (
                TextStyle::Monospace,
                FontId::new(12.5, FontFamily::Monospace),
            ),
            (
                TextStyle::Heading,
                FontId::new(21.0, FontFamily::Proportional),
            ),
        ]
        .into();
        space(&mut style.spacing);
        colour(&mut style.visuals);
        style.interaction.selectable_labels = false;
        style.animation_time = 0.08;
    });
}

fn space(spacing: &mut egui::Spacing) {
    spacing.item_spacing = vec2(8.0, 6.0);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(36.0, ROW_HEIGHT);
    spacing.icon_width = 16.0;
    spacing.menu_margin = Margin::same(6);
    spacing.scroll = egui::style::ScrollStyle::thin();
    spacing.scroll.floating = true;
    spacing.tooltip_width = 320.0;
}

fn colour(visuals: &mut egui::Visuals) {
    visuals.panel_fill = BACKGROUND;
    visuals.window_fill = CARD;
    visuals.window_stroke = Stroke::new(1.0, EDGE);
    visuals.extreme_bg_color = WELL;
    visuals.faint_bg_color = Color32::from_rgb(0x1a, 0x20, 0x28);
    visuals.weak_text_color = Some(MUTED);
    visuals.warn_fg_color = ALERT;
    visuals.error_fg_color = ALERT;
    visuals.hyperlink_color = ACCENT;
    visuals.selection.bg_fill = ACCENT_DIM;
    visuals.selection.stroke = Stroke::new(1.0, TEXT);
    visuals.popup_shadow.color = Color32::from_black_alpha(160);
    let states = &mut visuals.widgets;
    for (state, fill, edge, text) in [
        (&mut states.noninteractive, CARD, RAISED, TEXT),
        (&mut states.inactive, RAISED, EDGE, TEXT),
        (
            &mut states.hovered,
            Color32::from_rgb(0x2e, 0x38, 0x44),
            FAINT,
            Color32::WHITE,
        ),
        (&mut states.active, ACCENT_DIM, ACCENT, Color32::WHITE),
        (&mut states.open, RAISED, EDGE, TEXT),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, edge);
        state.fg_stroke = Stroke::new(1.2, text);
        state.corner_radius = ROUND;
        state.expansion = 0.0;
    }
}

pub fn muted(text: impl Into<String>) -> RichText {
    RichText::new(text).color(MUTED)
}

pub fn small(text: impl Into<String>) -> RichText {
    RichText::new(text)
        .color(MUTED)
        .text_style(TextStyle::Small)
}

pub fn alert(text: impl Into<String>) -> RichText {
    RichText::new(text).color(ALERT)
}

/// The title of a part of the window.
pub fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).color(TEXT).size(14.5).strong());
}

/// The surface that each part of the window lies on.
pub fn card() -> egui::Frame {
    egui::Frame::new()
        .fill(CARD)
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::symmetric(14, 12))
}

/// A sunken surface inside a card.
pub fn well() -> egui::Frame {
    egui::Frame::new()
        .fill(WELL)
        .corner_radius(ROUND)
        .inner_margin(Margin::symmetric(10, 8))
}

/// A dot that says whether something is alive.
pub fn dot(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(
        vec2(9.0, ROW_HEIGHT.min(ui.available_height().max(9.0))),
        Sense::hover(),
    );
    ui.painter().circle_filled(rect.center(), 4.0, color);
}

/// A button that stays lit while what it stands for is on.
pub fn lit_button(ui: &mut Ui, label: &str, on: bool, lit: Color32) -> Response {
    let (fill, text, edge) = if on {
        (lit, BACKGROUND, lit)
    } else {
        (RAISED, TEXT, EDGE)
    };
    let button = egui::Button::new(RichText::new(label).color(text).strong())
        .fill(fill)
        .stroke(Stroke::new(1.0, edge))
        .min_size(vec2(74.0, 30.0));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, label));
    response
}

/// The one thing to do next.
pub fn accent_button(text: &str) -> egui::Button<'_> {
    egui::Button::new(RichText::new(text).color(BACKGROUND).strong())
        .fill(ACCENT)
        .min_size(vec2(0.0, 30.0))
}

/// A quiet text button.
pub fn quiet_button(text: &str) -> egui::Button<'_> {
    egui::Button::new(RichText::new(text).color(MUTED))
        .fill(Color32::TRANSPARENT)
        .stroke(Stroke::new(1.0, EDGE))
}

/// An on/off switch; the caller turns the value when it was clicked.
pub fn switch(ui: &mut Ui, on: bool, label: &str) -> Response {
    let size = vec2(34.0, 18.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, label));
    if ui.is_rect_visible(rect) {
        let amount = ui.ctx().animate_bool(response.id, on);
        let edge = if response.hovered() || response.has_focus() {
            TEXT
        } else {
            EDGE
        };
        let track = if on { ACCENT } else { RAISED };
        let knob = if on { BACKGROUND } else { TEXT };
        ui.painter()
            .rect(rect, 9.0, track, Stroke::new(1.0, edge), StrokeKind::Inside);
        let x = egui::lerp(rect.left() + 9.0..=rect.right() - 9.0, amount);
        ui.painter()
            .circle_filled(egui::pos2(x, rect.center().y), 6.0, knob);
    }
    response
}

/// A word in a rounded outline.
pub fn chip(ui: &mut Ui, text: &str, color: Color32) -> Response {
    let galley =
        ui.painter()
            .layout_no_wrap(text.into(), TextStyle::Small.resolve(ui.style()), color);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(14.0, 6.0), Sense::hover());
    ui.painter().rect_stroke(
        rect,
        rect.height() / 2.0,
        Stroke::new(1.0, color.gamma_multiply(0.6)),
        StrokeKind::Inside,
    );
    let at = Align2::CENTER_CENTER
        .align_size_within_rect(galley.size(), rect)
        .min;
    ui.painter().galley(at, galley, color);
    response
}

/// A small cross that removes what stands beside it.
pub fn cross(ui: &mut Ui, label: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(22.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    let stroke = Stroke::new(1.6, if response.hovered() { TEXT } else { FAINT });
    let arm = rect.shrink(7.0);
    ui.painter()
        .line_segment([arm.left_top(), arm.right_bottom()], stroke);
    ui.painter()
        .line_segment([arm.right_top(), arm.left_bottom()], stroke);
    response
}

/// Text at the left of a column of its own width.
pub fn column(ui: &mut Ui, width: f32, text: impl Into<egui::WidgetText>) -> Response {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let height = ui.spacing().interact_size.y;
    ui.allocate_ui_with_layout(vec2(width, height), layout, |ui| {
        ui.set_min_width(width);
        ui.add(egui::Label::new(text).truncate())
    })
    .inner
}
