// For tests: SQLite's own VFS with one fault in it. Operations that change a file — write, sync, truncate —
// are counted; the nth fails. Syncs are only counted, for nothing here loses power. One at a time in a
// process, one thread.
#pragma once

#include <sqlite3.h>

#include <cstring>
#include <string>

namespace alona::store {

struct Fault {
  long at = 0;           // which operation, from 1; 0: none
  bool lasting = false;  // from then on every one fails, until mend()
  bool full = false;     // SQLITE_FULL, else an I/O error
  bool torn = false;     // half of what a failing write holds is written
  long seen = 0;
  bool struck = false;

  [[nodiscard]] bool strikes() {
    ++seen;
    if (at == 0 || !(seen == at || (lasting && seen > at))) return false;
    struck = true;
    return true;
  }
  void mend() { at = 0; }
};

class FaultVfs {
 public:
  static constexpr const char* name = "fault";
  static inline Fault fault;

  static void install() {
    if (sqlite3_vfs_find(name) != nullptr) return;
    base_ = sqlite3_vfs_find(nullptr);
    vfs_ = *base_;
    vfs_.pNext = nullptr;
    vfs_.zName = name;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 0);
  }

 private:
  // The base's own table and ours, for each way of locking: a database's and its log's differ.
  struct Table {
    const sqlite3_io_methods* real = nullptr;
    sqlite3_io_methods ours{};
  };

  static int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out) {
    const int result = base_->xOpen(base_, path, file, flags, out);
    if (result != SQLITE_OK || file->pMethods == nullptr) return result;
    if ((flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) == 0) return result;
    Table& table = (flags & SQLITE_OPEN_WAL) != 0 ? log_ : database_;
    if (table.real == nullptr) table = {file->pMethods, *file->pMethods};
    if (file->pMethods != table.real) return SQLITE_MISUSE;
    table.ours.xWrite = &table == &log_ ? write<&log_> : write<&database_>;
    table.ours.xSync = sync;
    table.ours.xTruncate = &table == &log_ ? truncate<&log_> : truncate<&database_>;
    file->pMethods = &table.ours;
    return SQLITE_OK;
  }
  template <Table* table>
  static int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
    if (!fault.strikes()) return table->real->xWrite(file, data, bytes, offset);
    if (fault.torn) table->real->xWrite(file, data, bytes / 2, offset);
    return fault.full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  static int sync(sqlite3_file*, int) { return fault.strikes() ? SQLITE_IOERR_FSYNC : SQLITE_OK; }
  template <Table* table>
  static int truncate(sqlite3_file* file, sqlite3_int64 bytes) {
    return fault.strikes() ? SQLITE_IOERR_TRUNCATE : table->real->xTruncate(file, bytes);
  }

  static inline sqlite3_vfs* base_ = nullptr;
  static inline sqlite3_vfs vfs_{};
  static Table database_, log_;
};

inline FaultVfs::Table FaultVfs::database_{};
inline FaultVfs::Table FaultVfs::log_{};

}  // namespace alona::store
