//! What happens at a control tick: readings in, both models, the next frame for the synth, a snapshot out.
//! Audio thread.

use super::chord::Arm;
use super::ticks::Chunk;
use super::{Engine, Mail, PANIC_TICKS, READINGS_PER_TICK};
use crate::controls::Chord;
use crate::controls::scale::class_of;
use crate::gesture::TICK_RATE_HZ;
use crate::gesture::features::LimbFeature;
use crate::gesture::mapping::{Channels, Context};
use crate::gesture::pipeline::Motion;
use crate::neural::gesture_model::Intent;
use crate::neural::sound_model::SoundModel;
use crate::neural::voice::Draw;
use crate::telemetry::{AudioCounts, Snapshot};
use crate::units::{HostTime, gain_to_db};

/// Above this level a sound is heard whole; from here down it is faded, so that no model hums while it rests.
const WHOLE_DB: f32 = -56.0;
pub(super) const GONE_DB: f32 = -66.0;
const TICK_MS: f32 = 1e3 / TICK_RATE_HZ as f32;

impl Engine {
    /// Takes what arrived from outside; what it replaces goes home.
    pub(super) fn take_mail(&mut self) {
        while let Some(mail) = self.mail.receive() {
            let replaced = match &*mail {
                Mail::Feed { index, .. } => match self.feeds.get_mut(*index) {
                    Some(feed) => feed.replace(mail),
                    None => Some(mail),
                },
                Mail::Map { slot, map } => {
                    if let Some(voice) = self.gestures.in_slot(*slot) {
                        voice.set_map(map);
                    }
                    Some(mail)
                }
                Mail::Seating(seating) => {
                    self.motion.set_seating(seating);
                    Some(mail)
                }
            };
            if let Some(replaced) = replaced {
                self.mail.send_home(replaced);
            }
        }
    }

    /// Lets go of every note and memory, behind a short fade.
    pub(super) fn panic(&mut self) {
        self.keys.clear();
        self.panic_ticks = PANIC_TICKS;
    }

    /// Renders the next chunk of the grid into the engine's own buffer.
    pub(super) fn render_chunk(&mut self) {
        let chunk = self.ticks.advance();
        if let Some((tick, length)) = chunk.tick {
            self.tick(tick, length, self.time_of(&chunk));
        } else {
            self.gestures.warm();
            self.sounds.warm();
        }
        let [left, right] = &mut self.chunk;
        let (left, right) = (&mut left[..chunk.samples], &mut right[..chunk.samples]);
        self.choir.render(left, right);
        self.wave.add(&mut self.sounds, left, right);
        self.output.render(left, right);
        self.chunk_length = chunk.samples;
        self.chunk_left = chunk.samples;
    }

    fn time_of(&self, chunk: &Chunk) -> HostTime {
        let offset = chunk.start.saturating_sub(self.block_start) as usize;
        self.clock.sensor_time_of(offset)
    }

    fn tick(&mut self, tick: u64, length_samples: u32, time: HostTime) {
        self.take_readings();
        let motion = *self.motion.tick(time);
        let crossfade_ticks = (self.settings.crossfade_ms * 1e-3 * TICK_RATE_HZ as f32)
            .round()
            .max(1.0) as u32;
        let draw = Draw {
            temperature: self.settings.temperature,
            dice: dice(tick as i64 + self.song_tick_offset),
            scale: self.settings.scale,
        };
        let slot = usize::from(self.settings.gesture_slot);
        let channels = Channels {
            bank: motion.bank,
            macros: self.settings.macros,
            context: self.context(),
        };
        let intent = self.gestures.tick(slot, &channels, draw, crossfade_ticks);
        if !self.settings.freeze {
            self.intent = intent;
            self.presence = motion.freshest(self.motion.seating());
        }
        self.chord = self.tell_voices();
        self.sound(length_samples, crossfade_ticks);
        self.close_panic();
        self.output
            .set(self.settings.gain_db, self.panic_ticks == 0);
        let note = self.notes.push(self.chord.lead(), self.settings.note_out);
        self.note_queue.push(note);
        self.tell(tick, time, &motion, channels.context);
    }

    /// What surrounds the motion at this tick.
    fn context(&self) -> Context {
        let mut context = Context {
            newest_key: self
                .keys
                .finger(None)
                .last
                .map_or(Context::NEUTRAL.newest_key, |key| f32::from(key.key)),
            scale: self.settings.scale,
            previous_note: self.intent.controls.pitch_note,
            ..Context::NEUTRAL
        };
        for key in self.keys.newest(usize::MAX) {
            context.held_classes[class_of(f32::from(key.key))] = 1.0;
            context.held_count += 1.0;
        }
        context
    }

