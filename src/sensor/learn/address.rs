//! A device's own id among its addresses, so that the profile fits others of its kind.

/// The segment of all addresses that holds the same number.
pub(super) fn id_segment(addresses: &[&str]) -> Option<usize> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let first: Vec<&str> = addresses.first()?.split('/').collect();
    (0..first.len()).find(|&place| {
        is_number(first[place])
            && addresses
                .iter()
                .all(|address| address.split('/').nth(place) == Some(first[place]))
    })
}

/// The address with a place for an id in that segment.
pub(super) fn with_hole(address: &str, hole: Option<usize>) -> String {
    let segments = address.split('/').enumerate();
    let named = segments.map(|(place, text)| if Some(place) == hole { "{id}" } else { text });
    named.collect::<Vec<_>>().join("/")
}
