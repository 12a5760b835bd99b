//! Everything of an instance that is not sound: sockets, models, the performer, the history that the
//! editor shows. One thread, started by the first activation and joined before the library unloads.

mod embedding;
mod learner;
mod lessons;
mod models;
mod ports;

use super::desk::{Desk, HISTORY_TICKS, Request};
use super::state::Session;
use super::trace::{Around, Trace};
use crate::engine::EngineShore;
use crate::params::{InstrumentParams, SlotNames};
use crate::sensor::encode::Spoken;
use crate::sensor::impair::{Impaired, Impairment};
use crate::sensor::performer::{Performer, Style};
use crate::sensor::profile;
use crate::sensor::transmit::{Transmitter, performed, speak};
use crate::telemetry::Snapshot;
use embedding::Embedding;
use learner::Learner;
use lessons::Lessons;
use models::Models;
use parking_lot::Mutex;
use ports::Ports;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

/// Readings a second of each of the virtual performer's sensors.
const PERFORMER_RATE_HZ: f64 = 100.0;
/// How often the steward looks round.
const ROUND: Duration = Duration::from_millis(20);

/// What the steward takes over when it starts.
pub struct Post {
    pub shore: EngineShore,
    pub requests: Receiver<Request>,
    pub params: Arc<InstrumentParams>,
    pub desk: Arc<Desk>,
    pub gesture_names: SlotNames,
    pub sound_names: SlotNames,
    /// The user's models, or why they have no folder.
    pub library: Result<PathBuf, String>,
    /// Whether the engine gives models the delay that helper threads need.
    pub helper_mode: Arc<AtomicBool>,
}

/// The running thread; dropping it stops and joins.
pub struct Steward {
    leave: Arc<AtomicBool>,
    rounds: Arc<Mutex<Rounds>>,
    thread: Option<JoinHandle<()>>,
}

impl Steward {
    /// Fills the selected slots before returning, so that the first block can sound, then starts the thread.
    pub fn start(post: Post) -> Steward {
        let leave = Arc::new(AtomicBool::new(false));
        let rounds = Arc::new(Mutex::new(Rounds::new(post)));
        let thread = {
            let (leave, rounds) = (leave.clone(), rounds.clone());
            std::thread::Builder::new()
                .name("imu2music steward".into())
                .spawn(move || {
                    while !leave.load(Ordering::Acquire) {
                        rounds.lock().go();
                        std::thread::park_timeout(ROUND);
                    }
                })
        };
        Steward {
            leave,
            rounds,
            thread: thread.ok(),
        }
    }

    /// Does now what the thread would do soon: when this returns, every model that the song wants is on its way
    /// to its slot, with its map. Waits, loads and allocates, so only an offline render may call it from `process`.
    pub fn settle(&self) {
        self.rounds.lock().settle();
    }
}

impl Drop for Steward {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

struct Rounds {
    shore: EngineShore,
    requests: Receiver<Request>,
    params: Arc<InstrumentParams>,
    desk: Arc<Desk>,
    ports: Ports,
    models: Models,
    helper_mode: Arc<AtomicBool>,
    embedding: Embedding,
    lessons: Lessons,
    learner: Learner,
    performer: Option<(Style, Transmitter)>,
    trace: Option<Trace>,
    fresh: Vec<Snapshot>,
}

impl Rounds {
    fn new(post: Post) -> Rounds {
        let Post {
            mut shore,
            requests,
            params,
            desk,
            gesture_names,
            sound_names,
            library,
            helper_mode,
        } = post;
        let mut models = Models::new(gesture_names, sound_names, library);
        models.load_shipped(&mut shore, &desk);
        // What is wrong with a profile is said before any sensor is missed.
        let (_, wrong) = profile::dialects();
        if !wrong.is_empty() {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            desk.trouble(wrong.join("; "));
        }
        let song = params.session.read().clone();
        let helper = helper_mode.load(Ordering::Acquire);
        models.follow(&song, helper, &mut shore, &desk);
        Rounds {
            shore,
            requests,
            params,
            desk,
            ports: Ports::default(),
            models,
            helper_mode,
            embedding: Embedding::default(),
            lessons: Lessons::default(),
            learner: Learner::default(),
            performer: None,
            trace: Trace::from_environment(),
            fresh: Vec::new(),
        }
    }

    fn go(&mut self) {
        let session = self.params.session.read().clone();
        self.ports.follow(&session, &mut self.shore);
        self.settle();
        self.shore.collect();
        self.report();
    }

