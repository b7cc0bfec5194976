//! The limits that this project's speed is measured by.
//!
//! `limits FILE FRAME_BYTES WIDTH COMPRESSION SECONDS THREADS`: how fast this build's zstd alone compresses frames.
//! Compresses the frames of FILE (raw, one after the other) again and again for SECONDS, each as a zstd frame of its own
//! into the same room, on THREADS threads side by side, in the one way on which COMPRESSION (auto, fast, small, a
//! level) settles for these frames, or which has that name.
//!
//! With `CHUNK_FRAMES FOLDER HOST:PORT` behind it: how fast that is with what no streamer that keeps its frames on disk
//! until they are delivered can leave out. A frame is compressed and written; a chunk of so many frames is synced in
//! FOLDER, read and sent to the receiver at HOST:PORT by one PUT. No names, records, retries, other requests. With
//! `copied` behind that each frame is copied first, as whoever reads a picture from a file must.
//!
//! Prints one line of JSON: frames a second over all threads, processor ms (of a thread, where the system tells) and
//! bytes of a frame, the way, the version of zstd.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use atomscale_core::chooser::Chooser;
use atomscale_core::compress::{Compressor, Way};
use atomscale_core::effort::{Compression, Haste};
use atomscale_core::ways;

type Failable<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Failable<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, frame_bytes, width, compression, seconds, threads, delivery @ ..] = args.as_slice() else {
        return Err("expected FILE FRAME_BYTES WIDTH COMPRESSION SECONDS THREADS".into());
    };
    let (frame_bytes, width, threads) = (frame_bytes.parse()?, width.parse()?, threads.parse()?);
    let time = Duration::from_secs_f64(seconds.parse()?);
    let pixels = fs::read(file)?;
    let way = match ways::named(compression) {
        Some(way) => way,
        None => way_for(&pixels, frame_bytes, width, compression).map_err(|error| error.to_string())?,
    };
    let frames = Frames { pixels: &pixels, frame_bytes, width, way };
    let began = Instant::now();
    let work = |thread| match delivery {
        [] => Ok(compressed_for(time, &frames)),
        [chunk_frames, folder, host, copied @ ..] if matches!(copied, [] | [_]) => {
            let delivery = Delivery::new(chunk_frames.parse()?, Path::new(folder), host, thread)?;
            delivered_for(time, &frames, delivery, !copied.is_empty())
        }
        _ => Err("expected CHUNK_FRAMES FOLDER HOST:PORT, and perhaps copied".into()),
    };
    let outcomes = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("no thread panics"))
            .collect::<Failable<Vec<_>>>()
    })?;
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

/// What is compressed, and how.
struct Frames<'a> {
    pixels: &'a [u8],
    frame_bytes: usize,
    width: usize,
    way: Way,
}

impl Frames<'_> {
    fn each(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.pixels.chunks_exact(self.frame_bytes)
    }
}

/// What a thread has done.
#[derive(Default)]
struct Outcome {
    frames: f64,
    bytes: f64,
    cpu_ms: f64,
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    fn count(&mut self, bytes: usize) {
        self.bytes += bytes as f64;
        self.frames += 1.0;
    }
}

/// Compresses whole rounds of the frames.
fn compressed_for(time: Duration, frames: &Frames<'_>) -> Outcome {
    let mut compressor = Compressor::default();
    let mut outcome = Outcome::default();
    let (began, before) = (Instant::now(), cpu_ms());
    while began.elapsed() < time {
        for frame in frames.each() {
            let zstd = compressor.compress(frame, frames.width, &frames.way).unwrap();
            outcome.count(zstd.len());
        }
    }
    outcome.cpu_ms = cpu_ms() - before;
    outcome
}

/// Delivers whole chunks of the frames.
fn delivered_for(
    time: Duration,
    frames: &Frames<'_>,
    mut delivery: Delivery,
    copied: bool,
) -> Failable<Outcome> {
    let mut compressor = Compressor::default();
    let mut room = vec![0; frames.frame_bytes];
    let mut outcome = Outcome::default();
    let mut source = frames.each().cycle();
    let (began, before) = (Instant::now(), cpu_ms());
    while began.elapsed() < time {
        let mut shard = delivery.begin()?;
        for frame in source.by_ref().take(delivery.chunk_frames) {
            let pixels = if copied {
                room.copy_from_slice(frame);
                &room
            } else {
                frame
            };
            let zstd =
                compressor.compress(pixels, frames.width, &frames.way).map_err(|error| error.to_string())?;
            shard.write_all(&zstd)?;
            outcome.count(zstd.len());
        }
        delivery.send(shard)?;
    }
    outcome.cpu_ms = cpu_ms() - before;
    Ok(outcome)
}

/// A chunk's way from the disk to the receiver.
struct Delivery {
    chunk_frames: usize,
    path: PathBuf,
    connection: BufReader<TcpStream>,
    /// Of the request, before the length of the body.
    head: String,
    piece: Vec<u8>,
}

impl Delivery {
    fn new(chunk_frames: usize, folder: &Path, host: &str, thread: usize) -> io::Result<Self> {
        let connection = TcpStream::connect(host)?;
        connection.set_nodelay(true)?;
        Ok(Self {
            chunk_frames,
            path: folder.join(format!("{thread}.shard")),
            connection: BufReader::new(connection),
            head: format!("PUT /s3/frames/{thread} HTTP/1.1\r\nhost: {host}\r\ncontent-length: "),
            // As this project sends it.
            piece: vec![0; 1 << 20],
        })
    }

    fn begin(&self) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(&self.path)
    }

    fn send(&mut self, mut shard: File) -> Failable<()> {
        shard.sync_data()?;
        let length = shard.stream_position()?;
        shard.rewind()?;
        let socket = self.connection.get_mut();
        socket.write_all(format!("{}{length}\r\n\r\n", self.head).as_bytes())?;
        loop {
            let read = shard.read(&mut self.piece)?;
            if read == 0 {
                break;
            }
            socket.write_all(&self.piece[..read])?;
        }
        // The answer ends with its head: it has no body.
        let mut lines = self.connection.by_ref().lines();
        let status = lines.next().ok_or("expected an answer from the receiver, got none")??;
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        if !status.contains(" 200 ") {
            return Err(format!("expected the receiver to take a chunk, got {status:?}").into());
        }
        Ok(fs::remove_file(&self.path)?)
    }
}

/// Processor time of this thread. Linux tells it in nanoseconds; elsewhere it is not a number.
fn cpu_ms() -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e6)
}
