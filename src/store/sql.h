// SQL for people, over the tables and over `readings` (sql_table.h). It can't change a byte: the connection
// refuses every write, and an authorizer lets through what reads and nothing else. Passwords and session
// tokens read as NULL. No time limit; a flag ends it. One object, one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace alona::store {

struct SqlValue {
  enum class Kind { null, integer, real, text, blob } kind = Kind::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view text;  // or a blob's bytes; until the next row
};

// One statement's answer. `row` says false to end it.
struct SqlSink {
  std::function<void(const std::vector<std::string>&)> columns;
  std::function<bool(std::span<const SqlValue>)> row;
  std::function<void()> end;
};

class Sql {
 public:
  // As Reader::open. `cancel`: once true, what runs ends with closed.
  [[nodiscard]] static Result<Sql> open(const std::filesystem::path& path, const std::atomic<bool>& cancel);
  Sql(Sql&&) noexcept;
  Sql& operator=(Sql&&) noexcept;
  ~Sql();

  // Every statement of `text`, until one fails. usage: it isn't SQL, or names what there isn't. refused: it
  // would change something. corrupt: everything that can be read was handed over, and something is missing.
  [[nodiscard]] Result<void> run(std::string_view text, const SqlSink& sink);
  // It ends with a whole statement.
  [[nodiscard]] static bool complete(const std::string& text);

 private:
  struct Impl;
  explicit Sql(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::store
