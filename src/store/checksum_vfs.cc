#include "store/checksum_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <deque>
#include <mutex>
#include <span>
#include <utility>

#include "base/hash.h"

namespace alona::store {
namespace {

// The base VFS's file, and behind it this: its own method table with read and write replaced, and those that
// say when what was read may have become old. All other methods are the base's and never know.
struct Sealed {
  sqlite3_io_methods methods;
  const sqlite3_io_methods* base = nullptr;
  bool seals = false;  // the file's header says that pages have room for a seal
  // The block of the file that was read last; -1: none. A page costs a call of the kernel, and a chunk lies
  // on several that follow one another.
  sqlite3_int64 block_at = -1;
  std::array<std::uint8_t, 4096> block;
};

// A log of writes, in the same place. Bytes that it gets beforehand: a commit that lengthens its file costs
// the file system a commit of its own, and a log that can't begin anew beside a reader is lengthened by each.
struct Growing {
  sqlite3_io_methods methods;
  const sqlite3_io_methods* base = nullptr;
  sqlite3_int64 bytes = 0;  // at least so long
};
constexpr sqlite3_int64 growth_min = 256 << 10, growth_max = 1 << 20;

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

thread_local PageWatch* watch = nullptr;
thread_local bool damage_met = false;

std::uint64_t seal_in(std::span<const std::uint8_t> page) {
  std::uint64_t seal = 0;
  std::memcpy(&seal, page.last(page_seal_bytes).data(), page_seal_bytes);
  return seal;
}

// One bit of the page flipped back, so that its seal holds; false: it isn't one bit.
bool mend(std::span<std::uint8_t> page, sqlite3_int64 offset) {
  const std::uint64_t seal = seal_in(page);
  const std::uint64_t now = seal_of(page, offset);
  // Of the seal itself: one half of it holds.
  if (std::popcount(seal ^ now) == 1) return true;
  std::uint64_t body = seal & 0xFFFFFFFF;
  std::array<std::uint8_t, 12> place{};
  std::memcpy(place.data(), &body, 4);
  std::memcpy(place.data() + 4, &offset, 8);
  if (crc32c(place) != seal >> 32) return false;  // the seal is no help
  const auto inside = page.first(page.size() - page_seal_bytes);
  for (std::size_t bit = 0; bit < inside.size() * 8; ++bit) {
    const auto flip = static_cast<std::uint8_t>(1u << bit % 8);
    inside[bit / 8] ^= flip;
    if (crc32c(inside) == body) return true;
    inside[bit / 8] ^= flip;
  }
  return false;
}

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

// SQLite looks at the header alone before it knows how long a page is.
int read_mended_header(const Sealed& sealed, sqlite3_file* file, std::span<std::uint8_t> header) {
  for (const std::size_t size : {512u, 1024u, 2048u, 4096u}) {
    std::array<std::uint8_t, 4096> room;  // NOLINT: filled right below
    const std::span page = std::span{room}.first(size);
    if (sealed.base->xRead(file, page.data(), static_cast<int>(size), 0) != SQLITE_OK) break;
    const std::uint64_t seal = seal_in(page);
    if (seal != broken_seal && (seal == seal_of(page, 0) || mend(page, 0))) {
      std::memcpy(header.data(), page.data(), header.size());
      return SQLITE_OK;
    }
  }
  return sealed.base->xRead(file, header.data(), static_cast<int>(header.size()), 0);
}

// SQLITE_OK with the seal's place emptied, or SQLITE_IOERR_DATA.
int check_page(std::span<std::uint8_t> page, sqlite3_int64 offset) {
  const std::uint64_t seal = seal_in(page);
  if (watch != nullptr) ++watch->pages, watch->unsealed += seal == broken_seal ? 1 : 0;
  if (seal == broken_seal) return SQLITE_OK;
  bool whole = seal == seal_of(page, offset);
  if (!whole && watch != nullptr && watch->mend && mend(page, offset)) {
    whole = true;
    watch->mended.insert(offset);
  }
  if (whole) {
    std::memset(page.last(page_seal_bytes).data(), 0, page_seal_bytes);
    return SQLITE_OK;
  }
  damage_met = true;
  if (watch != nullptr) ++watch->damaged;
  sqlite3_log(SQLITE_IOERR_DATA, "page at byte %lld is damaged", offset);
  return SQLITE_IOERR_DATA;
}

// From the block read last or, where that fails, as it is asked for. A block is good for one transaction:
// none begins without a lock, and while it lasts nobody changes a page in the file that its snapshot takes
// from there.
int read_bytes(Sealed& sealed, sqlite3_file* file, void* data, int bytes, sqlite3_int64 offset) {
  const auto long_block = static_cast<sqlite3_int64>(sealed.block.size());
  const sqlite3_int64 at = offset / long_block * long_block;
  if (!sealed.seals || watch != nullptr || offset + bytes > at + long_block)
    return sealed.base->xRead(file, data, bytes, offset);
  if (sealed.block_at != at) {
    sealed.block_at = -1;
    if (sealed.base->xRead(file, sealed.block.data(), static_cast<int>(long_block), at) != SQLITE_OK)
      return sealed.base->xRead(file, data, bytes, offset);
    sealed.block_at = at;
  }
  std::memcpy(data, sealed.block.data() + (offset - at), static_cast<std::size_t>(bytes));
  return SQLITE_OK;
}

template <std::size_t slot>
int read_page(sqlite3_file* file, void* data, int bytes, sqlite3_int64 offset) {
  Sealed& sealed = sealed_of<slot>(file);
  const std::span page{static_cast<std::uint8_t*>(data), static_cast<std::size_t>(bytes)};
  const bool mend_it = watch != nullptr && watch->mend && offset == 0 && bytes == 100;
  const int result =
      mend_it ? read_mended_header(sealed, file, page) : read_bytes(sealed, file, data, bytes, offset);
  if (result != SQLITE_OK) return result;
  // A mended header has said that there are seals; the page it was in isn't mended yet.
  const bool known = watch != nullptr && watch->mend && sealed.seals;
  if (!known) look_at_header(sealed, data, bytes, offset);
  if (!sealed.seals || !is_page(bytes)) return SQLITE_OK;
  const int checked = check_page(page, offset);
  if (checked == SQLITE_OK && watch != nullptr && watch->go_on && !watch->go_on()) return SQLITE_INTERRUPT;
  return checked;
}

template <std::size_t slot>
int write_page(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  Sealed& sealed = sealed_of<slot>(file);
  sealed.block_at = -1;
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

template <std::size_t slot>
Growing& growing_of(sqlite3_file* file) {
  return *reinterpret_cast<Growing*>(reinterpret_cast<char*>(file) + base_file_bytes[slot]);
}

// Zeros that are written, not a hole: filling a hole is work for the file system, too. To readers of the log
// they are no frames. Where there is no room for them, what is asked for may still fit.
void grow(Growing& log, sqlite3_file* file, sqlite3_int64 needed) {
  static constexpr std::array<char, 65536> zeros{};
  if (log.base->xFileSize(file, &log.bytes) != SQLITE_OK || needed <= log.bytes) return;
  const sqlite3_int64 end = needed + std::clamp(log.bytes, growth_min, growth_max);
  for (sqlite3_int64 n = 0; log.bytes < end; log.bytes += n) {
    n = std::min(end - log.bytes, static_cast<sqlite3_int64>(zeros.size()));
    if (log.base->xWrite(file, zeros.data(), static_cast<int>(n), log.bytes) != SQLITE_OK) return;
  }
}

template <std::size_t slot>
int write_log(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  Growing& log = growing_of<slot>(file);
  if (offset + bytes > log.bytes) grow(log, file, offset + bytes);
  return log.base->xWrite(file, data, bytes, offset);
}
template <std::size_t slot>
int truncate_log(sqlite3_file* file, sqlite3_int64 bytes) {
  growing_of<slot>(file).bytes = 0;
  return growing_of<slot>(file).base->xTruncate(file, bytes);
}

template <std::size_t slot>
void open_log(sqlite3_file* file) {
  auto* log = new (&growing_of<slot>(file)) Growing{};
  log->base = file->pMethods;
  log->methods = *file->pMethods;
  log->methods.xWrite = write_log<slot>;
  log->methods.xTruncate = truncate_log<slot>;
  file->pMethods = &log->methods;
}

template <std::size_t slot>
int lock_file(sqlite3_file* file, int level) {
  sealed_of<slot>(file).block_at = -1;
  return sealed_of<slot>(file).base->xLock(file, level);
}
template <std::size_t slot>
int lock_shared_memory(sqlite3_file* file, int offset, int n, int flags) {
  sealed_of<slot>(file).block_at = -1;
  return sealed_of<slot>(file).base->xShmLock(file, offset, n, flags);
}
template <std::size_t slot>
int truncate_file(sqlite3_file* file, sqlite3_int64 bytes) {
  sealed_of<slot>(file).block_at = -1;
  return sealed_of<slot>(file).base->xTruncate(file, bytes);
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
  if (result != SQLITE_OK || file->pMethods == nullptr) return result;
  if ((flags & SQLITE_OPEN_WAL) != 0) open_log<slot>(file);
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return result;
  auto* sealed = new (&sealed_of<slot>(file)) Sealed{};
  sealed->base = file->pMethods;
  sealed->methods = *file->pMethods;
  sealed->methods.xRead = read_page<slot>;
  sealed->methods.xWrite = write_page<slot>;
  sealed->methods.xLock = lock_file<slot>;
  sealed->methods.xTruncate = truncate_file<slot>;
  if (sealed->methods.iVersion >= 2) sealed->methods.xShmLock = lock_shared_memory<slot>;
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

bool seal_holds(std::span<const std::uint8_t> page, std::int64_t offset) {
  const std::uint64_t seal = seal_in(page);
  return seal == broken_seal || seal == seal_of(page, offset);
}

void seal_page(std::span<std::uint8_t> page, std::int64_t offset) {
  const std::uint64_t seal = seal_of(page, offset);
  std::memcpy(page.last(page_seal_bytes).data(), &seal, page_seal_bytes);
}

bool met_damage() { return std::exchange(damage_met, false); }

WatchPages::WatchPages(PageWatch& of) { watch = &of; }
WatchPages::~WatchPages() { watch = nullptr; }

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
  mine.vfs.szOsFile = base_file_bytes[slot] + static_cast<int>(std::max(sizeof(Sealed), sizeof(Growing)));
  mine.vfs.xOpen = open_functions[slot];
  if (sqlite3_vfs_register(&mine.vfs, 0) != SQLITE_OK) return fail(Errc::failed, "cannot register the VFS");
  return name;
}

}  // namespace alona::store
