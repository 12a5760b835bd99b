//! What feeds each input of the gesture model: a line for each connection of the matrix, most of them automatic.

use super::style::{self, ACCENT, EDGE, FAINT, MUTED, TEXT, WELL};
use super::text::{CLASS_NAMES, words};
use crate::gesture::Role;
use crate::gesture::features::LimbFeature;
use crate::gesture::mapping::{Channels, ContextWord, InputSource, MACRO_COUNT, Mapping};
use egui::{DragValue, RichText, Sense, Stroke, TextStyle, Ui, vec2};

const GAP: f32 = 5.0;
const NUMBER: f32 = 46.0;
const MARK: f32 = 22.0;
/// A column this wide holds a channel's whole name.
const ROOMY: f32 = 116.0;
/// Gain, offset, curve, smoothing; invert, mute, and the button at the end.
const RIGHT: f32 = 4.0 * (NUMBER + GAP) + 3.0 * (MARK + GAP);

/// Column headings, as wide as their columns, and what they mean.
const HEADINGS: [(f32, &str, &str); 6] = [
    (NUMBER, "gain", "Factor."),
    (NUMBER, "offset", "Added, in the input's unit."),
    (
        NUMBER,
        "curve",
        "Below 0 small movements count more, above 0 less.",
    ),
    (
        NUMBER,
        "smooth",
        "0: as it comes. 1: a slow hand is smoothed most; a fast one still gets through (1 € filter).",
    ),
    (MARK, "inv", "Turned round."),
    (MARK, "off", "Muted: the input is fed its resting value."),
];

/// Draws the matrix and lets it be changed.
pub fn matrix(ui: &mut Ui, mapping: &mut Mapping, inputs: &[String], channels: &Channels) {
    ui.spacing_mut().item_spacing.x = GAP;
    let name_width = ((ui.available_width() - RIGHT) / 2.0 - GAP).max(70.0);
    headings(ui, name_width);
    for input in inputs {
        let was = mapping.inputs.get(input).cloned().unwrap_or_default();
        let mut own = was.clone();
        let mut row = Row {
            input,
            name_width,
            channels,
            place: 0,
        };
        if row.draw(ui, &mut own) {
            let more = mapping.added.entry(input.clone()).or_default();
            // Muted until it is chosen: nothing jumps.
            more.push(InputSource {
                mute: true,
                ..InputSource::default()
            });
        }
        if own != was {
            put(mapping, input, own);
        }
        let Some(added) = mapping.added.get_mut(input) else {
            continue;
        };
        let mut gone = None;
        for (number, source) in added.iter_mut().enumerate() {
            row.place = number + 1;
            if row.draw(ui, source) {
                gone = Some(number);
            }
        }
        if let Some(gone) = gone {
            added.remove(gone);
        }
        if added.is_empty() {
            mapping.added.remove(input);
        }
    }
}

fn headings(ui: &mut Ui, name_width: f32) {
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 14.0;
        style::column(ui, name_width, style::small("input"));
        style::column(ui, name_width, style::small("is fed by"));
        for (width, name, meaning) in HEADINGS {
            style::column(ui, width, style::small(name)).on_hover_text(meaning);
        }
    });
}

/// What equals the automatic choice is left out of the song.
fn put(mapping: &mut Mapping, input: &str, mut source: InputSource) {
    if source.source == input {
        source.source.clear();
    }
    if source == InputSource::default() {
        mapping.inputs.remove(input);
    } else {
        mapping.inputs.insert(input.into(), source);
    }
}

/// One connection: an input's own (place 0), or one that was added to it.
struct Row<'a> {
    input: &'a str,
    name_width: f32,
    channels: &'a Channels,
    place: usize,
}

