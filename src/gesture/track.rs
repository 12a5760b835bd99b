//! The recent history of one quantity of one device, in order of its stamps, joined from messages that may come
//! late, twice or in parts. A ring of fixed capacity: pushing and looking up allocate nothing.

/// How many readings are remembered: a quarter of a second at 1000 Hz, 2.5 s at 100 Hz.
pub const TRACK_CAPACITY: usize = 256;
const _: () = assert!(TRACK_CAPACITY.is_power_of_two());

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<const N: usize> {
    pub time_s: f64,
    pub values: [f32; N],
}

/// What a track knows about a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look<const N: usize> {
    Nothing,
    /// Before the oldest entry.
    Before(Entry<N>),
    /// Between two entries.
    Between(Entry<N>, Entry<N>),
    /// At or after the newest.
    After(Entry<N>),
}

#[derive(Clone, Debug)]
pub struct Track<const N: usize> {
    entries: Box<[Entry<N>]>,
    /// Index of the oldest.
    first: usize,
    count: usize,
    /// Smoothed time between entries; 0 while unknown.
    pub period_s: f64,
}

impl<const N: usize> Track<N> {
    pub fn new() -> Self {
        let none = Entry {
            time_s: 0.0,
            values: [f32::NAN; N],
        };
        Track {
            entries: vec![none; TRACK_CAPACITY].into_boxed_slice(),
            first: 0,
            count: 0,
            period_s: 0.0,
        }
    }

    pub fn reset(&mut self) {
        self.count = 0;
        self.period_s = 0.0;
    }

    fn entry(&self, index: usize) -> Entry<N> {
        self.entries[(self.first + index) & (TRACK_CAPACITY - 1)]
    }

    fn place(&mut self, index: usize, entry: Entry<N>) {
        self.entries[(self.first + index) & (TRACK_CAPACITY - 1)] = entry;
    }
    /// Files a reading by its stamp. Components that are NaN are taken from the entry of the same stamp, else from
    /// the one before. A stamp older than a full history is dropped.
    pub fn push(&mut self, time_s: f64, values: [f32; N]) {
        let mut at = self.count;
        while at > 0 && self.entry(at - 1).time_s > time_s {
            at -= 1;
        }
        let before = (at > 0).then(|| self.entry(at - 1));
        let mut entry = Entry { time_s, values };
        if let Some(before) = before {
            for (value, known) in entry.values.iter_mut().zip(before.values) {
                if value.is_nan() {
                    *value = known;
                }
            }
            if before.time_s == time_s {
                self.place(at - 1, entry);
                return;
            }
            self.learn_period(time_s - before.time_s, at == self.count);
        }
        self.insert(at, entry);
    }

    fn learn_period(&mut self, gap_s: f64, is_newest: bool) {
        if is_newest && gap_s < 0.25 {
            let share = if self.period_s == 0.0 {
                1.0
            } else {
                1.0 / 32.0
            };
            self.period_s += (gap_s - self.period_s) * share;
        }
    }

    fn insert(&mut self, mut at: usize, entry: Entry<N>) {
        if self.count == TRACK_CAPACITY {
            if at == 0 {
                return;
            }
            self.first = (self.first + 1) % TRACK_CAPACITY;
            self.count -= 1;
            at -= 1;
        }
        for index in (at..self.count).rev() {
            self.place(index + 1, self.entry(index));
        }
        self.place(at, entry);
        self.count += 1;
    }

    pub fn look(&self, time_s: f64) -> Look<N> {
        let mut after = self.count;
        while after > 0 && self.entry(after - 1).time_s > time_s {
            after -= 1;
        }
        match (after, self.count) {
            (_, 0) => Look::Nothing,
            (0, _) => Look::Before(self.entry(0)),
            (n, count) if n == count => Look::After(self.entry(n - 1)),
            (n, _) => Look::Between(self.entry(n - 1), self.entry(n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_of_one_reading_are_joined() {
        let mut track = Track::<3>::new();
        track.push(1.0, [1.0, f32::NAN, f32::NAN]);
        track.push(1.0, [f32::NAN, 2.0, f32::NAN]);
        track.push(1.0, [f32::NAN, f32::NAN, 3.0]);
        assert_eq!(track.entry(track.count - 1).values, [1.0, 2.0, 3.0]);
        assert_eq!(track.count, 1);
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_one_order_of_stamps(stamps in prop::collection::vec(0u16..2000, 1..600)) {
            let mut track = Track::<1>::new();
            for stamp in &stamps {
                track.push(f64::from(*stamp), [f32::from(*stamp)]);
            }
            for i in 1..track.count {
                prop_assert!(track.entry(i - 1).time_s < track.entry(i).time_s);
            }
            for i in 0..track.count {
                prop_assert_eq!(f64::from(track.entry(i).values[0]), track.entry(i).time_s);
            }
            if let Look::Between(a, b) = track.look(1000.5) {
                prop_assert!(a.time_s <= 1000.5 && 1000.5 < b.time_s);
            }
        }
    }
}
