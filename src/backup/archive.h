// Inside the backup room only: libarchive behind types that end what they began. Its errors become ours.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "base/hash.h"

namespace alona::backup {

struct EndOfWriting {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct EndOfReading {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct EndOfEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using WritingArchive = std::unique_ptr<archive, EndOfWriting>;
using ReadingArchive = std::unique_ptr<archive, EndOfReading>;
using Entry = std::unique_ptr<archive_entry, EndOfEntry>;

// "cannot DO PATH: why", disk_full where that is why.
[[nodiscard]] std::unexpected<Error> file_error(std::string_view doing, const std::filesystem::path& path,
                                                int error);
// All of it, or the errno.
[[nodiscard]] int write_all(int fd, const void* data, std::size_t bytes);
// Root's files would be nobody's to serve. Where a file system knows no owners, nothing happens.
void give_to_owner_of_folder(const std::filesystem::path& file);

inline constexpr std::string_view seal_mark = "alona-set-1\n";
inline constexpr std::size_t set_seal_bytes = 8 + seal_mark.size() + 32;
[[nodiscard]] std::string set_seal(const std::array<std::uint8_t, 32>& hash);

}  // namespace alona::backup
