//! The thread that steps one model in tract, and the audio thread's end of it: two rings each way, one of stamps and
//! one of numbers. The thread looks for work twice a millisecond, because the audio thread may not wake it (that is a
//! system call). It is joined when its end is dropped, which happens ashore.

use super::super::contract::Signature;
use super::super::error::ModelError;
use super::super::oracle::Oracle;
use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tract_onnx::prelude::multithread::{Executor, multithread_tract_scope};

/// How often the thread looks for work.
const POLL: Duration = Duration::from_micros(500);
/// Questions under way: more than a second of history at the highest frame rate.
const QUESTIONS: usize = 256;
const ANSWERS: usize = 64;
/// An offline render waits this long for an answer before it counts as late.
const PATIENCE: Duration = Duration::from_secs(10);

/// One voice of a model in tract.
#[derive(Clone)]
pub struct Engine {
    oracle: Oracle,
    /// Places of the tensors that cross, in the order they cross.
    pub heard: Vec<usize>,
    pub told: Vec<usize>,
}

impl Engine {
    /// `heard` and `told` are names of tensors; one that is named twice crosses once.
    pub fn new<'a>(
        oracle: Oracle,
        signature: &Signature,
        heard: impl Iterator<Item = &'a str>,
        told: impl Iterator<Item = &'a str>,
    ) -> Engine {
        Engine {
            heard: places(heard, &signature.inputs),
            told: places(told, &signature.outputs),
            oracle,
        }
    }

    /// Runs `work` so that tract starts no threads of its own.
    pub fn alone<R>(work: impl FnOnce() -> R) -> R {
        multithread_tract_scope(Executor::SingleThread, work)
    }

    pub fn step(&mut self) -> Result<(), ModelError> {
        self.oracle.step()
    }

    pub fn forget(&mut self) {
        self.oracle.forget();
    }

    fn input_len(&self) -> usize {
        self.heard
            .iter()
            .map(|&i| self.oracle.inputs[i].len())
            .sum()
    }

    fn output_len(&self) -> usize {
        self.told
            .iter()
            .map(|&i| self.oracle.outputs[i].len())
            .sum()
    }

    fn is_finite(&self) -> bool {
        self.oracle
            .outputs
            .iter()
            .flatten()
            .all(|value| value.is_finite())
    }
}

fn places<'a>(
    names: impl Iterator<Item = &'a str>,
    tensors: &[(String, Vec<usize>)],
) -> Vec<usize> {
    let mut found = Vec::new();
    for name in names {
        let place = tensors.iter().position(|(known, _)| known == name);
        found.extend(place.filter(|place| !found.contains(place)));
    }
    found
}

/// A step's tick, and how many times the model had forgotten before it.
#[derive(Clone, Copy, PartialEq)]
struct Stamp {
    age: u32,
    tick: u64,
}

#[derive(Clone, Copy)]
enum Question {
    Step(Stamp),
    Forget,
}

#[derive(Default)]
struct Shared {
    leave: AtomicBool,
    /// Questions answered since the start.
    served: AtomicU64,
    broken: AtomicU32,
    /// 0 until the thread has asked for it, then 1 refused, 2 granted.
    priority: AtomicU8,
}

/// The audio thread's end.
pub struct Worker {
    questions: HeapProd<Question>,
    inputs: HeapProd<f32>,
    answers: HeapCons<Stamp>,
    outputs: HeapCons<f32>,
    shared: Arc<Shared>,
    /// Joined when this end is dropped.
    thread: Option<JoinHandle<()>>,
    sent: u64,
    age: u32,
    /// The first tick that was asked for at this age.
    first: Option<u64>,
}

/// The thread's end.
struct Desk {
    questions: HeapCons<Question>,
    inputs: HeapCons<f32>,
    answers: HeapProd<Stamp>,
    outputs: HeapProd<f32>,
    shared: Arc<Shared>,
}

impl Worker {
    /// Starts the thread and waits until it knows its priority.
    pub fn start(engine: Engine) -> Result<Worker, ModelError> {
        let (mut worker, desk) = Worker::both_ends(engine.input_len(), engine.output_len());
        let thread = std::thread::Builder::new()
            .name("imu2music helper".into())
            .spawn(move || serve(engine, desk))
            .map_err(|error| ModelError::NoThread {
                cause: error.to_string(),
            })?;
        let begun = Instant::now();
        while worker.shared.priority.load(Ordering::Acquire) == 0 && begun.elapsed() < PATIENCE {
            std::thread::sleep(POLL);
        }
        worker.thread = Some(thread);
        Ok(worker)
    }

    /// An end without a thread: every answer is late.
    pub fn absent() -> Worker {
        Worker::both_ends(0, 0).0
    }

