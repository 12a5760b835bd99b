//! The window: what arrives, what is made of it, what comes out. Reads the desk, writes parameters and
//! the session; runs on the host's window thread and waits for nothing.

mod bar;
mod controls;
mod failures;
mod file;
mod hand;
mod header;
mod learning;
mod lesson;
mod level;
mod mapping;
mod matrix;
mod models;
mod ports;
#[cfg(test)]
mod samples;
mod scene;
mod sensors;
mod style;
mod text;
mod traces;
mod wearing;

use crate::params::InstrumentParams;
use crate::plugin::desk::{Desk, Notice, Request};
use crate::plugin::state::SlotKind;
use crate::units::HostTime;
use egui::{Align, Layout, Margin, RichText, Ui, vec2};
use hand::Hand;
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::prelude::ResizeHint;
use nice_plug_egui::baseview::{HandlerError, WindowSize};
use nice_plug_egui::resizable_window::ResizableWindow;
use nice_plug_egui::{
    EguiEditor, EguiEditorState, EguiNiceSettings, Frame, NiceEguiApp, RepaintNotifier,
    create_egui_editor,
};
use scene::{Memory, Scene};
use std::sync::Arc;
use std::time::Duration;

/// Smallest useful window, logical points.
const MIN_SIZE: (f32, f32) = (780.0, 540.0);
/// egui takes its own predicted frame time off: about 40 frames a second, more while the pointer moves.
const REPAINT: Duration = Duration::from_millis(40);
/// Frames until the window has the size it opened with, and later sizes are the user's.
const SETTLING_FRAMES: u32 = 20;

/// What the lower right part shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Controls,
    Map,
    Timing,
}

/// The editor; it outlives its window.
pub struct Editor {
    params: Arc<InstrumentParams>,
    desk: Arc<Desk>,
    context: Option<GuiContext>,
    memory: Memory,
    pedals: header::Pedals,
    page: Page,
    typed_port: String,
    port_error: Option<String>,
    adding_port: bool,
    typed_sender: ports::TypedAddress,
    typed_group: ports::TypedAddress,
    typed_file: String,
    typed_map: String,
    typed_sensor: String,
    map_told: Option<Result<String, String>>,
    load_kind: SlotKind,
    /// Frames since the window opened.
    frames: u32,
    /// The size saved with the song, which the host restores after the editor was made.
    wanted_size: (u32, u32),
}

/// Makes the editor at the size that the session holds.
pub fn create(params: Arc<InstrumentParams>, desk: Arc<Desk>) -> Option<EguiEditor<Editor>> {
    let (width, height) = params.session.read().editor_size;
    let size = LogicalSize {
        width: (width as f32).max(MIN_SIZE.0),
        height: (height as f32).max(MIN_SIZE.1),
    };
    let minimum = LogicalSize {
        width: MIN_SIZE.0,
        height: MIN_SIZE.1,
    };
    let settings = EguiNiceSettings::new()
        .with_tile("IMU2Music")
        .with_resize_hint(ResizeHint::resizable().with_min_logical_size(minimum));
    create_egui_editor(
        EguiEditorState::from_size(size, 1.0),
        RepaintNotifier::new(),
        settings,
        Editor::new(params, desk),
    )
}

impl Editor {
    fn new(params: Arc<InstrumentParams>, desk: Arc<Desk>) -> Editor {
        let wanted_size = params.session.read().editor_size;
        Editor {
            params,
            desk,
            context: None,
            memory: Memory::default(),
            pedals: header::Pedals::default(),
            page: Page::Controls,
            typed_port: String::new(),
            port_error: None,
            adding_port: false,
            typed_sender: ports::TypedAddress::default(),
            typed_group: ports::TypedAddress::default(),
            typed_file: String::new(),
            typed_map: String::new(),
            typed_sensor: String::new(),
            map_told: None,
            load_kind: SlotKind::Gesture,
            frames: 0,
            wanted_size,
        }
    }

    fn draw(&mut self, ui: &mut Ui, scene: &Scene) {
        let (params, context) = (self.params.clone(), self.context.clone());
        let hand = Hand::new(context.as_ref());
        header::keyboard(ui, &hand, &params, &mut self.pedals);
        let bare = egui::Frame::new().inner_margin(Margin {
            left: 16,
            right: 16,
            top: 10,
            bottom: 8,
        });
        egui::Panel::top("header")
            .frame(bare)
            .show_separator_line(false)
            .show(ui, |ui| {
                header::header(ui, &hand, &params, &mut self.pedals, scene, &self.memory);
            });
        let foot = egui::Frame::new().inner_margin(Margin {
            left: 18,
            right: 18,
            top: 6,
            bottom: 8,
        });
        egui::Panel::bottom("foot")
            .frame(foot)
            .show_separator_line(false)
            .show(ui, |ui| self.foot(ui, scene));
        let left = egui::Frame::new().inner_margin(Margin {
            left: 12,
            right: 6,
            top: 0,
            bottom: 0,
        });
        let side = (ui.available_width() * 0.34).clamp(290.0, 380.0);
        egui::Panel::left("inputs")
            .frame(left)
            .resizable(false)
            .exact_size(side)
            .show_separator_line(false)
            .show(ui, |ui| {
                egui::ScrollArea::vertical()
                    .auto_shrink(false)
                    .show(ui, |ui| {
                        ui.spacing_mut().item_spacing.y = 8.0;
                        filled_card(ui, |ui| self.sensors(ui, scene));
                        filled_card(ui, |ui| self.models(ui, &hand, scene));
                    });
            });
        let right = egui::Frame::new().inner_margin(Margin {
            left: 6,
            right: 12,
            top: 0,
            bottom: 0,
        });
        egui::CentralPanel::no_frame()
            .frame(right)
            .show(ui, |ui| self.right(ui, &hand, scene));
    }

