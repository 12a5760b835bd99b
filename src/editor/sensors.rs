//! Where sensors come in: the addresses to type into them, who may send, and which ones arrive.

use super::Editor;
use super::scene::{AWAY_S, Scene};
use super::style::{self, ACCENT, ALERT, FAINT, MUTED, TEXT};
use super::text::words;
use crate::plugin::desk::{PortView, Request};
use crate::plugin::state::PORTS_MAX;
use crate::sensor::device::DeviceStatus;
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
        self.reach(ui);
        ui.add_space(2.0);
        if scene.performer.is_some() {
            self.performing(ui, scene);
        }
        self.strangers(ui, scene);
        if scene.devices.is_empty() && scene.performer.is_none() {
            self.nobody(ui, scene);
        } else {
            for device in &scene.devices {
                self.device(ui, scene, device);
            }
            if scene.performer.is_none() {
                self.offer_performer(ui, style::quiet_button("Virtual performer"));
            }
        }
    }

    fn ports(&mut self, ui: &mut Ui, scene: &Scene, ports: &[u16], editable: bool) {
        // What is open is shown; before the first activation, what will be.
        let views = scene.ports.iter().map(|view| (view.port, Some(view)));
        let planned = ports
            .iter()
            .filter(|_| scene.ports.is_empty())
            .map(|&port| (port, None));
        for (port, view) in views.chain(planned) {
            if port_row(ui, port, view, editable) {
                self.params
                    .session
                    .write()
                    .ports
                    .retain(|&kept| kept != port);
            }
        }
        if ports.is_empty() && scene.ports.is_empty() {
            ui.label(style::alert(
                "No port is open. Add one so that sensors can be heard.",
            ));
        }
        if editable && ports.len() < PORTS_MAX && (self.adding_port || ports.is_empty()) {
            self.add_port(ui, ports);
        }
    }

    fn add_port(&mut self, ui: &mut Ui, ports: &[u16]) {
        ui.horizontal(|ui| {
            let field = egui::TextEdit::singleline(&mut self.typed_port)
                .hint_text("port, as 8888")
                .desired_width(100.0);
            let entered =
                ui.add(field).lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let clicked = ui.add(style::quiet_button("Open")).clicked();
            if !(entered || clicked) {
                return;
            }
            match new_port(&self.typed_port, ports) {
                Ok(port) => {
                    self.params.session.write().ports.push(port);
                    self.typed_port.clear();
                    self.port_error = None;
                    self.adding_port = false;
                }
                Err(error) => self.port_error = Some(error),
            }
        });
        if let Some(error) = &self.port_error {
            ui.label(style::alert(error.as_str()).text_style(TextStyle::Small));
        }
    }

    /// Who may send: this machine, or the network.
    fn reach(&mut self, ui: &mut Ui) {
        let network = self.params.session.read().network;
        ui.horizontal(|ui| {
            if style::switch(ui, network, "Allow sensors on the network").clicked() {
                self.params.session.write().network = !network;
            }
            ui.label("Allow sensors on the network");
        });
        ui.label(style::small(if network {
            "Any device on your network can send motion here. Turn off on networks you do not trust."
        } else {
            "Only programs on this computer are heard. Turn on to let sensors in over Wi-Fi or cable."
        }));
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
            let network = self.params.session.read().network;
            match stray(&scene.hub) {
                Some(stray) => drop(ui.label(style::alert(stray).text_style(TextStyle::Small))),
                None => hints(network)
                    .into_iter()
                    .for_each(|hint| drop(ui.label(style::small(hint)))),
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
            ui.label(style::small(told).color(colour)).on_hover_text(format!("{} from {}", device.profile, device.sender));
        });
    }
}

/// Draws one port; `true` when it shall go.
fn port_row(ui: &mut Ui, port: u16, view: Option<&PortView>, editable: bool) -> bool {
    let mut remove = false;
    let state = view.map(|view| &view.state);
    ui.horizontal(|ui| {
        let (colour, text) = match state {
            Some(Ok(address)) => (ACCENT, address.clone()),
            Some(Err(_)) => (ALERT, format!("port {port}")),
            None => (FAINT, format!("port {port}")),
        };
        style::dot(ui, colour);
        ui.label(RichText::new(&text).monospace().size(15.0).color(TEXT))
            .on_hover_text("Type this address and port into the sensor.");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            remove = editable
                && style::cross(ui, "Close this port")
                    .on_hover_text("Close this port")
                    .clicked();
            if matches!(state, Some(Ok(_))) && ui.add(style::quiet_button("Copy").small()).clicked()
            {
                ui.ctx().copy_text(text.clone());
            }
        });
    });
    match state {
        Some(Ok(_)) => drop(ui.label(style::small("Type this address into the sensor."))),
        Some(Err(error)) => {
            drop(ui.label(style::alert(error.as_str()).text_style(TextStyle::Small)))
        }
        None => drop(ui.label(style::small(
            "Opens when the host starts the plugin's audio.",
        ))),
    }
    remove
}

/// Reads a typed port, or says why it cannot be one.
fn new_port(typed: &str, ports: &[u16]) -> Result<u16, String> {
    let port: u16 = typed
        .trim()
        .parse()
        .map_err(|_| "A port is a number from 1024 to 65535.".to_string())?;
    if port < 1024 {
        return Err("Ports below 1024 belong to the system: choose 1024 to 65535.".into());
    }
    if ports.contains(&port) {
        return Err(format!("Port {port} is open already."));
    }
    Ok(port)
}

fn hints(network: bool) -> Vec<&'static str> {
    let mut hints = vec!["1.  Switch the sensor on and join it to this computer's network."];
    if !network {
        hints.push("2.  Turn on 'Allow sensors on the network' above.");
        hints.push("3.  Type the address above into the sensor as its OSC target.");
    } else {
        hints.push("2.  Type the address above into the sensor as its OSC target.");
        hints.push("3.  Still nothing? A firewall may block UDP on this port.");
    }
    hints
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
    fn a_port_is_checked_before_it_is_opened() {
        assert_eq!(new_port(" 9000 ", &[8888]), Ok(9000));
        for (typed, word) in [
            ("", "number"),
            ("80", "system"),
            ("8888", "already"),
            ("70000", "number"),
            ("x", "number"),
        ] {
            assert!(
                new_port(typed, &[8888]).is_err_and(|error| error.contains(word)),
                "{typed}"
            );
        }
    }

    #[test]
    fn the_hints_name_the_switch_only_while_it_is_off() {
        assert!(hints(false).concat().contains("Allow sensors"));
        assert!(!hints(true).concat().contains("Allow sensors"));
    }

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
