#include "alona/import_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "alona/cli.h"
#include "ops/paths.h"
#include "store/reader.h"

namespace alona {
namespace {

namespace json = boost::json;

struct Sums {
  std::uint64_t fresh = 0, known = 0, corrected = 0;
};

Sums sums_of(const std::vector<ingest::ImportCount>& counts) {
  Sums sums;
  for (const auto& c : counts) sums.fresh += c.fresh, sums.known += c.known, sums.corrected += c.corrected;
  return sums;
}

std::set<std::string> nodes_made(const std::vector<ingest::ImportCount>& counts) {
  std::set<std::string> made;
  for (const auto& c : counts) {
    if (c.node_made) made.insert(c.node);
  }
  return made;
}

std::string joined(const std::set<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

}  // namespace

Result<void> ImportCheck::known() {
  auto reader = store::Reader::open(ops::Paths{config_}.database());
  if (!reader) return std::unexpected(reader.error());
  const auto nodes = reader->nodes();
  if (!nodes) return std::unexpected(nodes.error());
  const auto series = reader->series();
  if (!series) return std::unexpected(series.error());
  std::map<store::NodeNo, std::string> ids;
  for (const auto& node : *nodes) nodes_[node.id] = node.removed, ids[node.no] = node.id;
  for (const auto& one : *series) series_.emplace(ids[one.node], one.sensor, one.unit);
  return {};
}

void ImportCheck::take(const store::NamedReading& r) {
  ++readings_;
  const auto is = [&](const Name& n) {
    return std::get<1>(n) == r.sensor && std::get<0>(n) == r.node && std::get<2>(n) == r.unit;
  };
  if (last_ == seen_.end() || !is(last_->first))
    last_ = seen_.try_emplace({r.node, r.sensor, r.unit}, Span{r.ts, r.ts}).first;
  last_->second.from = std::min(last_->second.from, r.ts);
  last_->second.to = std::max(last_->second.to, r.ts);
}

Result<void> ImportCheck::read(const ImportInput& input, const ingest::ImportFormat& format,
                               Progress& progress) {
  std::uint64_t bytes = 0;
  ingest::ImportText text{format,
                          {.reading =
                               [&](const store::NamedReading& r) {
                                 take(r);
                                 progress.step("checking", bytes, input.bytes());
                               },
                           .refused =
                               [&](ingest::ImportRefusal refusal) {
                                 if (++refused_ <= limits::import_errors_shown)
                                   refusals_.push_back(std::move(refusal));
                               }}};
  auto read = input.read([&](std::string_view block) -> Result<bool> {
    bytes += block.size();
    // A text taken for the node's name would make a series of each line.
    return text.feed(block) && seen_.size() <= config_.limits.series;
  });
  if (read && seen_.size() <= config_.limits.series) text.finish();
  return read;
}

Result<void> ImportCheck::room() const {
  std::size_t series = series_.size();
  std::set<std::string> nodes;
  for (const auto& [name, span] : seen_) {
    if (!nodes_.contains(std::get<0>(name))) nodes.insert(std::get<0>(name));
    if (!series_.contains(name)) ++series;
  }
  const auto over = [](std::string_view what, std::size_t all, std::size_t max) {
    return fail(
        Errc::refused,
        fmt::format("nothing was imported: with this file there would be {} {}, {} are allowed", all, what,
                    max),
        fmt::format("If that is meant, raise {} in [limits] of alona.toml and restart the core.", what));
  };
  if (const std::size_t all = nodes_.size() + nodes.size(); !nodes.empty() && all > config_.limits.nodes)
    return over("nodes", all, config_.limits.nodes);
  if (series > series_.size() && series > config_.limits.series)
    return over("series", series, config_.limits.series);
  return {};
}

Error ImportCheck::refusal(const std::string& file) const {
  std::string text = fmt::format("nothing was imported: {} of {} lines of {} are refused", refused_,
                                 refused_ + readings_, printable(file));
  for (const auto& r : refusals_)
    text += fmt::format("\n  line {}: {}. {}", r.line, printable(r.what), printable(r.next));
  if (refused_ > refusals_.size()) text += fmt::format("\n  and {} more", refused_ - refusals_.size());
  return {Errc::refused, std::move(text), "Correct the file and import it again."};
}

ImportCheck::Span ImportCheck::all() const {
  Span all{UtcMs::max(), UtcMs::min()};
  for (const auto& [name, span] : seen_)
    all.from = std::min(all.from, span.from), all.to = std::max(all.to, span.to);
  return all;
}

std::string ImportCheck::report(bool dry, const std::vector<ingest::ImportCount>& counts) const {
  const Sums sums = sums_of(counts);
  std::string text = fmt::format("{}{} readings: {} new, {} known, {} corrected, 0 refused",
                                 dry ? "Nothing was changed. Would be imported: " : "Imported: ", readings_,
                                 sums.fresh, sums.known, sums.corrected);
  if (readings_ == 0) return text;
  text += fmt::format("\n{} to {}\n", iso8601(all().from), iso8601(all().to));
  std::size_t width = 6;
  const auto name_of = [](const auto& c) { return fmt::format("{} {} {}", c.node, c.sensor, c.unit); };
  for (const auto& c : counts) width = std::max(width, name_of(c).size());
  text += fmt::format("\n{:<{}} {:>10} {:>10} {:>10}  {:<24}  {}", "series", width, "new", "known",
                      "corrected", "from", "to");
  for (const auto& c : counts) {
    const auto span = seen_.find({c.node, c.sensor, c.unit});
    if (span == seen_.end()) continue;
    text += fmt::format("\n{:<{}} {:>10} {:>10} {:>10}  {}  {}", name_of(c), width, c.fresh, c.known,
                        c.corrected, iso8601(span->second.from), iso8601(span->second.to));
  }
  if (const auto made = nodes_made(counts); !made.empty()) {
    text += fmt::format("\n\nNew nodes, without a login: {}. `alona node rotate {}` gives one.", joined(made),
                        *made.begin());
  }
  return text;
}

std::string ImportCheck::audit(const std::string& file,
                               const std::vector<ingest::ImportCount>& counts) const {
  const Sums sums = sums_of(counts);
  return fmt::format("imported {}: {} readings, {} new, {} corrected, {} known", printable(file), readings_,
                     sums.fresh, sums.corrected, sums.known);
}

std::string ImportCheck::json(const std::string& file, bool dry,
                              const std::vector<ingest::ImportCount>& counts) const {
  const Sums sums = sums_of(counts);
  json::array series, errors, made;
  for (const auto& c : counts) {
    const auto span = seen_.find({c.node, c.sensor, c.unit});
    if (span == seen_.end()) continue;
    series.push_back(json::object{{"node", c.node},
                                  {"sensor", c.sensor},
                                  {"unit", c.unit},
                                  {"new", c.fresh},
                                  {"known", c.known},
                                  {"corrected", c.corrected},
                                  {"from", iso8601(span->second.from)},
                                  {"to", iso8601(span->second.to)}});
  }
  for (const auto& r : refusals_)
    errors.push_back(
        json::object{{"line", r.line}, {"what", printable(r.what)}, {"next", printable(r.next)}});
  for (const auto& node : nodes_made(counts)) made.push_back(json::value(node));
  const auto time = [this](UtcMs t) {
    return seen_.empty() ? json::value(nullptr) : json::value(iso8601(t));
  };
  return json::serialize(json::object{{"file", printable(file)},
                                      {"dry_run", dry},
                                      {"readings", readings_},
                                      {"new", sums.fresh},
                                      {"known", sums.known},
                                      {"corrected", sums.corrected},
                                      {"refused", refused_},
                                      {"from", time(all().from)},
                                      {"to", time(all().to)},
                                      {"nodes_made", std::move(made)},
                                      {"series", std::move(series)},
                                      {"errors", std::move(errors)}});
}

}  // namespace alona