impl Row<'_> {
    /// `true` when the button at its end was pressed: one more connection, or this one away.
    fn draw(&self, ui: &mut Ui, source: &mut InputSource) -> bool {
        let is_own = self.place == 0;
        ui.push_id((self.input, self.place), |ui| {
            ui.horizontal(|ui| {
                let changed = *source != InputSource::default();
                let (name, colour) = match (is_own, changed) {
                    (true, true) => (fitting(self.input, self.name_width), ACCENT),
                    (true, false) => (fitting(self.input, self.name_width), TEXT),
                    (false, _) => ("    and".into(), FAINT),
                };
                let text = RichText::new(name)
                    .color(colour)
                    .text_style(TextStyle::Small);
                style::column(ui, self.name_width, text).on_hover_text(self.input);
                self.picker(ui, source);
                numbers(ui, source);
                self.end(ui, is_own)
            })
            .inner
        })
        .inner
    }

    fn end(&self, ui: &mut Ui, is_own: bool) -> bool {
        if is_own {
            let plus = egui::Button::new(RichText::new("+").color(MUTED))
                .frame(false)
                .min_size(vec2(MARK, style::ROW_HEIGHT));
            let more = ui.add(plus);
            more.on_hover_text("Feed this input by one more channel, added to the first.")
                .clicked()
        } else {
            style::cross(ui, "Take this connection away").clicked()
        }
    }

    /// What feeds it, with how it stands now drawn beneath.
    fn picker(&self, ui: &mut Ui, source: &mut InputSource) {
        let name = if source.source.is_empty() {
            self.input
        } else {
            &source.source
        };
        let colour = if name == self.input { FAINT } else { TEXT };
        let text = RichText::new(fitting(name, self.name_width))
            .color(colour)
            .text_style(TextStyle::Small);
        let button = egui::Button::new(text)
            .fill(WELL)
            .stroke(Stroke::new(1.0, EDGE))
            .truncate()
            .min_size(vec2(self.name_width, style::ROW_HEIGHT));
        let size = vec2(self.name_width, style::ROW_HEIGHT);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        let mut chosen = None;
        let inner = ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_max_width(self.name_width);
            let menu = egui::containers::menu::MenuButton::from_button(button);
            menu.ui(ui, |ui| chosen = choose(ui, self.input)).0
        });
        let response = inner.inner.on_hover_text(name);
        self.level(ui, name, response.rect);
        if let Some(chosen) = chosen {
            source.source = if chosen == self.input {
                String::new()
            } else {
                chosen
            };
        }
    }

    /// A line from where the channel rests to where it is.
    fn level(&self, ui: &Ui, name: &str, rect: egui::Rect) {
        let Some(channel) = Channels::index_of(name) else {
            return;
        };
        let (least, most) = Channels::span(channel);
        let x = |value: f32| {
            let way = ((value - least) / (most - least)).clamp(0.0, 1.0);
            egui::lerp(
                rect.shrink(4.0).x_range().min..=rect.shrink(4.0).x_range().max,
                way,
            )
        };
        let rest = least.max(0.0f32.min(most));
        let now = self.channels.get(channel);
        let (from, to) = (x(rest), x(now));
        let line = egui::Rangef::new(from.min(to) - 0.5, from.max(to) + 0.5);
        let stroke = Stroke::new(2.0, ACCENT);
        ui.painter().hline(line, rect.bottom() - 2.0, stroke);
    }
}

fn numbers(ui: &mut Ui, source: &mut InputSource) {
    let size = vec2(NUMBER, style::ROW_HEIGHT - 4.0);
    ui.style_mut().override_text_style = Some(TextStyle::Small);
    ui.spacing_mut().button_padding.x = 3.0;
    for (value, speed, range) in [
        (&mut source.gain, 0.01, -100.0..=100.0),
        (&mut source.offset, 0.01, -1000.0..=1000.0),
        (&mut source.curve, 0.005, -1.0..=1.0),
        (&mut source.smoothing, 0.005, 0.0..=1.0),
    ] {
        let number = DragValue::new(value)
            .speed(speed)
            .range(range)
            .max_decimals(2);
        ui.add_sized(size, number);
    }
    for (on, mark, label) in [
        (&mut source.invert, "–", "invert"),
        (&mut source.mute, "×", "mute"),
    ] {
        if toggle(ui, *on, mark, label) {
            *on = !*on;
        }
    }
}

