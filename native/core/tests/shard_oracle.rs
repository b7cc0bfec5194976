//! Shards against `zarrs`: it reads what we write, and writes the same frames.

mod support;

use std::sync::Arc;

use atomscale_core::effort::Compression;
use atomscale_core::writer::ChunkWriter;
use support::{SIZE, frame, message, push, seal, stamp, writer};
use zarrs::array::{Array, ArrayMetadata};
use zarrs::filesystem::FilesystemStore;

/// The array that a stream's chunks make, here of one chunk.
fn array(store: &Arc<FilesystemStore>, frames: usize, level: i32) -> Array<FilesystemStore> {
    let (height, width) = (SIZE.height, SIZE.width);
    let metadata = format!(
        r#"{{"zarr_format":3,"node_type":"array","shape":[{frames},{height},{width}],"data_type":"uint8","fill_value":0,
        "chunk_grid":{{"name":"regular","configuration":{{"chunk_shape":[{frames},{height},{width}]}}}},
        "chunk_key_encoding":{{"name":"default","configuration":{{"separator":"/"}}}},
        "codecs":[{{"name":"sharding_indexed","configuration":{{
            "chunk_shape":[1,{height},{width}],
            "codecs":[{{"name":"bytes"}},{{"name":"zstd","configuration":{{"level":{level},"checksum":false}}}}],
            "index_codecs":[{{"name":"bytes","configuration":{{"endian":"little"}}}},{{"name":"crc32c"}}],
            "index_location":"end"}}}}]}}"#
    );
    let metadata = ArrayMetadata::try_from(metadata.as_str()).unwrap();
    Array::new_with_metadata(Arc::clone(store), "/a", metadata).unwrap()
}

/// The compressed frames by the shard's index. zarrs compresses in parallel and stores them as they are done, so
/// only their order in the file may differ.
fn entries(shard: &[u8], frames: usize) -> Vec<&[u8]> {
    let index = &shard[shard.len() - 16 * frames - 4..];
    let number =
        |at: usize| usize::try_from(u64::from_le_bytes(index[at..at + 8].try_into().unwrap())).unwrap();
    (0..frames).map(|n| &shard[number(16 * n)..][..number(16 * n + 8)]).collect()
}

#[test]
fn zarrs_reads_our_shard_and_writes_the_same() {
    for (frames, level) in [(1usize, 1), (7, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let options = support::options(folder.path(), 10);
        let writer = ChunkWriter::new(options, Compression::Level(level)).unwrap();
        let all: Vec<u8> = (0..frames).flat_map(|n| frame(n, SIZE)).collect();
        push(&writer, message(all.clone(), SIZE, &[stamp(0)])).recv().unwrap().unwrap();
        let sealed = seal(&writer).unwrap().unwrap();
        assert_eq!(sealed.frames, frames);
        let ours = std::fs::read(folder.path().join("000000.shard")).unwrap();
        assert_eq!(ours.len() as u64, sealed.bytes);

        let store = Arc::new(FilesystemStore::new(folder.path().join("store")).unwrap());
        let array = array(&store, frames, level);
        let key = folder.path().join("store/a/c/0/0/0");
        std::fs::create_dir_all(key.parent().unwrap()).unwrap();
        std::fs::write(&key, &ours).unwrap();
        let read: Vec<u8> = array.retrieve_array_subset(&array.subset_all()).unwrap();
        assert_eq!(read, all);
        array.store_chunk(&[0, 0, 0], all).unwrap();
        let theirs = std::fs::read(&key).unwrap();
        assert_eq!(theirs.len(), ours.len());
        assert_eq!(entries(&theirs, frames), entries(&ours, frames), "{frames} frames at level {level}");
    }
}

#[test]
fn zarrs_reads_what_is_compressed_in_any_way() {
    for compression in [Compression::Auto, Compression::Fast, Compression::Small] {
        let folder = tempfile::tempdir().unwrap();
        let writer = ChunkWriter::new(support::options(folder.path(), 10), compression).unwrap();
        let all: Vec<u8> = (0..7).flat_map(|n| frame(n, SIZE)).collect();
        push(&writer, message(all.clone(), SIZE, &[stamp(0)])).recv().unwrap().unwrap();
        seal(&writer).unwrap().unwrap();
        let store = Arc::new(FilesystemStore::new(folder.path().join("store")).unwrap());
        let array = array(&store, 7, 3);
        let key = folder.path().join("store/a/c/0/0/0");
        std::fs::create_dir_all(key.parent().unwrap()).unwrap();
        std::fs::rename(folder.path().join("000000.shard"), key).unwrap();
        let read: Vec<u8> = array.retrieve_array_subset(&array.subset_all()).unwrap();
        assert_eq!(read, all, "{compression:?}");
    }
}

#[test]
fn a_bad_byte_in_the_index_is_found_by_zarrs() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 10);
    push(&writer, message(frame(0, SIZE), SIZE, &[stamp(0)])).recv().unwrap().unwrap();
    seal(&writer).unwrap();
    let mut ours = std::fs::read(folder.path().join("000000.shard")).unwrap();
    let last = ours.len() - 1;
    ours[last] ^= 1;
    let store = Arc::new(FilesystemStore::new(folder.path().join("store")).unwrap());
    let array = array(&store, 1, 3);
    let key = folder.path().join("store/a/c/0/0/0");
    std::fs::create_dir_all(key.parent().unwrap()).unwrap();
    std::fs::write(&key, &ours).unwrap();
    assert!(array.retrieve_array_subset::<Vec<u8>>(&array.subset_all()).is_err());
}
