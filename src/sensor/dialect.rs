//! Which device speaks, and what its message means: addresses and arguments matched against the table.
//!
//! Runs on the network thread. An address is looked up once and remembered, so that a stream costs
//! one hash a message; the memory is bounded whatever arrives.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

mod table;
pub use table::TABLE;

use super::layout::{Layout, LayoutError, Values};
use super::osc::{Argument, Message};

/// Addresses remembered before the memory is cleared: a flood of new ones costs time, not space.
const REMEMBERED_ADDRESSES: usize = 1024;

/// A row of the table, or of a profile that a user wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub profile: String,
    pub address: String,
    pub layout: String,
}

/// A row that cannot be used, by its place in the profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialectError {
    #[error("row {row} ('{address}'): {error}")]
    Layout {
        row: usize,
        address: String,
        error: LayoutError,
    },
    #[error("row {row}: address '{address}': {reason}")]
    Address {
        row: usize,
        address: String,
        reason: &'static str,
    },
}

impl DialectError {
    /// Which row is at fault, from 1.
    pub fn row(&self) -> usize {
        match self {
            DialectError::Layout { row, .. } | DialectError::Address { row, .. } => *row,
        }
    }
}

/// Index of a row in a [`Dialects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RowId(u16);

/// A message understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<'a> {
    pub row: RowId,
    pub profile: &'a str,
    /// The device's own id; empty where it sends none.
    pub id: &'a str,
    pub values: Values,
}

#[derive(Debug)]
struct CompiledRow {
    profile: String,
    pattern: Pattern,
    layout: Layout,
}

/// The rows whose address fits, with what the address says.
#[derive(Debug)]
struct Candidate {
    row: RowId,
    id: String,
    axis: String,
}

/// All known messages, those of the user first.
#[derive(Debug)]
pub struct Dialects {
    rows: Vec<CompiledRow>,
    remembered: HashMap<String, Vec<Candidate>>,
}

impl Dialects {
    /// The built-in table.
    pub fn built_in() -> Self {
        Self::with_user_rows(&[])
            .unwrap_or_else(|error| unreachable!("the built-in table: {error}"))
    }

    /// The user's rows before the built-in ones.
    pub fn with_user_rows(user: &[Row]) -> Result<Self, DialectError> {
        let user = user
            .iter()
            .map(|row| (&*row.profile, &*row.address, &*row.layout));
        let rows = user
            .chain(TABLE.iter().copied())
            .enumerate()
            .map(|(number, row)| compile(number, row))
            .collect::<Result<_, _>>()?;
        Ok(Dialects {
            rows,
            remembered: HashMap::new(),
        })
    }

    /// What a message means, or `None` if no row fits it. Among rows that fit alike, one of the
    /// `spoken` profile (what this sender said before) is preferred.
    pub fn read<'a>(
        &'a mut self,
        message: &'a Message,
        spoken: Option<&str>,
    ) -> Option<Reading<'a>> {
        self.remember(&message.address);
        let candidates = self.remembered.get(&message.address)?;
        let mut fitting = candidates
            .iter()
            .filter(|candidate| self.row(candidate.row).layout.accepts(&message.arguments));
        let first = fitting.next()?;
        let chosen = std::iter::once(first)
            .chain(fitting)
            .find(|candidate| Some(&*self.row(candidate.row).profile) == spoken)
            .unwrap_or(first);
        let row = self.row(chosen.row);
        let id = match row.layout.id(&message.arguments) {
            Some(Argument::Text(text)) => text,
            _ => &chosen.id,
        };
        let axis = (!chosen.axis.is_empty()).then_some(&*chosen.axis);
        let values = row.layout.fill(&message.arguments, axis);
        Some(Reading {
            row: chosen.row,
            profile: &row.profile,
            id,
            values,
        })
    }

    fn row(&self, id: RowId) -> &CompiledRow {
        &self.rows[usize::from(id.0)]
    }

    #[cfg(test)]
    pub(super) fn row_ids(&self) -> impl Iterator<Item = RowId> + use<> {
        (0..self.rows.len() as u16).map(RowId)
    }

    #[cfg(test)]
    pub(super) fn remembered_count(&self) -> usize {
        self.remembered.len()
    }

    fn remember(&mut self, address: &str) {
        if self.remembered.contains_key(address) {
            return;
        }
        if self.remembered.len() >= REMEMBERED_ADDRESSES {
            self.remembered.clear();
        }
        let candidates = self.rows.iter().enumerate().filter_map(|(number, row)| {
            let named = row.pattern.read(address)?;
            let row = RowId(number as u16);
            Some(Candidate {
                row,
                id: named.id.to_owned(),
                axis: named.axis.to_owned(),
            })
        });
        let candidates = candidates.collect();
        self.remembered.insert(address.to_owned(), candidates);
    }
}

