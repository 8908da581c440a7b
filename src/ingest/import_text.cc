#include "ingest/import_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/import_fields.h"
#include "protocol/decode.h"
#include "protocol/text.h"

namespace alona::ingest {
namespace {

constexpr std::size_t first_bytes = 16;

constexpr std::size_t index(ImportColumn column) { return static_cast<std::size_t>(column); }

std::string quoted(std::string_view text) {
  return protocol::valid_utf8(text) ? protocol::shown(text) : "(not UTF-8)";
}

std::string list(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    if (text.size() > limits::refusal_detail_bytes_max) return text + ", …";
    text += (text.empty() ? "" : ", ") + quoted(name);
  }
  return text;
}

struct Other {
  std::string_view magic, what, next;
};
// Files that people take for text.
constexpr auto others = std::to_array<Other>({
    {"\x28\xB5\x2F\xFD", "it is packed with zstd", "`zstdcat FILE | alona import -` unpacks it."},
    {"\x1F\x8B", "it is packed with gzip", "`zcat FILE | alona import -` unpacks it."},
    {"PK\x03\x04", "it is a ZIP file, such as a spreadsheet", "Save the sheet as CSV in UTF-8."},
    {"\xFF\xFE", "its text is UTF-16", "Save it as UTF-8, such as `iconv -f UTF-16 -t UTF-8`."},
    {"\xFE\xFF", "its text is UTF-16", "Save it as UTF-8, such as `iconv -f UTF-16 -t UTF-8`."},
    {"SQLite format 3", "it is a database", "`alona export` writes what an import reads."},
});

}  // namespace

Result<void> add_map(ImportFormat& format, std::string_view text) {
  const auto column_of = [](std::string_view pair) {
    const auto found = std::ranges::find(import_columns, pair.substr(0, pair.find('=')));
    return pair.find('=') == std::string_view::npos ? import_columns.end() : found;
  };
  while (!text.empty()) {
    // A comma that no column's name follows belongs to the name before it.
    std::size_t end = text.find(',');
    while (end != std::string_view::npos && column_of(text.substr(end + 1)) == import_columns.end())
      end = text.find(',', end + 1);
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto column = column_of(pair);
    const std::string_view from = pair.substr(std::min(pair.size(), pair.find('=') + 1));
    if (column == import_columns.end() || from.empty() || from == ":") {
      return fail(Errc::usage, fmt::format("--map can't be {}", quoted(pair)),
                  "COLUMN=NAME, a column of the file, or COLUMN=:VALUE for all lines; COLUMN is time, node, "
                  "sensor, value, unit or quality.");
    }
    auto& source = format.from[static_cast<std::size_t>(column - import_columns.begin())];
    if (source) return fail(Errc::usage, fmt::format("--map says {} twice", *column));
    source = from.front() == ':' ? ImportSource{std::string(from.substr(1)), true}
                                 : ImportSource{std::string(from), false};
  }
  return {};
}

void ImportText::refuse(std::uint64_t line, std::string what, std::string next) {
  sink_.refused({line, std::move(what), std::move(next)});
}

bool ImportText::feed(std::string_view bytes) {
  if (!lines_ && !useless_) {
    const std::size_t n = std::min(bytes.size(), first_bytes - std::min(first_bytes, first_.size()));
    first_ += bytes.substr(0, n);
    bytes.remove_prefix(n);
    if (first_.size() < first_bytes) return true;
    begin();
  }
  if (lines_ && !useless_) lines_->feed(bytes, [this](const ImportLine& line) { take(line); });
  return !useless_;
}

void ImportText::finish() {
  if (!lines_ && !useless_) begin();
  if (!lines_ || useless_) return;
  lines_->finish([this](const ImportLine& line) { take(line); });
  if (csv_ && !header_ && !useless_) refuse(1, "the file is empty", "Its first line must name the columns.");
}

