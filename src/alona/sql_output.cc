#include "alona/sql_output.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <cmath>
#include <cstdio>

#include "alona/cli.h"
#include "alona/export_rows.h"
#include "base/csv.h"
#include "protocol/decode.h"
#include "protocol/text.h"

namespace alona {
namespace {

using Kind = store::SqlValue::Kind;

constexpr std::size_t rows_for_widths = 200;

std::string hex(std::string_view bytes) {
  std::string text = "x'";
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text + "'";
}

std::string number(double value) {
  if (std::isfinite(value)) return shortest(value);
  return value < 0 ? "-inf" : "inf";
}

std::string plain(const store::SqlValue& value) {
  switch (value.kind) {
    case Kind::null:
      return "";
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::real:
      return number(value.real);
    case Kind::blob:
      return hex(value.text);
    case Kind::text:
      break;
  }
  return std::string(value.text);
}

std::string json_text(std::string_view text) {
  const std::string shown = protocol::valid_utf8(text) ? std::string(text) : printable(text);
  return boost::json::serialize(boost::json::string_view(shown));
}

std::string json(const store::SqlValue& value) {
  if (value.kind == Kind::null || (value.kind == Kind::real && !std::isfinite(value.real))) return "null";
  return value.kind == Kind::text || value.kind == Kind::blob ? json_text(plain(value)) : plain(value);
}

}  // namespace

store::SqlSink SqlOutput::sink() {
  return {.columns = [this](const auto& names) { columns(names); },
          .row = [this](auto values) { return row(values); },
          .end = [this] { end(); }};
}

void SqlOutput::put(const std::string& text) {
  if (!closed_ && std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) closed_ = true;
}

void SqlOutput::columns(const std::vector<std::string>& names) {
  names_ = names;
  first_.clear(), widths_.clear();
  if (form_ != Form::csv) return;
  std::string line;
  for (const auto& name : names) line += (line.empty() ? "" : ",") + csv_field(name);
  put(line + "\r\n");
}

bool SqlOutput::row(std::span<const store::SqlValue> values) {
  if (form_ == Form::csv) put_csv(values);
  if (form_ == Form::json) put_json(values);
  if (form_ == Form::table) {
    std::vector<Cell> cells;
    for (const auto& value : values) {
      cells.push_back({printable(plain(value)), value.kind == Kind::integer || value.kind == Kind::real});
    }
    if (!widths_.empty()) {
      put_table_row(cells, false);
    } else {
      first_.push_back(std::move(cells));
      if (first_.size() >= rows_for_widths) flush_table();
    }
  }
  return !closed_;
}

void SqlOutput::end() {
  if (form_ == Form::table && widths_.empty()) flush_table();
  if (std::fflush(stdout) != 0) closed_ = true;
}

void SqlOutput::put_csv(std::span<const store::SqlValue> values) {
  std::string line;
  for (std::size_t i = 0; i < values.size(); ++i) line += (i == 0 ? "" : ",") + csv_field(plain(values[i]));
  put(line + "\r\n");
}

void SqlOutput::put_json(std::span<const store::SqlValue> values) {
  std::string line = "{";
  for (std::size_t i = 0; i < values.size(); ++i)
    line += fmt::format("{}{}:{}", i == 0 ? "" : ",", json_text(names_[i]), json(values[i]));
  put(line + "}\n");
}

void SqlOutput::flush_table() {
  widths_.reserve(names_.size());
  for (const auto& name : names_) widths_.push_back(protocol::characters(printable(name)));
  for (const auto& cells : first_) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths_[i] = std::max(widths_[i], protocol::characters(cells[i].text));
  }
  std::vector<Cell> head;
  head.reserve(names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i)
    head.push_back({printable(names_[i]), !first_.empty() && first_.front()[i].right});
  put_table_row(head, true);
  for (const auto& cells : first_) put_table_row(cells, false);
  first_.clear();
}

void SqlOutput::put_table_row(const std::vector<Cell>& cells, bool head) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t wide = protocol::characters(cells[i].text);
    const std::string pad(widths_[i] > wide ? widths_[i] - wide : 0, ' ');
    const bool last = i + 1 == cells.size();
    line += (i == 0 ? "" : "  ") + (cells[i].right ? pad + cells[i].text : cells[i].text + (last ? "" : pad));
  }
  put((head ? bold(line) : line) + "\n");
}

}  // namespace alona