    /// What every voice plays at this tick.
    fn tell_voices(&mut self) -> Chord {
        let solo = self
            .sounds
            .playing()
            .is_some_and(SoundModel::plays_one_voice);
        let limit = if solo { 1 } else { self.settings.voices };
        let arm = Arm {
            overrides: &self.settings.overrides,
            gesture: &self.intent.controls,
            presence: self.presence,
            transpose_semitones: self.settings.transpose_semitones,
        };
        self.voices.tick(&self.keys, usize::from(limit), &arm)
    }

    /// The next frame of every voice.
    fn sound(&mut self, length_samples: u32, crossfade_ticks: u32) {
        let slot = usize::from(self.settings.sound_slot);
        let mut frames = self.sounds.tick(slot, &self.chord, (), crossfade_ticks);
        let mut gains = self.voices.gains();
        for (voice, gain) in gains.iter_mut().enumerate() {
            *gain *= quiet_gain(self.chord.voices[voice].loudness_db);
            if *gain < 1.0 && frames.live.contains(voice) {
                frames.voices[voice].scale(*gain);
            }
        }
        self.wave.begin(gains, length_samples);
        self.choir.set_target(&frames, &self.bands, length_samples);
    }

    fn take_readings(&mut self) {
        for feed in self.feeds.iter_mut().flatten() {
            let Mail::Feed {
                readings: Some(readings),
                ..
            } = &mut **feed
            else {
                continue;
            };
            for _ in 0..READINGS_PER_TICK {
                let Some(frame) = readings.pop() else { break };
                self.motion.push(frame);
            }
        }
    }

    /// Counts a panic down; behind the closed fade everything is forgotten.
    fn close_panic(&mut self) {
        if self.panic_ticks == PANIC_TICKS / 2 {
            self.gestures.reset();
            self.sounds.reset();
            self.voices.reset();
            self.choir.reset();
            self.intent = Intent::default();
        }
        self.panic_ticks = self.panic_ticks.saturating_sub(1);
    }

    fn tell(&mut self, tick: u64, time: HostTime, motion: &Motion, context: Context) {
        let counts = self.motion.playout.counters();
        let playout_ms = 1e3 * self.motion.playout.delay_s() as f32;
        let glide_ms = (self.gestures.period_ticks() - 1) as f32 * TICK_MS / 2.0;
        let helper_ticks = self.gestures.delay_ticks() + self.sounds.delay_ticks();
        let helper_ms = helper_ticks as f32 * TICK_MS;
        let snapshot = Snapshot {
            song_s: tick as f64 / f64::from(TICK_RATE_HZ),
            host_s: time.0,
            motion_energy: motion.bank.0.map(|limb| limb[LimbFeature::Energy.index()]),
            freshness: motion.freshness,
            worn: *self.motion.worn(),
            controls: *self.controls(),
            context,
            voices: self.voices() as u8,
            onset: self.intent.onset,
            confidence: self.intent.confidence,
            motion_age_ms: playout_ms + glide_ms + helper_ms + TICK_MS / 2.0,
            playout_ms,
            callback_load: self.meters.take_worst_load(),
            limiter_db: gain_to_db(self.output.limiter().gain()),
            counts: AudioCounts {
                late: counts.late,
                bridged: counts.bridged,
                dropouts: counts.dropouts,
                not_finite: counts.invalid + self.output.limiter().faults() + self.choir.faults(),
                overrun: self.overruns(),
                overload: self.meters.overloads,
                helper_late: self.gestures.late_steps() + self.sounds.late_steps(),
            },
            peak: self.output.take_peak(),
            gesture_slot: self.settings.gesture_slot,
            sound_slot: self.settings.sound_slot,
            offline: self.settings.offline,
        };
        self.telemetry.push(snapshot);
        self.telemetry.push_bank(&motion.bank);
    }

    fn overruns(&self) -> u64 {
        let dropped = |feed: &Option<Box<Mail>>| match feed.as_deref() {
            Some(Mail::Feed {
                readings: Some(readings),
                ..
            }) => readings.dropped(),
            _ => 0,
        };
        self.feeds.iter().map(dropped).sum()
    }
}

/// A number that depends on the tick alone, so that a bounce from the same place repeats (SplitMix64's finaliser).
fn dice(tick: i64) -> u32 {
    let mut x = (tick as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) as u32
}

/// A sound model may leave a residue at the floor of its range; silence is silence.
fn quiet_gain(loudness_db: f32) -> f32 {
    ((loudness_db - GONE_DB) / (WHOLE_DB - GONE_DB)).clamp(0.0, 1.0)
}
