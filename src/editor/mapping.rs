//! Which device is worn where, and which of its features feeds each input of the gesture model.

use super::Editor;
use super::scene::Scene;
use super::style;
use crate::gesture::Role;
use crate::sensor::hub::DeviceStatus;
use egui::Ui;

impl Editor {
    pub(super) fn map(&mut self, ui: &mut Ui, _scene: &Scene) { ui.label(style::muted("-")); }
    pub(super) fn role_of(&self, scene: &Scene, device: &DeviceStatus) -> Option<Role> {
        let i = scene.devices.iter().position(|d| d.id == device.id)?; Role::ALL.get(i).copied().filter(|_| i < 2)
    }
}
