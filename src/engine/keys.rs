//! Held MIDI keys with their MPE expressions, oldest first. Fixed capacity, audio thread.

/// Keys that can be down at once; a further one replaces the oldest.
const HELD_MAX: usize = 16;

/// A held key and what its finger says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldKey {
    pub channel: u8,
    /// MIDI key number, 0 to 127.
    pub key: u8,
    /// 0 to 1.
    pub velocity: f32,
    /// Per-note tuning in semitones.
    pub tuning_semitones: f32,
    /// 0 to 1; `None` until the finger sends it.
    pub pressure: Option<f32>,
    pub brightness: Option<f32>,
}

/// What the keys say to one voice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Finger {
    /// The key that the voice belongs to.
    pub speaking: Option<HeldKey>,
    /// The same, or the last one that any voice belonged to.
    pub last: Option<HeldKey>,
    bend_semitones: f32,
}

impl Finger {
    /// Pitch of a key with its tuning and the channel's bend, in MIDI notes.
    pub fn pitch_note(&self, key: &HeldKey) -> f32 {
        f32::from(key.key) + key.tuning_semitones + self.bend_semitones
    }
}

impl HeldKey {
    /// The same key of the same channel.
    pub fn is(&self, other: &HeldKey) -> bool {
        (self.channel, self.key) == (other.channel, other.key)
    }

    pub fn new(channel: u8, key: u8, velocity: f32) -> Self {
        HeldKey {
            channel,
            key,
            velocity,
            tuning_semitones: 0.0,
            pressure: None,
            brightness: None,
        }
    }
}

/// Every key that is down, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    held: [Option<HeldKey>; HELD_MAX],
    count: usize,
    /// Kept after release: where the pitch stays while the sound rings out.
    last: Option<HeldKey>,
    bend_semitones: f32,
}

impl Keys {
    pub fn press(&mut self, key: HeldKey) {
        self.release(Some(key.channel), Some(key.key));
        if self.count == HELD_MAX {
            self.held.rotate_left(1);
            self.count -= 1;
        }
        self.held[self.count] = Some(key);
        self.count += 1;
        self.last = Some(key);
    }

    /// Lifts the keys that match; `None` matches every channel or every key.
    pub fn release(&mut self, channel: Option<u8>, key: Option<u8>) {
        let mut kept = 0;
        for i in 0..self.count {
            let lifted = self.held[i].is_none_or(|held| matches(&held, channel, key));
            if !lifted {
                self.held.swap(kept, i);
                kept += 1;
            }
        }
        self.count = kept;
    }

    /// Changes the expressions of the held keys that match.
    pub fn express(&mut self, channel: Option<u8>, key: Option<u8>, change: impl Fn(&mut HeldKey)) {
        for held in self.held[..self.count].iter_mut().flatten() {
            if matches(held, channel, key) {
                change(held);
            }
        }
    }

    /// Channel pitch bend, -1 to 1, over the usual two semitones.
    pub fn bend(&mut self, amount: f32) {
        self.bend_semitones = 2.0 * amount.clamp(-1.0, 1.0);
    }

    pub fn clear(&mut self) {
        *self = Keys::default();
    }

    /// The newest key that is down.
    pub fn speaking(&self) -> Option<HeldKey> {
        self.held[..self.count].last().copied().flatten()
    }

    /// The newest keys that are down, at most `count`, oldest first.
    pub fn newest(&self, count: usize) -> impl DoubleEndedIterator<Item = HeldKey> {
        let from = self.count.saturating_sub(count);
        self.held[from..self.count].iter().copied().flatten()
    }

    /// What a voice is told that belongs to `key`, or to none.
    pub fn finger(&self, key: Option<HeldKey>) -> Finger {
        Finger {
            speaking: key,
            last: key.or(self.speaking()).or(self.last),
            bend_semitones: self.bend_semitones,
        }
    }
}

fn matches(held: &HeldKey, channel: Option<u8>, key: Option<u8>) -> bool {
    channel.is_none_or(|c| c == held.channel) && key.is_none_or(|k| k == held.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &mut Keys, key: u8) {
        keys.press(HeldKey::new(0, key, 0.8));
    }

    #[test]
    fn the_newest_key_speaks_and_the_older_one_returns() {
        let mut keys = Keys::default();
        press(&mut keys, 60);
        press(&mut keys, 64);
        assert_eq!(keys.speaking().map(|k| k.key), Some(64));
        keys.release(Some(0), Some(64));
        assert_eq!(keys.speaking().map(|k| k.key), Some(60));
        keys.release(None, None);
        assert_eq!(keys.speaking(), None);
        assert_eq!(keys.finger(None).last.map(|k| k.key), Some(64));
    }

    #[test]
    fn the_newest_come_oldest_first() {
        let mut keys = Keys::default();
        (60..63).for_each(|key| press(&mut keys, key));
        let newest = |count: usize| keys.newest(count).map(|k| k.key).collect::<Vec<_>>();
        assert_eq!((newest(2), newest(9)), (vec![61, 62], vec![60, 61, 62]));
    }

    #[test]
    fn more_keys_than_fingers_are_survived() {
        let mut keys = Keys::default();
        for key in 0..100 {
            press(&mut keys, key);
        }
        assert_eq!(keys.speaking().map(|k| k.key), Some(99));
        keys.release(Some(0), Some(99));
        assert_eq!(keys.speaking().map(|k| k.key), Some(98));
    }
}
