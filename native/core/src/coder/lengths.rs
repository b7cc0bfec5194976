//! Codes of lengths (RFC 8878, 3.1.1.3.2.1.1).

/// Of literals.
pub(super) static LITERALS: Lengths =
    Lengths::new(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7], 0);

/// Of matches, whose least is 3.
pub(super) static MATCHES: Lengths = Lengths::new(
    &[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1,
        1, 1, 2, 2, 3, 3, 4, 4, 5, 7,
    ],
    8,
);

/// How lengths become codes: up to 127 by a table, above by their highest bit.
pub(super) struct Lengths {
    small: [Length; SMALL],
    /// Added to the highest bit.
    above: u32,
    /// Where the code is in a sequence.
    place: u32,
}

const SMALL: usize = 128;

/// A length in a sequence.
#[derive(Clone, Copy)]
pub(super) struct Length {
    /// Its code in its place, and the bits of `more` in theirs.
    pub(super) codes: u32,
    /// What the code leaves open.
    pub(super) more: u32,
}

impl Lengths {
    /// For codes that leave so many bits open, the least one standing for 0, up to the first for 128 and more: from
    /// there on each leaves one more.
    const fn new(bits: &[u32], place: u32) -> Self {
        let mut small = [Length { codes: 0, more: 0 }; SMALL];
        let (mut code, mut least, mut length) = (0, 0, 0);
        while length < SMALL {
            while length >= least + (1 << bits[code]) {
                least += 1 << bits[code];
                code += 1;
            }
            let codes = (code as u32) << place | bits[code] << 24;
            small[length] = Length { codes, more: (length - least) as u32 };
            length += 1;
        }
        Self { small, above: bits.len() as u32 - 1 - SMALL.ilog2(), place }
    }

    #[inline(always)]
    pub(super) fn code(&self, length: usize) -> Length {
        if let Some(&small) = self.small.get(length) {
            return small;
        }
        let bits = length.ilog2();
        Length { codes: (bits + self.above) << self.place | bits << 24, more: length as u32 ^ 1 << bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least length of each code from the 16th or 32nd on, and its bits.
    fn assert_codes(lengths: &Lengths, first: u32, table: &[(usize, u32)]) {
        let told = |length| {
            let Length { codes, more } = lengths.code(length);
            (codes >> lengths.place & 0xFF, more, codes >> 24)
        };
        for length in 0..first {
            assert_eq!(told(length as usize), (length, 0, 0));
        }
        for (code, &(least, bits)) in (first..).zip(table) {
            assert_eq!(told(least), (code, 0, bits));
            assert_eq!(told(least + (1 << bits) - 1), (code, (1 << bits) - 1, bits));
        }
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        #[rustfmt::skip]
        assert_codes(&LITERALS, 16, &[
            (16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3), (40, 3), (48, 4), (64, 6), (128, 7),
            (256, 8), (512, 9), (1024, 10), (2048, 11), (4096, 12), (8192, 13), (16384, 14), (32768, 15), (65536, 16),
        ]);
        // The standard counts from 3.
        let matches = [
            (35, 1),
            (37, 1),
            (39, 1),
            (41, 1),
            (43, 2),
            (47, 2),
            (51, 3),
            (59, 3),
            (67, 4),
            (83, 4),
            (99, 5),
            (131, 7),
            (259, 8),
            (515, 9),
            (1027, 10),
            (2051, 11),
            (4099, 12),
            (8195, 13),
            (16387, 14),
            (32771, 15),
            (65539, 16),
        ];
        assert_codes(&MATCHES, 32, &matches.map(|(least, bits)| (least - 3, bits)));
    }
}
