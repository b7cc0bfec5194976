//! Raw samples of more than 8 bits, from how they lie in memory to `u16`.

twice! {
    fn little_endian(bytes: &[[u8; 2]], out: &mut [u16]) {
        for (&word, v) in bytes.iter().zip(out) {
            *v = u16::from_le_bytes(word);
        }
    }
}

twice! {
    fn big_endian(bytes: &[[u8; 2]], out: &mut [u16]) {
        for (&word, v) in bytes.iter().zip(out) {
            *v = u16::from_be_bytes(word);
        }
    }
}

twice! {
    fn groups_10p(groups: &[[u8; 5]], out: &mut [[u16; 4]]) {
        for (&group, samples) in groups.iter().zip(out) {
            let [b0, b1, b2, b3, b4] = group.map(u16::from);
            *samples = [b0 | (b1 & 3) << 8, b1 >> 2 | (b2 & 15) << 6, b2 >> 4 | (b3 & 63) << 4, b3 >> 6 | b4 << 2];
        }
    }
}

twice! {
    fn groups_12p(groups: &[[u8; 3]], out: &mut [[u16; 2]]) {
        for (&group, samples) in groups.iter().zip(out) {
            let [b0, b1, b2] = group.map(u16::from);
            *samples = [b0 | (b1 & 15) << 8, b1 >> 4 | b2 << 4];
        }
    }
}

twice! {
    fn groups_10packed(groups: &[[u8; 3]], out: &mut [[u16; 2]]) {
        for (&group, samples) in groups.iter().zip(out) {
            let [b0, b1, b2] = group.map(u16::from);
            *samples = [b0 << 2 | (b1 & 3), b2 << 2 | (b1 >> 4 & 3)];
        }
    }
}

twice! {
    fn groups_12packed(groups: &[[u8; 3]], out: &mut [[u16; 2]]) {
        for (&group, samples) in groups.iter().zip(out) {
            let [b0, b1, b2] = group.map(u16::from);
            *samples = [b0 << 4 | (b1 & 15), b2 << 4 | b1 >> 4];
        }
    }
}

/// Reads `out.len()` 16-bit samples from number `first` on.
pub(super) fn words(bytes: &[u8], is_big_endian: bool, first: usize, out: &mut [u16]) {
    let words = &bytes.as_chunks().0[first..];
    if is_big_endian { big_endian(words, out) } else { little_endian(words, out) }
}

/// Reads `out.len()` samples of mono10p from number `first` (a multiple of 4) on.
pub(super) fn mono10p(bytes: &[u8], first: usize, out: &mut [u16]) {
    packed(&bytes[first / 4 * 5..], out, groups_10p);
}

/// Reads `out.len()` samples of mono12p from number `first` (a multiple of 2) on.
pub(super) fn mono12p(bytes: &[u8], first: usize, out: &mut [u16]) {
    packed(&bytes[first / 2 * 3..], out, groups_12p);
}

/// Reads `out.len()` samples of mono10packed from number `first` (a multiple of 2) on.
pub(super) fn mono10packed(bytes: &[u8], first: usize, out: &mut [u16]) {
    packed(&bytes[first / 2 * 3..], out, groups_10packed);
}

/// Reads `out.len()` samples of mono12packed from number `first` (a multiple of 2) on.
pub(super) fn mono12packed(bytes: &[u8], first: usize, out: &mut [u16]) {
    packed(&bytes[first / 2 * 3..], out, groups_12packed);
}

