//! Which gesture model plays which sound model, and how they are blended; models of the player's own.

use super::Editor;
use super::bar::bar;
use super::file;
use super::hand::Hand;
use super::scene::Scene;
use super::style::{self, ALERT, FAINT, MUTED, TEXT};
use crate::plugin::desk::{Request, SlotView};
use crate::plugin::state::SlotKind;
use egui::{RichText, Ui};
use nice_plug::prelude::{IntParam, Param};

impl Editor {
    pub(super) fn models(&mut self, ui: &mut Ui, hand: &Hand, scene: &Scene) {
        style::title(ui, "Models");
        let params = self.params.clone();
        slot(ui, hand, "Gesture", &params.gesture_slot, &scene.gestures);
        slot(ui, hand, "Sound", &params.sound_slot, &scene.sounds);
        ui.add_space(2.0);
        labelled(
            ui,
            hand,
            "Crossfade",
            &params.crossfade_ms,
            "How long one model takes to hand over to the next.",
        );
        let temperature = "How freely the gesture model chooses among what it finds likely. 0: always the likeliest.";
        labelled(ui, hand, "Temperature", &params.temperature, temperature);
        ui.horizontal(|ui| {
            let meaning =
                "The notes that the gesture model may play. Keys and knobs play what they say.";
            style::column(ui, 84.0, style::muted("Scale")).on_hover_text(meaning);
            let width = ui.available_width() - ui.spacing().item_spacing.x;
            bar(ui, hand, &params.scale_root, 0.3 * width);
            bar(ui, hand, &params.scale, 0.7 * width);
        });
        labelled(
            ui,
            hand,
            "Transpose",
            &params.transpose,
            "Semitones added to what motion and keys play.",
        );
        let heading = RichText::new("Load a model file").color(MUTED);
        egui::CollapsingHeader::new(heading)
            .id_salt("load")
            .show_unindented(ui, |ui| self.load(ui));
        self.switches(ui, scene);
    }

    /// What is kept with the song and is no parameter.
    fn switches(&mut self, ui: &mut Ui, scene: &Scene) {
        let (mut embed, mut helper) = {
            let session = self.params.session.read();
            (session.embed, session.helper)
        };
        let stored = ui
            .checkbox(&mut embed, "Embed models in the song")
            .on_hover_text(
                "Your own model files are stored in the project, so that it plays on any computer.",
            );
        let allowed = ui.checkbox(&mut helper, "Helper mode").on_hover_text(
            "Models with unusual operations may run on threads of their own. Every model then sounds 10 ms later.",
        );
        if stored.changed() || allowed.changed() {
            let mut session = self.params.session.write();
            (session.embed, session.helper) = (embed, helper);
        }
        if helper != scene.helper_mode {
            ui.label(style::small(
                "Helper mode changes when the host next starts the plugin's audio: bypass and enable it, or reopen the song.",
            ));
        }
    }

    fn load(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.label(style::small("as"));
            ui.selectable_value(&mut self.load_kind, SlotKind::Gesture, "Gesture");
            ui.selectable_value(&mut self.load_kind, SlotKind::Sound, "Sound");
            ui.label(style::small(format!(
                "into slot {:02}",
                self.slot_to_load()
            )));
        });
        let file = ui.horizontal(|ui| {
            file::field(ui, &mut self.typed_file, "/path/to/model.onnx", &["Load"])
        });
        if let Some((_, file)) = file.inner {
            self.desk.ask(Request::LoadModel {
                kind: self.load_kind,
                slot: self.slot_to_load(),
                file,
            });
        }
        ui.label(style::small(
            "Files made by 'imu2music train'. The slot that is selected above is replaced.",
        ));
    }

    fn slot_to_load(&self) -> u8 {
        match self.load_kind {
            SlotKind::Gesture => self.params.gesture_slot.value() as u8,
            SlotKind::Sound => self.params.sound_slot.value() as u8,
        }
    }
}

fn labelled<P: Param>(ui: &mut Ui, hand: &Hand, name: &str, param: &P, meaning: &str) {
    ui.horizontal(|ui| {
        style::column(ui, 84.0, style::muted(name)).on_hover_text(meaning);
        let width = ui.available_width();
        bar(ui, hand, param, width);
    });
}

fn slot(ui: &mut Ui, hand: &Hand, name: &str, param: &IntParam, views: &[SlotView]) {
    let chosen = param.value();
    let empty = SlotView::default();
    let view = |slot: i32| views.get((slot - 1).max(0) as usize).unwrap_or(&empty);
    ui.horizontal(|ui| {
        style::column(ui, 84.0, style::muted(name))
            .on_hover_text(about(view(chosen), name == "Gesture"));
        egui::ComboBox::from_id_salt(name)
            .selected_text(slot_text(chosen, view(chosen)))
            .width(ui.available_width())
            .height(440.0)
            .truncate()
            .show_ui(ui, |ui| {
                for slot in 1..=views.len() as i32 {
                    if ui
                        .selectable_label(slot == chosen, slot_text(slot, view(slot)))
                        .clicked()
                    {
                        hand.set(param, slot);
                    }
                }
            });
    });
    let view = view(chosen);
    match &view.error {
        Some(error) => {
            drop(ui.label(style::alert(error.as_str()).text_style(egui::TextStyle::Small)))
        }
        None if view.name.is_empty() => drop(ui.label(style::small(
            "This slot is empty: choose another, or load a file into it.",
        ))),
        None => {
            for note in &view.notes {
                ui.label(style::small(note.as_str()));
            }
        }
    }
}

/// "03 Violin"; empty slots and slots that failed look it.
fn slot_text(slot: i32, view: &SlotView) -> RichText {
    match (&view.error, view.name.is_empty()) {
        (Some(_), true) => RichText::new(format!("{slot:02} not loaded")).color(ALERT),
        (Some(_), false) => RichText::new(format!("{slot:02} {}", view.name)).color(ALERT),
        (None, true) => RichText::new(format!("{slot:02} empty")).color(FAINT),
        (None, false) => RichText::new(format!("{slot:02} {}", view.name)).color(TEXT),
    }
}

fn about(view: &SlotView, gesture: bool) -> String {
    let (count, rate) = (view.inputs.len(), view.frame_rate_hz);
    let (turns, of) = if gesture {
        ("motion into music", "inputs")
    } else {
        ("music into sound", "controls")
    };
    if view.name.is_empty() {
        return format!("The model that turns {turns}.");
    }
    format!("The model that turns {turns}: {rate} steps a second on {count} {of}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_says_its_number_and_what_is_in_it() {
        let named = SlotView {
            name: "Violin".into(),
            ..Default::default()
        };
        assert_eq!(slot_text(3, &named).text(), "03 Violin");
        assert_eq!(slot_text(12, &SlotView::default()).text(), "12 empty");
        let failed = SlotView {
            error: Some("no such file".into()),
            ..Default::default()
        };
        assert_eq!(slot_text(5, &failed).text(), "05 not loaded");
    }
}
