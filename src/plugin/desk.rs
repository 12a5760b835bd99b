//! What the steward lays out for the editor, and what the editor asks of the steward.
//! Neither is the audio thread: a short lock is fine here.

use crate::gesture::features::FeatureBank;
use crate::gesture::guided::{Lesson, Progress};
use crate::params::SLOT_COUNT;
use crate::plugin::state::SlotKind;
use crate::sensor::announcement::Announced;
use crate::sensor::hub::{DeviceStatus, HubCounters};
use crate::sensor::intake::UnknownMessage;
use crate::sensor::learn::Step;
use crate::sensor::performer::Style;
use crate::telemetry::Snapshot;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Ticks of history kept for the traces: ten seconds.
pub const HISTORY_TICKS: usize = 2000;

/// One listening port as it stands.
#[derive(Clone, Debug)]
pub struct PortView {
    pub port: u16,
    /// The address to type into the sensor, or why the port is not open and what to do.
    pub state: Result<String, String>,
    /// A port near by that is free, where this one is a stranger's.
    pub free: Option<u16>,
    /// Receive buffer that the system granted, in bytes.
    pub buffer_bytes: usize,
    pub sharing: Sharing,
    /// Senders on the network that the list keeps out.
    pub barred: Vec<IpAddr>,
}

/// Whether a port is shared with other plugin formats or processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    #[default]
    Alone,
    /// Handed on to so many others.
    Host(usize),
    /// Heard through another IMU2Music.
    Guest,
}

/// One filled slot.
#[derive(Clone, Debug, Default)]
pub struct SlotView {
    pub name: String,
    /// Roles that a gesture model listens to, or controls that a sound model hears.
    pub inputs: Vec<String>,
    /// What each input means, where the model says so.
    pub meanings: Vec<String>,
    pub frame_rate_hz: u32,
    /// What else a player should know of it, a sentence each.
    pub notes: Vec<String>,
    /// Why the slot could not be filled.
    pub error: Option<String>,
}

/// How far an unknown sensor has been learned.
#[derive(Clone, Debug)]
pub struct LearnView {
    pub sender: IpAddr,
    /// By step.
    pub done: [bool; Step::ALL.len()],
    /// The step that is recorded, and how much of it is over (0 to 1).
    pub running: Option<(Step, f32)>,
    /// What was found, a line each.
    pub found: Option<Vec<String>>,
    pub error: Option<String>,
}

/// Everything the editor shows that is not a parameter.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub ports: Vec<PortView>,
    /// This machine's addresses on its networks.
    pub addresses: Vec<Ipv4Addr>,
    /// Sensors that announce themselves by name.
    pub announced: Vec<Announced>,
    pub devices: Vec<DeviceStatus>,
    pub hub: HubCounters,
    /// Oldest first, at most [`HISTORY_TICKS`].
    pub history: VecDeque<Snapshot>,
    pub gestures: [SlotView; SLOT_COUNT],
    pub sounds: [SlotView; SLOT_COUNT],
    /// The virtual performer, while it plays.
    pub performer: Option<Style>,
    /// Parts of the map that have no effect, and why.
    pub mapping_problems: Vec<String>,
    /// Models may run on helper threads, since the last activation.
    pub helper_mode: bool,
    /// What the maps heard of the motion last.
    pub bank: FeatureBank,
    /// What the performer is led through now.
    pub lesson: Option<Progress>,
    /// Messages that no dialect knows.
    pub unknown: Vec<UnknownMessage>,
    /// The unknown sensor that is being learned.
    pub learning: Option<LearnView>,
    /// The variable that sets the ports in place of the song, and what it says.
    pub ports_from_environment: Option<String>,
    pub notice: Option<Notice>,
}

/// The last thing that the player should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What went wrong, and its cure.
    Trouble(String),
    /// What was done.
    Done(String),
}

/// What the editor asks for. Ports, network and mapping are edited in the session itself.
#[derive(Clone, Debug)]
pub enum Request {
    /// Starts (or, with `None`, stops) the virtual performer on the first open port.
    Perform(Option<Style>),
    /// Fills a slot (1 to 16) from a model file.
    LoadModel {
        kind: SlotKind,
        slot: u8,
        file: PathBuf,
    },
    /// Leads the performer through two poses, or through their range.
    Teach(Lesson),
    /// Ends the lesson; `true` keeps what was learned of a range so far.
    EndLesson {
        keep: bool,
    },
    /// Begins to learn the unknown sensor at an address.
    LearnFrom(IpAddr),
    /// Records a step of it, anew if it was recorded before.
    LearnStep(Step),
    /// Saves what was learned under a name.
    LearnSave(String),
    LearnEnd,
    /// Empties the last notice.
    DismissNotice,
}

/// The editor's and the plugin's end.
pub struct Desk {
    view: Mutex<View>,
    requests: Mutex<Sender<Request>>,
}

/// Builds the desk and the end that the steward listens on.
pub fn desk() -> (Desk, Receiver<Request>) {
    let (sender, receiver) = channel();
    (
        Desk {
            view: Mutex::new(View::default()),
            requests: Mutex::new(sender),
        },
        receiver,
    )
}

impl Desk {
    /// Reads the view under its lock: keep it short.
    pub fn read<R>(&self, read: impl FnOnce(&View) -> R) -> R {
        read(&self.view.lock())
    }

    pub(super) fn write<R>(&self, write: impl FnOnce(&mut View) -> R) -> R {
        write(&mut self.view.lock())
    }

    pub(super) fn trouble(&self, what: impl Into<String>) {
        self.view.lock().notice = Some(Notice::Trouble(what.into()));
    }

    pub(super) fn done(&self, what: impl Into<String>) {
        self.view.lock().notice = Some(Notice::Done(what.into()));
    }

    pub(super) fn dismiss(&self) {
        self.view.lock().notice = None;
    }

    /// Asks the steward; before the plugin is first activated, requests wait.
    pub fn ask(&self, request: Request) {
        let _ = self.requests.lock().send(request);
    }
}
