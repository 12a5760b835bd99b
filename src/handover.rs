//! How a heap value reaches the audio thread and comes home: it crosses as one `Box`, and what it
//! replaces goes back to be freed where freeing is allowed. Both ends from one constructor.

use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

/// The end that may allocate and free.
pub struct Shore<T> {
    out: HeapProd<Box<T>>,
    home: HeapCons<Box<T>>,
}

/// The audio thread's end.
pub struct Ship<T> {
    arriving: HeapCons<Box<T>>,
    leaving: HeapProd<Box<T>>,
}

/// A channel for `capacity` values under way each way.
pub fn handover<T: Send>(capacity: usize) -> (Shore<T>, Ship<T>) {
    let (out, arriving) = HeapRb::new(capacity).split();
    // Everything that was ever sent can be on its way home at once: values under way, and those held.
    let (leaving, home) = HeapRb::new(4 * capacity).split();
    (Shore { out, home }, Ship { arriving, leaving })
}

impl<T> Shore<T> {
    /// Sends a value; a full channel gives it back.
    pub fn send(&mut self, value: Box<T>) -> Result<(), Box<T>> {
        self.out.try_push(value)
    }

    /// Frees what came home and says how many values that were.
    pub fn collect(&mut self) -> usize {
        self.home.pop_iter().count()
    }
}

impl<T> Ship<T> {
    pub fn receive(&mut self) -> Option<Box<T>> {
        self.arriving.try_pop()
    }

    /// Sends a value home. Should the channel be full, the value is leaked rather than freed here.
    pub fn send_home(&mut self, value: Box<T>) {
        if let Err(stranded) = self.leaving.try_push(value) {
            std::mem::forget(stranded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_is_freed_on_the_shore() {
        let (mut shore, mut ship) = handover(2);
        shore.send(Box::new(1)).unwrap();
        shore.send(Box::new(2)).unwrap();
        assert_eq!(shore.send(Box::new(3)).unwrap_err(), Box::new(3));
        let first = ship.receive().unwrap();
        ship.send_home(first);
        assert_eq!(shore.collect(), 1);
        assert_eq!(ship.receive(), Some(Box::new(2)));
    }
}
