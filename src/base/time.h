// Time as types: UtcMs to record, Mono to wait. They can't be confused, and both come from a Clock that is
// handed in, so that a test can turn it. Formatting is ISO 8601 in UTC with milliseconds.
#pragma once

#include <atomic>
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
  // Names this start of the machine: mono() of the same boot can be compared, even across processes.
  [[nodiscard]] virtual std::string boot() const = 0;
};

// The machine's clock; trusted when the kernel says that it is synchronised.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] UtcMs utc() const override;
  [[nodiscard]] Mono mono() const override;
  [[nodiscard]] bool trusted() const override;
  [[nodiscard]] std::string boot() const override;
};

// The core's own time, for its other threads: the machine's monotonic clock, and what the keeper of the time
// (ingest/core_time.h) adds to it. Until it has: the machine's clock, not trusted.
class HouseClock final : public Clock {
 public:
  explicit HouseClock(const Clock& machine)
      : machine_(machine),
        ahead_((machine.utc().time_since_epoch() - machine.mono().time_since_epoch()).count()) {}
  [[nodiscard]] UtcMs utc() const override {
    return UtcMs{machine_.mono().time_since_epoch() + Ms{ahead_.load(std::memory_order_relaxed)}};
  }
  [[nodiscard]] Mono mono() const override { return machine_.mono(); }
  [[nodiscard]] bool trusted() const override { return trusted_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string boot() const override { return machine_.boot(); }
  // Any thread. `ahead`: of UTC to the monotonic clock.
  void set(Ms ahead, bool trusted) {
    ahead_.store(ahead.count(), std::memory_order_relaxed);
    trusted_.store(trusted, std::memory_order_relaxed);
  }

 private:
  const Clock& machine_;
  std::atomic<std::int64_t> ahead_;
  std::atomic<bool> trusted_ = false;
};

// A clock that stands still until a test moves it. The two times move apart only through set_utc.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UtcMs utc) : utc_(utc) {}
  [[nodiscard]] UtcMs utc() const override { return utc_; }
  [[nodiscard]] Mono mono() const override { return mono_; }
  [[nodiscard]] bool trusted() const override { return trusted_; }
  [[nodiscard]] std::string boot() const override { return "boot-" + std::to_string(boot_); }
  // Another start of the machine, whose clock then says `utc`, unconfirmed.
  void reboot(UtcMs utc) { utc_ = utc, mono_ = Mono{Ms{10'000}}, trusted_ = false, ++boot_; }
  void advance(Ms by) { utc_ += by, mono_ += by; }
  void set_utc(UtcMs utc) { utc_ = utc; }
  void set_trusted(bool trusted) { trusted_ = trusted; }

 private:
  UtcMs utc_;
  Mono mono_{Ms{1'000'000}};
  bool trusted_ = true;
  int boot_ = 1;
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
