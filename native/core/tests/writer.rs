//! The writer as its callers see it.
#![expect(clippy::float_cmp, reason = "stamps pass unchanged")]

mod support;

use std::sync::mpsc::{Receiver, channel};

use atomscale_core::error::{Code, Result};
use atomscale_core::frame::Size;
use atomscale_core::log::{Accepted, Place};
use support::{
    SIZE, close, frame, message, message_of, names, push, push_frame, read_shard, seal, spec, stamp, sync,
    writer,
};

#[test]
fn chunks_are_sealed_when_full_and_hold_the_frames_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 4);
    let sealed: Vec<_> = (0..10).flat_map(|n| push_frame(&writer, n).unwrap().sealed).collect();
    assert_eq!(writer.open_frames(), 2);
    assert_eq!(sealed.iter().map(|chunk| chunk.number).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(sealed[1].chunk_index, 1);
    assert_eq!(sealed[1].start_ms, stamp(4));
    let last = seal(&writer).unwrap().unwrap();
    assert_eq!((last.number, last.frames, last.start_ms), (2, 2, stamp(8)));
    assert_eq!(seal(&writer).unwrap(), None);
    for (number, frames) in [(0, 0..4), (1, 4..8), (2, 8..10)] {
        let read = read_shard(&folder.path().join(format!("{number:06}.shard")), frames.len());
        assert_eq!(read, frames.map(|n| frame(n, SIZE)).collect::<Vec<_>>());
    }
    let files = names(folder.path());
    assert_eq!(files.len(), 6, "{files:?}");
}

#[test]
fn many_pushes_at_once_are_answered_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let writers: Vec<_> = (0..3)
        .map(|n| {
            let folder = folder.path().join(n.to_string());
            std::fs::create_dir(&folder).unwrap();
            writer(&folder, 1000)
        })
        .collect();
    let (tell, told) = channel();
    for n in 0..300 {
        for (w, writer) in writers.iter().enumerate() {
            // Frames of very different cost side by side; every seventh message is bad.
            let count = if n % 5 == 0 { 20 } else { 1 };
            let bytes = if n % 7 == 3 { vec![0; 5] } else { frame(n, SIZE).repeat(count) };
            let tell = tell.clone();
            let done = move |result: Result<Accepted>| {
                tell.send((w, n, result.map(|accepted| accepted.frames))).unwrap();
            };
            writer.push(message(bytes, SIZE, &[]), Box::new(done));
        }
    }
    drop(tell);
    let mut next = [0; 3];
    for (w, n, result) in told {
        assert_eq!(n, next[w]);
        next[w] += 1;
        match result {
            Ok(frames) => assert_eq!(frames, if n % 5 == 0 { 20 } else { 1 }),
            Err(error) => assert_eq!((error.code, n % 7), (Code::FrameShape, 3)),
        }
    }
    assert_eq!(next, [300; 3]);
}

#[test]
fn a_refused_message_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 10);
    push_frame(&writer, 0).unwrap();
    let part = folder.path().join("000000.part");
    let before = std::fs::read(&part).unwrap();
    let half_good = [frame(1, SIZE), vec![0; 3]].concat();
    let error = push(&writer, message(half_good, SIZE, &[stamp(1)])).recv().unwrap().unwrap_err();
    assert_eq!(error.code, Code::FrameShape);
    let other = Size { width: 10, height: 10 };
    let error = push(&writer, message(frame(1, other), other, &[stamp(1)])).recv().unwrap().unwrap_err();
    assert_eq!(error.code, Code::FrameShape);
    assert!(error.text.contains("12×8") && error.text.contains("10×10"), "{error}");
    let stamps = [stamp(1), stamp(2), stamp(3)];
    let error = push(&writer, message(frame(1, SIZE), SIZE, &stamps)).recv().unwrap().unwrap_err();
    assert_eq!(error.code, Code::FrameShape);
    assert_eq!(std::fs::read(&part).unwrap(), before);
    push_frame(&writer, 1).unwrap();
    assert_eq!(seal(&writer).unwrap().unwrap().frames, 2);
}

