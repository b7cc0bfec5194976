//! TIFF pages with a palette, which the decoder does not know: told to it as gray, the samples it reads are the
//! indices, and the page's colour map says what they stand for (TIFF 6.0, section 5).

use std::borrow::Cow;

use super::gray::mean;

const PHOTOMETRIC: u16 = 262;
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;
const SHORT: u16 = 3;

/// More directories than this are a loop, or nothing to be decoded here.
const MAX_PAGES: usize = 10_000;

/// The gray level of each index of a colour map (256 reds, then greens, then blues, of 16 bits each), None when it is
/// not one of 8-bit samples.
pub(super) fn levels(map: &[u16]) -> Option<[u8; 256]> {
    let level = |n: usize| {
        let [r, g, b] = [map[n], map[n + 256], map[n + 512]].map(|colour| colour.to_be_bytes()[0]);
        mean(r, g, b)
    };
    (map.len() == 3 * 256).then(|| std::array::from_fn(level))
}

/// A TIFF whose palette pages call themselves gray.
pub(super) fn as_gray(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut bytes = Cow::Borrowed(bytes);
    let little = bytes.starts_with(b"II");
    for at in palette_values(&bytes, little) {
        let gray = if little { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
        bytes.to_mut()[at..at + 2].copy_from_slice(&gray);
    }
    bytes
}

/// Where the directories of a file say that their page has a palette.
fn palette_values(bytes: &[u8], little: bool) -> Vec<usize> {
    let short = |at: usize| {
        let field = *bytes.get(at..)?.first_chunk()?;
        Some(if little { u16::from_le_bytes(field) } else { u16::from_be_bytes(field) })
    };
    let long = |at: usize| {
        let field = *bytes.get(at..)?.first_chunk()?;
        usize::try_from(if little { u32::from_le_bytes(field) } else { u32::from_be_bytes(field) }).ok()
    };
    let mut found = Vec::new();
    let mut directory = long(4);
    for _ in 0..MAX_PAGES {
        let Some(at) = directory.filter(|&at| at != 0) else { break };
        let Some(count) = short(at) else { break };
        let end = at + 2 + 12 * usize::from(count);
        found.extend(
            (at + 2..end)
                .step_by(12)
                .filter(|&entry| short(entry) == Some(PHOTOMETRIC) && short(entry + 2) == Some(SHORT))
                .map(|entry| entry + 8)
                .filter(|&value| short(value) == Some(PALETTE)),
        );
        directory = long(end);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_the_mean_of_the_high_bytes() {
        let mut map = vec![0; 768];
        (map[5], map[261], map[517]) = (0x10ff, 0x2000, 0x3300);
        assert_eq!(levels(&map).unwrap()[5], 0x21);
        assert_eq!(levels(&map[1..]), None);
    }

    #[test]
    fn a_loop_of_directories_ends() {
        let looped = [&b"II*\0"[..], &8u32.to_le_bytes(), &0u16.to_le_bytes(), &8u32.to_le_bytes()].concat();
        assert!(matches!(as_gray(&looped), Cow::Borrowed(_)));
        for length in 0..looped.len() {
            as_gray(&looped[..length]);
        }
    }
}
