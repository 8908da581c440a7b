#include "backup/exchange.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

#include "backup/words.h"
#include "base/fd.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t journal_bytes_max = 64 << 10, setting_bytes_max = 16 << 20;

fs::path journal_file(const ops::Paths& paths) { return paths.data() / "restore"; }
fs::path lock_file(const ops::Paths& paths) { return paths.data() / "restore.lock"; }
fs::path going_folder(const ops::Paths& paths) { return paths.data() / "restoring.gone"; }
fs::path marker(const fs::path& live) { return live / "restored"; }
std::string stamp(UtcMs at) {
  return fmt::format("{:%Y%m%dT%H%M%S}Z", std::chrono::floor<std::chrono::seconds>(at));
}

std::string encode(const Journal& journal) {
  std::string text =
      fmt::format("alona-restore 1\nset {}\nat {}\nid {}\nnumber {}\ngoing {}\n", journal.set,
                  iso8601(journal.at), journal.id, journal.number, journal.back ? "back" : "forward");
  for (const Setting& s : journal.settings)
    text += fmt::format("setting {} {} {}\n", s.member, s.was ? "was" : "new", s.file.string());
  return text + "end\n";
}

bool take_line(Journal& journal, std::string_view line) {
  const std::string_view key = take(line, ' ');
  if (key == "set") return journal.set = line, true;
  if (key == "id") return journal.id = line, true;
  if (key == "going") return journal.back = line == "back", line == "back" || line == "forward";
  if (key == "number")
    return std::from_chars(line.data(), line.data() + line.size(), journal.number).ec == std::errc{};
  if (key == "at") {
    const auto at = parse_iso8601(line);
    return at && (journal.at = *at, true);
  }
  if (key != "setting") return false;
  Setting s;
  s.member = take(line, ' ');
  s.was = take(line, ' ') == "was";
  s.file = line;
  journal.settings.push_back(std::move(s));
  return journal.settings.back().file.is_absolute();
}

// Nothing: no restore is under way.
Result<std::optional<Journal>> read_journal(const ops::Paths& paths) {
  const auto text = files::read(journal_file(paths), journal_bytes_max);
  if (!text && text.error().code == Errc::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  Journal journal;
  std::string_view left = *text;
  bool good = take(left, '\n') == "alona-restore 1" && left.ends_with("\nend\n");
  while (good && left != "end\n") good = take_line(journal, take(left, '\n'));
  if (good && !journal.id.empty()) return journal;
  return fail(
      Errc::corrupt,
      fmt::format("a restore was cut short, and its journal {} can't be read", journal_file(paths).string()),
      fmt::format("Look into {} and {}: one is what was there, the other what the set held. Put the one "
                  "you want in the first place, remove the journal, and start again.",
                  paths.live().string(), staging_folder(paths).string()));
}

Result<void> write_journal(const ops::Paths& paths, const Journal& journal) {
  return files::replace(journal_file(paths), encode(journal), 0640);
}

Result<void> remove_file(const fs::path& file) {
  std::error_code ec;
  fs::remove(file, ec);
  if (ec) return fail(Errc::io, fmt::format("cannot remove {}: {}", file.string(), ec.message()));
  return files::sync_folder(file.parent_path());
}

Result<void> move_to(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::rename(from, to, ec);
  if (ec)
    return fail(Errc::io,
                fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), ec.message()));
  return files::sync_folder(to.parent_path());
}

// In one step out of the way, then piece by piece.
Result<void> discard(const ops::Paths& paths) {
  std::error_code ec, unseen;
  fs::remove(journal_file(paths).string() + ".new", unseen);  // killed while it was written
  fs::remove_all(going_folder(paths), ec);
  if (!ec && fs::exists(staging_folder(paths), unseen)) {
    if (auto moved = move_to(staging_folder(paths), going_folder(paths)); !moved) return moved;
    fs::remove_all(going_folder(paths), ec);
  }
  if (ec)
    return fail(Errc::io, fmt::format("cannot clear {}: {}", going_folder(paths).string(), ec.message()));
  return {};
}

bool exchanged(const ops::Paths& paths, const Journal& journal) {
  const auto id = files::read(marker(paths.live()), 256);
  return id && *id == journal.id + "\n";
}

