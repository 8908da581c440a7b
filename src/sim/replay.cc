#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "base/files.h"
#include "base/limits.h"
#include "protocol/topic.h"
#include "sim/source.h"

namespace alona::sim {
namespace {

constexpr std::size_t csv_bytes_max = std::size_t{1} << 30;

std::vector<std::string_view> cells(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string_view> all;
  for (;;) {
    const std::size_t comma = line.find(',');
    all.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return all;
    line.remove_prefix(comma + 1);
  }
}

// "temperature_c" is sensor temperature in °C. A suffix that is no known unit belongs to the name.
Column column_of(std::string_view name) {
  static const std::map<std::string_view, std::string_view> units = {
      {"c", "°C"}, {"pct", "%"},   {"lx", "lx"}, {"ppm", "ppm"}, {"v", "V"},
      {"w", "W"},  {"kwh", "kWh"}, {"m", "m"},   {"hpa", "hPa"}};
  if (name == "humidity_ratio") return {"humidity_ratio", "kg/kg"};
  const std::size_t gap = name.rfind('_');
  const auto unit = gap == std::string_view::npos ? units.end() : units.find(name.substr(gap + 1));
  if (unit == units.end()) return {std::string{name}, "1"};
  return {std::string{name.substr(0, gap)}, std::string{unit->second}};
}

Result<std::vector<Column>> header(std::string_view line, const std::vector<std::string>& map) {
  std::map<std::string_view, Column> named;
  for (const std::string_view entry : map) {
    const std::size_t equal = entry.find('='),
                      colon = entry.find(':', equal == std::string_view::npos ? 0 : equal);
    if (equal == std::string_view::npos || colon == std::string_view::npos)
      return fail(Errc::usage, fmt::format("--map '{}' is not column=sensor:unit", entry));
    named[entry.substr(0, equal)] = {std::string{entry.substr(equal + 1, colon - equal - 1)},
                                     std::string{entry.substr(colon + 1)}};
  }
  const auto names = cells(line);
  std::vector<Column> columns;
  for (std::size_t i = 1; i < names.size(); ++i) {
    const auto found = named.find(names[i]);
    Column column = found == named.end() ? column_of(names[i]) : found->second;
    if (!protocol::valid_name(column.sensor) || column.unit.empty())
      return fail(Errc::usage, fmt::format("line 1: column '{}' gives no sensor and unit", names[i]),
                  fmt::format("Say which: --map '{}=sensor:unit'", names[i]));
    columns.push_back(std::move(column));
  }
  if (columns.empty()) return fail(Errc::usage, "line 1: a time and at least one column are needed");
  return columns;
}

Result<Row> row(std::string_view line, std::size_t columns) {
  const auto parts = cells(line);
  if (parts.size() != columns + 1)
    return fail(Errc::usage, fmt::format("{} cells, not {}", parts.size(), columns + 1));
  const auto time = parse_iso8601(parts[0]);
  if (!time) return fail(Errc::usage, fmt::format("'{}' is no time", parts[0]), "Write YYYY-MM-DD HH:MM:SS.");
  Row result{.ts_ms = count(*time), .values = {}, .event = {}};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    double value = NAN;
    const std::string_view cell = parts[i];
    if (!cell.empty()) {
      const char* const end = cell.data() + cell.size();
      const auto done = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (done.ec != std::errc{} || done.ptr != end)
        return fail(Errc::usage, fmt::format("'{}' is no number", parts[i]));
    }
    result.values.push_back(value);
  }
  return result;
}

class Replay final : public Source {
 public:
  Replay(std::shared_ptr<const Recording> recording, const SimOptions& options)
      : recording_(std::move(recording)) {
    const auto& rows = recording_->rows;
    if (options.start)
      while (next_ < rows.size() && rows[next_].ts_ms < count(*options.start)) ++next_;
    end_ = rows.size();
    if (options.duration_s > 0 && next_ < end_) {
      const auto last = rows[next_].ts_ms + static_cast<std::int64_t>(options.duration_s * 1000);
      for (end_ = next_; end_ < rows.size() && rows[end_].ts_ms < last;) ++end_;
    }
  }
  const std::vector<Column>& columns() const override { return recording_->columns; }
  const Row* peek() override { return next_ < end_ ? &recording_->rows[next_] : nullptr; }
  void take() override { ++next_; }

 private:
  std::shared_ptr<const Recording> recording_;
  std::size_t next_ = 0, end_ = 0;
};

}  // namespace

Result<Recording> read_csv(const std::filesystem::path& file, const std::vector<std::string>& map) {
  const auto text = files::read(file, csv_bytes_max);
  if (!text) return with_context("reading the recording", text.error());
  Recording result;
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (number == 1) {
      auto columns = header(line, map);
      if (!columns) return with_context(file.string(), columns.error());
      result.columns = std::move(*columns);
      continue;
    }
    auto parsed = row(line, result.columns.size());
    if (!parsed) return with_context(fmt::format("{}:{}", file.string(), number), parsed.error());
    result.rows.push_back(std::move(*parsed));
  }
  if (result.rows.empty()) return fail(Errc::usage, file.string() + " has no rows");
  return result;
}

std::unique_ptr<Source> make_replay(std::shared_ptr<const Recording> recording, const SimOptions& options) {
  return std::make_unique<Replay>(std::move(recording), options);
}

}  // namespace alona::sim
