//! How much effort frames are worth: what the user wants of the compression, and how far the machine is behind.

use crate::compress::{Way, levels};
use crate::error::{Error, Result};
use crate::ways::{BALANCED, QUICK, THOROUGH};

/// What the user wants of the compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// The fewest bytes for the least time.
    Auto,
    /// Time counts most.
    Fast,
    /// Bytes count most.
    Small,
    /// A level of zstd, for all frames.
    Level(i32),
}

impl Compression {
    /// From a setting.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "fast" => Ok(Self::Fast),
            "small" => Ok(Self::Small),
            _ => match text.parse() {
                Ok(level) if levels().contains(&level) => Ok(Self::Level(level)),
                _ => Err(Error::native(format!(
                    "expected a compression auto, fast, small or a zstd level within {:?}, got {text:?}; check it \
                     before",
                    levels()
                ))),
            },
        }
    }

    /// The ways that are tried; one alone needs no trial.
    pub(crate) fn ways(self) -> &'static [Way] {
        match self {
            Self::Auto => BALANCED,
            Self::Fast => QUICK,
            Self::Small => THOROUGH,
            Self::Level(_) => &[],
        }
    }

    /// Bytes that a second of one core is worth.
    pub(crate) fn price(self) -> f64 {
        match self {
            Self::Auto => 10e6,
            Self::Fast => 100e6,
            Self::Small | Self::Level(_) => 1e6,
        }
    }
}

/// How far the machine is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Haste {
    /// Not at all.
    None,
    /// Frames are waiting: the least effort that still finds matches.
    Some,
    /// Frames will soon be refused: symbols alone.
    Great,
}

impl Haste {
    /// By the part (0 to 1) of the memory for frames under way that is taken.
    pub fn of(taken: f64) -> Self {
        match taken {
            _ if taken > 0.5 => Self::Great,
            _ if taken > 0.25 => Self::Some,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_settings_and_refuses_others() {
        assert_eq!(Compression::parse("auto").unwrap(), Compression::Auto);
        assert_eq!(Compression::parse("-5").unwrap(), Compression::Level(-5));
        for bad in ["", "best", "23", "3.5", "NaN"] {
            assert!(Compression::parse(bad).is_err(), "{bad}");
        }
    }
}
