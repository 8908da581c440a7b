#include "store/commit_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>

#include "base/hash.h"
#include "store/decimal.h"
#include "store/pack.h"

namespace alona::store {
namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::size_t header_bytes = 5;
constexpr std::uint8_t head_raw = 15;
constexpr std::uint8_t head_flags_follow = 0x10;
enum Tag : std::uint64_t {
  tag_reading = 1,
  tag_window = 2,
  tag_tail = 3,
  tag_count = 4,
  tag_emptied = 5,
  tag_heartbeat = 6,
  tag_tail_packed = 7,
  tag_epoch = 8
};

std::uint32_t checksum(std::int64_t id, std::span<const std::uint8_t> rest) {
  std::array<std::uint8_t, 8> raw;
  std::memcpy(raw.data(), &id, raw.size());
  return crc32c(rest, crc32c(raw));
}

void pack_section(Packer& p, UtcMs received, std::span<const ReadingRow> readings) {
  p.varint(tag_reading);
  p.varint(readings.size());
  std::int64_t series = 0;
  std::int64_t ts = count(received);
  int flags = -1;
  for (const ReadingRow& r : readings) {
    p.zigzag(minus(static_cast<std::int64_t>(r.series), series));
    p.zigzag(minus(count(r.ts), ts));
    const auto decimal = as_decimal(r.value);
    const auto head = decimal ? static_cast<std::uint8_t>(decimal->places) : head_raw;
    p.u8(r.flags == flags ? head : static_cast<std::uint8_t>(head | head_flags_follow));
    if (r.flags != flags) p.u8(r.flags);
    decimal ? p.zigzag(decimal->m) : p.f64(r.value);
    series = static_cast<std::int64_t>(r.series);
    ts = count(r.ts);
    flags = r.flags;
  }
}

bool of_the_core(const ReadingRow& r) { return r.quality() != TimeQuality::node; }

void pack_readings(Packer& p, const Batch& batch) {
  const auto strange = [&](const ReadingRow& r) { return of_the_core(r) && r.epoch != batch.epoch; };
  const auto pack = [&](EpochNo epoch, std::span<const ReadingRow> readings) {
    if (readings.empty()) return;
    if (epoch != EpochNo{} && std::ranges::any_of(readings, of_the_core))
      p.varint(tag_epoch), p.varint(static_cast<std::uint64_t>(epoch));
    pack_section(p, batch.received, readings);
  };
  if (std::ranges::none_of(batch.readings, strange)) return pack(batch.epoch, batch.readings);
  // Those settled for ever first: a section without a number has the one before it.
  std::map<EpochNo, std::vector<ReadingRow>> by_epoch;
  for (const ReadingRow& r : batch.readings) by_epoch[of_the_core(r) ? r.epoch : EpochNo{}].push_back(r);
  for (const auto& [epoch, readings] : by_epoch) pack(epoch, readings);
}

// Calls take(ReadingRow) for each.
template <class Take>
void unpack_readings(Unpacker& u, UtcMs received, EpochNo epoch, Take&& take) {
  ReadingRow r;
  std::int64_t series = 0;
  std::int64_t ts = count(received);
  for (std::size_t n = u.count(); n > 0 && u.ok(); --n) {
    series = plus(series, u.zigzag());
    ts = plus(ts, u.zigzag());
    r.series = static_cast<SeriesNo>(series);
    r.ts = utc_ms(ts);
    const std::uint8_t head = u.u8();
    if ((head & head_flags_follow) != 0) r.flags = u.u8();
    const auto decimals = static_cast<std::size_t>(head & 0x0F);
    r.value =
        decimals < powers_of_ten.size() ? static_cast<double>(u.zigzag()) / powers_of_ten[decimals] : u.f64();
    r.epoch = of_the_core(r) ? epoch : EpochNo{};
    if (u.ok()) take(std::as_const(r));
  }
}

void pack_windows(Packer& p, const Batch& batch) {
  p.varint(tag_window);
  p.varint(batch.windows.size());
  for (const WindowRow& w : batch.windows) {
    p.varint(static_cast<std::uint64_t>(w.node));
    p.u32(w.boot);
    p.varint(w.acked);
    p.varint(w.beyond.count());
    std::size_t previous = 0;
    for (std::size_t i = w.beyond._Find_first(); i < w.beyond.size(); i = w.beyond._Find_next(i)) {
      p.varint(i - previous);
      previous = i;
    }
  }
}

WindowRow unpack_window(Unpacker& u) {
  WindowRow w;
  w.node = static_cast<NodeNo>(u.varint());
  w.boot = u.u32();
  w.acked = static_cast<std::uint32_t>(u.varint());
  std::uint64_t bit = 0;
  for (std::uint64_t n = u.varint(); n > 0 && u.ok(); --n) {
    bit += u.varint();
    if (bit < w.beyond.size()) w.beyond.set(bit);
  }
  return w;
}

void pack_tail(Packer& p, const Batch& batch) {
  p.varint(tag_tail_packed);
  p.varint(batch.tail.size());
  std::int64_t packet_id = 0;
  for (const TailEntry& t : batch.tail) {
    p.zigzag(t.packet_id - packet_id);
    packet_id = t.packet_id;
    p.u32(static_cast<std::uint32_t>(t.hash));
    p.u8(static_cast<std::uint8_t>(t.hash >> 32));
  }
}

void unpack_tail(Unpacker& u, std::size_t n, std::vector<TailEntry>& out) {
  std::int64_t packet_id = 0;
  for (; n > 0 && u.ok(); --n) {
    packet_id = plus(packet_id, u.zigzag());
    const std::uint64_t low = u.u32();
    out.push_back({static_cast<std::uint16_t>(packet_id), low | std::uint64_t{u.u8()} << 32});
  }
}

constexpr auto count_fields = std::to_array<std::uint32_t CountRow::*>(
    {&CountRow::stored, &CountRow::rejected, &CountRow::repeated, &CountRow::corrected, &CountRow::lost,
     &CountRow::events, &CountRow::heartbeats});

void pack_counts(Packer& p, const Batch& batch) {
  p.varint(tag_count);
  p.varint(batch.counts.size());
  for (const CountRow& c : batch.counts) {
    p.varint(static_cast<std::uint64_t>(c.node));
    p.zigzag(c.day - utc_day(batch.received));
    std::uint8_t mask = 0;
    for (std::size_t i = 0; i < count_fields.size(); ++i) {
      if (c.*count_fields[i] != 0) mask = static_cast<std::uint8_t>(mask | 1u << i);
    }
    p.u8(mask);
    for (const auto field : count_fields) {
      if (c.*field != 0) p.varint(c.*field);
    }
  }
}

CountRow unpack_count(Unpacker& u, UtcMs received) {
  CountRow c;
  c.node = static_cast<NodeNo>(u.varint());
  c.day = static_cast<std::int32_t>(u.zigzag() + utc_day(received));
  const std::uint8_t mask = u.u8();
  for (std::size_t i = 0; i < count_fields.size(); ++i) {
    if ((mask >> i & 1) != 0) c.*count_fields[i] = static_cast<std::uint32_t>(u.varint());
  }
  return c;
}

void pack_heartbeats(Packer& p, const Batch& batch) {
  p.varint(tag_heartbeat);
  p.varint(batch.heartbeats.size());
  for (const HeartbeatRow& h : batch.heartbeats) {
    p.varint(static_cast<std::uint64_t>(h.node));
    p.zigzag(minus(count(h.ts), count(batch.received)));
    p.varint(static_cast<std::uint64_t>(h.uptime_s));
    p.zigzag(h.rssi_dbm);
    p.u8(static_cast<std::uint8_t>((h.heap_bytes ? 1 : 0) | (h.battery_v ? 2 : 0) | (h.lost ? 4 : 0)));
    if (h.heap_bytes) p.varint(static_cast<std::uint64_t>(*h.heap_bytes));
    if (h.battery_v) p.f64(*h.battery_v);
    if (h.lost) p.varint(static_cast<std::uint64_t>(*h.lost));
    p.text(h.firmware);
    p.text(h.reset);
  }
}

HeartbeatRow unpack_heartbeat(Unpacker& u, UtcMs received) {
  HeartbeatRow h;
  h.node = static_cast<NodeNo>(u.varint());
  h.ts = utc_ms(plus(count(received), u.zigzag()));
  h.uptime_s = static_cast<std::int64_t>(u.varint());
  h.rssi_dbm = static_cast<std::int32_t>(u.zigzag());
  const std::uint8_t mask = u.u8();
  if ((mask & 1) != 0) h.heap_bytes = static_cast<std::int64_t>(u.varint());
  if ((mask & 2) != 0) h.battery_v = u.f64();
  if ((mask & 4) != 0) h.lost = static_cast<std::int64_t>(u.varint());
  h.firmware = u.text();
  h.reset = u.text();
  return h;
}

void note_times(CommitRecord& record, const Batch& batch) {
  record.first = record.last = batch.received;
  bool any = false;
  const auto note = [&](UtcMs ts) {
    record.first = any ? std::min(record.first, ts) : ts;
    record.last = any ? std::max(record.last, ts) : ts;
    any = true;
  };
  for (const ReadingRow& r : batch.readings) note(r.ts);
  for (const HeartbeatRow& h : batch.heartbeats) note(h.ts);
}

Error damaged(std::int64_t id) {
  return {Errc::corrupt, fmt::format("the record of commit {} is damaged", id),
          "Restore the newest proven backup, or keep going: only the readings of this commit are missing."};
}

// The payload behind version and checksum, or nothing.
Result<std::span<const std::uint8_t>> checked(std::int64_t id, std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  if (bytes.size() < header_bytes || bytes[0] != format_version) return std::unexpected(damaged(id));
  std::memcpy(&sum, bytes.data() + 1, sizeof sum);
  const auto rest = bytes.subspan(header_bytes);
  if (checksum(id, rest) != sum) return std::unexpected(damaged(id));
  return rest;
}

// One section into `out`; false: an unknown tag.
bool unpack_section(Unpacker& u, std::uint64_t tag, Batch& out) {
  if (tag == tag_reading) {
    unpack_readings(u, out.received, out.epoch, [&](const ReadingRow& r) { out.readings.push_back(r); });
    return true;
  }
  if (tag == tag_epoch) {
    out.epoch = static_cast<EpochNo>(u.varint());
    return true;
  }
  std::size_t n = u.count();
  switch (tag) {
    case tag_window:
      for (; n > 0 && u.ok(); --n) out.windows.push_back(unpack_window(u));
      return true;
    case tag_tail:
      for (; n > 0 && u.ok(); --n) {
        const std::uint16_t packet_id = u.u16();
        out.tail.push_back({packet_id, u.u64() & tail_hash_mask});
      }
      return true;
    case tag_tail_packed:
      unpack_tail(u, n, out.tail);
      return true;
    case tag_count:
      for (; n > 0 && u.ok(); --n) out.counts.push_back(unpack_count(u, out.received));
      return true;
    case tag_emptied:
      out.tail_emptied = true;
      return true;
    case tag_heartbeat:
      for (; n > 0 && u.ok(); --n) out.heartbeats.push_back(unpack_heartbeat(u, out.received));
      return true;
    default:
      return false;
  }
}

}  // namespace

