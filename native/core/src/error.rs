//! One error type: a stable code that JS branches on, and a text for people.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What kind of thing went wrong; the names are those of the contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Bytes that are not whole frames of the stream's size.
    FrameShape,
    /// Bytes or settings that cannot be read as an image.
    FrameFormat,
    /// The disk did not do what was asked.
    Spool,
    /// The disk or the quota is full.
    SpoolFull,
    /// More bytes in flight than the limit allows.
    Overload,
    /// A closed writer, a panic, a bug.
    Native,
}

impl Code {
    /// The code as JS sees it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FrameShape => "ERR_FRAME_SHAPE",
            Self::FrameFormat => "ERR_FRAME_FORMAT",
            Self::Spool => "ERR_SPOOL",
            Self::SpoolFull => "ERR_SPOOL_FULL",
            Self::Overload => "ERR_OVERLOAD",
            Self::Native => "ERR_NATIVE",
        }
    }
}

/// Shown as `CODE: text`. The text says what was expected, what came, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// For programs.
    pub code: Code,
    /// For people.
    pub text: String,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// `ERR_FRAME_SHAPE`.
    pub fn shape(text: impl Into<String>) -> Self {
        Self::new(Code::FrameShape, text)
    }

    /// `ERR_FRAME_FORMAT`.
    pub fn format(text: impl Into<String>) -> Self {
        Self::new(Code::FrameFormat, text)
    }

    /// `ERR_SPOOL`.
    pub fn spool(text: impl Into<String>) -> Self {
        Self::new(Code::Spool, text)
    }

    /// `ERR_OVERLOAD`.
    pub fn overload(text: impl Into<String>) -> Self {
        Self::new(Code::Overload, text)
    }

    /// `ERR_NATIVE`.
    pub fn native(text: impl Into<String>) -> Self {
        Self::new(Code::Native, text)
    }

    /// An I/O error met while `doing` something (a verb phrase) to `path`; a full disk or quota gets its own code.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let (code, advice) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (Code::SpoolFull, "free disk space or move the spool")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                (Code::Spool, "let this user write to the spool folder")
            }
            // Rust has no kind for EMFILE and ENFILE; other systems count open files another way.
            _ if cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24)) => {
                (Code::Spool, "too many files are open: finalize streams, or raise the limit")
            }
            _ => (Code::Spool, "check the disk of the spool folder"),
        };
        Self::new(code, format!("cannot {doing} {}: {error}; {advice}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.text)
    }
}

impl std::error::Error for Error {}

/// Runs the body of a job; a panic in it becomes `ERR_NATIVE`.
///
/// Whoever calls this must be able to go on with whatever `body` left behind half-done.
pub fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    Error::native(format!("the native part panicked ({text}); this is a bug, please report it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_coded_error() {
        let error = guarded::<()>(|| panic!("boom {}", 7)).unwrap_err();
        assert_eq!(error.code, Code::Native);
        assert!(error.to_string().starts_with("ERR_NATIVE: "), "{error}");
        assert!(error.text.contains("boom 7"), "{error}");
    }

    #[test]
    fn a_full_disk_has_its_own_code() {
        let path = Path::new("000001.part");
        let full = Error::io("write", path, &io::ErrorKind::StorageFull.into());
        assert_eq!(full.code, Code::SpoolFull);
        let quota = Error::io("write", path, &io::ErrorKind::QuotaExceeded.into());
        assert_eq!(quota.code, Code::SpoolFull);
        let other = Error::io("write", path, &io::ErrorKind::NotFound.into());
        assert_eq!(other.code, Code::Spool);
        assert!(other.text.contains("000001.part"));
    }
}