mode_t mode_of(const fs::path& file, mode_t otherwise) {
  struct stat about{};
  return ::stat(file.c_str(), &about) == 0 ? about.st_mode & 07777 : otherwise;
}

// Content and mode; the owner stays the file's, or becomes its folder's group by files::replace.
Result<void> copy_over(const fs::path& from, const fs::path& to) {
  const auto text = files::read(from, setting_bytes_max);
  if (!text) return std::unexpected(text.error());
  const auto now = files::read(to, setting_bytes_max);
  if (now && *now == *text) return {};
  return files::replace(to, *text, mode_of(to, mode_of(from, 0640)));
}

fs::path kept_setting(const ops::Paths& paths, const Setting& setting) {
  return staging_folder(paths) / "before" / setting.member;
}

Result<void> keep_settings(const ops::Paths& paths, Journal& journal) {
  for (Setting& s : journal.settings) {
    std::error_code ec;
    s.was = fs::exists(s.file, ec);
    if (!s.was) continue;
    const fs::path kept = kept_setting(paths, s);
    if (auto made = files::make_folder(kept.parent_path(), 0700); !made) return made;
    if (auto copied = copy_over(s.file, kept); !copied) return copied;
  }
  return {};
}

Result<void> put_settings_back(const ops::Paths& paths, const Journal& journal) {
  for (const Setting& s : journal.settings) {
    std::error_code ec;
    const bool there = fs::exists(s.file, ec);
    auto done = s.was   ? copy_over(kept_setting(paths, s), s.file)
                : there ? remove_file(s.file)
                        : Result<void>{};
    if (!done) return done;
  }
  return {};
}

bool kept_by_restore(std::string_view name) {
  return name.starts_with("before-restore-") || name.starts_with("failed-restore-");
}

fs::path free_name(const ops::Paths& paths, std::string_view kind, UtcMs at) {
  std::error_code ec;
  fs::path name = paths.data() / fmt::format("{}-{}", kind, stamp(at));
  for (int n = 2; fs::exists(name, ec); ++n)
    name = paths.data() / fmt::format("{}-{}-{}", kind, stamp(at), n);
  return name;
}

}  // namespace

fs::path staging_folder(const ops::Paths& paths) { return paths.data() / "restoring"; }

Result<void> discard_staging(const ops::Paths& paths) {
  std::error_code ec;
  if (fs::exists(journal_file(paths), ec))
    return fail(Errc::refused, "a restore that was cut short isn't finished yet",
                "Finish it with `alona restore --recover`.");
  return discard(paths);
}

Result<files::Lock> lock_restore(const ops::Paths& paths) {
  auto lock = files::Lock::take(lock_file(paths));
  if (!lock && lock.error().code == Errc::temporary)
    return fail(Errc::temporary, "a restore is under way: " + lock.error().what, "Wait until it is done.");
  return lock;
}

