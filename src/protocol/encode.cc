#include "protocol/encode.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/limits.h"

namespace alona::protocol {
namespace {

constexpr std::size_t number_bytes_max = 32;  // the longest shortest double has 24

JsonWriter& begin(JsonWriter& json) { return json.raw("{\"v\":1"); }

JsonWriter& member(JsonWriter& json, std::string_view key) { return json.raw(",\"").raw(key).raw("\":"); }

void put_time(JsonWriter& json, std::string_view key, std::optional<Ms> time) {
  if (time) member(json, key).seconds(*time);
}

void put_ts(JsonWriter& json, std::optional<UtcMs> ts) {
  if (ts) put_time(json, "ts", ts->time_since_epoch());
}

void put_text(JsonWriter& json, std::string_view key, std::string_view text) {
  if (!text.empty()) member(json, key).text(text);
}

void put_number(JsonWriter& json, std::string_view key, std::int64_t value) {
  member(json, key).number(value);
}

void put_stamp(JsonWriter& json, const Stamp& stamp) {
  put_ts(json, stamp.ts);
  if (!stamp.sequence) return;
  put_number(json, "boot", stamp.sequence->boot);
  put_number(json, "seq", stamp.sequence->seq);
  put_number(json, "low", stamp.sequence->low);
}

void put_quantity(JsonWriter& json, const ReadingView& reading) {
  const bool sound = std::abs(reading.value) <= limits::value_abs_max;  // false for NaN, too
  json.raw("\"sensor\":").text(reading.sensor).raw(",\"value\":");
  json.number(sound ? reading.value : NAN);
  json.raw(",\"unit\":").text(reading.unit);
}

std::size_t end(JsonWriter& json) {
  const std::size_t size = json.raw("}").size();
  return size <= limits::payload_bytes_max ? size : 0;
}

}  // namespace

JsonWriter& JsonWriter::raw(std::string_view text) {
  if (!ok_ || text.size() > static_cast<std::size_t>(end_ - at_)) {
    ok_ = false;
    return *this;
  }
  std::memcpy(at_, text.data(), text.size());
  at_ += text.size();
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view text) {
  raw("\"");
  for (std::size_t done = 0; done < text.size();) {
    std::size_t plain = done;
    while (plain < text.size() && text[plain] != '"' && text[plain] != '\\' &&
           static_cast<unsigned char>(text[plain]) >= 0x20)
      ++plain;
    raw(text.substr(done, plain - done));
    if (plain == text.size()) break;
    const char c = text[plain];
    constexpr std::string_view hex = "0123456789abcdef";
    const char escaped[] = {'\\',
                            'u',
                            '0',
                            '0',
                            hex[static_cast<std::size_t>(c) >> 4 & 15],
                            hex[static_cast<std::size_t>(c) & 15]};
    const char quoted[] = {'\\', c};
    raw(c == '"' || c == '\\' ? std::string_view{quoted, 2} : std::string_view{escaped, 6});
    done = plain + 1;
  }
  return raw("\"");
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  char digits[number_bytes_max];
  const auto done = std::to_chars(digits, digits + sizeof digits, value);
  return raw({digits, done.ptr});
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) {
    ok_ = false;
    return *this;
  }
  char digits[number_bytes_max];
  const auto done = std::to_chars(digits, digits + sizeof digits, value);
  return raw({digits, done.ptr});
}

JsonWriter& JsonWriter::seconds(Ms time) {
  const std::int64_t ms = time.count();
  if (ms < 0) return number(static_cast<double>(ms) / 1000);
  number(ms / 1000);
  const auto rest = static_cast<int>(ms % 1000);
  if (rest == 0) return *this;
  const char fraction[] = {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
                           static_cast<char>('0' + rest % 10)};
  const std::size_t shown = rest % 100 == 0 ? 2 : rest % 10 == 0 ? 3 : 4;
  return raw({fraction, shown});
}

