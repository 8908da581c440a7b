#include "alona/node_counters.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "alona/cli.h"
#include "base/time.h"

namespace alona {
namespace {
namespace json = boost::json;

std::string time_of(const json::value& ms) { return iso8601(utc_ms(ms.to_number<std::int64_t>())); }

Counter to_counter(const json::object& o) {
  Counter c;
  c.sensor = std::string_view{o.at("sensor").as_string()},
  c.unit = std::string_view{o.at("unit").as_string()};
  c.kind = std::string_view{o.at("kind").as_string()};
  c.base = o.at("base").to_number<double>();
  if (const auto* last = o.at("last").if_object())
    c.last = last->at("value").to_number<double>(), c.last_at = time_of(last->at("t"));
  if (!o.at("changed").is_null()) c.changed = time_of(o.at("changed"));
  return c;
}

}  // namespace

Result<std::vector<Counter>> read_counters(const std::string& body) {
  std::vector<Counter> counters;
  try {
    const json::value answer = json::parse(body);
    for (const json::value& one : answer.as_object().at("counters").as_array())
      counters.push_back(to_counter(one.as_object()));
  } catch (const std::exception&) {
    return fail(Errc::failed, "the core's answer can't be read", "Is the running core of another version?");
  }
  return counters;
}

std::string named(const Counter& c) { return fmt::format("{} ({})", printable(c.sensor), printable(c.unit)); }

}  // namespace alona
