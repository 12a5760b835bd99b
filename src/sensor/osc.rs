//! OSC datagram → messages: screened, then decoded. Runs on the network thread; total on any bytes.
//!
//! rosc 0.11.4 walks bundles by recursion (a 52 KB packet of nested bundles overflows a 2 MiB stack)
//! and lets unclosed arrays and missing type tags pass. So the datagram is walked here first, with
//! a fixed stack, and rosc only ever sees single messages that are known to be well formed.

use rosc::{OscPacket, OscType};

/// Longest datagram that is looked at.
pub const MAX_DATAGRAM_BYTES: usize = 8192;
/// Deepest bundle in a bundle.
pub const MAX_BUNDLE_DEPTH: usize = 8;
/// Deepest array in an array.
pub const MAX_ARRAY_DEPTH: usize = 8;
/// Most type tags in one message.
pub const MAX_ARGUMENTS: usize = 256;

/// Why a datagram was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("empty datagram")]
    Empty,
    #[error("longer than {MAX_DATAGRAM_BYTES} bytes")]
    TooLong,
    #[error("a string or argument runs past the end")]
    Truncated,
    #[error("text that is not UTF-8")]
    NotText,
    #[error("no type tags: the ',' is missing")]
    NoTypeTags,
    #[error("an unknown type tag")]
    UnknownType,
    #[error("an argument that is not what its type tag says")]
    BadArgument,
    #[error("more than {MAX_ARGUMENTS} arguments")]
    TooManyArguments,
    #[error("arrays more than {MAX_ARRAY_DEPTH} deep")]
    ArraysTooDeep,
    #[error("an array that is not closed, or closed twice")]
    UnbalancedArray,
    #[error("bundles more than {MAX_BUNDLE_DEPTH} deep")]
    BundlesTooDeep,
    #[error("bytes left over after the last argument")]
    TrailingBytes,
}

/// NTP time tag of the bundle around a message: 32 bits of seconds, 32 of fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeTag(pub u64);

impl TimeTag {
    /// Seconds on the sender's clock, whatever its epoch; `None` for "immediately" (0 and 1).
    pub fn seconds(self) -> Option<f64> {
        (self.0 > 1).then(|| self.0 as f64 / 4_294_967_296.0)
    }
}

/// One argument. What carries no number for us is `Other`, so that the arity still tells dialects apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    Number(f64),
    Text(String),
    Other,
}

impl Argument {
    /// The number, also from a numeric string (some phones send their quaternion as text). May be non-finite.
    pub fn number(&self) -> Option<f64> {
        match self {
            Argument::Number(value) => Some(*value),
            Argument::Text(text) => text.trim().parse().ok(),
            Argument::Other => None,
        }
    }
}

/// One message, out of whatever bundles it was in.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Always begins with '/': a missing one is put back.
    pub address: String,
    pub arguments: Vec<Argument>,
    pub time_tag: Option<TimeTag>,
}

/// Refuses what must not reach a decoder. Iterative: no packet can exhaust the stack.
pub fn screen(datagram: &[u8]) -> Result<(), Malformed> {
    walk(datagram, |_, _| Ok(()))
}

/// Screens, then decodes every message into `messages` (which is cleared first).
pub fn decode(datagram: &[u8], messages: &mut Vec<Message>) -> Result<(), Malformed> {
    messages.clear();
    let outcome = walk(datagram, |bytes, time_tag| {
        messages.push(decode_message(bytes, time_tag)?);
        Ok(())
    });
    if outcome.is_err() {
        messages.clear();
    }
    outcome
}

/// Visits each screened message of a datagram with the time tag of its innermost bundle.
fn walk<'a>(
    datagram: &'a [u8],
    mut visit: impl FnMut(&'a [u8], Option<TimeTag>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if datagram.is_empty() {
        return Err(Malformed::Empty);
    }
    if datagram.len() > MAX_DATAGRAM_BYTES {
        return Err(Malformed::TooLong);
    }
    let Some(content) = datagram.strip_prefix(BUNDLE) else {
        screen_message(datagram)?;
        return visit(datagram, None);
    };
    let mut open: [(&[u8], TimeTag); MAX_BUNDLE_DEPTH] = [(&[], TimeTag(0)); MAX_BUNDLE_DEPTH];
    open[0] = open_bundle(content)?;
    let mut depth = 1;
    while depth > 0 {
        let (rest, time_tag) = open[depth - 1];
        if rest.is_empty() {
            depth -= 1;
            continue;
        }
        let (size, rest) = split_u32(rest)?;
        if size as usize > rest.len() {
            return Err(Malformed::Truncated);
        }
        let (element, rest) = rest.split_at(size as usize);
        open[depth - 1].0 = rest;
        if let Some(content) = element.strip_prefix(BUNDLE) {
            if depth == MAX_BUNDLE_DEPTH {
                return Err(Malformed::BundlesTooDeep);
            }
            open[depth] = open_bundle(content)?;
            depth += 1;
        } else {
            screen_message(element)?;
            visit(element, Some(time_tag))?;
        }
    }
    Ok(())
}

