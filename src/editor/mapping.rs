//! Which device is worn where, and which of its features feeds each input of the gesture model.
//! What the player leaves alone stays automatic and is not written into the song.

use super::Editor;
use super::scene::Scene;
use super::seating::seats;
use super::style::{self, ACCENT, FAINT, MUTED, TEXT};
use super::text::words;
use crate::gesture::Role;
use crate::gesture::features::LimbFeature;
use crate::gesture::mapping::{InputSource, Mapping};
use crate::params::SLOT_COUNT;
use crate::sensor::device::DeviceStatus;
use crate::sensor::frame::DeviceId;
use egui::{RichText, Ui};

const AUTOMATIC: &str = "Automatic";

impl Editor {
    pub(super) fn map(&mut self, ui: &mut Ui, scene: &Scene) {
        let inputs = self.gesture_inputs(scene);
        if inputs.is_empty() {
            ui.label(style::muted(
                "The selected gesture slot is empty: choose a gesture model to map its inputs.",
            ));
            return;
        }
        let was = self.params.session.read().mapping.clone();
        let mut mapping = was.clone();
        for problem in &scene.mapping_problems {
            ui.label(style::alert(problem.as_str()).text_style(egui::TextStyle::Small));
        }
        wearing(ui, scene, &mut mapping, inputs);
        ui.add_space(4.0);
        feeding(ui, &mut mapping, inputs);
        if mapping != was {
            self.params.session.write().mapping = mapping;
        }
    }

    /// The limb that a device plays now.
    pub(super) fn role_of(&self, scene: &Scene, device: &DeviceStatus) -> Option<Role> {
        let session = self.params.session.read();
        let seats = seats(scene, &session.mapping, self.gesture_inputs(scene));
        seats
            .into_iter()
            .find(|(_, worn)| *worn == Some(device.id))
            .map(|(role, _)| role)
    }

    fn gesture_inputs<'a>(&self, scene: &'a Scene) -> &'a [String] {
        let slot = (self.params.gesture_slot.value() - 1).clamp(0, SLOT_COUNT as i32 - 1);
        &scene.gestures[slot as usize].inputs
    }
}

/// One line for each limb that the model listens to.
fn wearing(ui: &mut Ui, scene: &Scene, mapping: &mut Mapping, inputs: &[String]) {
    for (role, worn) in seats(scene, mapping, inputs) {
        ui.horizontal(|ui| {
            style::column(ui, 120.0, RichText::new(words(role.name())).color(TEXT));
            let chosen = mapping.seats.get(&role).cloned();
            let shown = chosen.clone().unwrap_or_else(|| AUTOMATIC.into());
            egui::ComboBox::from_id_salt(("seat", role))
                .selected_text(shown)
                .width(200.0)
                .truncate()
                .show_ui(ui, |ui| {
                    if ui.selectable_label(chosen.is_none(), AUTOMATIC).clicked() {
                        mapping.seats.remove(&role);
                    }
                    for device in device_names(scene, chosen.as_deref()) {
                        if ui
                            .selectable_label(chosen.as_deref() == Some(&device), &device)
                            .clicked()
                        {
                            mapping.seats.insert(role, device);
                        }
                    }
                });
            let (told, colour) = match (worn, chosen.is_some()) {
                (Some(worn), _) => (name_of(scene, worn), ACCENT),
                (None, true) => ("not here".into(), style::ALERT),
                (None, false) => ("waiting for a sensor".into(), FAINT),
            };
            style::dot(ui, colour);
            ui.add(egui::Label::new(style::small(told)).truncate());
        });
    }
}

fn device_names(scene: &Scene, chosen: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = scene
        .devices
        .iter()
        .map(|device| device.name.clone())
        .collect();
    names.extend(chosen.map(str::to_string));
    names.sort();
    names.dedup();
    names
}