    fn right(&mut self, ui: &mut Ui, hand: &Hand, scene: &Scene) {
        ui.spacing_mut().item_spacing.y = 8.0;
        let room = ui.available_height();
        // A matrix needs more room than knobs.
        let share = if self.page == Page::Map { 0.64 } else { 0.42 };
        let most = if self.page == Page::Map { 640.0 } else { 330.0 };
        let pages_height = (room * share).clamp(180.0, most);
        let traces_height = (room - pages_height - 8.0 - 24.0).max(60.0);
        filled_card(ui, |ui| {
            ui.set_height(traces_height);
            traces::traces(ui, scene, &self.memory, traces_height);
        });
        filled_card(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            self.page_choice(ui);
            egui::ScrollArea::vertical()
                .id_salt(self.page as u8)
                .auto_shrink(false)
                .show(ui, |ui| match self.page {
                    Page::Controls => self.controls(ui, hand, scene),
                    Page::Map => self.map(ui, hand, scene),
                    Page::Timing => self.timing(ui, hand, scene),
                });
        });
    }

    fn page_choice(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 16.0;
            for (page, name) in [
                (Page::Controls, "Controls"),
                (Page::Map, "Map"),
                (Page::Timing, "Timing"),
            ] {
                let chosen = self.page == page;
                let text = RichText::new(name).size(14.5).strong().color(if chosen {
                    style::TEXT
                } else {
                    style::FAINT
                });
                let response = ui.add(egui::Button::new(text).frame(false));
                if chosen {
                    let line = response.rect.translate(vec2(0.0, 2.0));
                    ui.painter().hline(
                        line.x_range(),
                        line.bottom(),
                        egui::Stroke::new(2.0, style::ACCENT),
                    );
                }
                if response.clicked() {
                    self.page = page;
                }
            }
        });
        ui.add_space(2.0);
    }

    fn foot(&mut self, ui: &mut Ui, scene: &Scene) {
        if let Some(notice) = &scene.notice {
            let (text, fill) = match notice {
                Notice::Trouble(text) => (text, style::ALERT_DIM),
                Notice::Done(text) => (text, style::ACCENT_DIM),
            };
            egui::Frame::new()
                .fill(fill)
                .corner_radius(6)
                .inner_margin(Margin::symmetric(12, 6))
                .show(ui, |ui| {
                    ui.horizontal(|ui| {
                        let room = (ui.available_width() - 88.0).max(40.0);
                        let text =
                            egui::Label::new(RichText::new(text.as_str()).color(style::TEXT))
                                .wrap();
                        ui.allocate_ui_with_layout(
                            vec2(room, style::ROW_HEIGHT),
                            Layout::left_to_right(Align::Center).with_main_wrap(true),
                            |ui| ui.add(text),
                        );
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            if ui.add(style::quiet_button("Dismiss")).clicked() {
                                self.desk.ask(Request::DismissNotice);
                            }
                        });
                    });
                });
        }
        failures::failures(ui, scene, &self.memory);
    }
}

fn filled_card(ui: &mut Ui, draw: impl FnOnce(&mut Ui)) {
    style::card().show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        draw(ui);
    });
}

impl NiceEguiApp for Editor {
    fn build(
        &mut self,
        egui: egui::Context,
        context: GuiContext,
        frame: &mut Frame,
    ) -> Result<(), HandlerError> {
        style::install(&egui);
        frame.set_clear_color(style::BACKGROUND.into());
        self.context = Some(context);
        self.frames = 0;
        self.wanted_size = self.params.session.read().editor_size;
        Ok(())
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut Frame) {
        self.restore_size(ui);
        let minimum = vec2(MIN_SIZE.0, MIN_SIZE.1);
        let window = ResizableWindow::new("editor").min_size(minimum);
        let (desk, now_s) = (self.desk.clone(), HostTime::now().0);
        let scene = desk.read(|view| Scene::copy(view, &mut self.memory, now_s));
        window.show(ui, |ui| self.draw(ui, &scene));
        ui.ctx().request_repaint_after(REPAINT);
    }

    fn resized(&mut self, size: WindowSize) {
        if self.frames >= SETTLING_FRAMES {
            let logical = (
                size.logical.width.round() as u32,
                size.logical.height.round() as u32,
            );
            self.params.session.write().editor_size = logical;
        }
    }
}

impl Editor {
    /// The window opens at the size it was made with; the song may hold another.
    fn restore_size(&mut self, ui: &Ui) {
        self.frames = self.frames.saturating_add(1);
        let wanted = vec2(self.wanted_size.0 as f32, self.wanted_size.1 as f32)
            .max(vec2(MIN_SIZE.0, MIN_SIZE.1));
        let is = ui.ctx().content_rect().size();
        if self.frames == 2 && (wanted - is).abs().max_elem() > 1.0 {
            ui.ctx()
                .send_viewport_cmd(egui::ViewportCommand::InnerSize(wanted));
        }
    }
}

#[cfg(test)]
mod tests;
