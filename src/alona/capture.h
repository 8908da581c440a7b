// What another program prints: for looking at the machine with its own tools. Bounded in time and size. One
// call, one thread; no state.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona {

struct Captured {
  int exit_code = 0;  // as a shell tells it
  std::string text;   // both its outputs, at most `bytes_max`
  bool cut = false;   // there was more, or it took longer; it was ended then
};

// not_found: no such program. `arguments[0]` is looked for in PATH. `stop`: once true, it is ended within a
// second, as when the time is up.
[[nodiscard]] Result<Captured> capture(const std::vector<std::string>& arguments, Ms patience,
                                       std::size_t bytes_max, const std::atomic<bool>* stop = nullptr);

// To its end, whatever it changes: its outputs without the last line's end. temporary: it took longer, or
// said more than a MiB, and was ended.
[[nodiscard]] Result<Captured> run_to_end(const std::vector<std::string>& arguments,
                                          Ms patience = std::chrono::minutes{2});

}  // namespace alona
