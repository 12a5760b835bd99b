//! The top of the window: what plays now, the four things a player does with a foot, and the level.

use super::bar::bar;
use super::hand::{Hand, Press};
use super::level::{level_text, meter};
use super::scene::{Memory, Scene};
use super::style::{self, ACCENT, ALERT, MUTED, TEXT};
use super::text::{counted, words};
use crate::params::InstrumentParams;
use egui::{Align, Key, Layout, RichText, Ui, vec2};

/// Below this width the title makes room for the level.
const NARROW: f32 = 830.0;

/// The pedals that let go by themselves.
#[derive(Default)]
pub struct Pedals {
    recentre: Press,
    panic: Press,
}

pub fn header(
    ui: &mut Ui,
    hand: &Hand,
    params: &InstrumentParams,
    pedals: &mut Pedals,
    scene: &Scene,
    memory: &Memory,
) {
    pedals.recentre.let_go(&params.recentre, hand);
    pedals.panic.let_go(&params.panic, hand);
    ui.horizontal(|ui| {
        ui.set_height(44.0);
        let title = if ui.available_width() < NARROW {
            148.0
        } else {
            190.0
        };
        ui.allocate_ui_with_layout(vec2(title, 44.0), Layout::top_down(Align::Min), |ui| {
            ui.set_min_width(title);
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.label(RichText::new("IMU2Music").heading().color(TEXT).strong());
            let (text, alive) = status(scene, params);
            ui.add(
                egui::Label::new(style::small(text).color(if alive { ACCENT } else { MUTED }))
                    .truncate(),
            );
        });
        buttons(ui, hand, params, pedals);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            level(ui, hand, params, memory)
        });
    });
}

fn buttons(ui: &mut Ui, hand: &Hand, params: &InstrumentParams, pedals: &mut Pedals) {
    ui.spacing_mut().item_spacing.x = 6.0;
    let engage = style::lit_button(ui, "Engage", params.engage.value(), ACCENT);
    if engage
        .on_hover_text("Motion plays (Space). Off: keys and knobs alone.")
        .clicked()
    {
        hand.turn(&params.engage);
    }
    let freeze = style::lit_button(ui, "Freeze", params.freeze.value(), ACCENT);
    if freeze
        .on_hover_text("Hold the sound as it is (F).")
        .clicked()
    {
        hand.turn(&params.freeze);
    }
    let recentre = style::lit_button(
        ui,
        "Recentre",
        pedals.recentre.is_down() || params.recentre.value(),
        ACCENT,
    );
    if recentre
        .on_hover_text("Where you point now becomes forward (R).")
        .clicked()
    {
        pedals.recentre.press(&params.recentre, hand);
    }
    let panic = style::lit_button(
        ui,
        "Panic",
        pedals.panic.is_down() || params.panic.value(),
        ALERT,
    );
    if panic
        .on_hover_text("Silence at once, all keys released (Esc).")
        .clicked()
    {
        pedals.panic.press(&params.panic, hand);
    }
}

/// Drawn from the right edge.
fn level(ui: &mut Ui, hand: &Hand, params: &InstrumentParams, memory: &Memory) {
    ui.spacing_mut().item_spacing.x = 10.0;
    let room = ui.available_width();
    ui.allocate_ui_with_layout(vec2(96.0, 36.0), Layout::top_down(Align::Max), |ui| {
        ui.set_min_width(96.0);
        ui.spacing_mut().item_spacing.y = 1.0;
        let loud = memory.meter.held_db > -0.5;
        ui.label(
            RichText::new(level_text(memory.meter.held_db)).color(if loud { ALERT } else { TEXT }),
        );
        if memory.meter.limiter_db < -0.1 {
            ui.label(
                style::small(format!("limiter {:.1} dB", memory.meter.limiter_db)).color(ALERT),
            );
        } else {
            ui.label(style::small("output"));
        }
    });
    meter(ui, &memory.meter, (room - 106.0 - 150.0).clamp(60.0, 240.0));
    bar(ui, hand, &params.gain_db, 96.0);
    if ui.available_width() > 30.0 {
        ui.label(style::small("Gain"));
    }
}

/// One line that says what is going on, and whether that is music.
fn status(scene: &Scene, params: &InstrumentParams) -> (String, bool) {
    if scene.tick.is_none() {
        return ("the host's audio is not running".into(), false);
    }
    if let Some(style) = scene.performer {
        return (
            format!("virtual performer: {}", words(style.name()).to_lowercase()),
            true,
        );
    }
    match scene.present() {
        0 => ("no sensor is sending".into(), false),
        count if params.engage.value() => (format!("{} playing", counted(count, "sensor")), true),
        count => (format!("{}, motion off", counted(count, "sensor")), false),
    }
}

/// Space, F, R and Esc, unless a field or a menu has the keyboard.
pub fn keyboard(ui: &Ui, hand: &Hand, params: &InstrumentParams, pedals: &mut Pedals) {
    let busy = ui.memory(|memory| memory.focused().is_some()) || egui::Popup::is_any_open(ui.ctx());
    if busy {
        return;
    }
    let pressed = |key| {
        ui.input(|input| {
            input.modifiers.is_none() && input.key_pressed(key) && !repeats(input, key)
        })
    };
    if pressed(Key::Space) {
        hand.turn(&params.engage);
    }
    if pressed(Key::F) {
        hand.turn(&params.freeze);
    }
    if pressed(Key::R) {
        pedals.recentre.press(&params.recentre, hand);
    }
    if pressed(Key::Escape) {
        pedals.panic.press(&params.panic, hand);
    }
}

/// A held key repeats; a pedal does not.
fn repeats(input: &egui::InputState, wanted: Key) -> bool {
    input
        .events
        .iter()
        .any(|event| matches!(event, egui::Event::Key { key, repeat: true, .. } if *key == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::samples;

    #[test]
    fn the_status_says_what_is_missing() {
        let params = samples::params();
        let mut scene = Scene::default();
        assert_eq!(status(&scene, &params).0, "the host's audio is not running");
        scene.tick = Some(samples::tick(0.0));
        assert_eq!(status(&scene, &params).0, "no sensor is sending");
        scene.devices.push(samples::device(1));
        assert_eq!(status(&scene, &params), ("1 sensor playing".into(), true));
    }
}
