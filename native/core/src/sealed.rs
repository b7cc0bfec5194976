//! Many sealed chunks looked at in one go: a backlog of a night is found at start without a wait a file.

use std::fs;
use std::path::Path;

/// A sealed chunk, as far as names and sizes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The text of its sidecar, as it is.
    pub sidecar: String,
    /// Size of its data.
    pub bytes: u64,
}

/// What there is of each number, its data being `NNNNNN.{ending}`. `None` where sidecar or data is missing or cannot be
/// read: whoever wants to know why looks closer.
#[must_use]
pub fn find(folder: &Path, numbers: &[u32], ending: &str) -> Vec<Option<Found>> {
    let find = |number: &u32| {
        let sidecar = fs::read_to_string(folder.join(format!("{number:06}.json"))).ok()?;
        let data = fs::metadata(folder.join(format!("{number:06}.{ending}"))).ok()?;
        Some(Found { sidecar, bytes: data.len() })
    };
    numbers.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_whole_and_leaves_the_rest_open() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
        write("000000.json", b"{}");
        write("000000.shard", b"12345");
        write("000001.json", b"{}");
        write("000002.shard", b"1");
        write("000003.json", b"\xff");
        write("000003.shard", b"1");
        write("1000000.json", b"{\"a\":1}");
        write("1000000.shard", b"");
        let found = find(folder.path(), &[0, 1, 2, 3, 1_000_000], "shard");
        let whole = |sidecar: &str, bytes| Some(Found { sidecar: sidecar.into(), bytes });
        assert_eq!(found, [whole("{}", 5), None, None, None, whole("{\"a\":1}", 0)]);
    }
}