/// Reads groups of `S` samples in `B` bytes; the last may be cut short where the samples are at an end.
fn packed<const B: usize, const S: usize>(
    bytes: &[u8],
    out: &mut [u16],
    read: impl Fn(&[[u8; B]], &mut [[u16; S]]),
) {
    let (whole, rest) = out.as_chunks_mut();
    let groups = whole.len();
    read(&bytes.as_chunks().0[..groups], whole);
    if !rest.is_empty() {
        let cut = &bytes[groups * B..];
        let cut = &cut[..cut.len().min(B)];
        let mut group = [0; B];
        group[..cut.len()].copy_from_slice(cut);
        let mut samples = [[0; S]];
        read(&[group], &mut samples);
        rest.copy_from_slice(&samples[0][..rest.len()]);
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs samples bit by bit, the lowest first, as PFNC describes the formats that end in p.
    fn bits(samples: &[u16], width: usize) -> Vec<u8> {
        let mut bytes = vec![0; (samples.len() * width).div_ceil(8)];
        for (n, sample) in samples.iter().enumerate() {
            for bit in 0..width {
                bytes[(n * width + bit) / 8] |= ((sample >> bit & 1) as u8) << ((n * width + bit) % 8);
            }
        }
        bytes
    }

    /// Packs samples in pairs: the high byte of one, the low bits of both, the high byte of the other.
    fn pairs(samples: &[u16], low_bits: u32) -> Vec<u8> {
        let low = |v: u16| (v & ((1 << low_bits) - 1)) as u8;
        let high = |v: u16| (v >> low_bits) as u8;
        let packed = samples.chunks(2).flat_map(|pair| match *pair {
            [one, other] => vec![high(one), low(one) | low(other) << 4, high(other)],
            [one] => vec![high(one), low(one)],
            _ => unreachable!("chunks of two"),
        });
        packed.collect()
    }

    type Read = fn(&[u8], usize, &mut [u16]);

    fn reads_back(samples: &[u16], bytes: &[u8], read: Read, first: usize) {
        let mut out = vec![7; samples.len() - first];
        read(bytes, first, &mut out);
        assert_eq!(out, samples[first..]);
        // Bytes behind the samples are of no matter.
        let more = [bytes, &[255; 6]].concat();
        read(&more, first, &mut out);
        assert_eq!(out, samples[first..]);
    }

    #[test]
    fn the_layouts_of_the_standard() {
        let mut four = [0; 4];
        mono10p(&[0b1111_1111, 0b0000_0011, 0, 0, 0b1100_0000], 0, &mut four);
        assert_eq!(four, [1023, 0, 0, 0b11_0000_0000]);
        let mut two = [0; 2];
        mono12p(&[0xcd, 0x3b, 0x12], 0, &mut two);
        assert_eq!(two, [0xbcd, 0x123]);
        mono12packed(&[0xbc, 0x3d, 0x12], 0, &mut two);
        assert_eq!(two, [0xbcd, 0x123]);
        mono10packed(&[0xff, 0x21, 0x80], 0, &mut two);
        assert_eq!(two, [0x3fd, 0x202]);
    }

    proptest! {
        #[test]
        fn packed_samples_come_back(samples in prop::collection::vec(any::<u16>(), 1..300), skip in 0usize..40) {
            let first = (skip * 4).min((samples.len() - 1) / 4 * 4);
            let ten: Vec<u16> = samples.iter().map(|v| v >> 6).collect();
            let twelve: Vec<u16> = samples.iter().map(|v| v >> 4).collect();
            reads_back(&ten, &bits(&ten, 10), mono10p, first);
            reads_back(&twelve, &bits(&twelve, 12), mono12p, first);
            reads_back(&ten, &pairs(&ten, 2), mono10packed, first);
            reads_back(&twelve, &pairs(&twelve, 4), mono12packed, first);
        }

        #[test]
        fn words_come_back_in_both_orders(samples in prop::collection::vec(any::<u16>(), 1..300), skip in 0usize..300) {
            let first = skip.min(samples.len() - 1);
            let little: Vec<u8> = samples.iter().flat_map(|v| v.to_le_bytes()).collect();
            reads_back(&samples, &little, |bytes, first, out| words(bytes, false, first, out), first);
            let big: Vec<u8> = samples.iter().flat_map(|v| v.to_be_bytes()).collect();
            reads_back(&samples, &big, |bytes, first, out| words(bytes, true, first, out), first);
        }
    }
}
