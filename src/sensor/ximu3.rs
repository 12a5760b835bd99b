//! x-IMU3's own messages over UDP, which are not OSC: lines of text, or binary with stuffed bytes.
//!
//! They become messages `/ximu3/<identifier>` with the time stamp (µs) first, so that the table says
//! what they mean like any other's. From x-io's user manual and decoder.

use super::osc::{Argument, MAX_ARGUMENTS, MAX_DATAGRAM_BYTES, Malformed, Message};

/// Whether a datagram looks like x-IMU3's: an identifier, then a comma (text) or with its top bit set (binary).
pub fn recognises(datagram: &[u8]) -> bool {
    match datagram {
        [b'A'..=b'Z', b',', ..] => true,
        [first, ..] => (0x80 | b'A'..=0x80 | b'Z').contains(first),
        [] => false,
    }
}

/// Decodes every message of a datagram into `messages` (which is cleared first). Total.
pub fn decode(datagram: &[u8], messages: &mut Vec<Message>) -> Result<(), Malformed> {
    messages.clear();
    if datagram.len() > MAX_DATAGRAM_BYTES {
        return Err(Malformed::TooLong);
    }
    for line in datagram.split_inclusive(|&byte| byte == END) {
        let line = line.strip_suffix(&[END]).ok_or(Malformed::Truncated)?;
        let message = match line.first() {
            Some(first) if first & 0x80 != 0 => binary(line)?,
            Some(_) => text(line)?,
            None => continue,
        };
        messages.push(message);
    }
    Ok(())
}

const END: u8 = b'\n';
const ESCAPE: u8 = 0xDB;
const ESCAPED_END: u8 = 0xDC;
const ESCAPED_ESCAPE: u8 = 0xDD;

fn message(identifier: u8, arguments: Vec<Argument>) -> Message {
    let address = format!("/ximu3/{}", char::from(identifier));
    Message {
        address,
        arguments,
        time_tag: None,
    }
}

/// `I,1000000,0.0,0.0,0.0,0.0,0.0,1.0\r`
fn text(line: &[u8]) -> Result<Message, Malformed> {
    let line = std::str::from_utf8(line).map_err(|_| Malformed::NotText)?;
    let mut fields = line.trim_end_matches('\r').split(',');
    let identifier = match fields.next().map(str::as_bytes) {
        Some([identifier @ b'A'..=b'Z']) => *identifier,
        _ => return Err(Malformed::BadArgument),
    };
    let argument = |field: &str| {
        field
            .parse()
            .map_or_else(|_| Argument::Text(field.to_owned()), Argument::Number)
    };
    Ok(message(
        identifier,
        fields.take(MAX_ARGUMENTS).map(argument).collect(),
    ))
}

/// Identifier with its top bit set, µs as u64, then f32, all little-endian.
fn binary(line: &[u8]) -> Result<Message, Malformed> {
    let mut plain = Vec::with_capacity(line.len());
    let mut bytes = line.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match (byte, byte == ESCAPE) {
            (byte, false) => byte,
            _ => match bytes.next() {
                Some(&ESCAPED_END) => END,
                Some(&ESCAPED_ESCAPE) => ESCAPE,
                _ => return Err(Malformed::BadArgument),
            },
        });
    }
    let (&first, rest) = plain.split_first().ok_or(Malformed::Empty)?;
    let identifier = first & 0x7f;
    let (stamp, numbers) = rest.split_first_chunk::<8>().ok_or(Malformed::Truncated)?;
    let mut arguments = vec![Argument::Number(u64::from_le_bytes(*stamp) as f64)];
    if identifier.is_ascii_uppercase() && !matches!(identifier, b'S' | b'N' | b'F') {
        let (numbers, rest) = numbers.as_chunks::<4>();
        if !rest.is_empty() || numbers.len() > MAX_ARGUMENTS {
            return Err(Malformed::TrailingBytes);
        }
        arguments.extend(
            numbers
                .iter()
                .map(|bytes| Argument::Number(f64::from(f32::from_le_bytes(*bytes)))),
        );
    }
    Ok(message(identifier, arguments))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(message: &Message) -> Vec<f64> {
        message
            .arguments
            .iter()
            .filter_map(Argument::number)
            .collect()
    }

    #[test]
    fn lines_of_text_are_read() {
        let mut messages = Vec::new();
        let datagram = b"I,1000000,1.5,0,0,0,0,1.0\r\nN,1000001,Hello\r\n";
        assert!(recognises(datagram));
        decode(datagram, &mut messages).unwrap();
        assert_eq!(messages[0].address, "/ximu3/I");
        assert_eq!(numbers(&messages[0]), [1e6, 1.5, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(messages[1].address, "/ximu3/N");
    }

    #[test]
    fn binary_messages_are_unstuffed() {
        // A stamp of 10 (the end mark) and of 0xDB in its second byte.
        let mut datagram = vec![
            0x80 | b'Q',
            ESCAPE,
            ESCAPED_END,
            ESCAPE,
            ESCAPED_ESCAPE,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        for number in [1.0_f32, 0.0, -0.5, 0.25] {
            datagram.extend(number.to_le_bytes());
        }
        datagram.push(END);
        let mut messages = Vec::new();
        assert!(recognises(&datagram));
        decode(&datagram, &mut messages).unwrap();
        assert_eq!(messages[0].address, "/ximu3/Q");
        assert_eq!(
            numbers(&messages[0]),
            [f64::from(0xDB0A), 1.0, 0.0, -0.5, 0.25]
        );
    }

    #[test]
    fn osc_is_not_taken_for_it() {
        for datagram in [
            &b"/quaternion\0"[..],
            b"#bundle\0",
            b"Person0/elements/alpha_relative\0",
            b"",
            b"muse/acc\0",
        ] {
            assert!(!recognises(datagram));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut messages = Vec::new();
            let _ = decode(&bytes, &mut messages);
        }
    }
}
