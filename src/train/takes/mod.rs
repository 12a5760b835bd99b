//! Recorded takes as documents for the trainer: are they whole, do sound and motion fit together, and how to bring in
//! what was recorded elsewhere. What a take's files look like is [`crate::sensor::take`]'s business.

pub mod align;
pub mod check;
pub mod import;
pub mod perform;
pub mod reread;

#[cfg(test)]
mod tests;
