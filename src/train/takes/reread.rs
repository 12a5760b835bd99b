//! An old take, decoded anew from its raw datagrams: a dialect was wrong, or the sensor has a profile by now.

use std::path::Path;

use crate::sensor::dialect::{DialectError, Dialects, Row};
use crate::sensor::take::decode::decode;
use crate::sensor::take::document::{DATAGRAMS, DOCUMENT, Document, FRAMES};
use crate::sensor::take::{TakeError, folder, frames, raw};

#[derive(Debug, thiserror::Error)]
pub enum RereadError {
    #[error("{0}")]
    Take(#[from] TakeError),
    #[error("{0}")]
    Dialect(#[from] DialectError),
    #[error("{0} holds no {DATAGRAMS}: it was made from decoded readings and cannot be read again")]
    NoDatagrams(std::path::PathBuf),
}

/// Writes the readings and devices that `rows` (beside the built-in dialects) make of the datagrams; who wore what
/// stays with the devices of the same name, or the same number where a new dialect gives it another name.
/// Returns how many readings there were and are.
pub fn reread(take: &Path, rows: &[Row]) -> Result<(usize, usize), RereadError> {
    let path = take.join(DATAGRAMS);
    if !path.exists() {
        return Err(RereadError::NoDatagrams(take.to_owned()));
    }
    let mut document = Document::read(take)?;
    let before = frames::read(&take.join(FRAMES)).map_or(0, |frames| frames.len());
    let decoded = decode(&raw::read(&path)?, Dialects::with_user_rows(rows)?);
    let old = std::mem::take(&mut document.devices);
    document.devices = decoded.devices;
    for worn in &mut document.devices {
        let same = old.iter().find(|known| known.name == worn.name);
        let same = same.or_else(|| old.iter().find(|known| known.device == worn.device));
        if let Some(known) = same {
            worn.role.clone_from(&known.role);
            worn.placement.clone_from(&known.placement);
        }
    }
    document.dialects = rows.to_vec();
    folder::replace(&take.join(FRAMES), frames::text(&decoded.frames).as_bytes())?;
    folder::replace(&take.join(DOCUMENT), document.text().as_bytes())?;
    Ok((before, decoded.frames.len()))
}
