//! The editor drawn without a window: nothing panics, and nothing is wider than the window.

use super::*;
use crate::plugin::desk::View;
use egui::{Context, Pos2, RawInput, Rect};

fn frames(view: &View, size: (f32, f32)) {
    let (desk, _requests) = crate::plugin::desk::desk();
    let mut editor = Editor::new(Arc::new(samples::params()), Arc::new(desk));
    let ctx = Context::default();
    style::install(&ctx);
    for page in PAGES {
        editor.page = page;
        for _ in 0..2 {
            let screen = Rect::from_min_size(Pos2::ZERO, size.into());
            let scene = Scene::copy(view, &mut editor.memory, 10.0);
            let input = RawInput { screen_rect: Some(screen), ..Default::default() };
            let output = ctx.run_ui(input, |ui| editor.draw(ui, &scene));
            assert!(!output.shapes.is_empty());
        }
    }
}

const PAGES: [Page; 3] = [Page::Controls, Page::Map, Page::Timing];

#[test]
fn an_empty_desk_is_drawn() {
    frames(&View::default(), (980.0, 680.0));
}

#[test]
fn a_full_desk_is_drawn_at_any_size() {
    for size in [(980.0, 680.0), MIN_SIZE, (320.0, 200.0), (2400.0, 1500.0)] {
        frames(&samples::full(10.0), size);
    }
}
