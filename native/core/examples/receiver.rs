//! The service's side of a measurement: speaks just as much of the API as a RHEED stream needs, and costs as little as
//! it can while the clock runs, since it shares the machine with what is measured.
//!
//! `receiver BYTES`: prints its address on the loopback; has memory for BYTES at hand, so that what arrives is copied
//! once and nothing else. A line with a folder on stdin makes it write each chunk to `INDEX.shard` there and print one
//! line of JSON for all. The end of stdin ends it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

const BLOCK: usize = 1 << 20;
const DATA_ID: &str = "5ca1ab1e-0000-4000-8000-000000000001";

type Body = Vec<Vec<u8>>;

#[derive(Default)]
struct State {
    /// Memory that has been touched: the system clears pages when they are first used.
    free: Body,
    chunks: BTreeMap<u32, Chunk>,
    /// What each chunk was said to be: n, height, width.
    dims: BTreeMap<u32, String>,
    ended: bool,
    /// The first request that is none of a RHEED stream's.
    complaint: String,
}

struct Chunk {
    body: Body,
    bytes: usize,
    /// When it had arrived, Unix ms.
    at: u128,
}

fn main() -> io::Result<()> {
    let bytes = env::args().nth(1).and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
    let mut state = State::default();
    // Ones, as zeros would come from the system untouched.
    state.free.resize_with(usize::div_ceil(bytes, BLOCK), || vec![1; BLOCK]);
    let state = Arc::new(Mutex::new(state));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    let serving = Arc::clone(&state);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&serving);
            thread::spawn(move || serve(&stream, &state));
        }
    });
    for folder in io::stdin().lines() {
        println!("{}", dump(&mut lock(&state), Path::new(&folder?))?);
    }
    Ok(())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of a connection one after the other, until it is closed.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut writer = stream;
    while let Some(request) = Request::read(&mut reader, state)? {
        let (status, text) = answer(request, &mut lock(state));
        let length = text.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}");
        writer.write_all(format!("{head}\r\n\r\n{text}").as_bytes())?;
    }
    Ok(())
}

struct Request {
    /// Method and path with query.
    line: String,
    host: String,
    body: Body,
    bytes: usize,
}

impl Request {
    /// None at the end of the connection.
    fn read(reader: &mut BufReader<&TcpStream>, state: &Mutex<State>) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let (mut host, mut bytes) = (String::new(), 0);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "host" => value.trim().clone_into(&mut host),
                "content-length" => bytes = value.trim().parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = Body::new();
        let mut left = bytes;
        while left > 0 {
            let mut block = block_for(left, state);
            reader.read_exact(&mut block)?;
            left -= block.len();
            body.push(block);
        }
        Ok(Some(Self { line: line.trim_end_matches(" HTTP/1.1\r\n").to_owned(), host, body, bytes }))
    }
}

/// Memory for what is left of a body, or for a part of it. Small bodies are not worth a block that is at hand.
fn block_for(left: usize, state: &Mutex<State>) -> Vec<u8> {
    let at_hand = if left >= BLOCK / 4 { lock(state).free.pop() } else { None };
    let mut block = at_hand.unwrap_or_else(|| vec![0; left.min(BLOCK)]);
    block.truncate(left);
    block
}

/// Status and JSON.
fn answer(request: Request, state: &mut State) -> (&'static str, String) {
    const OK: &str = "200 OK";
    let Request { line, host, body, bytes } = request;
    if let Some(index) = line.strip_prefix("PUT /s3/frames/").and_then(|index| index.parse().ok()) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        // A chunk sent again takes the place of the first.
        state.chunks.insert(index, Chunk { body, bytes, at });
        return (OK, String::new());
    }
    if let Some(index) = announced(&line) {
        state.dims.insert(index, text_member(&body.concat(), "dims"));
        let place = format!("http://{host}/s3/frames/{index}");
        return (OK, format!(r#"[{{"url":"{place}","upload_id":"{index}","part":1}}]"#));
    }
    if line == "POST /rheed/stream/" {
        return (OK, format!(r#""{DATA_ID}""#));
    }
    if line == format!("POST /rheed/stream/{DATA_ID}/end") {
        state.ended = true;
        return (OK, format!(r#"{{"data_id":"{DATA_ID}"}}"#));
    }
    if state.complaint.is_empty() {
        state.complaint = line;
    }
    ("404 Not Found", r#"{"detail":"not found"}"#.to_owned())
}

/// The chunk that a presigned URL is asked for, by its file name `frames.zarr/frames/c/INDEX/0/0`.
fn announced(line: &str) -> Option<u32> {
    let name = line.strip_prefix("POST /data_entries/raw_data/staged/upload_urls/?")?.replace("%2F", "/");
    name.split_once("frames.zarr/frames/c/")?.1.split('/').next()?.parse().ok()
}

/// A member of flat JSON whose value is a text without escapes; empty when there is none.
fn text_member(json: &[u8], name: &str) -> String {
    let json = String::from_utf8_lossy(json);
    let after = json.split_once(&format!("\"{name}\"")).map_or("", |(_, after)| after);
    after.split('"').nth(1).unwrap_or("").to_owned()
}

/// Writes the chunks into a folder; what is said about them as JSON.
fn dump(state: &mut State, folder: &Path) -> io::Result<String> {
    let mut chunks = String::new();
    for (index, chunk) in &state.chunks {
        let mut file = fs::File::create(folder.join(format!("{index}.shard")))?;
        chunk.body.iter().try_for_each(|block| file.write_all(block))?;
        let dims = state.dims.get(index).map_or("", String::as_str);
        let comma = if chunks.is_empty() { "" } else { "," };
        let Chunk { bytes, at, .. } = chunk;
        let _ = write!(chunks, r#"{comma}{{"index":{index},"dims":"{dims}","bytes":{bytes},"at":{at}}}"#);
    }
    let State { ended, complaint, .. } = state;
    Ok(format!(r#"{{"ended":{ended},"complaint":"{complaint}","chunks":[{chunks}]}}"#))
}