Result<bool> restore_locked(const ops::Paths& paths) {
  const Fd lock{::open(lock_file(paths).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (lock.get() < 0 && errno == ENOENT) return false;
  if (lock.get() >= 0 && ::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) return false;
  if (lock.get() >= 0 && errno == EWOULDBLOCK) return true;
  return std::unexpected(files::failure("look at the lock", lock_file(paths), errno));
}

Result<void> begin_exchange(const ops::Paths& paths, Journal& journal) {
  const fs::path staged = staging_folder(paths);
  if (auto kept = keep_settings(paths, journal); !kept) return kept;
  if (auto told = files::replace(staged / "number", fmt::format("{}\n", journal.number), 0640); !told)
    return told;
  if (auto marked = files::replace(marker(staged / "live"), journal.id + "\n", 0640); !marked) return marked;
  auto begun = write_journal(paths, journal);
  if (!begun) (void)remove_file(journal_file(paths));
  return begun;
}

Result<void> go_forward(const ops::Paths& paths, const Journal& journal) {
  if (!exchanged(paths, journal)) {
    if (auto done = files::exchange(paths.live(), staging_folder(paths) / "live"); !done) return done;
  }
  for (const Setting& s : journal.settings) {
    if (auto made = files::make_folder(s.file.parent_path(), 0755); !made) return made;
    if (auto done = copy_over(staging_folder(paths) / s.member, s.file); !done) return done;
  }
  return {};
}

Result<std::optional<fs::path>> finish_exchange(const ops::Paths& paths, const Journal& journal) {
  std::error_code ec;
  std::optional<fs::path> kept;
  const fs::path staged = staging_folder(paths);
  if (fs::exists(staged, ec)) {
    const bool history = fs::exists(staged / "live" / paths.database().lexically_relative(paths.live()), ec);
    if (history) kept = free_name(paths, "before-restore", journal.at);
    fs::remove_all(going_folder(paths), ec);
    // What came from the set and isn't in use stays in the set.
    if (auto moved = move_to(staged, kept.value_or(going_folder(paths))); !moved)
      return std::unexpected(moved.error());
  }
  if (auto over = remove_file(journal_file(paths)); !over) return std::unexpected(over.error());
  if (auto cleared = discard(paths); !cleared) return std::unexpected(cleared.error());
  if (kept) {
    fs::remove_all(*kept / "etc", ec);
    fs::remove_all(*kept / "include", ec);
    fs::remove(*kept / "README", ec);
  }
  return kept;
}

Result<void> go_back(const ops::Paths& paths, Journal& journal) {
  journal.back = true;
  if (auto told = write_journal(paths, journal); !told) return told;
  const fs::path staged = staging_folder(paths);
  std::error_code ec;
  if (fs::exists(staged, ec)) {
    if (exchanged(paths, journal)) {
      if (auto noted = files::replace(staged / "tried", "", 0640); !noted) return noted;
      if (auto done = files::exchange(paths.live(), staged / "live"); !done) return done;
    }
    if (auto done = put_settings_back(paths, journal); !done) return done;
    // Only the last one that failed is kept.
    if (fs::exists(staged / "tried", ec)) {
      for (fs::directory_iterator it{paths.data(), ec}, end; !ec && it != end; it.increment(ec)) {
        std::error_code gone;
        if (it->path().filename().string().starts_with("failed-restore-")) fs::remove_all(it->path(), gone);
      }
      if (auto moved = move_to(staged, free_name(paths, "failed-restore", journal.at)); !moved) return moved;
    } else if (auto cleared = discard(paths); !cleared) {
      return cleared;
    }
  }
  return remove_file(journal_file(paths));
}

Result<std::optional<Recovered>> recover_restore(const ops::Paths& paths) {
  std::error_code ec;
  const bool begun = fs::exists(journal_file(paths), ec);
  if (!begun && !fs::exists(staging_folder(paths), ec) && !fs::exists(going_folder(paths), ec))
    return std::nullopt;
  const auto lock = lock_restore(paths);
  if (!lock && lock.error().code == Errc::temporary) return std::nullopt;
  if (!lock) return std::unexpected(lock.error());
  auto journal = read_journal(paths);
  if (!journal) return std::unexpected(journal.error());
  if (!*journal) return (void)discard(paths), std::nullopt;  // it only takes room
  const bool over = !fs::exists(staging_folder(paths), ec);  // but for the journal
  const bool forward = !(*journal)->back && exchanged(paths, **journal);
  const auto context = [&](Error error) {
    if (error.next.empty()) error.next = "Run `sudo alona restore --recover`.";
    return with_context("finishing a restore that was cut short", std::move(error));
  };
  if (!forward) {
    if (auto done = go_back(paths, **journal); !done) return context(done.error());
    return Recovered{(*journal)->set, false};
  }
  if (!over) {
    if (auto done = go_forward(paths, **journal); !done) return context(done.error());
  }
  if (auto done = finish_exchange(paths, **journal); !done) return context(done.error());
  return Recovered{(*journal)->set, true};
}

void let_go_of_kept(const ops::Paths& paths, std::uint64_t proven_number) {
  std::error_code ec;
  for (fs::directory_iterator it{paths.data(), ec}, end; !ec && it != end; it.increment(ec)) {
    if (!kept_by_restore(it->path().filename().string())) continue;
    const auto text = files::read(it->path() / "number", 64);
    std::uint64_t number = 0;
    std::error_code gone;
    if (text && std::from_chars(text->data(), text->data() + text->size(), number).ec == std::errc{} &&
        number < proven_number)
      fs::remove_all(it->path(), gone);
  }
}

}  // namespace alona::backup
