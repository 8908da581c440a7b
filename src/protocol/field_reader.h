// The fields of one object, taken by name and checked against the protocol's rules. The first rule that
// breaks is kept as the refusal and what follows yields harmless values: take everything, then look at
// refusal() once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/document.h"
#include "protocol/message.h"

namespace alona::protocol {

class FieldReader {
 public:
  explicit FieldReader(const Fields& fields) : fields_(fields) {}

  [[nodiscard]] std::optional<Refusal>& refusal() { return refusal_; }
  void refuse(Reason reason, Key key, std::string_view what);

  // Required. In [min, max].
  double number(Key key, double min, double max);
  std::int64_t whole(Key key, std::int64_t min, std::int64_t max);  // a fraction is cut off
  std::string_view string(Key key);
  std::string_view text(Key key);  // 1 to limits::text_bytes_max bytes, no control characters
  std::string_view unit(Key key);
  const Value* any(Key key);

  // Absent is fine, anything else must keep the rule.
  std::optional<double> maybe_number(Key key, double min, double max);
  std::optional<std::int64_t> maybe_whole(Key key, std::int64_t min, std::int64_t max);
  std::string_view maybe_text(Key key);  // empty when absent
  std::optional<UtcMs> maybe_ts();
  std::optional<Ms> maybe_age();
  std::optional<std::uint32_t> maybe_u32(Key key);

  void version();
  // ts, and with_sequence: boot, seq and low.
  Stamp stamp(bool with_sequence);

 private:
  [[nodiscard]] bool has(Key key) const { return fields_.find(key) != nullptr; }
  std::optional<Stamp::Sequence> sequence();
  void wrong_kind(Key key, const Value& value, Kind wanted);

  const Fields& fields_;
  std::optional<Refusal> refusal_;
};

}  // namespace alona::protocol
