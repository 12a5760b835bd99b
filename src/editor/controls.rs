//! Where each word of the vocabulary comes from, how much of it, and what it is now; and the timing.

use super::Editor;
use super::bar::bar;
use super::hand::Hand;
use super::scene::Scene;
use super::style::{self, ACCENT, FAINT, MUTED, TEXT};
use super::text::{control_text, words};
use crate::controls::{Control, VOICES_MAX};
use crate::params::{ControlParams, SourceParam};
use crate::plugin::desk::SlotView;
use egui::{RichText, Ui};
use nice_plug::prelude::{Enum, EnumParam, IntParam, Param};

/// Words that every model speaks; the timbre words follow.
const MAIN: usize = 4;
const NAME_WIDTH: f32 = 84.0;
const NOW_WIDTH: f32 = 84.0;
/// Narrower than this, sources are chosen from a list.
const WORDS_FROM: f32 = 520.0;

impl Editor {
    pub(super) fn controls(&mut self, ui: &mut Ui, hand: &Hand, scene: &Scene) {
        let params = self.params.clone();
        let sound = &scene.sounds[slot_index(params.sound_slot.value())];
        let widths = Widths::of(ui.available_width());
        widths.head(ui);
        let row = |ui: &mut Ui, control: Control| {
            let its = params.control(control);
            row(ui, hand, control, its, scene, sound, &widths);
        };
        for control in Control::ALL.into_iter().take(MAIN) {
            row(ui, control);
        }
        voices(ui, hand, &params.voices, scene);
        let timbre = RichText::new("Timbre 1 to 8").color(MUTED);
        egui::CollapsingHeader::new(timbre)
            .id_salt("timbre")
            .show_unindented(ui, |ui| {
                for control in Control::ALL.into_iter().skip(MAIN) {
                    row(ui, control);
                }
            });
    }

    pub(super) fn timing(&mut self, ui: &mut Ui, hand: &Hand, scene: &Scene) {
        let params = self.params.clone();
        let automatic = params.playout_auto.value();
        line(ui, "Playout delay", |ui| {
            if ui.selectable_label(automatic, "Automatic").clicked() && !automatic {
                hand.set(&params.playout_auto, true);
            }
            if ui.selectable_label(!automatic, "Fixed").clicked() && automatic {
                hand.set(&params.playout_auto, false);
            }
            ui.add_enabled_ui(!automatic, |ui| bar(ui, hand, &params.playout_ms, 110.0));
            let now = scene
                .tick
                .map_or("–".into(), |tick| format!("{:.1} ms", tick.playout_ms));
            ui.label(style::muted("now"));
            ui.label(RichText::new(now).color(ACCENT));
        });
        note(
            ui,
            "Waits this long for late readings. Longer is smoother over a bad link, shorter answers sooner.",
        );
        line(ui, "Motion to sound", |ui| {
            let age = scene
                .tick
                .map_or("–".into(), |tick| format!("{:.0} ms", tick.motion_age_ms));
            ui.label(RichText::new(age).color(TEXT));
        });
        note(
            ui,
            "From the reading in the sensor to the plugin's output: playout, grid and ramps. The sound card adds its own.",
        );
        line(ui, "Notes out", |ui| {
            if style::switch(ui, params.note_out.value(), "Send notes").clicked() {
                hand.turn(&params.note_out);
            }
            ui.label(style::muted("send what is played as notes to the host"));
        });
        line(ui, "Rendering", |ui| {
            choice(ui, hand, &params.render);
        });
        note(
            ui,
            "Set to Offline if a bounce in this host misses motion or models; hosts differ in what they announce.",
        );
    }
}

fn line(ui: &mut Ui, name: &str, draw: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        style::column(ui, 110.0, style::muted(name));
        draw(ui);
    });
}

fn note(ui: &mut Ui, text: &str) {
    ui.horizontal(|ui| {
        ui.add_space(118.0);
        ui.add(egui::Label::new(style::small(text)).wrap());
    });
    ui.add_space(4.0);
}

/// Column widths for the room there is.
struct Widths {
    source: f32,
    amount: f32,
    knob: f32,
}

impl Widths {
    fn of(room: f32) -> Widths {
        let rest = (room - NAME_WIDTH - NOW_WIDTH - 4.0 * 8.0).max(200.0);
        let source = if room < WORDS_FROM {
            92.0
        } else {
            (rest * 0.36).clamp(156.0, 190.0)
        };
        let each = (rest - source) / 2.0;
        Widths {
            source,
            amount: each,
            knob: each,
        }
    }

    fn head(&self, ui: &mut Ui) {
        let columns = [
            (NAME_WIDTH, "", ""),
            (
                self.source,
                "from",
                "The gesture model, the keys that are held, or the knob beside it.",
            ),
            (
                self.amount,
                "amount",
                "0: the knob alone. 1: the source alone.",
            ),
            (
                self.knob,
                "knob",
                "The value that the source is mixed with, and that is heard without a source.",
            ),
            (NOW_WIDTH, "now", "What the sound model hears."),
        ];
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 14.0;
            for (width, name, meaning) in columns {
                let label = style::column(ui, width, style::small(name));
                if !meaning.is_empty() {
                    label.on_hover_text(meaning);
                }
            }
        });
    }
}

