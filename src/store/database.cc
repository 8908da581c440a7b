#include "store/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <bit>
#include <cstddef>
#include <optional>
#include <system_error>
#include <vector>

#include "store/checksum_vfs.h"
#include "store/schema.h"

namespace alona::store {
namespace {

std::uint32_t big_endian_at(const char* header, std::size_t offset) {
  std::uint32_t v = 0;
  std::memcpy(&v, header + offset, sizeof v);
  return __builtin_bswap32(v);
}

// A flipped bit may make the header say anything, such as "newer": what it says counts only under its seal.
// The log of a killed core may hold a newer first page; the old one is whole all the same.
Result<void> check_first_page(const std::string& path, const std::string& header) {
  const bool ours = big_endian_at(header.data(), 68) == static_cast<std::uint32_t>(application_id);
  const bool sealed = header[20] == page_seal_bytes;
  if (!ours && !sealed) return {};  // somebody else's, or still in its WAL
  const std::size_t bytes = static_cast<std::size_t>(static_cast<unsigned char>(header[16])) << 8 |
                            static_cast<unsigned char>(header[17]);
  const auto page = bytes >= 512 ? first_bytes(path, bytes) : std::nullopt;
  const bool holds = page && page->size() == bytes && sealed &&
                     seal_holds({reinterpret_cast<const std::uint8_t*>(page->data()), page->size()}, 0);
  if (holds) return {};
  return fail(Errc::corrupt, fmt::format("{} is damaged: its first page's checksum is wrong", path),
              "Leave it as it is and restore the newest backup.");
}

std::unique_ptr<SQLite::Database> open_with(const std::string& path, int flags, const std::string& vfs) {
  auto db = std::make_unique<SQLite::Database>(path, flags, 5000, vfs);
  // The file is data, never a program: no trigger or view in it may call functions, no pragma may corrupt it.
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return db;
}

}  // namespace

std::optional<std::string> first_bytes(const std::string& path, std::size_t bytes) {
  struct Name {
    explicit Name(const std::string& of) : text(sqlite3_create_filename(of.c_str(), "", "", 0, nullptr)) {}
    Name(const Name&) = delete;
    Name& operator=(const Name&) = delete;
    ~Name() { sqlite3_free_filename(text); }
    const char* text;
  };
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  std::vector<std::max_align_t> room(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* file = reinterpret_cast<sqlite3_file*>(room.data());
  const Name name{path};
  if (vfs->xOpen(vfs, name.text, file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, nullptr) != SQLITE_OK)
    return {};
  std::string text(bytes, '\0');
  sqlite3_int64 size = 0;
  int done = file->pMethods->xFileSize(file, &size);
  if (static_cast<std::size_t>(size) < bytes) text.resize(static_cast<std::size_t>(size));
  if (done == SQLITE_OK && !text.empty())
    done = file->pMethods->xRead(file, text.data(), static_cast<int>(text.size()), 0);
  file->pMethods->xClose(file);
  return done == SQLITE_OK ? std::optional{std::move(text)} : std::nullopt;
}

Error sqlite_error(const SQLite::Exception& e, const std::string& path) {
  const int code = e.getErrorCode();
  const int extended = e.getExtendedErrorCode();
  const std::string what = fmt::format("{}: {}", path, e.what());
  const bool page = met_damage() && code == SQLITE_IOERR;
  if (page || extended == SQLITE_IOERR_DATA || code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    return {Errc::corrupt,
            what + (page || extended == SQLITE_IOERR_DATA
                        ? " (a page's checksum is wrong: it is damaged, or another program changed it)"
                        : ""),
            "The file is damaged. Leave it as it is and restore the newest backup."};
  }
  constexpr auto free_space = "Free some space on this disk; Alona goes on by itself.";
  // SQLite calls it an I/O error when the log's index, which a start makes anew, finds no room.
  if (extended == SQLITE_IOERR_SHMSIZE)
    return {Errc::disk_full, path + ": the disk has no room for the log's index", free_space};
  switch (code) {
    case SQLITE_FULL:
      return {Errc::disk_full, what, free_space};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::temporary, what + " (another process holds the database)",
              "End the other program that has it open, such as a sqlite3 shell, and try again."};
    case SQLITE_CANTOPEN:
      return {Errc::io, what, "Check that the folder exists and belongs to the user alona."};
    case SQLITE_READONLY:
    case SQLITE_IOERR:
      return {Errc::io, what, "Look for disk errors with `dmesg`."};
    case SQLITE_INTERRUPT:
      return {Errc::temporary, path + ": the question took too long and was ended",
              "Ask for a shorter time span."};
    default:
      return {Errc::failed, what, ""};
  }
}

Result<void> check_file(const std::filesystem::path& path) {
  std::error_code ec;
  if (!std::filesystem::exists(path, ec)) {
    // "There is none, make one" to somebody who only may not look would be a bad advice.
    if (ec) {
      return fail(Errc::io, fmt::format("cannot look for {}: {}", path.string(), ec.message()),
                  "Run it as root or as the user alona.");
    }
    return fail(Errc::not_found, fmt::format("there is no database at {}", path.string()),
                "Make one with `alona setup`, or bring one back with a restore.");
  }
  constexpr std::size_t header_bytes = 100;
  const auto header = first_bytes(path.string(), header_bytes);
  if (!header) {
    return fail(Errc::io,
                fmt::format("cannot read {}: {}", path.string(), std::generic_category().message(errno)),
                "Run it as root or as the user alona.");
  }
  const bool whole = header->size() == header_bytes;
  if (!whole || !header->starts_with("SQLite format 3")) {
    // A fresh database is still in its WAL, and then only the WAL knows it.
    if (header->empty() && std::filesystem::file_size(path.string() + "-wal", ec) > 0 && !ec) return {};
    return fail(
        Errc::corrupt,
        fmt::format("{} is not a database: {}", path.string(),
                    header->empty() ? "it is empty" : "its first bytes are wrong"),
        "It was left as it is. Restore the newest backup, or move the file away and run `alona setup`.");
  }
  if (auto sound = check_first_page(path.string(), *header); !sound) return sound;
  const std::uint32_t found_id = big_endian_at(header->data(), 68);
  const std::uint32_t version = big_endian_at(header->data(), 60);
  // Made, but the power went before its first pages came home from the WAL.
  if (found_id == 0 && version == 0 && std::filesystem::file_size(path.string() + "-wal", ec) > 0 && !ec)
    return {};
  if (found_id != static_cast<std::uint32_t>(application_id)) {
    return fail(Errc::corrupt, fmt::format("{} is a SQLite database, but not one of Alona's", path.string()),
                "It was left as it is. Check data_dir in the configuration.");
  }
  if (version > static_cast<std::uint32_t>(schema_version)) {
    return fail(
        Errc::newer,
        fmt::format("{} was written by a newer Alona (its version is {}, this program knows {})",
                    path.string(), version, schema_version),
        "It was left as it is. Install the newer program again, or restore a backup that this one wrote.");
  }
  return {};
}

std::unique_ptr<SQLite::Database> open_writer(const std::string& path, const std::string& vfs) {
  auto db = open_with(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, vfs);
  // Until it is known to be sound: what is damaged stays as it was found.
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  db->exec(fmt::format("PRAGMA page_size={}", page_bytes));
  // Before the first page is written: later the room for the seals could only be made by a VACUUM.
  int reserve = page_seal_bytes;
  sqlite3_file_control(db->getHandle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
  db->exec("PRAGMA journal_mode=WAL");
  // FULL, not NORMAL: our PUBACK promises that the row survives a power cut, and in WAL mode NORMAL syncs
  // only at checkpoints. Price: one fsync a commit, which is why commits carry batches.
  db->exec("PRAGMA synchronous=FULL");
  // A page of the log is in few commits, all of them near one another, so a short WAL costs no more writing.
  // It keeps the entries of its index in the one page that each commit changes anyway (990 would fit).
  db->exec("PRAGMA wal_autocheckpoint=300");
  db->exec("PRAGMA journal_size_limit=16777216");
  db->exec("PRAGMA foreign_keys=ON");
  db->exec("PRAGMA cache_size=-2048");
  db->exec("PRAGMA cell_size_check=ON");
  return db;
}

std::unique_ptr<SQLite::Database> open_reader(const std::string& path, const std::string& vfs) {
  // Read-write at the file's level, because a WAL reader must be able to make the shared-memory file; the
  // connection itself refuses every change.
  auto db = open_with(path, SQLite::OPEN_READWRITE, vfs);
  // The log of a killed core is the next core's: it looks at it before anything of it goes home.
  sqlite3_db_config(db->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  db->exec("PRAGMA query_only=ON");
  db->exec("PRAGMA cache_size=-1024");
  return db;
}

std::unique_ptr<SQLite::Database> open_at_rest(const std::filesystem::path& path, const std::string& vfs) {
  return std::make_unique<SQLite::Database>("file:" + path.string() + "?immutable=1",
                                            SQLite::OPEN_READONLY | SQLite::OPEN_URI, 0, vfs);
}

bool has_table(SQLite::Database& db, const std::string& name) {
  SQLite::Statement query{db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"};
  query.bind(1, name);
  return query.executeStep();
}

}  // namespace alona::store
