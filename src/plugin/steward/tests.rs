//! The steward with an engine and a model folder of its own, without a host.

use super::super::state::{ModelRef, SlotKind};
use super::super::{desk, library};
use super::*;
use crate::controls::Control;
use crate::engine::{Engine, Override, Settings, Source};
use crate::neural::sound_model::tests::organ;
use crate::neural::zoo;
use crate::units::HostTime;

const RATE_HZ: f32 = 48_000.0;
/// A slot that holds no shipped model, as the session counts.
const SLOT: u8 = 9;

/// An instance, its session at hand, with a folder that is gone at the end.
struct Instance {
    engine: Engine,
    steward: Steward,
    params: Arc<InstrumentParams>,
    desk: Arc<Desk>,
    folder: PathBuf,
}

impl Instance {
    fn new(name: &str, session: Session) -> Instance {
        let folder = std::env::temp_dir().join(format!("imu2music-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (engine, shore) = Engine::new(RATE_HZ);
        let (gesture_names, sound_names) = (SlotNames::default(), SlotNames::default());
        let params = InstrumentParams::new(gesture_names.clone(), sound_names.clone());
        let params = Arc::new(params);
        let session_helper = session.helper;
        *params.session.write() = Session {
            ports: Vec::new(),
            ..session
        };
        let (desk, requests) = desk::desk();
        let desk = Arc::new(desk);
        let mut engine = engine;
        engine.set_helper_mode(session_helper);
        let steward = Steward::start(Post {
            shore,
            requests,
            params: params.clone(),
            desk: desk.clone(),
            gesture_names,
            sound_names,
            library: Ok(folder.clone()),
            helper_mode: Arc::new(AtomicBool::new(session_helper)),
        });
        Instance {
            engine,
            steward,
            params,
            desk,
            folder,
        }
    }

    fn block(&mut self) -> Vec<f32> {
        self.block_of(SLOT - 1)
    }

    /// From a slot (0 to 15).
    fn block_of(&mut self, sound_slot: u8) -> Vec<f32> {
        let (mut left, mut right) = (vec![0.0; 256], vec![0.0; 256]);
        let settings = Settings {
            sound_slot,
            ..steady()
        };
        self.engine
            .begin_block(HostTime(100.0), left.len(), &settings, None);
        self.engine.render(&mut left, &mut right);
        left
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Rendered offline, a steady tone by knobs from [`SLOT`].
fn steady() -> Settings {
    let mut settings = Settings {
        sound_slot: SLOT - 1,
        offline: true,
        patient: true,
        ..Settings::default()
    };
    for (word, of) in Control::ALL.iter().zip(&mut settings.overrides) {
        let value = match word {
            Control::Pitch => 69.0,
            Control::Loudness => -10.0,
            _ => 0.5,
        };
        *of = Override {
            source: Source::Knob,
            amount: 1.0,
            value,
        };
    }
    settings
}

fn reference(bytes: &[u8]) -> ModelRef {
    ModelRef {
        kind: SlotKind::Sound,
        slot: SLOT,
        name: "Organ".into(),
        sha256: library::sha256(bytes),
    }
}

#[test]
fn an_offline_render_has_the_song_s_model_in_its_first_block() {
    let organ = organ();
    let song = Session {
        models: vec![reference(&organ)],
        ..Session::default()
    };
    let mut bounces = Vec::new();
    for take in 0..3 {
        let mut instance = Instance::new(&format!("offline-{take}"), Session::default());
        library::keep(&instance.folder, &organ).unwrap();
        // The song arrives while the plugin is active, as hosts that load late do it.
        instance.params.session.write().models = song.models.clone();
        instance.steward.settle();
        bounces.push((0..8).flat_map(|_| instance.block()).collect::<Vec<f32>>());
    }
    let mut before = Instance::new("offline-before", Session::default());
    library::keep(&before.folder, &organ).unwrap();
    *before.params.session.write() = song;
    before.steward.settle();
    let expected: Vec<f32> = (0..8).flat_map(|_| before.block()).collect();
    assert!(expected.iter().any(|sample| sample.abs() > 0.05), "silent");
    for bounce in bounces {
        assert!(bounce == expected, "a bounce differs");
    }
}

fn peak(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

#[test]
fn a_song_with_embedded_models_plays_where_the_library_is_empty() {
    let organ = organ();
    let mut here = Instance::new("embed-here", Session::default());
    library::keep(&here.folder, &organ).unwrap();
    {
        let mut session = here.params.session.write();
        session.models = vec![reference(&organ)];
        session.embed = true;
    }
    here.steward.settle();
    let expected: Vec<f32> = (0..8).flat_map(|_| here.block()).collect();
    let saved = serde_json::to_string(&*here.params.session.read()).unwrap();

    let song: Session = serde_json::from_str(&saved).unwrap();
    let mut there = Instance::new("embed-there", song);
    let sound: Vec<f32> = (0..8).flat_map(|_| there.block()).collect();
    assert!(peak(&sound) > 0.05 && sound == expected);
    let restored = library::find(&there.folder, "Organ", &library::sha256(&organ));
    assert_eq!(restored.unwrap(), organ);

    here.params.session.write().embed = false;
    here.steward.settle();
    assert!(here.params.session.read().embedded.is_empty());
}

#[test]
fn a_missing_model_is_named_and_the_last_good_one_plays_on() {
    let organ = organ();
    let song = Session {
        models: vec![reference(&organ)],
        ..Session::default()
    };
    let mut instance = Instance::new("missing", Session::default());
    library::keep(&instance.folder, &organ).unwrap();
    *instance.params.session.write() = song;
    instance.steward.settle();
    instance.block();
    let gone = ModelRef {
        name: "Lost".into(),
        sha256: "5".repeat(64),
        ..reference(&organ)
    };
    instance.params.session.write().models = vec![gone];
    instance.steward.settle();
    let after: Vec<f32> = (0..80).flat_map(|_| instance.block()).collect();
    assert!(peak(&after[after.len() - 2000..]) > 0.05);
    let view = instance
        .desk
        .read(|view| view.sounds[usize::from(SLOT) - 1].clone());
    let error = view.error.unwrap();
    assert!(
        error.contains("Lost") && error.contains(&"5".repeat(64)),
        "{error}"
    );
}

#[test]
fn a_slot_that_the_song_leaves_has_its_shipped_model_again() {
    let organ = organ();
    let in_slot = |slot: u8| ModelRef {
        slot,
        ..reference(&organ)
    };
    let names = |instance: &Instance| {
        let name = |slot: u8, view: &desk::View| view.sounds[usize::from(slot) - 1].name.clone();
        let view = instance.desk.read(desk::View::clone);
        [1, SLOT].map(|slot| name(slot, &view))
    };
    let mut instance = Instance::new("restore", Session::default());
    library::keep(&instance.folder, &organ).unwrap();
    let shipped = names(&instance);
    assert!(!shipped[0].is_empty() && shipped[1].is_empty());
    let play = |instance: &mut Instance, models: Vec<ModelRef>| {
        instance.params.session.write().models = models;
        instance.steward.settle();
        instance.engine.reset();
        let blocks = 0..16;
        let block = |_| instance.block_of(0);
        blocks.flat_map(block).collect::<Vec<f32>>()
    };
    let before = play(&mut instance, Vec::new());
    let during = play(&mut instance, vec![in_slot(1), in_slot(SLOT)]);
    assert_eq!(names(&instance), ["Organ", "Organ"]);
    let after = play(&mut instance, Vec::new());
    assert_eq!(names(&instance), shipped);
    assert!(peak(&before) > 0.01 && before != during, "nothing changed");
    assert!(before == after, "the shipped model does not play again");
}

#[test]
fn a_model_without_kernels_needs_helper_mode_and_then_plays() {
    let file = zoo::sine_wave(200, 24_000, true);
    let song = |helper| Session {
        models: vec![reference(&file)],
        helper,
        ..Session::default()
    };
    let try_with = |helper: bool, name: &str| {
        let mut instance = Instance::new(name, song(helper));
        library::keep(&instance.folder, &file).unwrap();
        // Tried before its file was there: once more.
        instance.params.session.write().models.clear();
        instance.steward.settle();
        instance.params.session.write().models = song(helper).models;
        instance.steward.settle();
        let sound: Vec<f32> = (0..80).flat_map(|_| instance.block()).collect();
        let view = instance
            .desk
            .read(|view| view.sounds[usize::from(SLOT) - 1].clone());
        (view, sound)
    };
    let (view, _) = try_with(false, "helper-off");
    assert!(view.error.unwrap().contains("switch helper mode on"));
    let (view, sound) = try_with(true, "helper-on");
    assert_eq!(view.error, None);
    assert!(view.notes[0].contains("helper thread"), "{:?}", view.notes);
    assert!(peak(&sound) > 0.3);
    assert!(
        sound == try_with(true, "helper-again").1,
        "offline it repeats"
    );
}
