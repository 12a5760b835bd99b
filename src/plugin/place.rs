//! Which instance of its process a plugin is: the lowest number that is free, so that a session that is loaded again
//! gives every track the same number.

use std::sync::atomic::{AtomicU64, Ordering};

/// One bit for each of the first 64 instances.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// A number held until it is dropped. Instances beyond the 64th share the last one.
pub struct Place(u32);

impl Place {
    pub fn take() -> Place {
        Place(take_from(&TAKEN))
    }

    pub fn number(&self) -> u32 {
        self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        give_back_to(&TAKEN, self.0);
    }
}

/// The number of instances that have a bit of their own.
const OWN: u32 = u64::BITS - 1;

fn take_from(taken: &AtomicU64) -> u32 {
    let mut before = taken.load(Ordering::Relaxed);
    loop {
        let number = before.trailing_ones().min(OWN);
        if number == OWN {
            return OWN;
        }
        match taken.compare_exchange_weak(
            before,
            before | 1 << number,
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            Ok(_) => return number,
            Err(now) => before = now,
        }
    }
}

fn give_back_to(taken: &AtomicU64, number: u32) {
    if number < OWN {
        taken.fetch_and(!(1 << number), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_taken() {
        let taken = AtomicU64::new(0);
        let numbers: Vec<u32> = (0..3).map(|_| take_from(&taken)).collect();
        assert_eq!(numbers, [0, 1, 2]);
        give_back_to(&taken, 1);
        assert_eq!(take_from(&taken), 1);
        assert_eq!(take_from(&taken), 3);
    }

    #[test]
    fn a_crowd_shares_the_last_number() {
        let taken = AtomicU64::new(0);
        let numbers: Vec<u32> = (0..70).map(|_| take_from(&taken)).collect();
        assert_eq!(numbers[69], OWN);
        give_back_to(&taken, OWN);
        give_back_to(&taken, 5);
        assert_eq!(take_from(&taken), 5);
    }
}
