//! How an embedded database divides the memory that it is given.
//!
//! RocksDB keeps what was written last in write buffers, remembers the flushed ones as a history for its check of conflicts,
//! and charges both to the same cache that holds blocks of its files. So the cache is as large as the whole, and the buffers
//! with their history take at most half of it: what they do not use holds blocks.

use std::fmt;

use surrealdb_cnf::ConfigMap;

const MIB: u64 = 1 << 20;
/// How many write buffers there are, the history included.
const BUFFERS: u64 = 4;
const SMALLEST_BUFFER: u64 = 2 * MIB;
/// Larger ones make no write cheaper that matters here, and a start after a crash slower.
const LARGEST_BUFFER: u64 = 128 * MIB;

/// The memory of an embedded database, and its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// The cache, which everything is charged to.
    cache: u64,
    /// One write buffer.
    buffer: u64,
}

impl Memory {
    /// Divides so many bytes.
    pub(super) fn of(total: u64) -> Self {
        Self { cache: total, buffer: (total / (2 * BUFFERS)).clamp(SMALLEST_BUFFER, LARGEST_BUFFER) }
    }

    /// The settings as SurrealDB's builder takes them. Neither variables nor the database's address can set these.
    pub(super) fn settings(self) -> ConfigMap {
        ConfigMap::empty()
            .with_key_value("rocksdb_block_cache_size", self.cache.to_string())
            .with_key_value("rocksdb_write_buffer_size", self.buffer.to_string())
            .with_key_value("rocksdb_max_write_buffer_number", BUFFERS.to_string())
            // A broken database would wait 30 s for a compaction that never comes, and hold its folder's lock meanwhile.
            .with_key_value("rocksdb_shutdown_wait_for_compact_seconds", "1")
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes / MIB;
        let (cache, buffer) = (mib(self.cache), mib(self.buffer));
        write!(f, "{cache} MiB, of which at most {BUFFERS} x {buffer} MiB for write buffers and their history")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_buffers_and_their_history_take_at_most_half() {
        for total in [32, 64, 100, 256, 1_024, 8_192] {
            let memory = Memory::of(total * MIB);
            assert!(memory.buffer * BUFFERS <= memory.cache / 2, "{memory}");
        }
        assert_eq!(Memory::of(256 * MIB), Memory { cache: 256 * MIB, buffer: 32 * MIB });
        let said = "256 MiB, of which at most 4 x 32 MiB for write buffers and their history";
        assert_eq!(Memory::of(256 * MIB).to_string(), said);
    }
}
