#include "store/checksum_vfs.h"

#include <sqlite3.h>

#include <cstring>
#include <deque>
#include <mutex>
#include <span>

#include "base/hash.h"

namespace alona::store {
namespace {

// The base VFS's file, and behind it this: its own method table with read and write replaced. All other
// methods, among them locks and shared memory, are the base's and never know.
struct Sealed {
  sqlite3_io_methods methods;
  const sqlite3_io_methods* base = nullptr;
  bool seals = false;  // the file's header says that pages have room for a seal
};

struct Vfs {
  sqlite3_vfs vfs{};
  sqlite3_vfs* base = nullptr;
  std::string name;
};

// The offset of Sealed behind the base's file is the same for all of one base VFS; files carry it nowhere, so
// bases of different sizes need different method tables. Two are enough: the system's and a test's.
constexpr std::size_t bases_max = 4;
std::array<int, bases_max> base_file_bytes{};

std::uint64_t seal_of(std::span<const std::uint8_t> page, sqlite3_int64 offset) {
  const std::uint64_t body = crc32c(page.first(page.size() - page_seal_bytes));
  std::array<std::uint8_t, 12> place{};
  std::memcpy(place.data(), &body, 4);
  std::memcpy(place.data() + 4, &offset, 8);
  return body | std::uint64_t{crc32c(place)} << 32;
}

// What stands in a seal's place in memory, in the WAL, and in a page that another program's checkpoint wrote
// home from there. SQLite's fresh pages have it by themselves.
constexpr std::uint64_t broken_seal = 0;

bool is_page(int bytes) { return bytes >= 512 && (bytes & (bytes - 1)) == 0; }

// Byte 20 of a database's first page: how many bytes at each page's end SQLite leaves alone.
void look_at_header(Sealed& sealed, const void* data, int bytes, sqlite3_int64 offset) {
  const auto* page = static_cast<const std::uint8_t*>(data);
  if (offset == 0 && bytes >= 100 && std::memcmp(page, "SQLite format 3", 16) == 0) {
    sealed.seals = page[20] == page_seal_bytes;
  }
}

template <std::size_t slot>
Sealed& sealed_of(sqlite3_file* file) {
  return *reinterpret_cast<Sealed*>(reinterpret_cast<char*>(file) + base_file_bytes[slot]);
}

template <std::size_t slot>
int read_page(sqlite3_file* file, void* data, int bytes, sqlite3_int64 offset) {
  Sealed& sealed = sealed_of<slot>(file);
  const int result = sealed.base->xRead(file, data, bytes, offset);
  if (result != SQLITE_OK) return result;
  look_at_header(sealed, data, bytes, offset);
  if (!sealed.seals || !is_page(bytes)) return SQLITE_OK;
  const std::span page{static_cast<std::uint8_t*>(data), static_cast<std::size_t>(bytes)};
  const std::span place = page.last(page_seal_bytes);
  std::uint64_t seal = 0;
  std::memcpy(&seal, place.data(), place.size());
  if (seal == broken_seal) return SQLITE_OK;
  if (seal == seal_of(page, offset)) {
    std::memcpy(place.data(), &broken_seal, place.size());
    return SQLITE_OK;
  }
  sqlite3_log(SQLITE_IOERR_DATA, "page at byte %lld is damaged", offset);
  return SQLITE_IOERR_DATA;
}

template <std::size_t slot>
int write_page(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  Sealed& sealed = sealed_of<slot>(file);
  look_at_header(sealed, data, bytes, offset);
  if (!sealed.seals || !is_page(bytes)) return sealed.base->xWrite(file, data, bytes, offset);
  // SQLite's buffer stays as it is: it may be a page of its cache that another frame's checksum already
  // covers.
  std::array<std::uint8_t, 65536> page;  // NOLINT: filled right below
  std::memcpy(page.data(), data, static_cast<std::size_t>(bytes));
  const std::span body{page.data(), static_cast<std::size_t>(bytes)};
  const std::uint64_t seal = seal_of(body, offset);
  std::memcpy(page.data() + bytes - page_seal_bytes, &seal, page_seal_bytes);
  return sealed.base->xWrite(file, page.data(), bytes, offset);
}

// A memory-mapped page would come past the check.
int no_fetch(sqlite3_file*, sqlite3_int64, int, void** data) {
  *data = nullptr;
  return SQLITE_OK;
}
int no_unfetch(sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; }

template <std::size_t slot>
int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  const auto* mine = reinterpret_cast<const Vfs*>(vfs);
  const int result = mine->base->xOpen(mine->base, name, file, flags, out_flags);
  if (result != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0 || file->pMethods == nullptr) return result;
  auto* sealed = new (&sealed_of<slot>(file)) Sealed{};
  sealed->base = file->pMethods;
  sealed->methods = *file->pMethods;
  sealed->methods.xRead = read_page<slot>;
  sealed->methods.xWrite = write_page<slot>;
  if (sealed->methods.iVersion >= 3) {
    sealed->methods.xFetch = no_fetch;
    sealed->methods.xUnfetch = no_unfetch;
  }
  file->pMethods = &sealed->methods;
  return SQLITE_OK;
}

constexpr std::array open_functions = {open_file<0>, open_file<1>, open_file<2>, open_file<3>};
static_assert(open_functions.size() == bases_max);

}  // namespace

Result<std::string> checksum_vfs(const std::string& base_name) {
  static std::mutex mutex;
  static std::deque<Vfs> registered;  // SQLite keeps pointers into it: never moved, never freed
  const std::scoped_lock lock{mutex};
  sqlite3_vfs* base = sqlite3_vfs_find(base_name.empty() ? nullptr : base_name.c_str());
  if (base == nullptr) return fail(Errc::failed, "no SQLite VFS is named " + base_name);
  std::string name = std::string("alona-") + base->zName;
  if (sqlite3_vfs_find(name.c_str()) != nullptr) return name;
  if (registered.size() == bases_max) return fail(Errc::failed, "too many SQLite VFS");
  const std::size_t slot = registered.size();
  base_file_bytes[slot] = (base->szOsFile + 15) / 16 * 16;
  Vfs& mine = registered.emplace_back();
  mine.vfs = *base;
  mine.base = base;
  mine.name = name;
  mine.vfs.pNext = nullptr;
  mine.vfs.zName = mine.name.c_str();
  mine.vfs.szOsFile = base_file_bytes[slot] + static_cast<int>(sizeof(Sealed));
  mine.vfs.xOpen = open_functions[slot];
  if (sqlite3_vfs_register(&mine.vfs, 0) != SQLITE_OK) return fail(Errc::failed, "cannot register the VFS");
  return name;
}

}  // namespace alona::store