    /// Brings models and maps up to what the song and the editor ask for.
    fn settle(&mut self) {
        self.answer_requests();
        // Only now: a request may have changed the song's models.
        let session = self.params.session.read().clone();
        let gesture_slot = (self.params.gesture_slot.value() - 1).max(0) as usize;
        let helper = self.helper_mode.load(Ordering::Acquire);
        self.models
            .follow(&session, helper, &mut self.shore, &self.desk);
        self.embed(&session);
        let inputs = self.models.gesture_inputs();
        if let Some(problems) = self
            .ports
            .route(&session, inputs, gesture_slot, &mut self.shore)
        {
            let notices = problems.iter().map(ToString::to_string);
            self.desk
                .write(|view| view.mapping_problems = notices.collect());
        }
    }

    /// Stores the used models' files in the song, or takes them out, as the user wants it.
    fn embed(&mut self, session: &Session) {
        let Some(revision) = self.embedding.follow(session, self.models.library()) else {
            return;
        };
        {
            let mut now = self.params.session.write();
            if (now.embed, &now.models) != (session.embed, &session.models) {
                // Another song was opened meanwhile: the next round looks at it.
                self.embedding = Embedding::default();
                return;
            }
            now.embedded = revision.embedded;
        }
        if let Some(problem) = revision.problem {
            self.desk.trouble(problem);
        }
    }

    fn answer_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Perform(style) => self.perform(style),
                Request::LoadModel { kind, slot, file } => {
                    let outcome = self.models.load_file(
                        (kind, slot),
                        &file,
                        &mut self.shore,
                        &self.params,
                        &self.desk,
                    );
                    if let Err(error) = outcome {
                        self.desk.trouble(error);
                    }
                }
                Request::Teach(lesson) => self.lessons.begin(lesson, &self.params, &self.desk),
                Request::EndLesson { keep: true } => self.lessons.end(&self.params, &self.desk),
                Request::EndLesson { keep: false } => self.lessons.give_up(),
                Request::LearnFrom(sender) => self.learner.begin(sender),
                Request::LearnStep(step) => self.learner.record(step),
                Request::LearnSave(name) => self.learner.save(&name, &self.ports, &self.desk),
                Request::LearnEnd => self.learner.end(),
                Request::DismissNotice => self.desk.dismiss(),
            }
        }
    }

    fn perform(&mut self, style: Option<Style>) {
        self.performer = None;
        let Some(style) = style else { return };
        let wanted = ports::wanted_ports(&self.params.session.read());
        let Some(&port) = wanted.first() else {
            self.desk
                .trouble("no port is open: add one to hear the performer");
            return;
        };
        match perform(style, port) {
            Ok(transmitter) => self.performer = Some((style, transmitter)),
            Err(error) => self.desk.trouble(error.to_string()),
        }
    }

    /// Moves fresh snapshots to the editor's history and the trace.
    fn report(&mut self) {
        self.fresh.clear();
        while let Some(snapshot) = self.shore.telemetry.pop() {
            self.fresh.push(snapshot);
        }
        let freshness = self.fresh.last().map(|snapshot| snapshot.freshness);
        self.lessons
            .follow(&mut self.shore, freshness, &self.params, &self.desk);
        self.learner.follow(&self.ports, &self.desk);
        let devices = self.ports.devices();
        let hub = self.ports.counters();
        self.write_trace(hub, devices.iter().map(|device| device.lost).sum());
        let performer = self.performer.as_ref().map(|(style, _)| *style);
        let addresses = self.ports.addresses().to_vec();
        self.desk.write(|view| {
            view.addresses = addresses;
            view.announced = crate::sensor::hub::announced();
            view.history.extend(self.fresh.iter().copied());
            let surplus = view.history.len().saturating_sub(HISTORY_TICKS);
            view.history.drain(..surplus);
            view.ports = self.ports.view();
            view.ports_from_environment = ports::from_environment();
            view.devices = devices;
            view.hub = hub;
            view.performer = performer;
            view.helper_mode = self.helper_mode.load(Ordering::Acquire);
        });
    }

    fn write_trace(&mut self, hub: crate::sensor::hub::HubCounters, lost: u64) {
        let Some(trace) = &mut self.trace else { return };
        let failed = self.fresh.iter().any(|snapshot| {
            let gesture_model = self.models.gesture_name(snapshot.gesture_slot);
            let sound_model = self.models.sound_name(snapshot.sound_slot);
            let around = Around {
                hub,
                lost,
                gesture_model: &gesture_model,
                sound_model: &sound_model,
            };
            trace.write(snapshot, &around).is_err()
        });
        if failed || trace.flush().is_err() {
            self.trace = None;
            self.desk.trouble(
                "the trace file could not be written (is the disk full?): tracing stopped",
            );
        }
    }
}

/// The virtual performer as real packets on loopback, with a stage's Wi-Fi imitated, until it is dropped.
fn perform(style: Style, port: u16) -> std::io::Result<Transmitter> {
    let readings = performed(Performer::new(style, 1), PERFORMER_RATE_HZ, None);
    let plan = Impaired::new(speak(readings, Spoken::RiotV2), Impairment::WIRELESS);
    Transmitter::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), plan, 1.0)
}

#[cfg(test)]
mod tests;
