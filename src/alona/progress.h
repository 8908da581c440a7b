// How far a command is, on stderr: a bar once it takes longer than two seconds and a person watches; for a
// program that follows it, lines `progress DONE ALL DOING`, at once and then twice a second. One object, one
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace alona {

class Progress {
 public:
  enum class For { people, programs };
  explicit Progress(For whom = For::people);
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
  const bool lines_;
  bool shown_, printed_ = false;
  std::string doing_;
};

}  // namespace alona
