//! Ports as the user sees them: the addresses to type into sensors, what is shared, who may send.

use super::Editor;
use super::scene::Scene;
use super::style::{self, ACCENT, ALERT, FAINT, TEXT};
use crate::plugin::desk::{PortView, Sharing};
use crate::plugin::state::PORTS_MAX;
use crate::sensor::advice::unheard;
use egui::{Align, Layout, RichText, TextStyle, Ui};
use std::net::{IpAddr, Ipv4Addr};

/// Addresses that one list holds.
const MOST_ADDRESSES: usize = 16;

/// What a click asks of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Close,
    /// To this port, which is free.
    Move(u16),
}

impl Change {
    fn apply(self, port: u16, listed: &mut Vec<u16>) {
        match self {
            Change::Close => listed.retain(|&kept| kept != port),
            Change::Move(free) => {
                listed.retain(|&kept| kept != free);
                let moved = listed.iter_mut().filter(|kept| **kept == port);
                moved.for_each(|kept| *kept = free);
            }
        }
    }
}

/// An address being typed.
#[derive(Default)]
pub(super) struct TypedAddress {
    text: String,
    wrong: bool,
}

impl TypedAddress {
    /// A field and its button; the address when it is entered.
    fn ask(
        &mut self,
        ui: &mut Ui,
        hint: &str,
        fits: impl Fn(&Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let entered = ui
            .horizontal(|ui| {
                let field = egui::TextEdit::singleline(&mut self.text)
                    .hint_text(hint)
                    .desired_width(150.0);
                let entered = ui.add(field).lost_focus()
                    && ui.input(|input| input.key_pressed(egui::Key::Enter));
                ui.add(style::quiet_button("Add").small()).clicked() || entered
            })
            .inner;
        let typed = self.text.trim().parse().ok().filter(fits);
        if entered {
            self.wrong = typed.is_none();
        }
        if self.wrong {
            let text = format!("Not such an address: type a {hint}.");
            ui.label(style::alert(text).text_style(TextStyle::Small));
        }
        let address = typed.filter(|_| entered)?;
        self.text.clear();
        Some(address)
    }
}

impl Editor {
    pub(super) fn ports(&mut self, ui: &mut Ui, scene: &Scene, ports: &[u16], editable: bool) {
        // What is open is shown; before the first activation, what will be.
        let views = scene.ports.iter().map(|view| (view.port, Some(view)));
        let planned = ports
            .iter()
            .filter(|_| scene.ports.is_empty())
            .map(|&port| (port, None));
        for (port, view) in views.chain(planned) {
            if let Some(change) = port_row(ui, port, view).filter(|_| editable) {
                change.apply(port, &mut self.params.session.write().ports);
            }
        }
        if editable {
            self.announced(ui, scene, ports);
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

    /// Sensors that call out by name but send to a port that is not open.
    fn announced(&mut self, ui: &mut Ui, scene: &Scene, ports: &[u16]) {
        let listed: Vec<u16> = ports
            .iter()
            .copied()
            .chain(scene.ports.iter().map(|view| view.port))
            .collect();
        for sensor in &scene.announced {
            let Some(call) = unheard(sensor, &listed) else {
                continue;
            };
            ui.label(style::alert(call).text_style(TextStyle::Small));
            let Some(port) = sensor.sends_to else {
                continue;
            };
            let text = format!("Listen on {port}");
            let offer = style::accent_button(&text).small();
            if ports.len() < PORTS_MAX && ui.add(offer).clicked() {
                self.params.session.write().ports.push(port);
            }
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
    pub(super) fn reach(&mut self, ui: &mut Ui, scene: &Scene) {
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
        if network {
            self.senders(ui, scene);
        }
    }

    /// Who of the network may send, and which groups are joined.
    fn senders(&mut self, ui: &mut Ui, scene: &Scene) {
        let title = match self.params.session.read().senders.len() {
            0 => "Only some senders, multicast …".to_owned(),
            listed => format!("Only {listed} of the network may send"),
        };
        let title = style::small(title);
        egui::CollapsingHeader::new(title)
            .id_salt("senders")
            .show(ui, |ui| {
                ui.label(style::small("Only these senders (none listed: anyone):"));
                address_list(ui, &mut self.params.session.write().senders);
                if let Some(sender) = self
                    .typed_sender
                    .ask(ui, "sender, as 192.168.1.7", |_| true)
                {
                    keep(&mut self.params.session.write().senders, sender);
                }
                ui.label(style::small("Multicast groups:"));
                address_list(ui, &mut self.params.session.write().groups);
                let group = self
                    .typed_group
                    .ask(ui, "group, as 239.1.2.3", Ipv4Addr::is_multicast);
                if let Some(group) = group {
                    keep(&mut self.params.session.write().groups, group);
                }
            });
        let barred = scene.ports.iter().flat_map(|port| &port.barred);
        for sender in barred.filter_map(as_v4) {
            ui.horizontal(|ui| {
                ui.label(
                    style::alert(format!("{sender} is kept out")).text_style(TextStyle::Small),
                );
                if ui.add(style::quiet_button("Let it in").small()).clicked() {
                    keep(&mut self.params.session.write().senders, sender);
                }
            });
        }
    }
}

/// Draws one port; what shall become of it.
fn port_row(ui: &mut Ui, port: u16, view: Option<&PortView>) -> Option<Change> {
    let mut change = None;
    let state = view.map(|view| &view.state);
    ui.horizontal(|ui| {
        let (colour, text) = match state {
            Some(Ok(address)) => (ACCENT, address.clone()),
            Some(Err(_)) => (ALERT, format!("port {port}")),
            None => (FAINT, format!("port {port}")),
        };
        style::dot(ui, colour);
        ui.label(RichText::new(&text).monospace().size(15.0).color(TEXT))
            .on_hover_text(format!(
                "Type this address and port into the sensor. Receive buffer: {} KiB.",
                view.map_or(0, |view| view.buffer_bytes / 1024)
            ));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let close = style::cross(ui, "Close this port").on_hover_text("Close this port");
            change = close.clicked().then_some(Change::Close);
            if matches!(state, Some(Ok(_))) && ui.add(style::quiet_button("Copy").small()).clicked()
            {
                ui.ctx().copy_text(text.clone());
            }
        });
    });
    match (state, view) {
        (Some(Ok(_)), Some(view)) => drop(ui.label(style::small(format!(
            "Type this address into the sensor.{}",
            sharing_text(view.sharing)
        )))),
        (Some(Err(error)), view) => {
            ui.label(style::alert(error.as_str()).text_style(TextStyle::Small));
            if let Some(free) = view.and_then(|view| view.free) {
                let text = format!("Listen on {free}");
                let offer = style::accent_button(&text).small();
                change = ui
                    .add(offer)
                    .clicked()
                    .then_some(Change::Move(free))
                    .or(change);
            }
        }
        _ => drop(ui.label(style::small(
            "Opens when the host starts the plugin's audio.",
        ))),
    }
    change
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

fn sharing_text(sharing: Sharing) -> String {
    match sharing {
        Sharing::Alone => String::new(),
        Sharing::Host(others) => format!(" Shared with {others} more."),
        Sharing::Guest => " Shared by another IMU2Music.".into(),
    }
}

fn address_list(ui: &mut Ui, addresses: &mut Vec<Ipv4Addr>) {
    addresses.retain(|address| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(address.to_string()).monospace().color(TEXT));
            !style::cross(ui, "Remove").on_hover_text("Remove").clicked()
        })
        .inner
    });
}

fn keep(addresses: &mut Vec<Ipv4Addr>, address: Ipv4Addr) {
    if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
        addresses.push(address);
    }
}

fn as_v4(address: &IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
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
    fn a_port_moves_in_its_place_or_goes() {
        let mut listed = vec![8888, 9000];
        Change::Move(8889).apply(8888, &mut listed);
        assert_eq!(listed, [8889, 9000]);
        Change::Move(9000).apply(8889, &mut listed);
        assert_eq!(listed, [9000]);
        Change::Close.apply(9000, &mut listed);
        assert!(listed.is_empty());
    }

    #[test]
    fn a_list_of_addresses_stays_short_and_without_repetition() {
        let mut list = Vec::new();
        for last in (0..40).chain(0..40) {
            keep(&mut list, Ipv4Addr::new(10, 0, 0, last));
        }
        assert_eq!(list.len(), MOST_ADDRESSES);
        assert_eq!(list[3], Ipv4Addr::new(10, 0, 0, 3));
    }
}
