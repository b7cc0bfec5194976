//! The ways of compressing from which [`crate::chooser`] chooses, each the best one for some kind of frame. Found by
//! trying some 300 sets of parameters on real and simulated frames; `npm run bench -- ways` compares these.

use crate::compress::{Parameters, Search, Strategy, Way};

const fn way(name: &'static str, block: Option<u32>, level: i32, search: Parameters) -> Way {
    Way { name, level, search: Search::Zstd(search), block }
}

const fn search(strategy: Strategy, table_log: u32, min_match: u32) -> Parameters {
    Parameters { strategy, window_log: 18, table_log, search_log: 1, min_match, target_length: 0 }
}

/// Symbols alone, no matches: what a noisy frame has to give, at a tenth of the time.
pub const SYMBOLS: Way =
    way("symbols", Some(8192), 1, Parameters { target_length: 1 << 17, ..search(Strategy::Fast, 6, 7) });

/// Little effort for frames with little noise.
pub const LIGHT: Way = way("light", None, 1, search(Strategy::Fast, 14, 7));

/// Short matches in noise of strongly varying brightness.
pub const SHORT: Way = way("short matches", Some(16 << 10), 1, search(Strategy::Fast, 16, 4));

/// Between `SYMBOLS` and `SHORT`.
pub const MIDDLE: Way = way("middling matches", Some(16 << 10), 1, search(Strategy::Fast, 15, 5));

/// Frames with little noise: fewer bytes in less time than zstd's own search.
pub const OWN: Way = Way { name: "own matches", level: 3, search: Search::Own, block: None };

/// Large frames with little noise, zstd's best way for them.
pub const LONG: Way = way("two lengths of matches", None, 3, search(Strategy::DoubleFast, 15, 5));

/// Small frames with little noise.
pub const LONG_IN_SMALL_BLOCKS: Way =
    way("two lengths of matches, small blocks", Some(64 << 10), 3, search(Strategy::DoubleFast, 15, 5));

const fn lazy(name: &'static str, block: u32, search_log: u32, min_match: u32) -> Way {
    way(name, Some(block), 6, Parameters { search_log, ..search(Strategy::Lazy, 15, min_match) })
}

/// What is tried where time counts most.
pub const QUICK: &[Way] = &[OWN, SYMBOLS, LIGHT];

/// What is tried where both count.
pub const BALANCED: &[Way] = &[OWN, SYMBOLS, LONG, LONG_IN_SMALL_BLOCKS, LIGHT, MIDDLE, SHORT];

/// What is tried where bytes count most.
pub const THOROUGH: &[Way] = &[
    OWN,
    LONG_IN_SMALL_BLOCKS,
    SYMBOLS,
    SHORT,
    lazy("lazy matches", 64 << 10, 2, 5),
    lazy("lazy matches, long search", 64 << 10, 4, 5),
    lazy("lazy short matches", 32 << 10, 2, 4),
    Way::level(9),
];

/// The way of this name, among all that are tried.
pub fn named(name: &str) -> Option<Way> {
    [QUICK, BALANCED, THOROUGH].concat().into_iter().find(|way| way.name == name)
}
