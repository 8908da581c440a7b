// A payload as the fields that the protocol knows. The first of decode's two steps: here bytes become JSON
// values, and only JSON's own rules are judged (one document, no duplicate keys, depth); field_reader.h
// judges what the values say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/message.h"

namespace alona::protocol {

// Every field of every message. A field of another name is ignored.
enum class Key : std::uint8_t {
  v,
  sensor,
  value,
  unit,
  ts,
  age,
  boot,
  seq,
  low,
  readings,
  type,
  data,
  uptime,
  rssi,
  firmware,
  heap,
  lost,
  battery,
  reset,
  state,
  sleep,
  code,
  message
};
inline constexpr auto key_names = std::to_array<std::string_view>(
    {"v",    "sensor",   "value", "unit",  "ts",     "age",  "boot",     "seq",
     "low",  "readings", "type",  "data",  "uptime", "rssi", "firmware", "heap",
     "lost", "battery",  "reset", "state", "sleep",  "code", "message"});
static_assert(key_names.size() == static_cast<std::size_t>(Key::message) + 1 && key_names.size() <= 32);
[[nodiscard]] constexpr std::string_view name(Key key) { return key_names[static_cast<std::size_t>(key)]; }

enum class Kind : std::uint8_t { null, boolean, number, string, object, array };

struct Value {
  Kind kind = Kind::null;
  std::uint32_t place = 0;  // which member of its object, from 0; for member_text
  double number = 0;        // not finite when the text says more than a double holds
  std::string_view text;    // of a string, escapes resolved
};

// The known fields of one object. Clearing it touches one word, since a batch does so 450 times.
class Fields {
 public:
  void clear() { present_ = 0; }
  void set(Key key, const Value& value) {
    values_[static_cast<std::size_t>(key)] = value;
    present_ |= bit(key);
  }
  [[nodiscard]] const Value* find(Key key) const {
    return (present_ & bit(key)) != 0 ? &values_[static_cast<std::size_t>(key)] : nullptr;
  }

 private:
  static constexpr std::uint32_t bit(Key key) { return std::uint32_t{1} << static_cast<unsigned>(key); }
  std::uint32_t present_ = 0;
  std::array<Value, key_names.size()> values_;
};

// Hears each element of the payload's "readings" as it ends; nullptr for one that is no object.
class ReadingSink {
 public:
  virtual ~ReadingSink() = default;
  virtual void on_reading(const Fields* fields) = 0;
};

struct Document {
  Value top;      // kind object: see fields
  Fields fields;  // their texts point into the payload or into `unescaped`: neither may move
  std::string unescaped;
};

// Fills `document`; `payload` must be valid UTF-8. With a sink, "readings" is taken apart for it. Refuses
// with json.
[[nodiscard]] std::expected<void, Refusal> read_document(std::string_view payload, Document& document,
                                                         ReadingSink* readings);

}  // namespace alona::protocol
