//! What is said about a sealed chunk, `NNNNNN.json`: one line of JSON, whose last member is the crc32c (8 hex digits)
//! of the line as it would be without that member and without the line's end.

use crate::chunk::SealedChunk;

const MARK: &str = r#","crc32c":""#;

/// The text of a sidecar. `shard_crc` is the crc32c of the whole shard file.
pub fn text(chunk: &SealedChunk, shard_crc: u32) -> String {
    let SealedChunk { number, chunk_index, frames, size, start_ms, bytes } = chunk;
    let (height, width) = (size.height, size.width);
    let body = format!(
        r#"{{"version":1,"kind":"rheed","number":{number},"chunk_index":{chunk_index},"frames":{frames},"height":{height},"width":{width},"start_ms":{start_ms},"bytes":{bytes},"shard_crc32c":"{shard_crc:08x}""#
    );
    let crc = crc32c::crc32c_append(crc32c::crc32c(body.as_bytes()), b"}");
    format!("{body}{MARK}{crc:08x}\"}}\n")
}

/// Whether a text is a whole sidecar, by its own checksum.
pub fn holds(text: &str) -> bool {
    text.rsplit_once(MARK).is_some_and(|(body, rest)| {
        let crc = crc32c::crc32c_append(crc32c::crc32c(body.as_bytes()), b"}");
        rest.strip_suffix('\n').unwrap_or(rest) == format!("{crc:08x}\"}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    const CHUNK: SealedChunk = SealedChunk {
        number: 7,
        chunk_index: 9,
        frames: 20,
        size: Size { height: 30, width: 50 },
        start_ms: 1_700_000_000_123.5,
        bytes: 4321,
    };

    #[test]
    fn is_json_with_its_own_checksum_last() {
        let text = text(&CHUNK, 0xbeef);
        let whole = concat!(
            r#"{"version":1,"kind":"rheed","number":7,"chunk_index":9,"frames":20,"height":30,"width":50,"#,
            r#""start_ms":1700000000123.5,"bytes":4321,"shard_crc32c":"0000beef"}"#
        );
        let crc = crc32c::crc32c(whole.as_bytes());
        assert_eq!(text, format!("{},\"crc32c\":\"{crc:08x}\"}}\n", &whole[..whole.len() - 1]));
        assert!(holds(&text));
    }

    #[test]
    fn a_cut_or_changed_text_does_not_hold() {
        let text = text(&CHUNK, 0xbeef);
        for length in 0..text.len() - 1 {
            assert!(!holds(&text[..length]), "{length}");
        }
        assert!(!holds(&text.replace("20", "21")));
    }

    #[test]
    fn whole_milliseconds_have_no_fraction() {
        let chunk = SealedChunk { start_ms: 1e12, ..CHUNK };
        assert!(text(&chunk, 0).contains(r#""start_ms":1000000000000,"#));
    }
}
