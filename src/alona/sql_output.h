// Answers of `alona sql` on standard output: a table for people, CSV, or one JSON object a row. Constant
// memory: a table takes its widths from its first rows. One object, one thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "store/sql.h"

namespace alona {

class SqlOutput {
 public:
  enum class Form { table, csv, json };
  explicit SqlOutput(Form form) : form_(form) {}
  [[nodiscard]] store::SqlSink sink();
  [[nodiscard]] bool closed() const { return closed_; }  // nobody reads any more, or the disk is full

 private:
  struct Cell {
    std::string text;
    bool right = false;
  };
  void columns(const std::vector<std::string>& names);
  bool row(std::span<const store::SqlValue> values);
  void end();
  void put(const std::string& text);
  void put_json(std::span<const store::SqlValue> values);
  void put_csv(std::span<const store::SqlValue> values);
  void put_table_row(const std::vector<Cell>& cells, bool head);
  void flush_table();

  Form form_;
  bool closed_ = false;
  std::vector<std::string> names_;
  std::vector<std::vector<Cell>> first_;  // rows of a table, until its widths are known
  std::vector<std::size_t> widths_;       // empty: not known yet
};

}  // namespace alona