/// A small square that is lit while it is on.
fn toggle(ui: &mut Ui, on: bool, mark: &str, label: &str) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(MARK, MARK - 4.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, label));
    let edge = if response.hovered() { TEXT } else { EDGE };
    let fill = if on { ACCENT } else { WELL };
    let square = rect.shrink2(vec2(2.0, 0.0));
    let stroke = Stroke::new(1.0, edge);
    ui.painter()
        .rect(square, 4.0, fill, stroke, egui::StrokeKind::Inside);
    if on {
        let font = TextStyle::Body.resolve(ui.style());
        let centre = egui::Align2::CENTER_CENTER;
        ui.painter()
            .text(rect.center(), centre, mark, font, style::BACKGROUND);
    }
    response.on_hover_text(label).clicked()
}

/// The menu of everything that can feed an input.
fn choose(ui: &mut Ui, input: &str) -> Option<String> {
    let mut chosen = None;
    ui.set_min_width(150.0);
    if ui.button("As the input is named").clicked() {
        chosen = Some(input.to_owned());
    }
    ui.menu_button("Macro", |ui| {
        for number in 0..MACRO_COUNT {
            let name = Channels::macro_name(number);
            if ui.button(channel_words(&name)).clicked() {
                chosen = Some(name);
            }
        }
    });
    ui.menu_button("Music", |ui| {
        egui::ScrollArea::vertical()
            .max_height(380.0)
            .show(ui, |ui| {
                for word in ContextWord::ALL {
                    if ui.button(channel_words(&word.name())).clicked() {
                        chosen = Some(word.name());
                    }
                }
            });
    });
    for role in Role::ALL {
        ui.menu_button(words(role.name()), |ui| {
            egui::ScrollArea::vertical()
                .max_height(380.0)
                .show(ui, |ui| {
                    for feature in LimbFeature::ALL {
                        if ui.button(words(feature.name())).clicked() {
                            chosen = Some(format!("{}.{}", role.name(), feature.name()));
                        }
                    }
                });
        });
    }
    chosen
}

/// "right_forearm.rate_x" → "R forearm rate x", or "RF rate x" where a column is narrower than `ROOMY`.
fn fitting(name: &str, width: f32) -> String {
    let sided = name
        .split_once('.')
        .and_then(|(limb, feature)| Some((limb.split_once('_')?, feature)));
    match sided {
        Some(((side, limb), feature)) if width < ROOMY => {
            let initial = |word: &str| word.chars().take(1).collect::<String>().to_uppercase();
            let feature = feature.replace('_', " ");
            format!("{}{} {feature}", initial(side), initial(limb))
        }
        _ => channel_words(name),
    }
}

/// "right_forearm.rate_x" → "R forearm rate x".
fn channel_words(name: &str) -> String {
    if let Some(word) = ContextWord::from_name(name) {
        return match word {
            ContextWord::Key(class) => format!("Key {}", CLASS_NAMES[class]),
            ContextWord::Scale(class) => format!("Scale {}", CLASS_NAMES[class]),
            ContextWord::KeyCount => "Keys down".into(),
            ContextWord::NewestKey => "Newest key".into(),
            ContextWord::PreviousNote => "Previous note".into(),
        };
    }
    let text = words(&name.replace('.', " "));
    let short = |side: &str, letter: &str| {
        text.strip_prefix(side)
            .map(|rest| format!("{letter}{rest}"))
    };
    short("Right", "R")
        .or_else(|| short("Left", "L"))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_back_leaves_the_song() {
        let mut mapping = Mapping::default();
        let muted = InputSource {
            mute: true,
            ..InputSource::default()
        };
        put(&mut mapping, "head.energy", muted);
        assert!(mapping.inputs["head.energy"].mute);
        let back = InputSource {
            source: "head.energy".into(),
            ..InputSource::default()
        };
        put(&mut mapping, "head.energy", back);
        assert_eq!(mapping, Mapping::default());
    }

    #[test]
    fn channels_read_as_words() {
        assert_eq!(channel_words("right_forearm.rate_x"), "R forearm rate x");
        assert_eq!(fitting("right_forearm.rate_x", 120.0), "R forearm rate x");
        assert_eq!(fitting("right_forearm.rate_x", 80.0), "RF rate x");
        assert_eq!(fitting("torso.up_z", 80.0), "Torso up z");
        assert_eq!(channel_words("torso.up_z"), "Torso up z");
        assert_eq!(channel_words("macro_3"), "Macro 3");
    }
}
