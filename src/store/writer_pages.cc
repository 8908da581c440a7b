// Checksums for pages that another program wrote home from the WAL.
#include <sqlite3.h>

#include "store/checksum_vfs.h"
#include "store/writer_impl.h"

namespace alona::store {
namespace {

constexpr std::int64_t bytes_a_look = std::int64_t{32} << 10;  // between two looks at the clock

// What SQLite takes while it writes pages home: with it nobody else does, not even another program.
class NobodyWritesHome {
 public:
  explicit NobodyWritesHome(sqlite3_file* file)
      : file_(file), held_(lock(SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) == SQLITE_OK) {}
  ~NobodyWritesHome() {
    if (held_) (void)lock(SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
  }
  NobodyWritesHome(const NobodyWritesHome&) = delete;
  NobodyWritesHome& operator=(const NobodyWritesHome&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  // WAL_CKPT_LOCK, https://www.sqlite.org/walformat.html#wal_locks
  [[nodiscard]] int lock(int flags) const { return file_->pMethods->xShmLock(file_, 1, 1, flags); }
  sqlite3_file* file_;
  bool held_;
};

}  // namespace

// By reading the page and writing it as it is: the VFS does the rest. A power cut leaves its bytes as they
// were, with the checksum or without.
Result<bool> Writer::seal_pages(Ms budget) {
  Impl& i = *impl_;
  if (!i.unsealed_from || i.outcome_unknown) return false;
  const auto deadline = std::chrono::steady_clock::now() + budget;
  auto done = guarded(i.path, [&] {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(i.db->getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
    const int bytes = i.db->execAndGet("PRAGMA page_size").getInt();
    std::vector<std::uint8_t> page(static_cast<std::size_t>(bytes));
    sqlite3_int64 size = 0;
    const NobodyWritesHome alone{file};
    if (!alone.held() || file->pMethods->xFileSize(file, &size) != SQLITE_OK) return true;
    PageWatch watch;
    const WatchPages watching{watch};
    std::int64_t& at = *i.unsealed_from;
    const std::int64_t begun = at;
    for (; at + bytes <= size; at += bytes) {
      if (at % bytes_a_look == 0 && at > begun && std::chrono::steady_clock::now() >= deadline) return true;
      const std::uint64_t before = watch.unsealed;
      if (file->pMethods->xRead(file, page.data(), bytes, at) != SQLITE_OK || watch.unsealed == before)
        continue;  // a damaged one stays as it is
      if (const int result = file->pMethods->xWrite(file, page.data(), bytes, at); result != SQLITE_OK)
        throw SQLite::Exception("cannot write a page's checksum", result & 0xFF);
    }
    i.unsealed_from.reset();
    return false;
  });
  (void)met_damage();
  if (!done) i.unsealed_from.reset();
  return done;
}

}  // namespace alona::store
