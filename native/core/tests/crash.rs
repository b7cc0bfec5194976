//! What a crash can leave of a chunk, and what recovery makes of it.
#![expect(clippy::float_cmp, clippy::cast_possible_truncation, reason = "stamps pass unchanged; small files")]

mod support;

use std::fs;
use std::path::Path;

use atomscale_core::recover::{Recovered, recover};
use atomscale_core::{sidecar, verify};
use support::{FPS, SIZE, close, frame, names, push_frame, read_shard, seal, stamp, writer};

/// A folder with an open chunk of `frames` frames, and its two files.
fn open_chunk(frames: usize) -> (tempfile::TempDir, Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 100);
    for n in 0..frames {
        push_frame(&writer, n).unwrap();
    }
    close(&writer).unwrap();
    let part = fs::read(folder.path().join("000000.part")).unwrap();
    let open = fs::read(folder.path().join("000000.open")).unwrap();
    assert_eq!(open.len(), 32 + 32 * frames);
    (folder, part, open)
}

/// Where the frames of a journal end.
fn ends(open: &[u8]) -> Vec<usize> {
    open[32..]
        .chunks(32)
        .map(|record| {
            let offset = u64::from_le_bytes(record[..8].try_into().unwrap());
            let length = u32::from_le_bytes(record[8..12].try_into().unwrap());
            usize::try_from(offset).unwrap() + length as usize
        })
        .collect()
}

fn place(folder: &Path, part: &[u8], open: &[u8]) {
    for name in names(folder) {
        fs::remove_file(folder.join(name)).unwrap();
    }
    fs::write(folder.join("000000.part"), part).unwrap();
    fs::write(folder.join("000000.open"), open).unwrap();
}

