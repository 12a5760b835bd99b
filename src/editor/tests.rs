//! The editor drawn without a window: nothing panics at any size, and every letter has a glyph.

use super::*;
use crate::plugin::desk::View;
use egui::{Context, FontId, FullOutput, Pos2, RawInput, Rect, Shape};

const PAGES: [Page; 3] = [Page::Controls, Page::Map, Page::Timing];

/// Two frames of each page (the second knows what the first measured).
fn frames(view: &View, size: (f32, f32)) -> String {
    let (desk, _requests) = crate::plugin::desk::desk();
    let mut editor = Editor::new(Arc::new(samples::params()), Arc::new(desk));
    let ctx = Context::default();
    style::install(&ctx);
    let mut texts = String::new();
    for page in PAGES.into_iter().flat_map(|page| [page, page]) {
        editor.page = page;
        let scene = Scene::copy(view, &mut editor.memory, 10.0);
        let screen = Rect::from_min_size(Pos2::ZERO, size.into());
        let input = RawInput {
            screen_rect: Some(screen),
            ..Default::default()
        };
        let mut output = ctx.run_ui(input, |ui| editor.draw(ui, &scene));
        output.textures_delta.clear();
        texts += &written(&output);
    }
    let missing =
        |letter: &char| !ctx.fonts_mut(|fonts| fonts.has_glyph(&FontId::default(), *letter));
    let missing: String = texts
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .filter(missing)
        .collect();
    assert_eq!(missing, "", "no glyph");
    texts
}

fn written(output: &FullOutput) -> String {
    fn texts(shape: &Shape, into: &mut String) {
        match shape {
            Shape::Text(text) => into.push_str(&format!("{}\n", text.galley.text())),
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| texts(shape, into)),
            _ => {}
        }
    }
    let mut into = String::new();
    output
        .shapes
        .iter()
        .for_each(|clipped| texts(&clipped.shape, &mut into));
    into
}

#[test]
fn an_empty_desk_offers_the_virtual_performer() {
    let texts = frames(&View::default(), (980.0, 680.0));
    assert!(
        texts.contains("No sensor is sending yet") && texts.contains("Play the virtual performer"),
        "{texts}"
    );
}

#[test]
fn a_full_desk_shows_addresses_sensors_and_failures() {
    let texts = frames(&samples::full(10.0), (980.0, 680.0));
    for word in [
        "192.168.1.20:8888",
        "taken by another program",
        "Listen on 9001",
        "Shared with 1 more",
        "Left hand (192.168.1.9) sends to port 8001",
        "R-IoT 1",
        "Right forearm",
        "Bowing arm",
        "could not be read",
        "lost",
    ] {
        assert!(texts.contains(word), "{word} is not in {texts}");
    }
}

#[test]
fn every_size_is_drawn() {
    for size in [MIN_SIZE, (320.0, 200.0), (1.0, 1.0), (2400.0, 1500.0)] {
        frames(&samples::full(10.0), size);
        frames(&View::default(), size);
    }
}
