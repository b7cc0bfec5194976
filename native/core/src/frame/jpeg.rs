//! What the JPEG decoder forgives and we must not: a file cut short, which it would fill up with gray.

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// How far the chain of marker segments holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Breaks before any scan: no JPEG, or cut inside its head.
    Broken,
    /// Reaches a scan but not the end of the image: cut short.
    Cut,
    /// Reaches the end of the image.
    Whole,
}

/// Walks the markers of a JPEG file (ITU T.81, B.1) from start to end of image.
pub(super) fn walk(bytes: &[u8]) -> Walk {
    let mut state = Walk::Broken;
    let Some(mut rest) = bytes.strip_prefix(&[0xff, SOI]) else { return state };
    while let Some(marker) = next_marker(&mut rest, state == Walk::Cut) {
        match marker {
            EOI => return if state == Walk::Cut { Walk::Whole } else { Walk::Broken },
            0x01 | 0xd0..=0xd7 => {} // stand alone
            _ => {
                let Some(&[high, low]) = rest.first_chunk() else { return state };
                let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low])).max(2)..) else {
                    return state;
                };
                rest = after;
                if marker == SOS {
                    state = Walk::Cut;
                }
            }
        }
    }
    state
}

/// Takes the next marker off `rest`. Within a scan (`in_scan`) entropy-coded bytes are skipped: there a marker is an
/// FF that is not followed by 00 (a stuffed FF) or D0–D7 (a restart).
fn next_marker(rest: &mut &[u8], in_scan: bool) -> Option<u8> {
    loop {
        let at = match rest.iter().position(|&b| b == 0xff)? {
            0 => 0,
            skip if in_scan => skip,
            _ => return None,
        };
        let fill = rest[at..].iter().position(|&b| b != 0xff)?;
        let marker = rest[at + fill];
        *rest = &rest[at + fill + 1..];
        match marker {
            0x00 | 0xd0..=0xd7 if in_scan => {}
            0x00 => return None,
            _ => return Some(marker),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = &[
        0xff, SOI, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, SOS, 0, 3, 9, // head, with a fill byte
        1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, // scan with a stuffed FF and a restart
        0xff, 0xc4, 0, 3, 7, 0xff, SOS, 0, 2, 5, 6, // a table and a second scan
        0xff, EOI, 0, 0, // and padding
    ];

    #[test]
    fn reaches_the_end_of_a_whole_image() {
        assert_eq!(walk(WHOLE), Walk::Whole);
    }

    #[test]
    fn says_when_the_image_is_cut_anywhere() {
        let end = WHOLE.len() - 2;
        for length in 0..end {
            let expected = if length < 14 { Walk::Broken } else { Walk::Cut };
            assert_eq!(walk(&WHOLE[..length]), expected, "{length} bytes");
        }
        assert_eq!(walk(&WHOLE[..end]), Walk::Whole);
    }

    #[test]
    fn raw_bytes_are_no_jpeg() {
        assert_eq!(walk(&[0xff, SOI, 0xff, 0x80, 0x90, 0x70, 0x60]), Walk::Broken);
        assert_eq!(walk(&[0xff, SOI, 0xff, EOI]), Walk::Broken);
        assert_eq!(walk(b"PNG"), Walk::Broken);
    }
}