const BUNDLE: &[u8] = b"#bundle\0";

fn open_bundle(content: &[u8]) -> Result<(&[u8], TimeTag), Malformed> {
    let (seconds, rest) = split_u32(content)?;
    let (fraction, rest) = split_u32(rest)?;
    Ok((
        rest,
        TimeTag(u64::from(seconds) << 32 | u64::from(fraction)),
    ))
}

fn screen_message(message: &[u8]) -> Result<(), Malformed> {
    if message.is_empty() {
        return Err(Malformed::Empty);
    }
    let (_, rest) = split_text(message)?;
    if rest.is_empty() {
        return Ok(()); // No type tags and no arguments: OSC 1.0 lets an old sender do that.
    }
    let (tags, mut rest) = split_text(rest)?;
    let Some(tags) = tags.strip_prefix(',') else {
        return Err(Malformed::NoTypeTags);
    };
    if tags.len() > MAX_ARGUMENTS {
        return Err(Malformed::TooManyArguments);
    }
    let mut array_depth = 0;
    for tag in tags.bytes() {
        match tag {
            b'[' if array_depth == MAX_ARRAY_DEPTH => return Err(Malformed::ArraysTooDeep),
            b'[' => array_depth += 1,
            b']' if array_depth == 0 => return Err(Malformed::UnbalancedArray),
            b']' => array_depth -= 1,
            _ => rest = skip_argument(tag, rest)?,
        }
    }
    if array_depth > 0 {
        return Err(Malformed::UnbalancedArray);
    }
    // Firmware with fixed buffers pads with zeros.
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Malformed::TrailingBytes);
    }
    Ok(())
}

fn skip_argument(tag: u8, rest: &[u8]) -> Result<&[u8], Malformed> {
    let bytes = match tag {
        b'T' | b'F' | b'N' | b'I' => 0,
        b'i' | b'f' | b'r' | b'm' | b'c' => 4,
        b'd' | b'h' | b't' => 8,
        b's' => return Ok(split_text(rest)?.1),
        b'b' => {
            let (size, rest) = split_u32(rest)?;
            return rest
                .get(padded(size as usize)..)
                .ok_or(Malformed::Truncated);
        }
        _ => return Err(Malformed::UnknownType),
    };
    rest.get(bytes..).ok_or(Malformed::Truncated)
}

/// Splits off a zero-terminated string and the padding to four bytes.
fn split_text(bytes: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let length = bytes
        .iter()
        .position(|&byte| byte == 0)
        .ok_or(Malformed::Truncated)?;
    let text = std::str::from_utf8(&bytes[..length]).map_err(|_| Malformed::NotText)?;
    let rest = bytes
        .get(padded(length + 1)..)
        .ok_or(Malformed::Truncated)?;
    Ok((text, rest))
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    Ok((u32::from_be_bytes(*head), rest))
}

fn padded(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn decode_message(bytes: &[u8], time_tag: Option<TimeTag>) -> Result<Message, Malformed> {
    let (address, rest) = split_text(bytes)?;
    if rest.is_empty() {
        let address = with_leading_slash(address);
        return Ok(Message {
            address,
            arguments: Vec::new(),
            time_tag,
        });
    }
    let decoded = if address.starts_with('/') {
        rosc::decoder::decode_udp(bytes)
    } else {
        rosc::decoder::decode_udp(&rebuilt_with_slash(address, rest))
            .map(|(_, packet)| (&bytes[..0], packet))
    };
    let Ok((_, OscPacket::Message(message))) = decoded else {
        return Err(Malformed::BadArgument);
    };
    let mut arguments = Vec::with_capacity(message.args.len());
    flatten(message.args, &mut arguments);
    Ok(Message {
        address: message.addr,
        arguments,
        time_tag,
    })
}

fn with_leading_slash(address: &str) -> String {
    if address.starts_with('/') {
        address.to_owned()
    } else {
        format!("/{address}")
    }
}

fn rebuilt_with_slash(address: &str, rest: &[u8]) -> Vec<u8> {
    let mut bytes = with_leading_slash(address).into_bytes();
    bytes.resize(padded(bytes.len() + 1), 0);
    bytes.extend_from_slice(rest);
    bytes
}

/// Arrays are opened in place: screening has bounded their depth.
fn flatten(arguments: Vec<OscType>, flat: &mut Vec<Argument>) {
    for argument in arguments {
        flat.push(match argument {
            OscType::Int(value) => Argument::Number(f64::from(value)),
            OscType::Float(value) => Argument::Number(f64::from(value)),
            OscType::Double(value) => Argument::Number(value),
            OscType::Long(value) => Argument::Number(value as f64),
            OscType::Bool(value) => Argument::Number(f64::from(u8::from(value))),
            OscType::String(text) => Argument::Text(text),
            OscType::Array(array) => {
                flatten(array.content, flat);
                continue;
            }
            _ => Argument::Other,
        });
    }
}

#[cfg(test)]
mod tests;
