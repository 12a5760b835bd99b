//! Sensors that nobody knows: their addresses and live values, and the movements by which one is learned.

use super::Editor;
use super::lesson::progress_bar;
use super::scene::Scene;
use super::style::{self, ACCENT, FAINT, TEXT};
use crate::plugin::desk::{LearnView, Request};
use crate::sensor::intake::UnknownMessage;
use crate::sensor::learn::Step;
use crate::sensor::osc::Argument;
use egui::{Align, Layout, RichText, TextStyle, Ui};
use std::net::IpAddr;

/// Addresses shown of one sender.
const MOST_SHOWN: usize = 6;

impl Editor {
    /// What arrives and is not understood, or the lesson that changes that.
    pub(super) fn strangers(&mut self, ui: &mut Ui, scene: &Scene) {
        if let Some(learning) = &scene.learning {
            self.learning(ui, learning);
            return;
        }
        let mut senders: Vec<IpAddr> = scene.unknown.iter().map(|m| m.sender).collect();
        senders.sort();
        senders.dedup();
        for sender in senders {
            style::well().show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.horizontal(|ui| {
                    ui.label(RichText::new(format!("Unknown sensor {sender}")).color(TEXT));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let button = egui::Button::new("Learn…").small();
                        let response = ui.add(button).on_hover_text(
                            "Move it four times, and the instrument works out what it sends.",
                        );
                        if response.clicked() {
                            self.desk.ask(Request::LearnFrom(sender));
                        }
                    });
                });
                let its = scene.unknown.iter().filter(|m| m.sender == sender);
                for message in its.take(MOST_SHOWN) {
                    let text = format!("{}  {}", message.address, values(message));
                    ui.add(egui::Label::new(style::small(text).monospace().size(11.0)).truncate());
                }
            });
        }
    }

    fn learning(&mut self, ui: &mut Ui, learning: &LearnView) {
        style::well().show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(style::small(format!("Learning {}", learning.sender)));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if ui.add(style::quiet_button("Cancel").small()).clicked() {
                        self.desk.ask(Request::LearnEnd);
                    }
                });
            });
            match (&learning.running, &learning.found) {
                (Some((step, done)), _) => {
                    instruction(ui, *step);
                    progress_bar(ui, *done);
                }
                (None, Some(found)) => self.learned(ui, found),
                (None, None) => self.next_step(ui, learning),
            }
        });
    }

    fn next_step(&self, ui: &mut Ui, learning: &LearnView) {
        if let Some(error) = &learning.error {
            let error = style::alert(error).text_style(TextStyle::Small);
            ui.add(egui::Label::new(error).wrap());
        }
        let open = |step: &Step| !learning.done[*step as usize] || learning.error.is_some();
        let Some(next) = Step::ALL.into_iter().find(open) else {
            return;
        };
        instruction(ui, next);
        ui.horizontal(|ui| {
            if ui.add(style::accent_button("Start, then move")).clicked() {
                self.desk.ask(Request::LearnStep(next));
            }
            for step in Step::ALL {
                let colour = if learning.done[step as usize] {
                    ACCENT
                } else {
                    FAINT
                };
                let number = RichText::new((step as usize + 1).to_string()).color(colour);
                let again = egui::Button::new(number).frame(false);
                if ui.add(again).on_hover_text("Record this step.").clicked() {
                    self.desk.ask(Request::LearnStep(step));
                }
            }
        });
    }

    fn learned(&mut self, ui: &mut Ui, found: &[String]) {
        for line in found {
            ui.add(egui::Label::new(style::small(line)).wrap());
        }
        ui.horizontal(|ui| {
            let field = egui::TextEdit::singleline(&mut self.typed_sensor)
                .hint_text("name of the sensor")
                .desired_width(150.0);
            ui.add(field);
            let ready = !self.typed_sensor.trim().is_empty();
            if ui.add_enabled(ready, egui::Button::new("Save")).clicked() {
                self.desk.ask(Request::LearnSave(self.typed_sensor.clone()));
            }
        });
    }
}

fn instruction(ui: &mut Ui, step: Step) {
    let heading = format!("Step {} of {}", step as usize + 1, Step::ALL.len());
    ui.label(style::small(heading));
    let text = RichText::new(format!("{}.", step.instruction()))
        .size(15.0)
        .color(TEXT);
    ui.add(egui::Label::new(text).wrap());
}

fn values(message: &UnknownMessage) -> String {
    let words = message.arguments.iter().map(|argument| match argument {
        Argument::Number(value) => format!("{value:.2}"),
        Argument::Text(text) => text.clone(),
        Argument::Other => "?".into(),
    });
    words.collect::<Vec<_>>().join(" ")
}
