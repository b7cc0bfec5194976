//! CPU time of decoding to gray, a frame, beside Pillow's for the same files: `cargo run --release --example
//! decode_speed`. Python is `PYTHON`, else that of the tests; frames are real ones where they lie beside the project,
//! else made. With arguments: only files whose name contains one of them.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use atomscale_core::chooser::Chooser;
use atomscale_core::effort::{Compression, Haste};
use atomscale_core::frame::{Depth, Format, FrameSpec, Region, split};

const ROUNDS: usize = 7;

/// Pillow, asked line by line.
struct Pillow {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Pillow {
    fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = std::env::var("PYTHON").map_or_else(|_| root.join(".venv/bin/python"), PathBuf::from);
        let mut child = Command::new(&python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/decode_speed.py"))
            .arg(folder)
            .arg(root.join("../shared/frames"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}; run npm test once, or set PYTHON", python.display()))?;
        let (ask, answers) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, ask, answers: BufReader::new(answers) })
    }

    fn answer(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// CPU seconds for decoding a file so many times.
    fn decode(&mut self, name: &str, times: usize) -> Result<f64, Box<dyn Error>> {
        writeln!(self.ask, "{name} {times}")?;
        Ok(self.answer()?.parse()?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let folder = tempfile::tempdir()?;
    let mut pillow = Pillow::start(folder.path())?;
    println!("{}\n", pillow.answer()?);
    println!("| file | bytes | decode | and compress | Pillow | Pillow / decode |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let names: Vec<String> = pillow.answer()?.split_whitespace().map(str::to_owned).collect();
    for name in names.iter().filter(|name| only.is_empty() || only.iter().any(|part| name.contains(part))) {
        let bytes = std::fs::read(folder.path().join(name))?;
        let length = bytes.len();
        let parts = [bytes];
        let chooser = Chooser::new(Compression::Auto);
        let one = cpu(|| decode(&parts, None))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let times = (0.1 / one).clamp(3.0, 2000.0) as usize;
        let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            rounds[0].push(cpu(|| (0..times).try_for_each(|_| decode(&parts, None)))?);
            rounds[1].push(cpu(|| (0..times).try_for_each(|_| decode(&parts, Some(&chooser))))?);
            rounds[2].push(pillow.decode(name, times)?);
        }
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let [decoded, compressed, theirs] = rounds.map(|round| 1000.0 * median(round) / times as f64);
        println!(
            "| {name} | {length} | {decoded:.3} ms | {compressed:.3} ms | {theirs:.3} ms | {:.1} |",
            theirs / decoded
        );
    }
    drop(pillow.ask);
    pillow.child.wait()?;
    raw_formats(&only)
}

/// Raw frames of noise, and regions of a gray one.
fn raw_formats(only: &[String]) -> Result<(), Box<dyn Error>> {
    let (width, height) = (1388, 1038);
    let mut state = 1u32;
    let noise: Vec<u8> = (0..4 * width * height)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Below a quarter: no sample of 16 bits is clipped at 12.
            state.to_le_bytes()[3] >> 4
        })
        .collect();
    println!("\n| raw, {width}x{height} | decode |\n| --- | --- |");
    let window = Depth::Window { low: 100.0, high: 3000.0 };
    let rows: [(&str, u32, Depth, u32); 14] = [
        ("mono8", 8, Depth::FullScale, 1),
        ("mono12", 16, Depth::FullScale, 1),
        ("mono12", 16, Depth::FrameMax, 1),
        ("mono12", 16, window, 1),
        ("mono10p", 10, Depth::FullScale, 1),
        ("mono12p", 12, Depth::FullScale, 1),
        ("mono10packed", 12, Depth::FullScale, 1),
        ("mono12packed", 12, Depth::FullScale, 1),
        ("rgb8", 24, Depth::FullScale, 1),
        ("rgba8", 32, Depth::FullScale, 1),
        ("bayerrg8", 8, Depth::FullScale, 1),
        ("mono8", 8, Depth::FullScale, 2),
        ("mono8", 8, Depth::FullScale, 4),
        ("mono16", 16, Depth::FullScale, 1),
    ];
    for (name, bits, depth, bin) in rows {
        if !only.is_empty() && !only.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let region = Region { bin, ..Region::WHOLE };
        let spec = FrameSpec { depth, region, ..FrameSpec::new(Format::parse(name)?, width, height) };
        let parts = [noise[..(width * height * bits).div_ceil(8) as usize].to_vec()];
        let units = split(&parts, &spec)?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(cpu(|| {
                for _ in 0..100 {
                    let mut room = Vec::new();
                    units[0].decode(&parts[0][units[0].bytes.clone()], &spec, &mut |size, gray| {
                        std::hint::black_box(spec.region.cut(size, gray, &mut room)?);
                        Ok(())
                    })?;
                }
                Ok(())
            })?);
        }
        println!("| {name} {depth:?} bin {bin} | {:.3} ms |", 10.0 * median(rounds));
    }
    Ok(())
}

fn decode(parts: &[Vec<u8>], compressed: Option<&Chooser>) -> Result<(), Box<dyn Error>> {
    let spec = FrameSpec::new(Format::Image, 0, 0);
    for unit in split(parts, &spec)? {
        unit.decode(&parts[unit.part][unit.bytes.clone()], &spec, &mut |size, gray| {
            if let Some(chooser) = compressed {
                chooser.compress(gray, size.width as usize, Haste::None)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// CPU seconds, user and system, that this process spends on `work`.
fn cpu(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let before = process_time();
    work()?;
    Ok(process_time() - before)
}

#[cfg(unix)]
fn process_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to be written to.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    #[expect(clippy::cast_precision_loss, reason = "seconds of a process")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

#[cfg(not(unix))]
fn process_time() -> f64 {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed().as_secs_f64()
}
