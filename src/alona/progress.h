// How far a command is, on stderr, once it takes longer than two seconds and a person watches. One object,
// one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace alona {

class Progress {
 public:
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Cheap enough for every reading. `all` 0: nobody knows.
  void step(std::string_view doing, std::uint64_t done, std::uint64_t all) {
    if (++steps_ % 4096 == 0 && shown_) show(doing, done, all);
  }
  // For rarer steps.
  void at(std::string_view doing, std::uint64_t done, std::uint64_t all) {
    if (shown_) show(doing, done, all);
  }
  void clear();  // the line is free again

 private:
  void show(std::string_view doing, std::uint64_t done, std::uint64_t all);
  std::chrono::steady_clock::time_point next_;
  std::uint64_t steps_ = 0;
  bool shown_, printed_ = false;
};

}  // namespace alona