#[test]
fn a_refused_first_message_fixes_no_size() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 10);
    let mut bad = message(frame(0, SIZE).repeat(11), SIZE, &[]);
    bad.place = Place::whole(0);
    assert_eq!(push(&writer, bad).recv().unwrap().unwrap_err().code, Code::FrameShape);
    let other = Size { width: 10, height: 10 };
    push(&writer, message(frame(1, other), other, &[])).recv().unwrap().unwrap();
}

#[test]
fn a_pause_within_a_message_divides_it() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 10);
    let stamps = [stamp(0), stamp(1), stamp(100), stamp(101), stamp(102)];
    let bytes: Vec<u8> = (0..5).flat_map(|n| frame(n, SIZE)).collect();
    let accepted = push(&writer, message(bytes, SIZE, &stamps)).recv().unwrap().unwrap();
    assert_eq!(accepted.frames, 5);
    assert_eq!(accepted.sealed.len(), 1);
    assert_eq!((accepted.sealed[0].frames, accepted.sealed[0].start_ms), (2, stamp(0)));
    let last = seal(&writer).unwrap().unwrap();
    assert_eq!((last.frames, last.start_ms), (3, stamp(100)));
    assert_eq!(read_shard(&folder.path().join("000001.shard"), 3)[0], frame(2, SIZE));
}

#[test]
fn a_message_with_an_index_is_that_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 10);
    push_frame(&writer, 0).unwrap();
    let mut whole = message(frame(1, SIZE).repeat(3), SIZE, &[stamp(500)]);
    whole.place = Place::whole(41);
    let sealed = push(&writer, whole).recv().unwrap().unwrap().sealed;
    let brief: Vec<_> = sealed.iter().map(|chunk| (chunk.number, chunk.chunk_index, chunk.frames)).collect();
    assert_eq!(brief, [(0, 0, 1), (1, 41, 3)]);
    assert_eq!(writer.open_frames(), 0);
}

#[test]
fn frames_stamped_on_arrival_end_their_chunk_when_the_last_arrived() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 3);
    push(&writer, message(frame(0, SIZE).repeat(3), SIZE, &[])).recv().unwrap().unwrap();
    let sidecar = std::fs::read_to_string(folder.path().join("000000.json")).unwrap();
    assert!(sidecar.contains(r#""start_ms":999999999700,"#), "{sidecar}");
}

#[test]
fn a_closed_writer_refuses_and_leaves_the_chunk_open() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 10);
    push_frame(&writer, 0).unwrap();
    sync(&writer).unwrap();
    let late = push(&writer, message(frame(1, SIZE), SIZE, &[stamp(1)]));
    close(&writer).unwrap();
    late.recv().unwrap().unwrap();
    assert_eq!(push_frame(&writer, 2).unwrap_err().code, Code::Native);
    assert_eq!(seal(&writer).unwrap_err().code, Code::Native);
    assert_eq!(sync(&writer).unwrap_err().code, Code::Native);
    close(&writer).unwrap();
    assert_eq!(names(folder.path()), ["000000.open", "000000.part"]);
}

