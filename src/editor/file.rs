//! A file named by typing or pasting its path: hosts differ too much in what a native dialog does to them.

use egui::Ui;
use std::path::{Path, PathBuf};

/// A field for a path and a button for each thing to do with it. Returns which button was meant, the first for
/// Enter, and the file.
pub fn field(
    ui: &mut Ui,
    typed: &mut String,
    hint: &str,
    buttons: &[&'static str],
) -> Option<(&'static str, PathBuf)> {
    let width = (ui.available_width() - 68.0 * buttons.len() as f32).max(60.0);
    let field = egui::TextEdit::singleline(typed)
        .hint_text(hint)
        .desired_width(width);
    let entered =
        ui.add(field).lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let ready = !typed.trim().is_empty();
    let mut meant = None;
    for (number, button) in buttons.iter().enumerate() {
        let clicked = ui.add_enabled(ready, egui::Button::new(*button)).clicked();
        if clicked || (number == 0 && entered && ready) {
            meant = Some(*button);
        }
    }
    Some((meant?, file_of(typed)))
}

/// A path as typed or pasted: quotes and a leading `~` are understood.
fn file_of(typed: &str) -> PathBuf {
    let typed = typed.trim().trim_matches(['"', '\'']);
    let typed = typed.strip_prefix("file://").unwrap_or(typed);
    match (typed.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(typed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_paths_lose_their_quotes() {
        assert_eq!(file_of(" '/a b/c.onnx' "), PathBuf::from("/a b/c.onnx"));
        assert_eq!(file_of("file:///a/c.onnx"), PathBuf::from("/a/c.onnx"));
    }
}
