//! Who may name whom: the dependency table of the design, held over the text of `src/`.
//!
//! Reads tokens, not syntax trees, so paths inside macros count too. Unit tests inside the files are free:
//! what stands under `cfg(test)`, and files called `tests.rs` or `*_tests.rs`, are left out.

#[path = "architecture/names.rs"]
mod names;

use names::{paths_in_crate, tokens, without_unit_tests};
use std::path::Path;

/// A module and the modules that it may name, in the order the data travels. `units` and `controls` are the
/// vocabulary and name nobody. A file that others name by itself stands as `module::file`.
const TABLE: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("controls", &[]),
    ("handover", &[]),
    ("host_clock", &["units"]),
    // The virtual performer knows the Controls that its motion means.
    ("sensor", &["units", "controls"]),
    ("gesture", &["units", "controls", "sensor"]),
    ("sound", &["units", "controls"]),
    (
        "neural",
        &[
            "units", "controls", "handover", "sensor", "gesture", "sound",
        ],
    ),
    ("telemetry", &["units", "controls", "sensor", "gesture"]),
    (
        "engine",
        &[
            "units",
            "controls",
            "handover",
            "host_clock",
            "sensor",
            "gesture",
            "neural",
            "sound",
            "telemetry",
        ],
    ),
    // What a session saves: data that parameters persist, so it comes before them.
    ("plugin::state", &["units", "controls", "sensor", "gesture"]),
    (
        "params",
        &[
            "units",
            "controls",
            "sensor",
            "gesture",
            "neural",
            "engine",
            "plugin::state",
        ],
    ),
    // What the plugin lays out for the editor.
    (
        "plugin::desk",
        &[
            "units",
            "controls",
            "sensor",
            "gesture",
            "telemetry",
            "params",
            "plugin::state",
        ],
    ),
    (
        "editor",
        &[
            "units",
            "controls",
            "sensor",
            "gesture",
            "neural",
            "sound",
            "engine",
            "telemetry",
            "params",
            "plugin::state",
            "plugin::desk",
        ],
    ),
    (
        "plugin",
        &[
            "units",
            "controls",
            "handover",
            "host_clock",
            "sensor",
            "gesture",
            "neural",
            "sound",
            "engine",
            "telemetry",
            "params",
            "editor",
            "plugin::state",
            "plugin::desk",
        ],
    ),
    (
        "train",
        &["units", "controls", "sensor", "gesture", "neural", "sound"],
    ),
];

/// A word that stands for an outside crate, and the only places that may say it.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("egui", &["editor", "plugin"]),
    ("egui_plot", &["editor"]),
    ("nice_plug_egui", &["editor", "plugin"]),
    ("nice_plug", &["params", "editor", "plugin"]),
    ("tract_onnx", &["neural"]),
    ("burn", &["train"]),
    ("socket2", &["sensor::hub", "sensor::transmit"]),
    ("UdpSocket", &["sensor::hub", "sensor::transmit"]),
    // One place receives; `transmit` only sends.
    ("recv_from", &["sensor::hub"]),
];

/// What is wrong with one file; `module` is its path in the crate, as in `sensor::hub`.
fn violations(module: &str, source: &str) -> Vec<String> {
    let tokens = without_unit_tests(tokens(source));
    let mut found = Vec::new();
    let home = node(module);
    let Some((_, may_name)) = TABLE.iter().find(|(name, _)| *name == home) else {
        return vec![format!(
            "`{module}` has no place in the table of tests/architecture.rs"
        )];
    };
    for path in paths_in_crate(module, &tokens) {
        let named = node(&path);
        if named != home && !may_name.contains(&named.as_str()) {
            found.push(format!(
                "`{module}` may not name `{named}` (it says `crate::{path}`)"
            ));
        }
    }
    for (word, places) in OUTSIDE {
        let allowed = places.iter().any(|place| is_within(module, place));
        if !allowed && tokens.iter().any(|token| token == word) {
            found.push(format!(
                "`{module}` may not use `{word}`: only {} may",
                places.join(", ")
            ));
        }
    }
    found
}

