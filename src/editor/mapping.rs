//! The map's page: who wears what, what feeds each input of the gesture model, the host's macros, and the map as a
//! file. What the player leaves alone stays automatic and is not written into the song.

use super::Editor;
use super::bar::bar;
use super::file;
use super::hand::Hand;
use super::matrix::matrix;
use super::scene::Scene;
use super::style::{self, FAINT, MUTED};
use crate::gesture::mapping::{Channels, Context, Mapping};
use crate::params::SLOT_COUNT;
use egui::{RichText, Ui};

impl Editor {
    pub(super) fn map(&mut self, ui: &mut Ui, hand: &Hand, scene: &Scene) {
        self.lesson(ui, scene);
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
        self.wearing(ui, scene, &mut mapping, inputs);
        ui.add_space(6.0);
        let channels = Channels {
            bank: scene.bank,
            macros: std::array::from_fn(|i| self.params.macros[i].value.value()),
            context: scene
                .tick
                .as_ref()
                .map_or(Context::NEUTRAL, |tick| tick.context),
        };
        matrix(ui, &mut mapping, inputs, &channels);
        ui.add_space(6.0);
        self.macros(ui, hand);
        self.map_file(ui, &mut mapping);
        if mapping != was {
            self.params.session.write().mapping = mapping;
        }
    }

    fn gesture_inputs<'a>(&self, scene: &'a Scene) -> &'a [String] {
        let slot = (self.params.gesture_slot.value() - 1).clamp(0, SLOT_COUNT as i32 - 1);
        &scene.gestures[slot as usize].inputs
    }

    fn macros(&self, ui: &mut Ui, hand: &Hand) {
        let heading = RichText::new("Macros 1 to 8").color(MUTED);
        egui::CollapsingHeader::new(heading)
            .id_salt("macros")
            .show_unindented(ui, |ui| {
                ui.label(style::small(
                    "Knobs that the host automates, to be chosen above as what feeds an input.",
                ));
                let width = (ui.available_width() - 4.0 * 22.0 - 3.0 * 8.0) / 4.0;
                for row in self.params.macros.chunks(4).enumerate() {
                    ui.horizontal(|ui| {
                        for (column, knob) in row.1.iter().enumerate() {
                            let number = (4 * row.0 + column + 1).to_string();
                            style::column(ui, 14.0, RichText::new(number).color(FAINT));
                            bar(ui, hand, &knob.value, width.max(40.0));
                        }
                    });
                }
            });
    }

    fn map_file(&mut self, ui: &mut Ui, mapping: &mut Mapping) {
        let heading = RichText::new("Share the map").color(MUTED);
        egui::CollapsingHeader::new(heading)
            .id_salt("map file")
            .show_unindented(ui, |ui| {
                let meant = ui.horizontal(|ui| {
                    let buttons = ["Import", "Export"];
                    file::field(ui, &mut self.typed_map, "/path/to/map.json", &buttons)
                });
                if let Some((button, path)) = meant.inner {
                    let (outcome, told) = if button == "Import" {
                        (mapping.import(&path), "imported")
                    } else {
                        (mapping.export(&path), "exported")
                    };
                    let told = outcome.map(|()| format!("{told}: {}", path.display()));
                    self.map_told = Some(told.map_err(|error| error.to_string()));
                }
                match &self.map_told {
                    Some(Ok(told)) => drop(ui.label(style::small(told))),
                    Some(Err(error)) => {
                        let error = style::alert(error).text_style(egui::TextStyle::Small);
                        ui.add(egui::Label::new(error).wrap());
                    }
                    None => drop(ui.label(style::small(
                        "What feeds which input; who wears which sensor stays with you.",
                    ))),
                }
            });
    }
}
