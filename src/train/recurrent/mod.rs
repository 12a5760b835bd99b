//! Recurrence written out by hand, forward and backward: automatic differentiation spends most of a small LSTM's time
//! on bookkeeping. Rows are in order of time, then lane.

mod cell;
pub mod layer;
pub mod lstm;
pub mod matrix;