std::size_t encode_reading(std::span<char> out, const ReadingView& reading, const Stamp& stamp) {
  JsonWriter json{out};
  begin(json).raw(",");
  put_quantity(json, reading);
  put_stamp(json, stamp);
  return end(json);
}

BatchEncoder::BatchEncoder(std::span<char> out, const Stamp& stamp)
    : json_(out.first(std::min(out.size(), limits::payload_bytes_max))) {
  begin(json_);
  put_stamp(json_, stamp);
  member(json_, "readings").raw("[");
}

bool BatchEncoder::add(const ReadingView& reading) {
  if (count_ >= limits::batch_readings_max || !json_.ok()) return false;
  char* const before = json_.mark();
  if (count_ > 0) json_.raw(",");
  json_.raw("{");
  put_quantity(json_, reading);
  put_ts(json_, reading.ts);
  put_time(json_, "age", reading.age);
  json_.raw("}");
  char* const after = json_.mark();
  const bool fits = json_.raw("]}").ok();  // the end must still have its place
  json_.rewind(fits ? after : before);
  if (fits) ++count_;
  return fits;
}

std::size_t BatchEncoder::finish() {
  if (count_ == 0) return 0;
  json_.raw("]");
  return end(json_);
}

std::size_t encode_event(std::span<char> out, std::string_view type, std::string_view data,
                         const Stamp& stamp) {
  if (data.size() > limits::event_data_bytes_max) return 0;
  JsonWriter json{out};
  begin(json);
  put_text(json, "type", type);
  member(json, "data").raw(data.empty() ? "null" : data);
  put_stamp(json, stamp);
  return end(json);
}

std::size_t encode_error(std::span<char> out, std::string_view code, std::string_view message,
                         const Stamp& stamp) {
  JsonWriter json{out};
  begin(json);
  put_text(json, "code", code);
  member(json, "message").text(message);
  put_stamp(json, stamp);
  return end(json);
}

std::size_t encode_heartbeat(std::span<char> out, const HeartbeatView& heartbeat, const Stamp& stamp) {
  JsonWriter json{out};
  begin(json);
  put_number(json, "uptime", heartbeat.uptime_s);
  put_number(json, "rssi", heartbeat.rssi_dbm);
  put_text(json, "firmware", heartbeat.firmware);
  if (heartbeat.heap_bytes) put_number(json, "heap", *heartbeat.heap_bytes);
  if (heartbeat.battery_v) member(json, "battery").number(*heartbeat.battery_v);
  put_text(json, "reset", heartbeat.reset);
  if (heartbeat.lost > 0) put_number(json, "lost", heartbeat.lost);
  put_stamp(json, stamp);
  return end(json);
}

std::size_t encode_status(std::span<char> out, const StatusView& status, std::optional<UtcMs> ts) {
  JsonWriter json{out};
  begin(json);
  put_text(json, "state", status.online ? "online" : "offline");
  put_text(json, "firmware", status.firmware);
  if (status.sleep_s) put_number(json, "sleep", *status.sleep_s);
  if (status.boot) put_number(json, "boot", *status.boot);
  put_ts(json, ts);
  return end(json);
}

std::size_t encode_ack(std::span<char> out, std::uint32_t boot, std::uint32_t seq, UtcMs now,
                       TimeQuality quality) {
  JsonWriter json{out};
  begin(json);
  put_number(json, "boot", boot);
  put_number(json, "seq", seq);
  put_ts(json, now);
  put_number(json, "quality", static_cast<std::int64_t>(quality));
  return end(json);
}

std::size_t encode_core_time(std::span<char> out, UtcMs now, TimeQuality quality) {
  JsonWriter json{out};
  begin(json);
  put_ts(json, now);
  put_number(json, "quality", static_cast<std::int64_t>(quality));
  return end(json);
}

std::size_t encode_core_status(std::span<char> out, bool online, std::string_view program_version) {
  JsonWriter json{out};
  begin(json);
  put_text(json, "state", online ? "online" : "offline");
  put_text(json, "version", program_version);
  return end(json);
}

}  // namespace alona::protocol
