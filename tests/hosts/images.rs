//! Two images of the plugin's library in one process, as a CLAP beside a VST3 in one host: they share
//! nothing but the port.

use super::clap_host::{Player, Plugin};
use super::stage::{Stage, level_db, perform, plugin_file};
use clack_host::events::io::EventBuffer;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const SAMPLE_RATE_HZ: f64 = 48_000.0;
const BLOCK: usize = 512;

/// The library under another name: the system loads it as another image, with statics of its own.
fn other_image() -> PathBuf {
    let file = plugin_file();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("other-image");
    std::fs::create_dir_all(&folder).expect("a folder");
    let copy = folder.join(format!(
        "{}-{}",
        std::process::id(),
        file.file_name().expect("a name").display()
    ));
    std::fs::copy(library_in(file), &copy).expect("a copy of the library");
    copy
}

/// On macOS a bundle is a folder around the library.
fn library_in(file: PathBuf) -> PathBuf {
    if file.is_dir() {
        let inside = std::fs::read_dir(file.join("Contents/MacOS")).expect("a bundle");
        inside.flatten().next().expect("its library").path()
    } else {
        file
    }
}

/// One image at work.
struct Voice {
    player: Option<Player>,
    plugin: Plugin,
    left: Vec<f32>,
}

impl Voice {
    fn start(mut plugin: Plugin) -> Voice {
        let player = plugin.activate(SAMPLE_RATE_HZ, BLOCK).expect("activated");
        Voice {
            player: Some(player),
            plugin,
            left: Vec::new(),
        }
    }

    fn block(&mut self) {
        let player = self.player.as_mut().expect("at work");
        player.render(BLOCK, &EventBuffer::new()).expect("rendered");
        self.left.extend_from_slice(player.output(0));
        self.plugin.tend();
    }

    /// Level of the newest `seconds`.
    fn level_db(&self, seconds: f64) -> f64 {
        let from = self
            .left
            .len()
            .saturating_sub((seconds * SAMPLE_RATE_HZ) as usize);
        level_db(&self.left[from..])
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        if let Some(mut player) = self.player.take() {
            player.rest();
            self.plugin.deactivate(player);
        }
    }
}

/// Renders all of them for some seconds of sound, never faster than the clock.
fn render(voices: &mut [&mut Voice], seconds: f64) {
    let start = Instant::now();
    for block in 0..(seconds * SAMPLE_RATE_HZ) as usize / BLOCK {
        let due = start + Duration::from_secs_f64((block * BLOCK) as f64 / SAMPLE_RATE_HZ);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        voices.iter_mut().for_each(|voice| voice.block());
    }
}

#[test]
fn two_images_hear_one_port_and_the_second_goes_on_when_the_first_is_closed() {
    let mut stage = Stage::open();
    let port = stage.port;
    let mut first = Voice::start(stage.take_plugin());
    render(&mut [&mut first], 0.5);
    let copy = other_image();
    let mut second = Voice::start(Plugin::open(&copy).expect("the other image opens"));
    let _sender = perform("bow", port, 600);
    render(&mut [&mut first, &mut second], 4.0);
    let together = (first.level_db(2.0), second.level_db(2.0));
    assert!(together.0 > -50.0 && together.1 > -50.0, "{together:?} dB");
    drop(first);
    render(&mut [&mut second], 4.0);
    let alone = second.level_db(2.0);
    assert!(
        alone > -50.0,
        "{alone:.1} dB after the first image was closed"
    );
    drop(second);
    let _ = std::fs::remove_file(copy);
}
