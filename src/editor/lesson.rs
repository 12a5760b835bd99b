//! What the performer is led through, large enough to be read from where they stand.

use super::Editor;
use super::scene::Scene;
use super::style::{self, ACCENT, RAISED, TEXT};
use super::text::words;
use crate::gesture::guided::{Lesson, Progress};
use crate::plugin::desk::Request;
use egui::{Align, Layout, RichText, Sense, Ui, vec2};

impl Editor {
    pub(super) fn lesson(&self, ui: &mut Ui, scene: &Scene) {
        let Some(progress) = &scene.lesson else {
            return;
        };
        style::well().show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                ui.label(style::small(heading(progress)));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if ui.add(style::quiet_button("Cancel").small()).clicked() {
                        self.desk.ask(Request::EndLesson { keep: false });
                    }
                    let moving = matches!(progress.lesson, Lesson::Range(_)) && progress.step > 1;
                    if moving && ui.button("Done").clicked() {
                        self.desk.ask(Request::EndLesson { keep: true });
                    }
                });
            });
            let instruction = RichText::new(&progress.instruction).size(20.0).color(TEXT);
            ui.add(egui::Label::new(instruction).wrap());
            progress_bar(ui, progress.done);
        });
    }
}

fn heading(progress: &Progress) -> String {
    let role = words(progress.lesson.role().name());
    let (step, steps) = (progress.step, progress.steps);
    format!("{role}, step {step} of {steps}")
}

pub(super) fn progress_bar(ui: &mut Ui, done: f32) {
    let size = vec2(ui.available_width(), 8.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_filled(rect, 4.0, RAISED);
    let mut filled = rect;
    filled.set_width(rect.width() * done.clamp(0.0, 1.0));
    ui.painter().rect_filled(filled, 4.0, ACCENT);
}
