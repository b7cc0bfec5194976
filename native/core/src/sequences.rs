//! A zstd frame of our own matches: we find them, zstd codes them.

use std::ptr::NonNull;

use zstd_safe::zstd_sys::{
    self, ZSTD_CCtx, ZSTD_ParamSwitch_e, ZSTD_SequenceFormat_e, ZSTD_cParameter, ZSTD_strategy,
};
use zstd_safe::{ErrorCode, SafeResult};

use crate::matches::{Found, Matches, SLACK, WINDOW_LOG};

/// zstd, told to take matches as they are, and what finds them.
pub(crate) struct Coder {
    context: NonNull<ZSTD_CCtx>,
    matches: Matches,
}

impl Coder {
    /// A context of its own.
    pub(crate) fn new() -> std::result::Result<Self, ErrorCode> {
        // SAFETY: no argument; null when there is no memory.
        let context = NonNull::new(unsafe { zstd_sys::ZSTD_createCCtx() });
        let coder = Self { context: context.expect("memory for a context"), matches: Matches::default() };
        #[expect(clippy::cast_possible_wrap, reason = "small numbers")]
        let parameters = [
            (ZSTD_cParameter::ZSTD_c_strategy, ZSTD_strategy::ZSTD_dfast as i32),
            (ZSTD_cParameter::ZSTD_c_windowLog, WINDOW_LOG as i32),
            // Nothing is looked for: the least tables.
            (ZSTD_cParameter::ZSTD_c_hashLog, 6),
            (ZSTD_cParameter::ZSTD_c_chainLog, 6),
            (ZSTD_cParameter::ZSTD_c_minMatch, 4),
            // blockDelimiters
            (
                ZSTD_cParameter::ZSTD_c_experimentalParam11,
                ZSTD_SequenceFormat_e::ZSTD_sf_explicitBlockDelimiters as i32,
            ),
            // repcodeResolution: offsets that come again are rare here, and looking for them costs a tenth of all.
            (ZSTD_cParameter::ZSTD_c_experimentalParam19, ZSTD_ParamSwitch_e::ZSTD_ps_disable as i32),
        ];
        for (parameter, value) in parameters {
            // SAFETY: the context lives as long as `coder`.
            checked(unsafe { zstd_sys::ZSTD_CCtx_setParameter(coder.context.as_ptr(), parameter, value) })?;
        }
        Ok(coder)
    }

    /// `bytes`, rows of `row` bytes, as one frame in `room`.
    pub(crate) fn compress(&mut self, bytes: &[u8], row: usize, room: &mut Vec<u8>) -> SafeResult {
        room.clear();
        room.reserve(zstd_safe::compress_bound(bytes.len()));
        let context = self.context.as_ptr();
        let Found { sequences, literals } = self.matches.find(bytes, row);
        // SAFETY: `room` has the capacity, the sequences and literals are those of `bytes`, with more bytes after the
        // literals than zstd asks for; what it wrote is initialized.
        let written = checked(unsafe {
            zstd_sys::ZSTD_compressSequencesAndLiterals(
                context,
                room.as_mut_ptr().cast(),
                room.capacity(),
                sequences.as_ptr(),
                sequences.len(),
                literals.as_ptr().cast(),
                literals.len() - SLACK,
                literals.len(),
                bytes.len(),
            )
        });
        // A block that does not get smaller has to be stored, for which that needs all bytes.
        let written = written.or_else(|_| {
            // SAFETY: as above; matches are within `bytes`, whose lengths the sequences add up to.
            checked(unsafe {
                zstd_sys::ZSTD_compressSequences(
                    context,
                    room.as_mut_ptr().cast(),
                    room.capacity(),
                    sequences.as_ptr(),
                    sequences.len(),
                    bytes.as_ptr().cast(),
                    bytes.len(),
                )
            })
        })?;
        // SAFETY: so many bytes are written.
        unsafe { room.set_len(written) };
        Ok(written)
    }
}

impl Drop for Coder {
    fn drop(&mut self) {
        // SAFETY: made by `ZSTD_createCCtx`, and nobody else's.
        unsafe { zstd_sys::ZSTD_freeCCtx(self.context.as_ptr()) };
    }
}

fn checked(code: usize) -> SafeResult {
    // SAFETY: any number may be asked about.
    if unsafe { zstd_sys::ZSTD_isError(code) } == 0 { Ok(code) } else { Err(code) }
}
