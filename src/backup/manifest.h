// What a backup set says of itself: its first member, MANIFEST. Text that a person can read and check with
// sha256sum; docs/backup.md shows it. Plain data; no state.
//
// Format 1, frozen; lines end with \n, words are separated by one space, times are UTC with milliseconds:
//   alona-backup 1
//   taken TIME          when; never before the newest commit in it
//   number N            counts up with each set of a box, whatever its clock says
//   host NAME
//   program VERSION     that made it
//   schema N            of the database
//   readings N
//   newest TIME|none    the latest reading, by its own time
//   written TIME|none   the last commit's receipt
//   rows N TABLE        for each table, ascending by name; log: its commits
//   base N SHA256 NAME  only in a set of changes (backup/changes.h): number and name of the whole set that
//                       they are against, and the SHA-256 of that one's database
//   whole SHA256 BYTES PATH     only there: the database that both make
//   file SHA256 BYTES PATH      for each member behind this one, in their order
//   end SHA256          of everything above
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/snapshot.h"

namespace alona::backup {

inline constexpr std::size_t manifest_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t members_max = 1000;

struct Member {
  std::string path;  // below the set's folder; see valid_member
  std::uint64_t bytes = 0;
  std::string sha256;  // hexadecimal
  bool operator==(const Member&) const = default;
};

inline constexpr std::string_view database_member = "live/db/alona.sqlite3",
                                  changes_member = "live/db/changes";

// The whole set that a set of changes builds on; it lies in the same folder.
struct Base {
  std::string set;  // its file's name
  std::uint64_t number = 0;
  std::string database_sha256;
  bool operator==(const Base&) const = default;
};

struct Manifest {
  UtcMs taken{};
  std::uint64_t number = 0;
  std::string host, program;
  store::Contents contents;
  std::vector<Member> members;
  std::optional<Base> base;                   // nothing: it is whole
  Member whole;                               // with a base: the database that both make
  [[nodiscard]] std::uint64_t bytes() const;  // of all members
  [[nodiscard]] const Member* member(std::string_view path) const;  // null: there is none
};

// What lies in the folder that a set was unpacked into, as a manifest of its own.
[[nodiscard]] Manifest as_unpacked(Manifest manifest);

// A relative path of plain names: nothing that leads out of its folder, no control characters.
[[nodiscard]] bool valid_member(std::string_view path);

[[nodiscard]] std::string encode(const Manifest& manifest);
// corrupt: it isn't one, or was changed; newer: of a later format.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

}  // namespace alona::backup
