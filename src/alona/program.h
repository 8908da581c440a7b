// Other programs, run to their end: what they printed and how they ended. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"

namespace alona {

// What a child prints, in memory alone.
class Output {
 public:
  Output();
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  // The end of it, without the last line's end.
  [[nodiscard]] std::string text() const;

 private:
  int fd_;
};

struct Ran {
  int code = 0;  // as a shell tells it
  std::string output;
};

// `command[0]` by PATH, standard output and error together. temporary: it didn't end in time, and was ended.
// not_found: no such program.
[[nodiscard]] Result<Ran> run_program(const std::vector<std::string>& command,
                                      std::chrono::seconds at_most = std::chrono::seconds{120});

}  // namespace alona
