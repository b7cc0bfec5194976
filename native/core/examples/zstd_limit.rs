//! How fast this build's zstd alone compresses frames: the limit that everything around it is measured by.
//!
//! `zstd_limit FILE FRAME_BYTES WIDTH COMPRESSION SECONDS THREADS`: compresses the frames of FILE (raw, one after the
//! other) again and again for SECONDS, each as a zstd frame of its own into the same room, on THREADS threads side by
//! side, in the one way on which COMPRESSION (auto, fast, small, a level) settles for these frames, or which has that
//! name. Prints one line of JSON: frames a second over all threads, processor ms (of a thread, where the system tells) and bytes of a frame, the
//! way, the version of zstd.

use std::error::Error;
use std::time::{Duration, Instant};

use atomscale_core::chooser::{Chooser, Compression, Haste};
use atomscale_core::compress::{Compressor, Way};
use atomscale_core::ways;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, frame_bytes, width, compression, seconds, threads] = args.as_slice() else {
        return Err("expected FILE FRAME_BYTES WIDTH COMPRESSION SECONDS THREADS".into());
    };
    let (frame_bytes, width, threads) = (frame_bytes.parse()?, width.parse()?, threads.parse()?);
    let time = Duration::from_secs_f64(seconds.parse()?);
    let pixels = std::fs::read(file)?;
    let way = match ways::named(compression) {
        Some(way) => way,
        None => way_for(&pixels, frame_bytes, width, compression).map_err(|error| error.to_string())?,
    };
    let began = Instant::now();
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let work = || scope.spawn(|| compress_for(time, &pixels, frame_bytes, width, &way));
        let workers: Vec<_> = (0..threads).map(|_| work()).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let sum = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>();
    let frames = sum(|one| one.frames);
    let (rate, size, cpu) = (frames / seconds, sum(|one| one.bytes) / frames, sum(|one| one.cpu_ms) / frames);
    let cpu = if cpu.is_nan() { "null".to_owned() } else { cpu.to_string() };
    let version = zstd_safe::version_string();
    println!(
        r#"{{"frames_per_s":{rate},"cpu_ms_per_frame":{cpu},"bytes_per_frame":{size},"way":"{way}","zstd":"{version}"}}"#
    );
    Ok(())
}

/// What a stream of these frames would be compressed by.
fn way_for(
    pixels: &[u8],
    frame_bytes: usize,
    width: usize,
    compression: &str,
) -> atomscale_core::error::Result<Way> {
    let chooser = Chooser::new(Compression::parse(compression)?);
    for frame in pixels.chunks_exact(frame_bytes).cycle().take(8) {
        chooser.compress(frame, width, Haste::None)?;
    }
    Ok(chooser.way())
}

/// What a thread has done.
struct Outcome {
    frames: f64,
    bytes: f64,
    cpu_ms: f64,
}

/// Compresses whole rounds of `pixels`.
fn compress_for(time: Duration, pixels: &[u8], frame_bytes: usize, width: usize, way: &Way) -> Outcome {
    let mut compressor = Compressor::default();
    let mut outcome = Outcome { frames: 0.0, bytes: 0.0, cpu_ms: 0.0 };
    let (began, before) = (Instant::now(), cpu_ms());
    while began.elapsed() < time {
        for frame in pixels.chunks_exact(frame_bytes) {
            let zstd = compressor.compress(frame, width, way).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let bytes = zstd.len() as f64;
            outcome.bytes += bytes;
            outcome.frames += 1.0;
        }
    }
    outcome.cpu_ms = cpu_ms() - before;
    outcome
}

/// Processor time of this thread. Linux tells it in nanoseconds; elsewhere it is not a number.
fn cpu_ms() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e6)
}
