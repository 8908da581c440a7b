// The packed row that one commit writes: its readings and heartbeats, and beside them what makes delivery
// exact — windows, tail, counts. One row a commit, because at a trickle the cost is the page, not the bytes
// (measured: one packed row 361 bytes written a reading at 14 a second, a row a reading 451).
//
// Format 1, frozen; integers little-endian; "varint" as in Protocol Buffers (7 bits a byte, low first),
// "zigzag" a signed varint:
//   u8      1
//   u32     CRC-32C of the commit's id (i64) and of everything that follows
//   varint  receipt, ms UTC
//   then sections until the end, each: varint tag, varint count, items
//     1 reading    zigzag series - previous series; zigzag ts - previous ts (the first: - receipt); u8 head;
//                  [u8 flags if head & 0x10, else the previous item's]; value.
//                  head & 0x0F = 0..9: value is zigzag m, meaning m / 10^head, equal to the last bit; 15: f64
//     2 window     varint node; u32 boot; varint acked; varint n; n × varint distance to the previous set bit
//     3 tail       as 7, before there was room to save: u16 packet id; u64 hash, of which the low 40 bits
//     4 count      varint node; zigzag day - receipt's day; u8 mask; a varint for each bit that is set:
//                  stored, rejected, repeated, corrected, lost, events, heartbeats
//     5 emptied    count 0: the tail before this commit is void
//     6 heartbeat  varint node; zigzag ts - receipt; varint uptime s; zigzag rssi dBm;
//                  u8 mask (1 heap, 2 battery, 4 lost); [varint heap]; [f64 battery]; [varint lost]; text
//                  firmware; text reset (text: varint bytes, UTF-8)
//     7 tail       zigzag packet id - the one before (the first: - 0); u40 hash: with more, two commits of a
//                  house would seldom share a page
//     8 epoch      its number instead of a count, no items: of the readings of the section that follows whose
//                  quality isn't `node`. Left out where it is 0 or of none. Readings of more than one stretch
//                  (corrections of earlier ones) stand in as many sections, one after the other
//   A reader skips nothing it doesn't know: an unknown tag is a newer format, and damage.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "store/rows.h"

namespace alona::store {

struct CommitRecord {
  std::vector<std::uint8_t> bytes;
  UtcMs first{},
      last{};  // earliest and latest time of its readings and heartbeats; the receipt when it has none
};

// Of `batch` only what the format above names.
[[nodiscard]] CommitRecord encode_commit(std::int64_t id, const Batch& batch);

// Fills `out` (cleared first; its memory is kept). corrupt: the checksum or the format is wrong, `out` is
// undefined.
[[nodiscard]] Result<void> decode_commit(std::int64_t id, std::span<const std::uint8_t> bytes, Batch& out);

// When it was received; the epoch's begin where `bytes` are no record. Not checked.
[[nodiscard]] UtcMs receipt_of(std::span<const std::uint8_t> bytes);

// Only its readings, handed over one by one without memory of their own; the quick way for charts and export.
[[nodiscard]] Result<void> for_each_reading(std::int64_t id, std::span<const std::uint8_t> bytes,
                                            const std::function<void(const ReadingRow&)>& take);

}  // namespace alona::store
