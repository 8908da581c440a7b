// Time as types: UtcMs to record, Mono to wait. They can't be confused, and both come from a Clock that is
// handed in, so that a test can turn it. Formatting is ISO 8601 in UTC with milliseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace alona {

using Ms = std::chrono::milliseconds;
using UtcMs = std::chrono::sys_time<Ms>;
using Mono = std::chrono::time_point<std::chrono::steady_clock, Ms>;

// How far a row's time can be trusted. The numbers lie on disk and on the wire: frozen.
enum class TimeQuality : std::uint8_t {
  node = 0,         // the node's own clock
  receipt = 1,      // when the core received it, by a trusted clock
  provisional = 2,  // the node's age or the receipt, by a clock nobody has confirmed
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual UtcMs utc() const = 0;
  [[nodiscard]] virtual Mono mono() const = 0;
  // True once something that knows (NTP, a visitor) has set the clock.
  [[nodiscard]] virtual bool trusted() const = 0;
};

// The machine's clock; trusted when the kernel says that it is synchronised.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] UtcMs utc() const override;
  [[nodiscard]] Mono mono() const override;
  [[nodiscard]] bool trusted() const override;
};

// A clock that stands still until a test moves it. The two times move apart only through set_utc.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UtcMs utc) : utc_(utc) {}
  [[nodiscard]] UtcMs utc() const override { return utc_; }
  [[nodiscard]] Mono mono() const override { return mono_; }
  [[nodiscard]] bool trusted() const override { return trusted_; }
  void advance(Ms by) { utc_ += by, mono_ += by; }
  void set_utc(UtcMs utc) { utc_ = utc; }
  void set_trusted(bool trusted) { trusted_ = trusted; }

 private:
  UtcMs utc_;
  Mono mono_{Ms{1'000'000}};
  bool trusted_ = true;
};

[[nodiscard]] constexpr std::int64_t count(UtcMs t) { return t.time_since_epoch().count(); }
[[nodiscard]] constexpr UtcMs utc_ms(std::int64_t ms) { return UtcMs{Ms{ms}}; }

// Days since 1970-01-01 UTC.
[[nodiscard]] constexpr std::int32_t utc_day(UtcMs t) {
  return static_cast<std::int32_t>(std::chrono::floor<std::chrono::days>(t).time_since_epoch().count());
}

[[nodiscard]] std::string iso8601(UtcMs t);  // 2026-11-24T18:42:07.250Z
// Accepts YYYY-MM-DD, and with "T" or a space HH:MM[:SS[.fraction]], and an optional Z; always UTC.
[[nodiscard]] std::optional<UtcMs> parse_iso8601(std::string_view text);

// "3 s", "5 min", "2 h", "4 days": the largest unit that fits, rounded down.
[[nodiscard]] std::string duration_text(Ms d);

}  // namespace alona