fn compile(
    number: usize,
    (profile, address, layout): (&str, &str, &str),
) -> Result<CompiledRow, DialectError> {
    let row = number + 1;
    if row > usize::from(u16::MAX) {
        let reason = "too many rows";
        return Err(DialectError::Address {
            row,
            address: address.to_owned(),
            reason,
        });
    }
    let pattern = Pattern::parse(address).map_err(|reason| DialectError::Address {
        row,
        address: address.to_owned(),
        reason,
    })?;
    let layout = Layout::parse(layout).map_err(|error| DialectError::Layout {
        row,
        address: address.to_owned(),
        error,
    })?;
    Ok(CompiledRow {
        profile: profile.to_owned(),
        pattern,
        layout,
    })
}

/// An address with at most one `{name}` in each of its segments.
#[derive(Debug)]
struct Pattern {
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    before: String,
    hole: Option<Hole>,
    after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    Id,
    Axis,
    Any,
}

/// What an address names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Named<'a> {
    id: &'a str,
    axis: &'a str,
}

impl Pattern {
    fn parse(address: &str) -> Result<Pattern, &'static str> {
        let path = address
            .strip_prefix('/')
            .ok_or("an address begins with '/'")?;
        let segments = path
            .split('/')
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        Ok(Pattern { segments })
    }

    fn read<'a>(&self, address: &'a str) -> Option<Named<'a>> {
        let mut named = Named::default();
        let mut parts = address.strip_prefix('/')?.split('/');
        for segment in &self.segments {
            let content = segment.read(parts.next()?)?;
            match segment.hole {
                Some(Hole::Id) => named.id = content,
                Some(Hole::Axis) if is_axis(content) => named.axis = content,
                Some(Hole::Axis) => return None,
                Some(Hole::Any) | None => {}
            }
        }
        parts.next().is_none().then_some(named)
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Segment, &'static str> {
        let Some((before, rest)) = text.split_once('{') else {
            return Ok(Segment {
                before: text.to_owned(),
                hole: None,
                after: String::new(),
            });
        };
        let (name, after) = rest.split_once('}').ok_or("the '}' is missing")?;
        let hole = match name {
            "id" => Hole::Id,
            "axis" => Hole::Axis,
            "any" => Hole::Any,
            _ => return Err("only {id}, {axis} and {any} are known"),
        };
        if after.contains('{') {
            return Err("only one {..} between two '/'");
        }
        Ok(Segment {
            before: before.to_owned(),
            hole: Some(hole),
            after: after.to_owned(),
        })
    }

    /// What stands in the hole (empty without one), if the segment fits.
    fn read<'a>(&self, text: &'a str) -> Option<&'a str> {
        let content = text
            .strip_prefix(&*self.before)?
            .strip_suffix(&*self.after)?;
        let fits = content.is_empty() == self.hole.is_none();
        fits.then_some(content)
    }
}

fn is_axis(text: &str) -> bool {
    const AXES: [&str; 7] = ["x", "y", "z", "w", "yaw", "pitch", "roll"];
    AXES.iter().any(|axis| axis.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests;
