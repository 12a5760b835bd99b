//! What a song keeps besides parameters.

pub mod embedded;

use crate::gesture::mapping::Mapping;
use embedded::Embedded;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Raised with every change that an older plugin could not read.
pub const SESSION_VERSION: u32 = 1;
/// The R-IoT's port, and ours until the user says otherwise.
pub const DEFAULT_PORT: u16 = 8888;
pub use crate::sensor::PORTS_MAX;

/// Which of the two kinds of slot a model fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    Gesture,
    Sound,
}

/// A model of the user's in a slot: enough to find it again, and to say which one is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRef {
    pub kind: SlotKind,
    /// 1 to 16, as the parameter prints it.
    pub slot: u8,
    pub name: String,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

/// Saved with the song.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub version: u32,
    /// UDP ports that sensors send to.
    pub ports: Vec<u16>,
    /// `false`: this machine only. `true`: the network, by the user's own choice.
    pub network: bool,
    /// Who may send from the network; empty: anyone.
    #[serde(default)]
    pub senders: Vec<Ipv4Addr>,
    /// Multicast groups to join while the network is heard.
    #[serde(default)]
    pub groups: Vec<Ipv4Addr>,
    pub mapping: Mapping,
    #[serde(default)]
    pub models: Vec<ModelRef>,
    /// The files of `models` are stored in the song.
    #[serde(default)]
    pub embed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedded: Vec<Embedded>,
    /// Models that no packed kernel can run may use helper threads, from the next activation on.
    #[serde(default)]
    pub helper: bool,
    /// Logical size of the editor.
    #[serde(default = "default_editor_size")]
    pub editor_size: (u32, u32),
}

impl Default for Session {
    fn default() -> Self {
        Session {
            version: SESSION_VERSION,
            ports: vec![DEFAULT_PORT],
            network: false,
            senders: Vec::new(),
            groups: Vec::new(),
            mapping: Mapping::default(),
            models: Vec::new(),
            embed: false,
            embedded: Vec::new(),
            helper: false,
            editor_size: default_editor_size(),
        }
    }
}

fn default_editor_size() -> (u32, u32) {
    (980, 680)
}
