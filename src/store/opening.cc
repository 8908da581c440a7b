#include "store/opening.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.h"

namespace alona::store {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t room_left = std::uint64_t{16} << 20;

fs::path beside(const fs::path& database, std::string_view tail) {
  return database.string() + std::string(tail);
}
fs::path mark_of(const fs::path& database) { return beside(database, ".damaged"); }
// A salvaged database that is whole, but not yet in its place.
fs::path ready_of(const fs::path& database) { return beside(database, ".salvaged"); }

bool is_there(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

Result<void> move(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::rename(from, to, ec);
  if (ec)
    return fail(Errc::io, fmt::format("cannot move {} to {}: {}", from.string(), to.string(), ec.message()));
  if (auto synced = files::sync_folder(to.parent_path()); !synced) return synced;
  return files::sync_folder(from.parent_path());
}

// alona-20261101T063000Z.sqlite3, with a number when there is one already: a clock may stand still.
fs::path quarantine_name(const fs::path& folder) {
  std::string stamp = iso8601(SystemClock{}.utc()).substr(0, 19);
  std::erase(stamp, '-');
  std::erase(stamp, ':');
  for (int n = 1;; ++n) {
    const fs::path name =
        folder / fmt::format("alona-{}Z{}.sqlite3", stamp, n == 1 ? "" : fmt::format("-{}", n));
    if (!is_there(name)) return name;
  }
}

// The database first, then its log: a database never stands there without the log that belongs to it, nor the
// fresh one beside the old one's.
Result<void> set_aside(const fs::path& database, const fs::path& to) {
  if (is_there(database)) {
    if (auto moved = move(database, to); !moved) return moved;
  }
  if (is_there(beside(database, "-wal"))) {
    if (auto moved = move(beside(database, "-wal"), beside(to, "-wal")); !moved) return moved;
  }
  std::error_code ec;
  fs::remove(beside(database, "-shm"), ec);
  return {};
}

Result<void> put_in_place(const fs::path& database) {
  std::error_code ec;
  fs::remove(mark_of(database), ec);
  return move(ready_of(database), database);
}

// The newest in the quarantine that has no log: the one that was being moved when the power went.
fs::path last_moved(const fs::path& quarantine) {
  fs::path last;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator{quarantine, ec}) {
    if (entry.path().extension() == ".sqlite3" && entry.path() > last) last = entry.path();
  }
  return last;
}

// Of a salvage that was cut off.
Result<void> finish(const fs::path& database, const fs::path& quarantine) {
  if (!is_there(ready_of(database))) return {};
  const auto lock = files::Lock::take(database.string() + ".lock");
  if (!lock) return std::unexpected(lock.error());
  std::error_code ec;
  // Begun before the old one was moved, or somebody has put another one there meanwhile.
  if (is_there(database)) return fs::remove(ready_of(database), ec), Result<void>{};
  const fs::path moved = last_moved(quarantine);
  if (auto done = set_aside(database, moved.empty() ? quarantine_name(quarantine) : moved); !done)
    return done;
  return put_in_place(database);
}

Result<void> check_room(const fs::path& database) {
  std::error_code ec;
  std::uint64_t need = room_left;
  for (const char* tail : {"", "-wal"}) {
    if (const auto bytes = fs::file_size(beside(database, tail), ec); !ec) need += bytes;
  }
  const auto room = fs::space(database.parent_path(), ec);
  if (ec || room.available >= need) return {};
  return fail(Errc::disk_full,
              fmt::format("{} is damaged, and the disk has no room for a copy of what can be read",
                          database.string()),
              fmt::format("Free {} MiB on this disk: then it goes on by itself.",
                          (need - room.available + (1 << 20)) >> 20));
}

// Into a fresh file, of which the old one's readers never know until it is whole.
Result<void> salvage_beside(const fs::path& database, const OpenRules& rules, const Error& why) {
  auto lock = files::Lock::take(database.string() + ".lock");
  if (!lock) return std::unexpected(lock.error());
  if (auto room = check_room(database); !room) return room;
  if (auto folder = files::make_folder(rules.quarantine, 0750); !folder) return folder;
  const fs::path part = beside(database, ".salvaging");
  const auto report =
      salvage(database, part, {.go_on = [&](std::uint64_t rows) {
                return !rules.doing ||
                       rules.doing(fmt::format("copying what can be read of it: {} rows so far", rows));
              }});
  if (!report) {
    Error error = report.error();
    if (error.code == Errc::corrupt) error.next = why.next;
    return with_context(fmt::format("{}; salvage", why.what), std::move(error));
  }
  std::string told = report->text();
  if (rules.fill && !report->lost_nothing()) {
    const auto filled = rules.fill(part, *report);
    if (!filled) return std::unexpected(filled.error());
    told += " " + *filled;
  }
  const fs::path kept = quarantine_name(rules.quarantine);
  {
    auto fresh = Writer::open(part, Open::existing);
    if (!fresh) return std::unexpected(fresh.error());
    if (auto noted = fresh->note_salvage({SystemClock{}.utc(), kept.string(), why.what, told}); !noted)
      return noted;
  }
  std::error_code ec;
  fs::remove(beside(part, ".lock"), ec);
  if (auto ready = move(part, ready_of(database)); !ready) return ready;
  if (auto aside = set_aside(database, kept); !aside) return aside;
  return put_in_place(database);
}

Result<Writer> open_unless_marked(const fs::path& database, const OpenRules& rules) {
  if (is_there(database) && is_there(mark_of(database))) {
    const auto why = files::read(mark_of(database), 4096);
    return fail(Errc::corrupt, why && !why->empty() ? *why : database.string() + " is damaged",
                "Leave it as it is and restore the newest backup.");
  }
  return Writer::open(database, rules.how, {}, rules.upgrading);
}

}  // namespace

Result<Opened> open_by_rules(const fs::path& database, const OpenRules& rules) {
  if (auto finished = finish(database, rules.quarantine); !finished) return std::unexpected(finished.error());
  std::error_code ec;
  const bool unclean = fs::file_size(beside(database, "-wal"), ec) > 0 && !ec;
  auto writer = open_unless_marked(database, rules);
  if (writer) {
    const auto sound = writer->check_start();
    if (sound) return Opened{std::move(*writer), unclean, {}};
    if (!rules.salvage) return std::unexpected(sound.error());
    writer = std::unexpected(sound.error());  // closes it
    auto salvaged = salvage_beside(database, rules, sound.error());
    if (!salvaged && salvaged.error().code == Errc::disk_full) {
      auto as_it_is = Writer::open(database, Open::existing);
      if (!as_it_is) return std::unexpected(as_it_is.error());
      return Opened{std::move(*as_it_is), unclean, sound.error()};
    }
    if (!salvaged) return std::unexpected(salvaged.error());
  } else {
    if (writer.error().code != Errc::corrupt || !rules.salvage) return std::unexpected(writer.error());
    const Error why = writer.error();
    if (auto salvaged = salvage_beside(database, rules, why); !salvaged)
      return std::unexpected(salvaged.error());
  }
  auto fresh = Writer::open(database, Open::existing);
  if (!fresh) return std::unexpected(fresh.error());
  return Opened{std::move(*fresh), false, {}};
}

Result<void> mark_damaged(const fs::path& database, const std::string& why) {
  return files::replace(mark_of(database), why, 0640);
}

}  // namespace alona::store