CommitRecord encode_commit(std::int64_t id, const Batch& batch) {
  CommitRecord record;
  note_times(record, batch);
  record.bytes.reserve(64 + 12 * batch.readings.size() + 10 * batch.tail.size() + 12 * batch.windows.size());
  record.bytes.assign(header_bytes, 0);
  Packer p{record.bytes};
  p.varint(static_cast<std::uint64_t>(count(batch.received)));
  if (batch.tail_emptied) p.varint(tag_emptied), p.varint(0);
  if (!batch.readings.empty()) pack_readings(p, batch);
  if (!batch.heartbeats.empty()) pack_heartbeats(p, batch);
  if (!batch.windows.empty()) pack_windows(p, batch);
  if (!batch.counts.empty()) pack_counts(p, batch);
  if (!batch.tail.empty()) pack_tail(p, batch);
  record.bytes[0] = format_version;
  const std::uint32_t sum = checksum(id, std::span(record.bytes).subspan(header_bytes));
  std::memcpy(record.bytes.data() + 1, &sum, sizeof sum);
  return record;
}

Result<void> decode_commit(std::int64_t id, std::span<const std::uint8_t> bytes, Batch& out) {
  out.readings.clear(), out.heartbeats.clear(), out.windows.clear(), out.counts.clear(), out.tail.clear();
  out.tail_emptied = false;
  out.epoch = {};
  const auto rest = checked(id, bytes);
  if (!rest) return std::unexpected(rest.error());
  Unpacker u{*rest};
  out.received = utc_ms(static_cast<std::int64_t>(u.varint()));
  while (u.ok() && !u.at_end()) {
    if (!unpack_section(u, u.varint(), out)) return std::unexpected(damaged(id));
  }
  if (!u.ok()) return std::unexpected(damaged(id));
  return {};
}