fn name_of(scene: &Scene, id: DeviceId) -> String {
    scene
        .devices
        .iter()
        .find(|device| device.id == id)
        .map(|device| device.name.clone())
        .unwrap_or_default()
}

/// One line for each input of the model.
fn feeding(ui: &mut Ui, mapping: &mut Mapping, inputs: &[String]) {
    egui::Grid::new("inputs")
        .num_columns(6)
        .spacing([12.0, 4.0])
        .striped(true)
        .show(ui, |ui| {
            for (name, meaning) in [
                ("input", "What the gesture model calls it."),
                ("hears", "The limb and the feature that feed it."),
                ("gain", ""),
                ("offset", "Added after the gain, in the feature's own unit."),
                ("invert", ""),
                ("mute", "Feeds the feature's value at rest."),
            ] {
                let label = ui.label(style::small(name));
                if !meaning.is_empty() {
                    label.on_hover_text(meaning);
                }
            }
            ui.end_row();
            for input in inputs {
                let was = mapping.inputs.get(input).cloned().unwrap_or_default();
                let mut source = was.clone();
                feed(ui, input, &mut source);
                ui.end_row();
                if source != was {
                    put(mapping, input, source);
                }
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

fn feed(ui: &mut Ui, input: &str, source: &mut InputSource) {
    let changed = *source != InputSource::default();
    ui.label(RichText::new(feature_words(input)).color(if changed { ACCENT } else { TEXT }));
    ui.horizontal(|ui| hears(ui, input, source));
    ui.add(
        egui::DragValue::new(&mut source.gain)
            .speed(0.01)
            .range(-100.0..=100.0)
            .max_decimals(2),
    );
    ui.add(
        egui::DragValue::new(&mut source.offset)
            .speed(0.01)
            .range(-1000.0..=1000.0)
            .max_decimals(2),
    );
    ui.checkbox(&mut source.invert, "");
    ui.checkbox(&mut source.mute, "");
}

/// Two small lists: the limb, and what of it.
fn hears(ui: &mut Ui, input: &str, source: &mut InputSource) {
    ui.spacing_mut().item_spacing.x = 4.0;
    let name = if source.source.is_empty() {
        input
    } else {
        &source.source
    };
    let (role, feature) = name.split_once('.').unwrap_or((name, ""));
    let (mut new_role, mut new_feature) = (role.to_string(), feature.to_string());
    let muted = |name: &str| RichText::new(words(name)).color(MUTED);
    egui::ComboBox::from_id_salt(("role", input))
        .selected_text(muted(role))
        .width(116.0)
        .show_ui(ui, |ui| {
            for role in Role::ALL {
                ui.selectable_value(&mut new_role, role.name().into(), words(role.name()));
            }
        });
    egui::ComboBox::from_id_salt(("feature", input))
        .selected_text(muted(feature))
        .width(104.0)
        .height(320.0)
        .show_ui(ui, |ui| {
            for feature in LimbFeature::ALL {
                ui.selectable_value(
                    &mut new_feature,
                    feature.name().into(),
                    words(feature.name()),
                );
            }
        });
    if (new_role.as_str(), new_feature.as_str()) != (role, feature) {
        source.source = format!("{new_role}.{new_feature}");
    }
}

/// "right_forearm.rate_x" → "Right forearm rate x".
fn feature_words(name: &str) -> String {
    words(&name.replace('.', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_back_leaves_the_song() {
        let mut mapping = Mapping::default();
        put(
            &mut mapping,
            "head.energy",
            InputSource {
                mute: true,
                ..InputSource::default()
            },
        );
        assert!(mapping.inputs["head.energy"].mute);
        put(
            &mut mapping,
            "head.energy",
            InputSource {
                source: "head.energy".into(),
                ..InputSource::default()
            },
        );
        assert_eq!(mapping, Mapping::default());
    }

    #[test]
    fn features_read_as_words() {
        assert_eq!(
            feature_words("right_forearm.rate_x"),
            "Right forearm rate x"
        );
    }
}
