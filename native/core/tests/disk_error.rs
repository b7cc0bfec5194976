//! A disk that takes a part of a write and then no more, as a full one does. The limit on file size is the process's,
//! so this test has a process of its own.
#![cfg(unix)]

mod support;

use atomscale_core::error::Code;
use support::{SIZE, frame, message, push, push_frame, read_shard, seal, stamp, writer};

fn limit_file_size(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: both calls take plain values and a pointer to one that lives until they return.
    let result = unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit)
    };
    assert_eq!(result, 0);
}

#[test]
fn a_write_that_fails_half_way_is_cut_back_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 12);
    let black = vec![0; frame(0, SIZE).len()];
    for n in 0..10 {
        push(&writer, message(black.clone(), SIZE, &[stamp(n)])).recv().unwrap().unwrap();
    }
    let part = folder.path().join("000000.part");
    let open = folder.path().join("000000.open");
    let before = (std::fs::read(&part).unwrap(), std::fs::read(&open).unwrap());

    // Frames do not fit.
    limit_file_size(before.0.len() as u64 + 5);
    assert_eq!(push_frame(&writer, 10).unwrap_err().code, Code::Spool);
    assert_eq!((std::fs::read(&part).unwrap(), std::fs::read(&open).unwrap()), before);
    assert_eq!(writer.open_frames(), 10);

    // A message over three chunks of which the second does not fit: none of it stays.
    let noise: Vec<u8> = (10..36).flat_map(|n| frame(n, SIZE)).collect();
    limit_file_size(6 * SIZE.pixels());
    let error = push(&writer, message(noise, SIZE, &[stamp(10)])).recv().unwrap().unwrap_err();
    assert!(error.text.contains("000001.part"), "the first chunk's two frames did fit: {error}");
    assert_eq!(error.code, Code::Spool);
    assert_eq!((std::fs::read(&part).unwrap(), std::fs::read(&open).unwrap()), before);
    assert_eq!(support::names(folder.path()), ["000000.open", "000000.part"]);

    // The index does not fit: the frames are in all the same, and the chunk is sealed when there is room.
    limit_file_size(libc::RLIM_INFINITY);
    push_frame(&writer, 10).unwrap();
    let journal = 32 + 32 * 12;
    let eleven = std::fs::metadata(&part).unwrap().len();
    limit_file_size(journal.max(eleven + SIZE.pixels() + 20));
    assert_eq!(push_frame(&writer, 11).unwrap().sealed, []);
    assert_eq!(push_frame(&writer, 12).unwrap_err().code, Code::Spool);
    limit_file_size(libc::RLIM_INFINITY);
    assert_eq!(push_frame(&writer, 12).unwrap().sealed.len(), 1);
    let noise = [frame(10, SIZE), frame(11, SIZE)];
    let expected: Vec<_> = vec![black; 10].into_iter().chain(noise).collect();
    assert_eq!(read_shard(&folder.path().join("000000.shard"), 12), expected);
    assert_eq!(seal(&writer).unwrap().unwrap().frames, 1);
    assert_eq!(read_shard(&folder.path().join("000001.shard"), 1), [frame(12, SIZE)]);
}
