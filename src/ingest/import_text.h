// A file of readings, as export writes it or another program, as values: the one place where its bytes are
// judged. Each line comes back as a reading that keeps the rules of docs/protocol.md, or with what is wrong
// and what to do. Memory: a line, whatever the file. One object, one thread; never throws.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ingest/import_lines.h"
#include "store/reader.h"

namespace alona::ingest {

enum class ImportColumn { time, node, sensor, value, unit, quality };
inline constexpr auto import_columns =
    std::to_array<std::string_view>({"time", "node", "sensor", "value", "unit", "quality"});

// Where the values of one column come from: a column of the file, or one value for all lines.
struct ImportSource {
  std::string name;
  bool fixed = false;
};

struct ImportFormat {
  std::array<std::optional<ImportSource>, import_columns.size()> from;  // nothing: the column of that name
  std::optional<std::chrono::minutes> zone;  // of times that name none; nothing: they are refused
  char separator = ',';
};

// "time=Datum,value=Wert,node=:cellar". usage: what is wrong with it.
[[nodiscard]] Result<void> add_map(ImportFormat& format, std::string_view text);
// "UTC", "Z" or "+01:00".
[[nodiscard]] std::optional<std::chrono::minutes> parse_zone(std::string_view text);

struct ImportRefusal {
  std::uint64_t line = 0;
  std::string what, next;
};

class ImportText {
 public:
  struct Sink {
    std::function<void(store::NamedReading&)> reading;
    std::function<void(ImportRefusal)> refused;
  };
  ImportText(ImportFormat format, Sink sink) : format_(std::move(format)), sink_(std::move(sink)) {}

  // False: what the first bytes or the header say makes the rest useless; `refused` has heard why.
  [[nodiscard]] bool feed(std::string_view bytes);
  void finish();

 private:
  void begin();
  void take(const ImportLine& line);
  void take_header(const ImportLine& line);
  void take_csv(const ImportLine& line);
  void take_json(const ImportLine& line);
  struct Given {
    std::string_view text;
    JsonKind kind = JsonKind::string;
    bool there = false;
    bool json = false;
  };
  using Row = std::array<Given, import_columns.size()>;
  void take_row(std::uint64_t line, const Row& row);
  void refuse(std::uint64_t line, std::string what, std::string next);

  ImportFormat format_;
  Sink sink_;
  std::string first_;  // the first bytes, until they tell what it is
  std::optional<ImportLines> lines_;
  bool csv_ = true, header_ = false, useless_ = false;
  std::array<std::optional<std::size_t>, import_columns.size()> at_;  // the CSV column
  std::size_t width_ = 0;
  std::vector<JsonField> json_;
  store::NamedReading reading_;
};

}  // namespace alona::ingest
