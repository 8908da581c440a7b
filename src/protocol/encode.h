// Messages to bytes, into the caller's buffer: no heap, no exceptions, so the same code runs on an ESP32.
// Every function returns the number of bytes written, and 0 when they don't fit or the message would break a
// rule that the decoder holds (a value that isn't finite or too large). Names and units are the caller's to
// keep; text is escaped, but must be valid UTF-8. A double is written in the shortest form that gives it back
// to the last bit. Thread-safe; no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/time.h"
#include "protocol/message.h"

namespace alona::protocol {

// Writes JSON piece by piece and goes bad, silently and for good, where the buffer ends.
class JsonWriter {
 public:
  explicit JsonWriter(std::span<char> out) : at_(out.data()), begin_(at_), end_(at_ + out.size()) {}
  JsonWriter& raw(std::string_view text);
  JsonWriter& text(std::string_view text);  // in quotes, escaped
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(double value);  // bad when it isn't finite
  JsonWriter& seconds(Ms time);      // 1795545727.25
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t size() const { return ok_ ? static_cast<std::size_t>(at_ - begin_) : 0; }
  [[nodiscard]] char* mark() const { return at_; }
  // Forgets what was written since, and that it didn't fit.
  void rewind(char* mark) { at_ = mark, ok_ = true; }

 private:
  char* at_;
  char* begin_;
  char* end_;
  bool ok_ = true;
};

struct ReadingView {
  std::string_view sensor;
  std::string_view unit;
  double value = 0;
  std::optional<UtcMs> ts;
  std::optional<Ms> age;  // in a batch only
};

// One reading; its ts is the message's.
[[nodiscard]] std::size_t encode_reading(std::span<char> out, const ReadingView& reading, const Stamp& stamp);

// A batch as long as it fits: add() until it says no, then finish().
class BatchEncoder {
 public:
  BatchEncoder(std::span<char> out, const Stamp& stamp);
  // False: this one has no place any more (or breaks a rule), the batch stands as it was.
  [[nodiscard]] bool add(const ReadingView& reading);
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t finish();  // 0 for an empty batch

 private:
  JsonWriter json_;
  std::size_t count_ = 0;
};

// `data` is JSON and goes in as it stands; empty: null.
[[nodiscard]] std::size_t encode_event(std::span<char> out, std::string_view type, std::string_view data,
                                       const Stamp& stamp);
[[nodiscard]] std::size_t encode_error(std::span<char> out, std::string_view code, std::string_view message,
                                       const Stamp& stamp);

struct HeartbeatView {
  std::int64_t uptime_s = 0;
  std::int32_t rssi_dbm = 0;
  std::string_view firmware;  // empty texts aren't sent
  std::string_view reset;
  std::optional<std::int64_t> heap_bytes;
  std::optional<double> battery_v;
  std::int64_t lost =
      0;  // readings that left the node's memory unsent or unacknowledged in this boot; sent if any
};
[[nodiscard]] std::size_t encode_heartbeat(std::span<char> out, const HeartbeatView& heartbeat,
                                           const Stamp& stamp);

struct StatusView {
  bool online = false;
  std::string_view firmware;
  std::optional<std::int64_t> sleep_s;
  std::optional<std::uint32_t> boot;
};
[[nodiscard]] std::size_t encode_status(std::span<char> out, const StatusView& status,
                                        std::optional<UtcMs> ts = {});

// What the core says: everything of `boot` up to `seq` is settled.
[[nodiscard]] std::size_t encode_ack(std::span<char> out, std::uint32_t boot, std::uint32_t seq, UtcMs now,
                                     TimeQuality quality);
[[nodiscard]] std::size_t encode_core_time(std::span<char> out, UtcMs now, TimeQuality quality);
[[nodiscard]] std::size_t encode_core_status(std::span<char> out, bool online,
                                             std::string_view program_version);

}  // namespace alona::protocol