fn row(
    ui: &mut Ui,
    hand: &Hand,
    control: Control,
    params: &ControlParams,
    scene: &Scene,
    sound: &SlotView,
    widths: &Widths,
) {
    let heard = is_heard(control, sound);
    ui.horizontal(|ui| {
        let name = RichText::new(words(&control.name())).color(if heard { TEXT } else { FAINT });
        let label = style::column(ui, NAME_WIDTH, name);
        if !heard {
            label.on_hover_text("The selected sound model does not listen to this word.");
        } else if let Some(meaning) = meaning(control, sound) {
            label.on_hover_text(meaning);
        }
        ui.allocate_ui(egui::vec2(widths.source, style::ROW_HEIGHT), |ui| {
            ui.set_width(widths.source);
            if widths.source < 150.0 {
                list(ui, hand, &params.source, widths.source)
            } else {
                choice(ui, hand, &params.source)
            }
        });
        let sourced = params.source.value() != SourceParam::Knob;
        ui.add_enabled_ui(sourced, |ui| bar(ui, hand, &params.amount, widths.amount));
        bar(ui, hand, &params.value, widths.knob);
        let now = scene.tick.map_or("–".into(), |tick| {
            control_text(control, tick.controls.get(control))
        });
        let now = RichText::new(now).color(if heard { ACCENT } else { FAINT });
        style::column(ui, NOW_WIDTH, now);
    });
}

/// How many keys may sound at once, and how many do.
fn voices(ui: &mut Ui, hand: &Hand, param: &IntParam, scene: &Scene) {
    ui.horizontal(|ui| {
        style::column(ui, NAME_WIDTH, RichText::new("Voices").color(TEXT)).on_hover_text(
            "Keys that sound at once: the arm plays them all. 1: the newest key alone. When the pitch or the loudness \
             comes from the keys, a chord ends with them; else the arm plays on alone.",
        );
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.spacing_mut().button_padding.x = 7.0;
        for count in 1..=VOICES_MAX as i32 {
            let chosen = param.value() == count;
            let text = RichText::new(count.to_string()).color(if chosen { TEXT } else { MUTED });
            if ui.selectable_label(chosen, text).clicked() && !chosen {
                hand.set(param, count);
            }
        }
        if let Some(tick) = scene.tick.filter(|_| param.value() > 1) {
            ui.add_space(8.0);
            ui.label(RichText::new(tick.voices.to_string()).color(ACCENT));
            ui.label(style::muted("now"));
        }
    });
}

/// The words of an enumeration side by side, the chosen one lit.
fn choice<T: Enum + PartialEq + 'static>(ui: &mut Ui, hand: &Hand, param: &EnumParam<T>) {
    ui.spacing_mut().item_spacing.x = 2.0;
    ui.spacing_mut().button_padding.x = 7.0;
    let chosen = param.value().to_index();
    for (index, name) in T::variants().iter().enumerate() {
        let text = RichText::new(*name).color(if index == chosen { TEXT } else { MUTED });
        if ui.selectable_label(index == chosen, text).clicked() {
            hand.set(param, T::from_index(index));
        }
    }
}

/// The same, in less room.
fn list<T: Enum + PartialEq + 'static>(ui: &mut Ui, hand: &Hand, param: &EnumParam<T>, width: f32) {
    let chosen = param.value().to_index();
    let name = T::variants().get(chosen).copied().unwrap_or_default();
    egui::ComboBox::from_id_salt(param.name())
        .selected_text(name)
        .width(width)
        .show_ui(ui, |ui| choice(ui, hand, param));
}

/// A model that names no inputs (none is loaded) dims nothing.
fn is_heard(control: Control, sound: &SlotView) -> bool {
    sound.inputs.is_empty() || sound.inputs.contains(&control.name())
}

/// What the selected sound model says of a word.
fn meaning(control: Control, sound: &SlotView) -> Option<&str> {
    let name = control.name();
    let place = sound.inputs.iter().position(|input| *input == name)?;
    let text = sound.meanings.get(place)?;
    (!text.is_empty()).then_some(text)
}

fn slot_index(slot: i32) -> usize {
    (slot - 1).clamp(0, crate::params::SLOT_COUNT as i32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_the_sound_model_does_not_hear_is_known() {
        let sound = SlotView {
            inputs: vec!["pitch".into(), "loudness".into()],
            ..Default::default()
        };
        assert!(is_heard(Control::Pitch, &sound) && !is_heard(Control::Timbre(0), &sound));
        assert!(is_heard(Control::Timbre(0), &SlotView::default()));
    }

    #[test]
    fn a_latent_has_the_meaning_that_its_model_gives_it() {
        let sound = SlotView {
            inputs: vec!["pitch".into(), "timbre_1".into()],
            meanings: vec![String::new(), "more at 2.1 kHz".into()],
            ..Default::default()
        };
        assert_eq!(meaning(Control::Timbre(0), &sound), Some("more at 2.1 kHz"));
        assert_eq!(meaning(Control::Pitch, &sound), None);
        assert_eq!(meaning(Control::Timbre(1), &sound), None);
    }

    #[test]
    fn columns_fit_the_room() {
        for room in [420.0, 520.0, 640.0, 1200.0] {
            let widths = Widths::of(room);
            let used =
                NAME_WIDTH + NOW_WIDTH + widths.source + widths.amount + widths.knob + 4.0 * 8.0;
            assert!(used <= room + 0.5, "{used} in {room}");
        }
    }
}
