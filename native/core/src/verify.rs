//! Whether a file is still what it was.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// Whether the crc32c of the whole file is `expected` (8 hex digits). Reads in pieces.
pub fn verify(path: &Path, expected: &str) -> Result<bool> {
    let expected = u32::from_str_radix(expected, 16).map_err(|_| {
        Error::native(format!(
            "expected a crc32c of 8 hex digits, got \"{expected}\"; read it from the sidecar"
        ))
    })?;
    let crc = || {
        let mut file = File::open(path)?;
        let mut piece = vec![0; 256 << 10];
        let mut crc = 0;
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(crc),
                length => crc = crc32c::crc32c_append(crc, &piece[..length]),
            }
        }
    };
    crc().map(|crc| crc == expected).map_err(|error| Error::io("read", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn reads_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.shard");
        let bytes: Vec<u8> = (0..600_000u32).map(|n| (n % 253) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let crc = format!("{:08x}", crc32c::crc32c(&bytes));
        assert!(verify(&path, &crc).unwrap());
        std::fs::write(&path, &bytes[..599_999]).unwrap();
        assert!(!verify(&path, &crc).unwrap());
        assert_eq!(verify(&path, "nonsense").unwrap_err().code, Code::Native);
        assert_eq!(verify(&folder.path().join("b"), &crc).unwrap_err().code, Code::Spool);
    }
}