fn is_within(module: &str, place: &str) -> bool {
    module
        .strip_prefix(place)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The table's entry that a path belongs to: the longest one, or its first word.
fn node(path: &str) -> String {
    let entries = TABLE
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| is_within(path, name));
    let longest = entries.max_by_key(|name| name.len());
    longest
        .unwrap_or_else(|| path.split("::").next().unwrap_or(path))
        .to_owned()
}

/// The path in the crate of a file under `src/`.
fn module_of(file: &Path) -> String {
    let parts: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let parts = if parts.last().is_some_and(|last| last == "mod") {
        &parts[..parts.len() - 1]
    } else {
        &parts[..]
    };
    parts.join("::")
}

fn source_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_module_names_only_what_the_design_lets_it_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for file in files {
        let relative = file.strip_prefix(&root).expect("below src");
        let module = module_of(relative);
        // The crate's root lists the modules; the command is a user of the library like any other.
        let is_tests = module.ends_with("::tests") || module.ends_with("_tests");
        if module == "lib" || module.starts_with("bin") || is_tests {
            continue;
        }
        looked_at += 1;
        let source = std::fs::read_to_string(&file).expect("readable source");
        wrong.extend(violations(&module, &source));
    }
    assert!(looked_at > 10, "only {looked_at} files were found");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_table_has_no_way_back() {
    for (index, (name, may_name)) in TABLE.iter().enumerate() {
        for other in *may_name {
            let place = TABLE.iter().position(|(entry, _)| entry == other);
            assert!(
                place.is_some_and(|place| place < index),
                "`{name}` may name `{other}`, which comes later"
            );
        }
    }
}

#[test]
fn a_planted_arrow_back_is_found() {
    for source in [
        "use crate::engine::Engine;",
        "use crate::{units::HostTime, engine};",
        "fn f() { crate::engine::go() }",
        "use crate::{units, engine::{self as other, Engine}};",
        "use super::engine::Engine;",
        "macro_rules! m { () => { $crate::engine::go() } }",
    ] {
        let found = violations("sensor", source);
        assert!(
            found.len()
                == found
                    .iter()
                    .filter(|text| text.contains("`engine`"))
                    .count(),
            "{found:?}"
        );
        assert!(!found.is_empty(), "not found in: {source}");
    }
    assert_eq!(
        violations("sensor::hub", "use super::super::engine::Engine;").len(),
        1
    );
    assert_eq!(
        violations("editor", "use crate::plugin::Imu2Music;").len(),
        1
    );
    assert_eq!(violations("invented", "").len(), 1);
}

#[test]
fn a_planted_outside_crate_is_found() {
    assert_eq!(violations("engine", "use egui::Ui;").len(), 1);
    assert_eq!(
        violations("engine", "fn f(x: tract_onnx::prelude::Tensor) {}").len(),
        1
    );
    assert_eq!(
        violations("sensor::osc", "use std::net::UdpSocket;").len(),
        1
    );
    assert_eq!(
        violations(
            "sensor::transmit",
            "fn f(s: UdpSocket) { s.recv_from(&mut []); }"
        )
        .len(),
        1
    );
    assert_eq!(violations("engine", "use burn::tensor::Tensor;").len(), 1);
}

#[test]
fn what_is_allowed_is_let_through() {
    for (module, source) in [
        (
            "sensor::hub::registry",
            "use std::net::UdpSocket; use crate::units::HostTime;",
        ),
        (
            "engine::tick",
            "use super::mix::Mix; use crate::{gesture::Role, neural::slot};",
        ),
        ("editor", "use egui::Ui; use crate::plugin::desk::Desk;"),
        (
            "sensor",
            "// crate::engine\n/* crate::engine /* egui */ */ const A: &str = \"crate::engine\";",
        ),
        (
            "sensor",
            "const A: &str = r#\"\" crate::engine\"#; const B: char = '\"'; fn f<'a>(x: &'a str) {}",
        ),
        (
            "sensor",
            "#[cfg(test)]\nmod tests { use crate::engine::Engine; }",
        ),
    ] {
        assert_eq!(violations(module, source), Vec::<String>::new(), "{source}");
    }
}
