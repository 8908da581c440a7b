#include "base/zone.h"

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv
#include <time.h>    // NOLINT(modernize-deprecated-headers): localtime_r, tzset

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>

namespace alona {
namespace {
using std::chrono::days;

constexpr UtcMs first_moment{};
constexpr UtcMs last_moment{std::chrono::sys_days{std::chrono::year{2100} / 1 / 1}};
// No zone has changed its clocks and back within that.
constexpr auto look_each = days{2};

// The process's own time zone is put back at the end.
class UseZone {
 public:
  explicit UseZone(const std::string& name) {
    if (const char* now = ::getenv("TZ")) before_ = now;  // NOLINT(concurrency-mt-unsafe): one thread
    set((":" + name).c_str());
  }
  ~UseZone() { set(before_ ? before_->c_str() : nullptr); }
  UseZone(const UseZone&) = delete;
  UseZone& operator=(const UseZone&) = delete;

 private:
  static void set(const char* value) {
    if (value != nullptr) {
      ::setenv("TZ", value, 1);  // NOLINT(concurrency-mt-unsafe): one thread
    } else {
      ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe)
    }
    ::tzset();
  }
  std::optional<std::string> before_;
};

Ms ahead_now(UtcMs t) {
  const time_t s = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  tm local{};
  if (::localtime_r(&s, &local) == nullptr) return Ms{0};
  return std::chrono::seconds{local.tm_gmtoff};
}

// The first second at which it is no longer as at `low`; at `high` it isn't.
UtcMs change_between(UtcMs low, UtcMs high) {
  const Ms before = ahead_now(low);
  while (high - low > std::chrono::seconds{1}) {
    const UtcMs middle = std::chrono::floor<std::chrono::seconds>(low + (high - low) / 2);
    (ahead_now(middle) == before ? low : high) = middle;
  }
  return high;
}

bool known(const std::string& name) {
  std::error_code ignored;
  return !name.empty() && name.front() != '/' &&
         std::filesystem::is_regular_file(std::filesystem::path{"/usr/share/zoneinfo"} / name, ignored);
}

}  // namespace

Zone Zone::load(const std::string& name) {
  Zone zone;
  if (name == zone.name_ || !known(name)) return zone;
  zone.name_ = name;
  const UseZone use{name};
  zone.changes_.push_back({first_moment, ahead_now(first_moment)});
  for (UtcMs t = first_moment; t < last_moment; t += look_each) {
    const UtcMs next = t + look_each;
    if (ahead_now(next) == zone.changes_.back().ahead) continue;
    const UtcMs at = change_between(t, next);
    zone.changes_.push_back({at, ahead_now(at)});
  }
  return zone;
}

Ms Zone::ahead(UtcMs t) const {
  if (changes_.empty()) return Ms{0};
  const auto after = std::ranges::upper_bound(changes_, t, {}, &Change::at);
  return after == changes_.begin() ? after->ahead : std::prev(after)->ahead;
}

std::vector<UtcMs> Zone::days(UtcMs from, UtcMs to) const {
  using LocalDay = std::chrono::sys_days;  // what the clocks there say, not UTC
  const auto day_at = [&](UtcMs t) { return std::chrono::floor<std::chrono::days>(t + ahead(t)); };
  std::vector<UtcMs> found;
  // Three days earlier, so that the day that holds `from` is seen to begin, whatever was left out.
  UtcMs t = from - std::chrono::days{3};
  LocalDay last = day_at(t);
  auto next = std::ranges::upper_bound(changes_, t, {}, &Change::at);
  while (found.empty() || found.back() < to) {
    // The next midnight as the clocks go now, unless they change before.
    UtcMs midnight = UtcMs{last + std::chrono::days{1}} - ahead(t);
    t = std::max(midnight, t);
    if (next != changes_.end() && next->at <= t) {
      t = next->at;
      ++next;
    }
    if (const LocalDay day = day_at(t); day > last) {
      last = day;
      if (t <= from) found.clear();  // a later beginning not after `from`
      found.push_back(t);
    }
  }
  return found;
}

}  // namespace alona