fn check_sealed(folder: &Path, recovered: &Recovered, frames: usize) {
    let sealed = recovered.sealed.as_ref().expect("a sealed chunk");
    assert_eq!((sealed.frames, recovered.frames_kept), (frames, frames));
    assert_eq!(sealed.start_ms, stamp(0));
    assert_eq!(names(folder), ["000000.json", "000000.shard"]);
    let expected: Vec<_> = (0..frames).map(|n| frame(n, SIZE)).collect();
    assert_eq!(read_shard(&folder.join("000000.shard"), frames), expected);
    let text = fs::read_to_string(folder.join("000000.json")).unwrap();
    assert!(sidecar::holds(&text));
    let crc = &text.split(r#""shard_crc32c":""#).nth(1).unwrap()[..8];
    assert!(verify::verify(&folder.join("000000.shard"), crc).unwrap());
}

#[test]
fn a_part_cut_at_any_byte_keeps_the_whole_frames_before() {
    let (folder, part, open) = open_chunk(3);
    let ends = ends(&open);
    for length in 0..=part.len() {
        place(folder.path(), &part[..length], &open);
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        let kept = ends.iter().filter(|&&end| end <= length).count();
        assert_eq!(recovered.frames_kept, kept, "{length} bytes");
        assert_eq!(recovered.damaged.is_none(), kept == 3, "{length} bytes");
        if kept == 0 {
            assert_eq!(recovered.sealed, None);
            assert_eq!(
                fs::read(folder.path().join("000000.part")).unwrap(),
                part[..length],
                "left as it was"
            );
            assert_eq!(fs::read(folder.path().join("000000.open")).unwrap(), open);
        } else {
            assert_eq!(recovered.bytes_cut as usize, length - ends[kept - 1]);
            check_sealed(folder.path(), &recovered, kept);
        }
    }
}

#[test]
fn a_journal_cut_at_any_byte_keeps_the_frames_it_speaks_of() {
    let (folder, part, open) = open_chunk(3);
    for length in 0..=open.len() {
        place(folder.path(), &part, &open[..length]);
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        let kept = length.saturating_sub(32) / 32;
        assert_eq!(recovered.frames_kept, kept, "{length} bytes");
        assert_eq!(recovered.damaged.is_none(), kept == 3, "{length} bytes");
        if kept == 0 {
            assert_eq!(fs::read(folder.path().join("000000.part")).unwrap(), part, "left as it was");
        } else {
            check_sealed(folder.path(), &recovered, kept);
        }
    }
}

#[test]
fn a_flipped_byte_anywhere_never_passes() {
    let (folder, part, open) = open_chunk(3);
    let ends = ends(&open);
    for at in 0..part.len() {
        let mut bad = part.clone();
        bad[at] ^= 0x10;
        place(folder.path(), &bad, &open);
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert_eq!(recovered.frames_kept, ends.iter().filter(|&&end| end <= at).count(), "byte {at}");
        assert!(recovered.damaged.is_some());
    }
    for at in 0..open.len() {
        let mut bad = open.clone();
        bad[at] ^= 0x10;
        place(folder.path(), &part, &bad);
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert_eq!(recovered.frames_kept, (at / 32).saturating_sub(1), "byte {at}");
        assert!(recovered.damaged.is_some());
    }
}

#[test]
fn each_step_of_sealing_can_be_the_last() {
    let (folder, part, open) = open_chunk(3);
    place(folder.path(), &part, &open);
    recover(folder.path(), 0, FPS).unwrap();
    let shard = fs::read(folder.path().join("000000.shard")).unwrap();
    let text = fs::read_to_string(folder.path().join("000000.json")).unwrap();

    // While the index was being appended.
    for length in part.len()..=shard.len() {
        place(folder.path(), &shard[..length], &open);
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert_eq!((recovered.damaged.as_deref(), recovered.bytes_cut), (None, 0), "{length} bytes");
        check_sealed(folder.path(), &recovered, 3);
        assert_eq!(fs::read(folder.path().join("000000.shard")).unwrap(), shard);
    }
    // With a sidecar in the making, or done.
    for name in ["000000.json.tmp", "000000.json"] {
        place(folder.path(), &shard, &open);
        fs::write(folder.path().join(name), &text[..text.len() / 2]).unwrap();
        check_sealed(folder.path(), &recover(folder.path(), 0, FPS).unwrap(), 3);
    }
    // After the part was renamed, with any sidecar.
    for sidecar in [None, Some(&text[..9]), Some(&text[..])] {
        place(folder.path(), &shard, &open);
        fs::rename(folder.path().join("000000.part"), folder.path().join("000000.shard")).unwrap();
        if let Some(sidecar) = sidecar {
            fs::write(folder.path().join("000000.json"), sidecar).unwrap();
        }
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert_eq!(recovered.damaged, None);
        check_sealed(folder.path(), &recovered, 3);
        assert_eq!(fs::read_to_string(folder.path().join("000000.json")).unwrap(), text);
    }
    // Renamed, but no longer what was written.
    for bad in [&shard[..shard.len() - 1], &[&shard[..], &[0]].concat()[..]] {
        place(folder.path(), bad, &open);
        fs::rename(folder.path().join("000000.part"), folder.path().join("000000.shard")).unwrap();
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert!(recovered.sealed.is_none() && recovered.damaged.is_some());
        assert_eq!(names(folder.path()), ["000000.open", "000000.shard"]);
        fs::remove_file(folder.path().join("000000.shard")).unwrap();
        fs::write(folder.path().join("000000.part"), &part).unwrap();
    }
}

#[test]
fn a_chunk_in_which_nothing_ever_was_is_removed() {
    let (folder, _, open) = open_chunk(1);
    for header in [0, 5, 31, 32] {
        place(folder.path(), &[], &open[..header]);
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert_eq!(recovered, Recovered { sealed: None, frames_kept: 0, bytes_cut: 0, damaged: None });
        assert!(names(folder.path()).is_empty());
    }
    fs::write(folder.path().join("000000.open"), "").unwrap();
    assert_eq!(recover(folder.path(), 0, FPS).unwrap().damaged, None);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_makes_no_sense_is_left_alone() {
    let (folder, part, open) = open_chunk(2);
    for missing in ["000000.open", "000000.part"] {
        place(folder.path(), &part, &open);
        fs::remove_file(folder.path().join(missing)).unwrap();
        let before = names(folder.path());
        let recovered = recover(folder.path(), 0, FPS).unwrap();
        assert!(recovered.sealed.is_none() && recovered.damaged.is_some());
        assert_eq!(names(folder.path()), before);
    }
    place(folder.path(), &part, &open);
    assert!(recover(folder.path(), 0, f64::NAN).is_err());
    fs::write(folder.path().join("000000.shard"), "another").unwrap();
    assert!(recover(folder.path(), 0, FPS).unwrap().sealed.is_none());
    assert_eq!(fs::read_to_string(folder.path().join("000000.shard")).unwrap(), "another");
}

#[test]
fn a_recovered_chunk_is_the_one_that_would_have_been_sealed() {
    let (folder, part, open) = open_chunk(3);
    let other = tempfile::tempdir().unwrap();
    let writer = writer(other.path(), 100);
    for n in 0..3 {
        push_frame(&writer, n).unwrap();
    }
    let sealed = seal(&writer).unwrap();
    place(folder.path(), &part, &open);
    assert_eq!(recover(folder.path(), 0, FPS).unwrap().sealed, sealed);
    for name in ["000000.shard", "000000.json"] {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), fs::read(other.path().join(name)).unwrap());
    }
}
