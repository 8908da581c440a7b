// A stranger's file, cut into lines and these into fields, whatever its bytes: CSV as RFC 4180 has it (quoted
// fields may hold separators, quotes and line breaks), or one JSON object a line. Fed piece by piece; holds
// one line at most. One object, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alona::ingest {

struct ImportLine {
  std::uint64_t number = 0;              // in the file, from 1; where it begins
  std::vector<std::string_view> fields;  // of CSV; valid until the next line
  std::string_view text;                 // of NDJSON
  std::string_view problem;              // not empty: why it can't be read; then no fields
};

class ImportLines {
 public:
  enum class Form { csv, ndjson };
  using Take = std::function<void(const ImportLine&)>;

  ImportLines(Form form, char separator) : form_(form), separator_(separator) {}
  // Blank lines are passed over.
  void feed(std::string_view bytes, const Take& take);
  void finish(const Take& take);  // what stands behind the last line break

 private:
  enum class At { field_start, plain, quoted, quote_in_quoted, too_long };
  void put(char c, const Take& take);
  void end_field();
  void end_line(const Take& take);
  void keep(char c);
  void complain(std::string_view problem) {
    if (problem_.empty()) problem_ = problem;
  }

  Form form_;
  char separator_;
  At at_ = At::field_start;
  bool after_return_ = false;           // a \n now belongs to the \r before it
  std::uint64_t line_ = 1, begun_ = 1;  // now, and where the open one began
  std::string text_;                    // of the open line, without quotes and separators
  std::vector<std::size_t> ends_;       // of its fields, in text_
  std::size_t bytes_ = 0;               // of it in the file
  std::string_view problem_;
  ImportLine out_;
};

// One JSON object's fields: nothing, or why it isn't one. `text` must be valid UTF-8. Numbers keep their
// text, so that they are read to the last bit.
enum class JsonKind { null, boolean, number, string, nested };
struct JsonField {
  std::string key;
  JsonKind kind = JsonKind::null;
  std::string text;
};
[[nodiscard]] std::string read_flat_json(std::string_view text, std::vector<JsonField>& fields);

}  // namespace alona::ingest
