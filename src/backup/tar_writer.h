// Inside the backup room only: a new tar archive in zstd, member by member, hashed as it is written. One
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "backup/archive.h"
#include "base/time.h"

namespace alona::backup {

class TarWriter {
 public:
  // All members lie in `folder` and have the time `taken`.
  TarWriter(std::filesystem::path path, std::string folder, UtcMs taken)
      : path_(std::move(path)), folder_(std::move(folder)), taken_(taken) {}
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // Makes the file; one that is there is never touched.
  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<void> begin_member(const std::string& name, std::uint64_t bytes, unsigned mode);
  [[nodiscard]] Result<void> data(std::span<const std::uint8_t> bytes);
  // The archive is complete; what is in the file hashes to what hash() then says, once.
  [[nodiscard]] Result<void> close();
  [[nodiscard]] std::array<std::uint8_t, 32> hash() { return out_.hash.finish(); }
  // Behind the archive.
  [[nodiscard]] Result<void> append(std::string_view bytes);
  // The file, and its name in its folder, survive a power cut.
  [[nodiscard]] Result<void> sync();

 private:
  // What goes to the file goes through the hash.
  struct Out {
    Fd fd;
    Sha256 hash;
    static ssize_t write(archive* a, void* self, const void* data, std::size_t bytes);
  };
  Result<void> checked(int got);
  const std::filesystem::path path_;
  const std::string folder_;
  const UtcMs taken_;
  Out out_{Fd{-1}, {}};
  WritingArchive archive_;
};

}  // namespace alona::backup
