#include "alona/import_piece.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "ingest/import_text.h"

namespace alona {
namespace {

namespace json = boost::json;

std::uint64_t number(const json::object& object, std::string_view name) {
  return json::value_to<std::uint64_t>(object.at(name));
}

}  // namespace

Result<std::vector<store::NamedReading>> read_piece(std::string_view csv) {
  std::vector<store::NamedReading> readings;
  std::optional<Error> wrong;
  ingest::ImportText text{
      {},
      {.reading = [&](store::NamedReading& r) { readings.push_back(r); },
       .refused =
           [&](const ingest::ImportRefusal& refusal) {
             if (!wrong) {
               wrong =
                   Error{Errc::usage, fmt::format("line {}: {}", refusal.line, refusal.what), refusal.next};
             }
           }}};
  (void)text.feed(csv);
  text.finish();
  if (wrong) return std::unexpected(*wrong);
  return readings;
}

std::string counts_json(const std::vector<ingest::ImportCount>& counts) {
  json::array series;
  for (const auto& c : counts) {
    series.push_back(json::object{{"node", c.node},
                                  {"sensor", c.sensor},
                                  {"unit", c.unit},
                                  {"node_made", c.node_made},
                                  {"series_made", c.series_made},
                                  {"new", c.fresh},
                                  {"known", c.known},
                                  {"corrected", c.corrected}});
  }
  return json::serialize(json::object{{"series", std::move(series)}});
}

Result<std::vector<ingest::ImportCount>> read_counts(std::string_view text) {
  try {
    std::vector<ingest::ImportCount> counts;
    const json::value answer = json::parse(text);
    for (const json::value& one : answer.at("series").as_array()) {
      const json::object& c = one.as_object();
      counts.push_back({std::string(c.at("node").as_string()), std::string(c.at("sensor").as_string()),
                        std::string(c.at("unit").as_string()), c.at("node_made").as_bool(),
                        c.at("series_made").as_bool(), number(c, "new"), number(c, "known"),
                        number(c, "corrected")});
    }
    return counts;
  } catch (const std::exception&) {
    return fail(
        Errc::failed,
        fmt::format("the core's answer isn't understood: '{}'", text.substr(0, limits::shown_bytes_max)),
        "Is the running core of another version?");
  }
}

}  // namespace alona
