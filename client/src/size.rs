//! How long members are, before they are made.

/// The bytes of a member's headers, as far as they can be known from the walk: without attributes.
pub(crate) fn header_len(path: usize, link: usize, listing: usize) -> u64 {
    // Header of the extended header, its records, header. The time and the owners' names take less than a block.
    let long = |len: usize| if len > 95 { len + 24 } else { 0 };
    let records = 100 + long(path) + long(link) + if listing > 0 { listing + 24 } else { 0 };
    1024 + (records as u64).next_multiple_of(512)
}