#[test]
fn earlier_chunks_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for taken in ["000000.part", "000000.open", "000000.shard"] {
        std::fs::write(folder.path().join(taken), "data").unwrap();
        let writer = writer(folder.path(), 10);
        let error = push_frame(&writer, 0).unwrap_err();
        assert_eq!(error.code, Code::Spool, "{taken}: {error}");
        assert_eq!(names(folder.path()), [taken]);
        assert_eq!(std::fs::read_to_string(folder.path().join(taken)).unwrap(), "data");
        std::fs::remove_file(folder.path().join(taken)).unwrap();
        push_frame(&writer, 0).unwrap();
        seal(&writer).unwrap();
        for name in names(folder.path()) {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}

#[test]
fn a_seal_that_fails_is_tried_again_and_told_later() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 2);
    push_frame(&writer, 0).unwrap();
    // A folder where the sidecar is to be written aside.
    let obstacle = folder.path().join("000000.json.tmp");
    std::fs::create_dir(&obstacle).unwrap();
    let accepted = push_frame(&writer, 1).unwrap();
    assert_eq!(accepted.sealed, [], "the frame is in, though the chunk could not be sealed");
    assert_eq!(push_frame(&writer, 2).unwrap_err().code, Code::Spool);
    assert_eq!(seal(&writer).unwrap_err().code, Code::Spool);
    std::fs::remove_dir(&obstacle).unwrap();
    let accepted = push_frame(&writer, 3).unwrap();
    assert_eq!(accepted.sealed.len(), 1);
    assert_eq!(read_shard(&folder.path().join("000000.shard"), 2), [frame(0, SIZE), frame(1, SIZE)]);
    assert_eq!(seal(&writer).unwrap().unwrap().frames, 1);
}

#[test]
fn a_folder_that_is_gone_is_a_coded_error_and_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("stream");
    let writer = writer(&inner, 2);
    assert_eq!(push_frame(&writer, 0).unwrap_err().code, Code::Spool);
    std::fs::create_dir(&inner).unwrap();
    push_frame(&writer, 0).unwrap();
    assert_eq!(names(&inner), ["000000.open", "000000.part"]);
}

#[test]
fn a_chunk_of_the_caller_s_comes_in_several_messages() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 5);
    let part = |index, before, more, frames: usize| {
        let mut message = message(frame(0, SIZE).repeat(frames), SIZE, &[stamp(0)]);
        message.place = Place::Chunk { index, before, more };
        push(&writer, message)
    };
    let code = |refused: Receiver<Result<Accepted>>| refused.recv().unwrap().unwrap_err().code;
    push_frame(&writer, 0).unwrap();
    let flowed = part(7, 0, true, 2).recv().unwrap().unwrap().sealed;
    assert_eq!(flowed[0].chunk_index, 0, "what was open is sealed first");
    assert_eq!(code(part(8, 2, true, 1)), Code::Native, "of another chunk");
    assert_eq!(code(part(7, 2, true, 4)), Code::FrameShape, "more than a chunk");
    assert!(part(7, 2, true, 2).recv().unwrap().unwrap().sealed.is_empty());
    assert_eq!(code(part(7, 2, true, 1)), Code::Native, "it came already");
    let whole = part(7, 4, false, 1).recv().unwrap().unwrap().sealed;
    assert_eq!((whole[0].chunk_index, whole[0].frames), (7, 5));
    assert_eq!(code(part(7, 5, false, 1)), Code::Native, "it is complete");

    part(9, 0, true, 2).recv().unwrap().unwrap();
    let begun = part(9, 0, false, 3).recv().unwrap().unwrap().sealed;
    let brief: Vec<_> = begun.iter().map(|chunk| (chunk.chunk_index, chunk.frames)).collect();
    assert_eq!(brief, [(9, 2), (9, 3)], "begun again: the later one replaces the other");
    part(10, 0, true, 2).recv().unwrap().unwrap();
    let cut_short = push_frame(&writer, 3).unwrap().sealed;
    assert_eq!(
        (cut_short[0].chunk_index, cut_short[0].frames),
        (10, 2),
        "frames that flow go into their own"
    );
}

#[test]
fn bad_settings_of_the_pixels_refuse_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path(), 2);
    let first = push(&writer, message(frame(0, SIZE).repeat(2), SIZE, &[stamp(0)]));
    let unknown = atomscale_core::frame::Format::parse("yuv").map(|_| spec(SIZE));
    let bad = message_of(&[frame(1, SIZE)], unknown, &[]);
    let error = push(&writer, bad).recv().unwrap().unwrap_err();
    assert_eq!(error.code, Code::FrameFormat);
    assert_eq!(first.try_recv().unwrap().unwrap().frames, 2, "answered before");
}
