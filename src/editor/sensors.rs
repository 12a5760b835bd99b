//! Which sensors arrive, how well, and what to do when none does.

use super::Editor;
use super::scene::{AWAY_S, Scene};
use super::style::{self, ACCENT, ALERT, FAINT, MUTED, TEXT};
use super::text::{counted, words};
use crate::plugin::desk::Request;
use crate::plugin::state::PORTS_MAX;
use crate::sensor::advice::hints;
use crate::sensor::clock::ClockSource;
use crate::sensor::device::DeviceStatus;
use crate::sensor::hub::Reach;
use crate::sensor::intake::HubCounters;
use crate::sensor::performer::Style;
use egui::{Align, Layout, RichText, TextStyle, Ui};

impl Editor {
    pub(super) fn sensors(&mut self, ui: &mut Ui, scene: &Scene) {
        let ports = self.params.session.read().ports.clone();
        // What the environment sets cannot be edited here.
        let fixed = scene.ports_from_environment.as_deref();
        ui.horizontal(|ui| {
            style::title(ui, "Sensors");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ports.len() < PORTS_MAX
                    && fixed.is_none()
                    && ui.add(style::quiet_button("+ port").small()).clicked()
                {
                    self.adding_port = !self.adding_port;
                }
            });
        });
        self.ports(ui, scene, &ports, fixed.is_none());
        if let Some(fixed) = fixed {
            ui.label(style::small(format!(
                "{fixed} in the environment sets the ports: the song's own are not used, and none can be changed here."
            )));
        }
        self.reach(ui, scene);
        ui.add_space(2.0);
        if scene.performer.is_some() {
            self.performing(ui, scene);
        }
        self.strangers(ui, scene);
        if scene.devices.is_empty() && scene.performer.is_none() {
            self.nobody(ui, scene);
        } else {
            let (left, listed): (Vec<_>, Vec<_>) = scene
                .devices
                .iter()
                .partition(|device| scene.has_left(device));
            for device in listed {
                self.device(ui, scene, device);
            }
            if !left.is_empty() {
                let names: Vec<&str> = left.iter().map(|device| &*device.name).collect();
                let told = format!("{} silent for minutes", counted(left.len(), "sensor"));
                ui.label(style::small(told)).on_hover_text(names.join("\n"));
            }
            if scene.performer.is_none() {
                self.offer_performer(ui, style::quiet_button("Virtual performer"));
            }
        }
    }

    /// No sensors is not a dead instrument.
    fn nobody(&mut self, ui: &mut Ui, scene: &Scene) {
        style::well().show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(
                RichText::new("No sensor is sending yet")
                    .color(TEXT)
                    .strong(),
            );
            let reach = match self.params.session.read().network {
                true => Reach::Network,
                false => Reach::Loopback,
            };
            match stray(&scene.hub) {
                Some(stray) => drop(ui.label(style::alert(stray).text_style(TextStyle::Small))),
                None => hints(reach, &scene.addresses, std::env::consts::OS)
                    .iter()
                    .enumerate()
                    .for_each(|(i, hint)| {
                        drop(ui.label(style::small(format!("{}.  {hint}", i + 1))))
                    }),
            }
            ui.add_space(2.0);
            self.offer_performer(ui, style::accent_button("Play the virtual performer"));
        });
    }

    fn offer_performer(&mut self, ui: &mut Ui, button: egui::Button<'_>) {
        let (response, _) = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
            ui.set_min_width(160.0);
            for style in Style::ALL {
                if ui.button(words(style.name())).clicked() {
                    self.desk.ask(Request::Perform(Some(style)));
                }
            }
        });
        response.on_hover_text("Hear the instrument without sensors: simulated limbs send real packets to the first port.");
    }

    fn performing(&mut self, ui: &mut Ui, scene: &Scene) {
        let Some(performance) = scene.performer else {
            return;
        };
        style::well().show(ui, |ui| {
            ui.horizontal(|ui| {
                style::dot(ui, ACCENT);
                ui.label(
                    RichText::new(words(performance.name()))
                        .color(TEXT)
                        .strong(),
                );
                ui.label(style::small("virtual performer"));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if ui.button("Stop").clicked() {
                        self.desk.ask(Request::Perform(None));
                    }
                });
            });
        });
    }

    fn device(&self, ui: &mut Ui, scene: &Scene, device: &DeviceStatus) {
        let silent_s = scene.silent_s(device);
        let away = silent_s > AWAY_S;
        let loss = self.memory.losses.share(device, scene.now_s);
        style::well().show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.horizontal(|ui| {
                ui.set_height(18.0);
                style::dot(ui, if away { FAINT } else { ACCENT });
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    match scene.role_of(device.id) {
                        Some(role) => style::chip(ui, &words(role.name()), if away { FAINT } else { ACCENT }),
                        None => style::chip(ui, "not used", MUTED)
                            .on_hover_text("The gesture model listens to no more limbs, or the map gives this sensor none."),
                    };
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(egui::Label::new(RichText::new(&device.name).color(TEXT).strong()).truncate());
                    });
                });
            });
            let told = if away { away_text(silent_s) } else { stream_text(device, loss) };
            let colour = if away || loss > 0.01 { ALERT } else { MUTED };
            ui.label(style::small(told).color(colour)).on_hover_text(way_text(device));
        });
    }
}

/// What arrives although no sensor is known by it.
fn stray(hub: &HubCounters) -> Option<&'static str> {
    match (hub.unknown, hub.malformed) {
        (0, 0) => None,
        (0, _) => {
            Some("Packets arrive that are not OSC: set the sensor's output format to OSC over UDP.")
        }
        _ => Some(
            "OSC arrives that no known sensor sends: choose another message format or profile in the sensor or app.",
        ),
    }
}

fn stream_text(device: &DeviceStatus, loss: f32) -> String {
    let loss = super::text::percent(loss);
    format!(
        "{} · {:.0} Hz · {loss} lost · {:.1} ms jitter",
        device.profile, device.rate_hz, device.jitter_ms
    )
}

/// Where it sends from, and how its readings come.
fn way_text(device: &DeviceStatus) -> String {
    let clock = match device.clock {
        ClockSource::Stamp => format!("its own clock, {:+.0} ppm off", device.drift_ppm),
        ClockSource::Arrival => "the times of arrival".into(),
    };
    format!(
        "{} from {}\nheld up {:.1} ms on average, {} out of order\ntime by {clock}",
        device.profile, device.sender, device.delay_ms, device.reordered
    )
}

fn away_text(silent_s: f64) -> String {
    match silent_s {
        s if s < 90.0 => {
            format!("silent for {s:.0} s: out of reach, off, or its battery is empty?")
        }
        s => format!(
            "silent for {:.0} min: out of reach, off, or its battery is empty?",
            s / 60.0
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told_from_silence() {
        let heard = |unknown, malformed| HubCounters {
            unknown,
            malformed,
            ..Default::default()
        };
        assert_eq!(stray(&heard(0, 0)), None);
        assert!(stray(&heard(0, 3)).is_some_and(|text| text.contains("not OSC")));
        assert!(stray(&heard(5, 3)).is_some_and(|text| text.contains("no known sensor")));
    }

    #[test]
    fn silence_is_told_in_seconds_then_minutes() {
        assert!(away_text(12.0).starts_with("silent for 12 s"));
        assert!(away_text(300.0).starts_with("silent for 5 min"));
    }
}