UtcMs receipt_of(std::span<const std::uint8_t> bytes) {
  if (bytes.size() <= header_bytes) return {};
  return utc_ms(static_cast<std::int64_t>(Unpacker{bytes.subspan(header_bytes)}.varint()));
}

Result<void> for_each_reading(std::int64_t id, std::span<const std::uint8_t> bytes,
                              const std::function<void(const ReadingRow&)>& take) {
  const auto rest = checked(id, bytes);
  if (!rest) return std::unexpected(rest.error());
  Unpacker u{*rest};
  const UtcMs received = utc_ms(static_cast<std::int64_t>(u.varint()));
  std::uint64_t tag = u.at_end() ? 0 : u.varint();
  if (tag == tag_emptied) {
    u.varint();
    tag = u.at_end() ? 0 : u.varint();
  }
  EpochNo epoch{};
  // Readings stand first of the rest, so nothing has to be skipped.
  for (; u.ok() && (tag == tag_epoch || tag == tag_reading); tag = u.at_end() ? 0 : u.varint()) {
    if (tag == tag_epoch) {
      epoch = static_cast<EpochNo>(u.varint());
    } else {
      unpack_readings(u, received, epoch, take);
    }
  }
  if (!u.ok()) return std::unexpected(damaged(id));
  return {};
}

}  // namespace alona::store
