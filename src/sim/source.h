// Where a simulated node's readings come from: rows, each an instant and one value a sensor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "sim/options.h"

namespace alona::sim {

struct Column {
  std::string sensor;
  std::string unit;
};

struct Row {
  std::int64_t ts_ms = 0;
  std::vector<double> values;  // one a column; NaN: none
  std::string event;           // a type, or empty
};

class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual const std::vector<Column>& columns() const = 0;
  // The next row, or nothing at the end. The row lives until the next call.
  [[nodiscard]] virtual const Row* peek() = 0;
  virtual void take() = 0;
};

// A recorded file, parsed once and shared by all nodes.
struct Recording {
  std::vector<Column> columns;
  std::vector<Row> rows;
};
// Errors name the file and the line.
[[nodiscard]] Result<Recording> read_csv(const std::filesystem::path& file,
                                         const std::vector<std::string>& map);

[[nodiscard]] std::unique_ptr<Source> make_replay(std::shared_ptr<const Recording> recording,
                                                  const SimOptions& options);
// The physical model of node `index`; endless, unless the options say how long.
[[nodiscard]] std::unique_ptr<Source> make_model(const SimOptions& options, std::size_t index, UtcMs start);

}  // namespace alona::sim
