// Inside the backup room only: a set read from its front to its end, member by member, each against what its
// manifest says before a byte of it is handed out. One thread; a few hundred KiB.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "backup/archive.h"
#include "backup/manifest.h"

namespace alona::backup {

inline constexpr std::size_t piece_bytes = std::size_t{256} * 1024;

[[nodiscard]] std::unexpected<Error> no_whole_set(const std::filesystem::path& path, std::string_view why);

// Every failure but io and not_found is corrupt, and says what is wrong.
class SetStream {
 public:
  explicit SetStream(std::filesystem::path path) : path_(std::move(path)) {}
  SetStream(const SetStream&) = delete;
  SetStream& operator=(const SetStream&) = delete;

  [[nodiscard]] Result<void> begin();
  [[nodiscard]] Result<Manifest> manifest();

  // The next member must be this one.
  [[nodiscard]] Result<void> begin_member(const Member& wanted);
  // Its next bytes, as many as there is room for; fewer, or none: it ends here.
  [[nodiscard]] Result<std::size_t> data(std::span<char> room);
  // What is left of it is passed over. All of it is what its manifest says.
  [[nodiscard]] Result<void> end_member();
  // The whole of it, piece by piece.
  [[nodiscard]] Result<void> member(const Member& wanted,
                                    const std::function<Result<void>(std::span<char>)>& take);

  // Behind the last member there is nothing but the seal, and that holds.
  [[nodiscard]] Result<void> end();
  [[nodiscard]] unsigned mode() const { return mode_; }  // of the member that was begun last

 private:
  // The file up to its seal, for libarchive, and through the seal's hash.
  struct In {
    Fd fd{-1};
    std::uint64_t left = 0;
    Sha256 hash{};
    std::string piece = std::string(piece_bytes, '\0');
    int error = 0;
    [[nodiscard]] ssize_t more();  // 0: the end; below: an error
    static la_ssize_t read(archive* a, void* self, const void** data);
  };
  [[nodiscard]] Result<std::uint64_t> next_member(std::string_view name);  // its size
  [[nodiscard]] std::unexpected<Error> archive_bad();

  const std::filesystem::path path_;
  In in_;
  std::uint64_t bytes_ = 0, left_ = 0;  // of the file; of the member
  std::string seal_, folder_;
  unsigned mode_ = 0;
  Member member_;
  Sha256 hash_;
  ReadingArchive archive_;
  std::string piece_ = std::string(piece_bytes, '\0');
};

}  // namespace alona::backup
