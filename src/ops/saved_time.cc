#include "ops/saved_time.h"

#include "base/files.h"
#include "base/limits.h"

namespace alona::ops {

std::optional<UtcMs> SavedTime::read() const {
  auto text = files::read(file_, 64);
  if (!text) return std::nullopt;
  while (!text->empty() && text->back() == '\n') text->pop_back();
  const auto time = parse_iso8601(*text);
  return time && *time >= utc_ms(limits::node_ts_min_ms) ? time : std::nullopt;
}

Result<void> SavedTime::write(UtcMs now) const { return files::replace(file_, iso8601(now) + "\n", 0640); }

}  // namespace alona::ops
