//! Who wears what: one line for each limb that the model listens to, as the engine seats it; and what is learned of
//! each limb by moving it.

use super::Editor;
use super::scene::Scene;
use super::style::{self, ACCENT, ALERT, FAINT, MUTED, TEXT};
use super::text::words;
use crate::gesture::Role;
use crate::gesture::guided::Lesson;
use crate::gesture::mapping::{Mapping, RoleCalibration};
use crate::plugin::desk::Request;
use crate::sensor::frame::DeviceId;
use egui::{Align, Layout, RichText, Ui};

const AUTOMATIC: &str = "Automatic";

impl Editor {
    pub(super) fn wearing(
        &self,
        ui: &mut Ui,
        scene: &Scene,
        mapping: &mut Mapping,
        inputs: &[String],
    ) {
        let (map, _) = mapping.compile(inputs, &[]);
        for role in map.seating.wanted() {
            ui.horizontal(|ui| {
                style::column(ui, 112.0, RichText::new(words(role.name())).color(TEXT));
                seat(ui, scene, mapping, *role);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    self.calibrate(ui, mapping, *role);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        sits(ui, scene, mapping, *role);
                    });
                });
            });
        }
        let unnamed = unnamed(scene, mapping, map.seating.wanted());
        if !unnamed.is_empty()
            && ui
                .add(style::quiet_button("Remember who wears what").small())
                .on_hover_text("Keeps each sensor in its role by its own id, or by its address where it sends none.")
                .clicked()
        {
            mapping.seats.extend(unnamed);
        }
    }

    /// What can be learned of a limb; lit where something was.
    fn calibrate(&self, ui: &mut Ui, mapping: &mut Mapping, role: Role) {
        let known = mapping.calibration.get(&role).cloned().unwrap_or_default();
        let is_known = known != RoleCalibration::default();
        let text = RichText::new("Calibrate").color(if is_known { ACCENT } else { MUTED });
        let button = egui::Button::new(text).small();
        let (response, _) = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
            ui.set_min_width(190.0);
            if ui.button("Align sensor and limb…").clicked() {
                self.desk.ask(Request::Teach(Lesson::Align(role)));
            }
            if ui.button("Learn my range…").clicked() {
                self.desk.ask(Request::Teach(Lesson::Range(role)));
            }
            let learned = mapping.calibration.entry(role).or_default();
            let aligned = learned.alignment.is_some();
            if ui
                .add_enabled(aligned, egui::Button::new("Forget the alignment"))
                .clicked()
            {
                learned.alignment = None;
            }
            let ranged = !learned.ranges.is_empty();
            if ui
                .add_enabled(ranged, egui::Button::new("Forget the range"))
                .clicked()
            {
                learned.ranges.clear();
            }
            if *learned == RoleCalibration::default() {
                mapping.calibration.remove(&role);
            }
        });
        response.on_hover_text(told(&known));
    }
}

fn told(known: &RoleCalibration) -> String {
    let aligned = match known.alignment {
        Some(_) => "Aligned with the limb.",
        None => "Not aligned: the sensor's own axes are heard.",
    };
    let mut ranges: Vec<String> = known
        .ranges
        .iter()
        .map(|(name, (least, most))| format!("{} {least:.2} to {most:.2}", words(name)))
        .collect();
    if ranges.is_empty() {
        ranges.push("No range learned: features are heard in their own unit.".into());
    }
    format!("{aligned}\n{}", ranges.join("\n"))
}

fn seat(ui: &mut Ui, scene: &Scene, mapping: &mut Mapping, role: Role) {
    let chosen = mapping.seats.get(&role).cloned();
    let shown = chosen.clone().unwrap_or_else(|| AUTOMATIC.into());
    egui::ComboBox::from_id_salt(("seat", role))
        .selected_text(shown)
        .width(128.0)
        .truncate()
        .show_ui(ui, |ui| {
            if ui.selectable_label(chosen.is_none(), AUTOMATIC).clicked() {
                mapping.seats.remove(&role);
            }
            for device in device_names(scene, chosen.as_deref()) {
                let is_chosen = chosen.as_deref() == Some(&device);
                if ui.selectable_label(is_chosen, &device).clicked() {
                    mapping.seats.insert(role, device);
                }
            }
        });
}

/// Who is there, or what to do where nobody is.
fn sits(ui: &mut Ui, scene: &Scene, mapping: &mut Mapping, role: Role) {
    let is_chosen = mapping.seats.contains_key(&role);
    let (text, colour) = match (scene.worn(role), is_chosen) {
        (Some(worn), _) => seated(scene, worn),
        (None, true) if scene.tick.is_some() => ("not here".into(), ALERT),
        (None, _) if scene.tick.is_some() => ("waiting for a sensor".into(), FAINT),
        (None, _) => ("the host is not playing".into(), FAINT),
    };
    style::dot(ui, colour);
    if is_chosen && colour == ALERT && scene.tick.is_some() {
        reseat(ui, scene, mapping, role);
    }
    ui.add(egui::Label::new(style::small(text)).truncate());
}

fn seated(scene: &Scene, worn: DeviceId) -> (String, egui::Color32) {
    let device = scene.devices.iter().find(|device| device.id == worn);
    match device {
        Some(device) if scene.silent_s(device) < super::scene::AWAY_S => {
            (device.name.clone(), ACCENT)
        }
        Some(device) => (format!("{} is silent", device.name), ALERT),
        None => ("gone".into(), ALERT),
    }
}

/// One action puts the sensor that nobody wears into the role; the map stays.
fn reseat(ui: &mut Ui, scene: &Scene, mapping: &mut Mapping, role: Role) {
    let spare = scene.spares().next();
    let button = egui::Button::new("Re-seat").small();
    let response = ui.add_enabled(spare.is_some(), button);
    match spare {
        Some(spare) => {
            if response
                .on_hover_text(format!("Give this role to {}.", spare.name))
                .clicked()
            {
                mapping.seats.insert(role, spare.name.clone());
            }
        }
        None => {
            response.on_disabled_hover_text(
                "Every sensor that is heard has a role: switch a spare on.",
            );
        }
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

/// Who is worn in a role by chance of arrival, to be kept there.
fn unnamed(scene: &Scene, mapping: &Mapping, wanted: &[Role]) -> Vec<(Role, String)> {
    let of = |role: &Role| {
        let worn = scene.worn(*role)?;
        let device = scene.devices.iter().find(|device| device.id == worn)?;
        let is_free = !mapping.seats.contains_key(role);
        is_free.then(|| (*role, device.name.clone()))
    };
    wanted.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::samples;

    #[test]
    fn who_is_worn_can_be_remembered_once() {
        let scene = Scene {
            devices: vec![samples::device(1), samples::device(2)],
            tick: Some(samples::tick(0.0)),
            ..Scene::default()
        };
        let mut mapping = Mapping::default();
        let wanted = [Role::RightForearm, Role::Head];
        let kept = unnamed(&scene, &mapping, &wanted);
        assert_eq!(kept, [(Role::RightForearm, "R-IoT 1".to_string())]);
        mapping.seats.extend(kept);
        assert!(unnamed(&scene, &mapping, &wanted).is_empty());
        let spares: Vec<_> = scene.spares().map(|device| device.id).collect();
        assert_eq!(spares, [DeviceId(2)]);
    }
}
