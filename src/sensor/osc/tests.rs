use proptest::prelude::*;

use super::*;
use crate::sensor::encode::{bundle, message};

fn decoded(datagram: &[u8]) -> Result<Vec<Message>, Malformed> {
    let mut messages = Vec::new();
    decode(datagram, &mut messages).map(|()| messages)
}

/// `bytes` in `depth` bundles.
fn nested(depth: usize, bytes: &[u8]) -> Vec<u8> {
    (0..depth).fold(bytes.to_vec(), |inner, _| {
        let mut outer = b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec();
        outer.extend((inner.len() as u32).to_be_bytes());
        outer.extend(inner);
        outer
    })
}

fn typed(tags: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"/a\0\0".to_vec();
    bytes.extend(tags.as_bytes());
    bytes.resize(4 + padded(tags.len() + 1), 0);
    bytes.extend(content);
    bytes
}

#[test]
fn ints_floats_doubles_booleans_and_numeric_text_are_numbers() {
    let arguments = vec![
        OscType::Int(-3),
        OscType::Float(0.5),
        OscType::Double(0.25),
        OscType::Bool(true),
        OscType::String("1.5".into()),
        OscType::String("left".into()),
    ];
    let messages = decoded(&message("/x", arguments)).unwrap();
    let numbers: Vec<_> = messages[0].arguments.iter().map(Argument::number).collect();
    assert_eq!(
        numbers,
        [
            Some(-3.0),
            Some(0.5),
            Some(0.25),
            Some(1.0),
            Some(1.5),
            None
        ]
    );
}

#[test]
fn a_missing_leading_slash_is_put_back() {
    let mut bytes = message("/muse/acc", vec![OscType::Float(1.0)]);
    bytes.remove(0);
    bytes.insert(8, 0);
    let messages = decoded(&bytes).unwrap();
    assert_eq!(messages[0].address, "/muse/acc");
    assert_eq!(messages[0].arguments, [Argument::Number(1.0)]);
}

#[test]
fn messages_carry_the_time_tag_of_their_innermost_bundle() {
    let inner = bundle(5 << 32, vec![("/in".into(), vec![])]);
    let messages = decoded(&nested(1, &inner)).unwrap();
    assert_eq!(messages[0].time_tag.unwrap().seconds(), Some(5.0));
    let messages = decoded(&bundle(1, vec![("/now".into(), vec![])])).unwrap();
    assert_eq!(messages[0].time_tag.unwrap().seconds(), None);
}

#[test]
fn bundles_eight_deep_pass_and_nine_deep_do_not() {
    let inside = message("/x", vec![]);
    assert_eq!(decoded(&nested(8, &inside)).unwrap().len(), 1);
    assert_eq!(decoded(&nested(9, &inside)), Err(Malformed::BundlesTooDeep));
}

#[test]
fn the_nested_bundle_bomb_is_refused_whole() {
    // 2,600 bundles in one another: 52 KB that overflow a 2 MiB stack in a decoder that recurses.
    let bomb = nested(2_600, b"");
    assert_eq!(bomb.len(), 52_000);
    assert_eq!(screen(&bomb), Err(Malformed::TooLong));
    assert_eq!(screen(&nested(400, b"")), Err(Malformed::BundlesTooDeep));
}

#[test]
fn a_datagram_over_eight_kib_is_refused() {
    let mut bytes = message("/x", vec![]);
    bytes.resize(MAX_DATAGRAM_BYTES, 0);
    assert_eq!(screen(&bytes), Ok(()));
    bytes.push(0);
    assert_eq!(screen(&bytes), Err(Malformed::TooLong));
}

#[test]
fn what_rosc_lets_pass_is_refused() {
    assert_eq!(screen(&typed("ff", &[0; 8])), Err(Malformed::NoTypeTags));
    assert_eq!(
        screen(&typed(",[f", &[0; 4])),
        Err(Malformed::UnbalancedArray)
    );
    assert_eq!(
        screen(&typed(",f]", &[0; 4])),
        Err(Malformed::UnbalancedArray)
    );
    assert_eq!(
        screen(&typed(",f", b"\0\0\0\0rubbish!")),
        Err(Malformed::TrailingBytes)
    );
    assert_eq!(screen(&typed(",fff", &[0; 8])), Err(Malformed::Truncated));
    assert_eq!(screen(&typed(",s", b"open")), Err(Malformed::Truncated));
    assert_eq!(screen(&typed(",x", &[0; 4])), Err(Malformed::UnknownType));
    assert_eq!(screen(&typed(",b", &[0xff; 4])), Err(Malformed::Truncated));
    assert_eq!(screen(b"/\xff\xfe\0"), Err(Malformed::NotText));
    assert_eq!(screen(b""), Err(Malformed::Empty));
    let many = format!(",{}", "T".repeat(MAX_ARGUMENTS + 1));
    assert_eq!(screen(&typed(&many, b"")), Err(Malformed::TooManyArguments));
    let deep = format!(",{}{}", "[".repeat(9), "]".repeat(9));
    assert_eq!(screen(&typed(&deep, b"")), Err(Malformed::ArraysTooDeep));
}

#[test]
fn arrays_are_read_in_place() {
    let messages = decoded(&typed(",[f[i]]f", &[0; 12])).unwrap();
    assert_eq!(messages[0].arguments, vec![Argument::Number(0.0); 3]);
}

/// Text of the given letters. (Patterns as strategies would want a feature that changes every dependency's build.)
fn text(letters: &'static [u8], length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let letter = proptest::sample::select(letters);
    proptest::collection::vec(letter, length)
        .prop_map(|bytes| bytes.into_iter().map(char::from).collect())
}

fn any_argument() -> impl Strategy<Value = OscType> {
    prop_oneof![
        any::<i32>().prop_map(OscType::Int),
        any::<f32>().prop_map(OscType::Float),
        any::<f64>().prop_map(OscType::Double),
        any::<bool>().prop_map(OscType::Bool),
        text(b"abcxyz0189.", 0..10).prop_map(OscType::String),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(OscType::Blob),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut messages = Vec::new();
        prop_assert_eq!(screen(&bytes).is_ok(), decode(&bytes, &mut messages).is_ok());
    }

    #[test]
    fn what_was_encoded_is_read_back(
        path in proptest::collection::vec(text(b"abcxyz0189:", 1..13), 1..5),
        arguments in proptest::collection::vec(any_argument(), 0..30),
    ) {
        let address = format!("/{}", path.join("/"));
        let messages = decoded(&message(&address, arguments.clone())).unwrap();
        prop_assert_eq!(&messages[0].address, &address);
        prop_assert_eq!(messages[0].arguments.len(), arguments.len());
    }

    #[test]
    fn a_cut_message_is_never_half_read(cut in 0_usize..92) {
        let whole = message("/0/raw", vec![OscType::Float(1.0); 15]);
        prop_assert!(cut >= whole.len() || screen(&whole[..cut]).is_err() || cut == 8);
    }
}
