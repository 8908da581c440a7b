// The file of an import, which is read twice: first all of it is judged, then it is stored. What comes by a
// pipe is kept in a file without a name meanwhile. One object, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace alona {

class ImportInput {
 public:
  // "-": standard input. not_found, io, disk_full.
  [[nodiscard]] static Result<ImportInput> open(const std::string& path);
  ImportInput(ImportInput&& other) noexcept;
  ImportInput& operator=(ImportInput&&) = delete;
  ImportInput(const ImportInput&) = delete;
  ImportInput& operator=(const ImportInput&) = delete;
  ~ImportInput();

  // From its beginning; `take` says false to end it.
  [[nodiscard]] Result<void> read(const std::function<Result<bool>(std::string_view)>& take) const;
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  ImportInput(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  [[nodiscard]] Result<void> keep_pipe();
  int fd_ = -1;
  std::string name_;
  std::uint64_t bytes_ = 0;
};

}  // namespace alona