void ImportText::begin() {
  std::string_view text = first_;
  for (const Other& other : others) {
    if (!text.starts_with(other.magic)) continue;
    useless_ = true;
    return refuse(1, std::string(other.what), std::string(other.next));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  csv_ = at == std::string_view::npos || text[at] != '{';
  lines_.emplace(csv_ ? ImportLines::Form::csv : ImportLines::Form::ndjson, format_.separator);
  lines_->feed(text, [this](const ImportLine& line) { take(line); });
}

void ImportText::take(const ImportLine& line) {
  if (useless_) return;
  if (!line.problem.empty()) {
    useless_ = csv_ && !header_;
    return refuse(line.number, std::string(line.problem), "Correct the line, or leave it out.");
  }
  if (!csv_) return take_json(line);
  header_ ? take_csv(line) : take_header(line);
}

// ---- CSV ----

void ImportText::take_header(const ImportLine& line) {
  header_ = true;
  width_ = line.fields.size();
  std::vector<std::string_view> names;
  names.reserve(line.fields.size());
  for (const std::string_view field : line.fields) names.push_back(trimmed(field));
  const auto useless = [&](std::string what, std::string next) {
    useless_ = true;
    refuse(line.number, std::move(what), std::move(next));
  };
  const auto separated_by = [&](char c) {
    return names.size() == 1 && names[0].find(c) != std::string_view::npos;
  };
  for (std::size_t i = 0; i < import_columns.size(); ++i) {
    const auto& source = format_.from[i];
    if (source && source->fixed) continue;
    const std::string_view name = source ? std::string_view{source->name} : import_columns[i];
    const auto found = std::ranges::find(names, name);
    if (found != names.end()) {
      if (std::ranges::count(names, name) > 1)
        return useless(fmt::format("two columns are named {}", quoted(name)), "Rename one of them.");
      at_[i] = static_cast<std::size_t>(found - names.begin());
      continue;
    }
    if (i == index(ImportColumn::quality) && !source) continue;
    if (format_.separator == ',' && (separated_by(';') || separated_by('\t'))) {
      return useless("its columns aren't separated by commas",
                     separated_by(';') ? "Give --separator ';', and --map for columns of other names."
                                       : "Give --separator tab, and --map for columns of other names.");
    }
    return useless(
        fmt::format("there is no column {}; the first line names {}", quoted(name), list(names)),
        fmt::format("--map {0}=NAME names the file's own column, --map {0}=:VALUE one value for all lines.",
                    import_columns[i]));
  }
}

void ImportText::take_csv(const ImportLine& line) {
  if (line.fields.size() != width_) {
    return refuse(line.number,
                  fmt::format("{} fields, and the first line names {}", line.fields.size(), width_),
                  line.fields.size() > width_ && format_.separator == ','
                      ? "If a decimal comma did it: write 21.5, not 21,5."
                      : "Correct the line, or leave it out.");
  }
  Row row;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (at_[i]) row[i] = {.text = line.fields[*at_[i]], .there = true};
  }
  take_row(line.number, row);
}

// ---- NDJSON ----

void ImportText::take_json(const ImportLine& line) {
  if (trimmed(line.text).empty()) return;
  if (!protocol::valid_utf8(line.text))
    return refuse(line.number, "it isn't UTF-8", "Save the file as UTF-8.");
  if (const auto wrong = read_flat_json(line.text, json_); !wrong.empty())
    return refuse(line.number, wrong, "Each line must be one JSON object, as `alona export` writes it.");
  Row row;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto& source = format_.from[i];
    if (source && source->fixed) continue;
    const std::string_view name = source ? std::string_view{source->name} : import_columns[i];
    for (const JsonField& field : json_) {
      if (field.key != name) continue;
      if (row[i].there)
        return refuse(line.number, fmt::format("{} comes twice", quoted(name)), "Leave one of them out.");
      row[i] = {.text = field.text, .kind = field.kind, .there = true, .json = true};
    }
    if (!row[i].there && (source || i != index(ImportColumn::quality))) {
      return refuse(
          line.number, fmt::format("there is no {}", quoted(name)),
          fmt::format("--map {0}=NAME names the file's own field, --map {0}=:VALUE one value for all lines.",
                      import_columns[i]));
    }
  }
  take_row(line.number, row);
}

// ---- both ----

void ImportText::take_row(std::uint64_t line, const Row& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    Given given = row[i];
    if (format_.from[i] && format_.from[i]->fixed) given = {.text = format_.from[i]->name, .there = true};
    if (!given.there) {
      reading_.flags = 0;  // only quality may be missing: the time is the file's own
      continue;
    }
    const auto column = static_cast<ImportColumn>(i);
    const auto wanted = column == ImportColumn::value ? JsonKind::number : JsonKind::string;
    if (given.json && given.kind != wanted) {
      return refuse(
          line,
          fmt::format("{} isn't {}", import_columns[i], wanted == JsonKind::number ? "a number" : "a text"),
          wanted == JsonKind::number ? "Write it without quotes." : "Write it in quotes.");
    }
    if (const auto wrong = take_field(column, given.text, format_, reading_))
      return refuse(line, wrong->what, wrong->next);
  }
  sink_.reading(reading_);
}

}  // namespace alona::ingest
