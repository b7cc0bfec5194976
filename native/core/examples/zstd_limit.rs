//! How fast this build's zstd alone compresses frames: the limit that everything around it is measured by.
//!
//! `zstd_limit FILE FRAME_BYTES WIDTH COMPRESSION SECONDS THREADS`: compresses the frames of FILE (raw, one after the
//! other) again and again for SECONDS, each as a zstd frame of its own into the same room, on THREADS threads side by
//! side, in the one way on which COMPRESSION (auto, fast, small, a level) settles for these frames. Prints one line of
//! JSON: frames a second over all threads, bytes of a frame, the way, the version of zstd.

use std::error::Error;
use std::time::{Duration, Instant};

use atomscale_core::chooser::{Chooser, Compression, Haste};
use atomscale_core::compress::{Way, instruct};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, frame_bytes, width, compression, seconds, threads] = args.as_slice() else {
        return Err("expected FILE FRAME_BYTES WIDTH COMPRESSION SECONDS THREADS".into());
    };
    let (frame_bytes, width, threads) = (frame_bytes.parse()?, width.parse()?, threads.parse()?);
    let compression = Compression::parse(compression).map_err(|error| error.to_string())?;
    let time = Duration::from_secs_f64(seconds.parse()?);
    let pixels = std::fs::read(file)?;
    let way = way_for(&pixels, frame_bytes, width, compression).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let outcomes: Vec<(usize, usize)> = std::thread::scope(|scope| {
        let work = || scope.spawn(|| compress_for(time, &pixels, frame_bytes, width, &way));
        let workers: Vec<_> = (0..threads).map(|_| work()).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let (frames, bytes) = outcomes.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (frames, bytes) = (frames as f64, bytes as f64);
    let (rate, size, version) = (frames / seconds, bytes / frames, zstd_safe::version_string());
    println!(r#"{{"frames_per_s":{rate},"bytes_per_frame":{size},"way":"{way}","zstd":"{version}"}}"#);
    Ok(())
}

/// What a stream of these frames would be compressed by.
fn way_for(
    pixels: &[u8],
    frame_bytes: usize,
    width: usize,
    compression: Compression,
) -> atomscale_core::error::Result<Way> {
    let chooser = Chooser::new(compression);
    for frame in pixels.chunks_exact(frame_bytes).cycle().take(8) {
        chooser.compress(frame, width, Haste::None)?;
    }
    Ok(chooser.way())
}

/// Frames compressed, always whole rounds through `pixels`, and their bytes.
fn compress_for(
    time: Duration,
    pixels: &[u8],
    frame_bytes: usize,
    width: usize,
    way: &Way,
) -> (usize, usize) {
    let mut context = zstd_safe::CCtx::create();
    instruct(&mut context, way, width).unwrap();
    let mut room = Vec::with_capacity(zstd_safe::compress_bound(frame_bytes));
    let (mut frames, mut bytes) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < time {
        for frame in pixels.chunks_exact(frame_bytes) {
            room.clear();
            bytes += context.compress2(&mut room, frame).map_err(zstd_safe::get_error_name).unwrap();
            frames += 1;
        }
    }
    (frames, bytes)
}
