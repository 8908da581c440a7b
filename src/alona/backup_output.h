// What `alona backup … --json --background` says, read as it comes: lines of progress, the set, what went
// wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace alona {

class BackupOutput {
 public:
  void take(std::string_view bytes);  // in any pieces

  std::string doing;
  std::uint64_t done = 0, all = 0;  // all 0: nobody knows
  std::string set;                  // that it names; empty: none yet
  // Why it failed, and what to do; empty where it said nothing.
  [[nodiscard]] std::string failed() const { return errors_.substr(0, errors_.find('\n')); }
  [[nodiscard]] std::string next() const;

 private:
  void take_line(const std::string& line);
  void take_progress(std::string_view text);
  std::string begun_;   // the line that isn't whole yet
  std::string errors_;  // from the last "alona: " on
};

}  // namespace alona