    fn both_ends(input_len: usize, output_len: usize) -> (Worker, Desk) {
        let (questions, questions_out) = HeapRb::new(QUESTIONS).split();
        let (inputs, inputs_out) = HeapRb::new(QUESTIONS * input_len.max(1)).split();
        let (answers_in, answers) = HeapRb::new(ANSWERS).split();
        let (outputs_in, outputs) = HeapRb::new(ANSWERS * output_len.max(1)).split();
        let shared = Arc::new(Shared::default());
        let desk = Desk {
            questions: questions_out,
            inputs: inputs_out,
            answers: answers_in,
            outputs: outputs_in,
            shared: shared.clone(),
        };
        let worker = Worker {
            questions,
            inputs,
            answers,
            outputs,
            shared,
            thread: None,
            sent: 0,
            age: 0,
            first: None,
        };
        (worker, desk)
    }

    pub fn has_priority(&self) -> bool {
        self.shared.priority.load(Ordering::Acquire) == 2
    }

    pub fn broken_steps(&self) -> u32 {
        self.shared.broken.load(Ordering::Relaxed)
    }

    /// Asks for a step. Where the thread has fallen far behind the question is dropped: its answer will be late.
    pub fn ask(&mut self, tick: u64, input: &[f32]) {
        self.first.get_or_insert(tick);
        if self.questions.is_full() || self.inputs.vacant_len() < input.len() {
            return;
        }
        self.inputs.push_slice(input);
        let stamp = Stamp {
            age: self.age,
            tick,
        };
        self.send(Question::Step(stamp));
    }

    /// Makes the model forget; answers to what was asked before are thrown away.
    pub fn forget(&mut self) {
        self.age = self.age.wrapping_add(1);
        self.first = None;
        self.send(Question::Forget);
    }

    fn send(&mut self, question: Question) {
        self.sent += u64::from(self.questions.try_push(question).is_ok());
    }

    /// Reads answers up to the one to `tick`, and says whether that one was there, if it was asked for at all.
    pub fn read(&mut self, tick: u64, output: &mut [f32]) -> bool {
        if self.first.is_none_or(|first| tick < first) {
            return true;
        }
        while let Some(&stamp) = self.answers.try_peek() {
            if stamp.age == self.age && stamp.tick > tick {
                return false;
            }
            self.answers.try_pop();
            if stamp.age != self.age {
                self.outputs.skip(output.len());
                continue;
            }
            self.outputs.pop_slice(output);
            if stamp.tick == tick {
                return true;
            }
        }
        false
    }

    /// Waits until everything that was asked is answered: offline only.
    pub fn wait(&self) {
        let begun = Instant::now();
        let gone = |thread: &JoinHandle<()>| thread.is_finished();
        while self.shared.served.load(Ordering::Acquire) < self.sent
            && !self.thread.as_ref().is_none_or(gone)
            && begun.elapsed() < PATIENCE
        {
            if let Some(thread) = &self.thread {
                thread.thread().unpark();
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.leave.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// The thread. Should tract stumble it ends, and every later answer is late.
fn serve(mut engine: Engine, mut desk: Desk) {
    let granted = request_priority();
    desk.shared
        .priority
        .store(1 + u8::from(granted), Ordering::Release);
    Engine::alone(|| {
        while !desk.shared.leave.load(Ordering::Acquire) {
            match desk.questions.try_pop() {
                Some(question) => desk.answer(&mut engine, question),
                None => std::thread::park_timeout(POLL),
            }
        }
    });
}

impl Desk {
    fn answer(&mut self, engine: &mut Engine, question: Question) {
        match question {
            Question::Forget => engine.forget(),
            Question::Step(stamp) => self.step(engine, stamp),
        }
        self.shared.served.fetch_add(1, Ordering::Release);
    }

    fn step(&mut self, engine: &mut Engine, stamp: Stamp) {
        for &place in &engine.heard {
            self.inputs.pop_slice(&mut engine.oracle.inputs[place]);
        }
        let stepped = engine.step().is_ok();
        if !stepped || !engine.is_finite() {
            engine.forget();
            self.shared.broken.fetch_add(1, Ordering::Relaxed);
        }
        // A full ring means that nobody reads: the answer is dropped rather than torn.
        if !stepped || self.answers.is_full() || self.outputs.vacant_len() < engine.output_len() {
            return;
        }
        for &place in &engine.told {
            self.outputs.push_slice(&engine.oracle.outputs[place]);
        }
        let _ = self.answers.try_push(stamp);
    }
}

/// Asks for a real-time priority below what sound servers give their own threads (JACK's clients run near 70).
fn request_priority() -> bool {
    #[cfg(unix)]
    {
        use thread_priority::unix::{
            RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        let priority = thread_priority::ThreadPriorityValue::try_from(60u8);
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        priority.is_ok_and(|priority| {
            let priority = thread_priority::ThreadPriority::Crossplatform(priority);
            set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok()
        })
    }
    #[cfg(not(unix))]
    {
        thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Max).is_ok()
    }
}
