// A program of our own that we started: it ends with this object, and, by the kernel's hand, with us.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona {

class Child {
 public:
  // Starts `arguments[0]` (by PATH) with its output in `log`. The environment is ours. not_found: no such
  // program.
  [[nodiscard]] static Result<Child> start(std::string name, const std::vector<std::string>& arguments,
                                           const std::filesystem::path& log);
  // The same with its output to `out`, such as a pipe, which stays the caller's.
  [[nodiscard]] static Result<Child> start(std::string name, const std::vector<std::string>& arguments,
                                           int out);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // stop(), with a few seconds of patience

  [[nodiscard]] bool running();  // notices an end
  void signal(int number) const;
  // Waits for its end. Its exit code, as a shell tells it: 128 and more for a signal.
  int wait();
  // SIGTERM, and SIGKILL when that takes longer.
  void stop(Ms patience);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // The last lines that it wrote, for an error.
  [[nodiscard]] std::string last_words() const;

 private:
  Child(std::string name, pid_t pid, std::filesystem::path log)
      : name_(std::move(name)), pid_(pid), log_(std::move(log)) {}
  std::string name_;
  pid_t pid_ = -1;  // -1: has ended
  std::filesystem::path log_;
};

// A loopback port that was free at the time of asking.
[[nodiscard]] Result<std::uint16_t> free_port();
// Somebody listens on this loopback port.
[[nodiscard]] bool port_answers(std::uint16_t port);

}  // namespace alona
