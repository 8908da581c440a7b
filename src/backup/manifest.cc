#include "backup/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "backup/sets.h"
#include "backup/words.h"
#include "base/hash.h"

namespace alona::backup {
namespace {

constexpr std::string_view first_line = "alona-backup 1";

std::string time_or_none(const std::optional<UtcMs>& t) { return t ? iso8601(*t) : "none"; }

std::string sha256_of(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.finish_hex();
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::unexpected<Error> bad(std::string_view why) {
  return fail(Errc::corrupt, fmt::format("its MANIFEST {}", why),
              "The set is damaged or not one of Alona's; use another one.");
}

// Takes the text apart, line by line and word by word; the first thing that doesn't fit spoils it.
class Lines {
 public:
  explicit Lines(std::string_view text) : left_(text) {}
  [[nodiscard]] bool ok() const { return ok_; }
  // What stands behind `key` in the next line.
  std::string_view after(std::string_view key) {
    if (!next_is(key)) return spoil();
    const std::size_t end = left_.find('\n');
    const std::string_view line = left_.substr(key.size() + 1, end - key.size() - 1);
    left_.remove_prefix(end + 1);
    return line;
  }
  [[nodiscard]] bool next_is(std::string_view key) const {
    const std::size_t end = left_.find('\n');
    return end != std::string_view::npos && end > key.size() && left_.starts_with(key) &&
           left_[key.size()] == ' ';
  }
  std::uint64_t number(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{} || end != text.data() + text.size()) (void)spoil();
    return n;
  }
  std::optional<UtcMs> time(std::string_view text) {
    if (text == "none") return {};
    const auto t = parse_iso8601(text);
    if (!t || iso8601(*t) != text) (void)spoil();
    return t;
  }
  std::string_view spoil() {
    ok_ = false;
    return {};
  }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

void parse_rows(Lines& lines, Manifest& m) {
  while (lines.ok() && lines.next_is("rows")) {
    std::string_view line = lines.after("rows");
    const std::uint64_t n = lines.number(take(line, ' '));
    m.contents.rows.emplace_back(line, n);
  }
}

void parse_files(Lines& lines, Manifest& m) {
  while (lines.ok() && lines.next_is("file")) {
    std::string_view line = lines.after("file");
    Member member{.path = {}, .bytes = 0, .sha256 = std::string{take(line, ' ')}};
    member.bytes = lines.number(take(line, ' '));
    member.path = line;
    const bool again = std::ranges::find(m.members, member.path, &Member::path) != m.members.end();
    if (!is_sha256(member.sha256) || !valid_member(member.path) || again || m.members.size() == members_max)
      (void)lines.spoil();
    m.members.push_back(std::move(member));
  }
}

// A set of changes, and no other, has `changes` in the place of the database.
void parse_base(Lines& lines, Manifest& m) {
  if (!lines.ok() || !lines.next_is("base")) return;
  std::string_view line = lines.after("base");
  Base base{
      .set = {}, .number = lines.number(take(line, ' ')), .database_sha256 = std::string{take(line, ' ')}};
  base.set = line;
  line = lines.after("whole");
  m.whole.sha256 = take(line, ' ');
  m.whole.bytes = lines.number(take(line, ' '));
  m.whole.path = line;
  if (!is_set_name(base.set) || !is_sha256(base.database_sha256) || !is_sha256(m.whole.sha256) ||
      m.whole.path != database_member)
    (void)lines.spoil();
  m.base = std::move(base);
}

bool has_what_it_should(const Manifest& m) {
  const Member* changes = m.member(changes_member);
  if (!m.base) return changes == nullptr;
  return changes != nullptr && changes->bytes == m.whole.bytes && m.member(database_member) == nullptr;
}

}  // namespace

Manifest as_unpacked(Manifest manifest) {
  for (Member& member : manifest.members) {
    if (manifest.base && member.path == changes_member) member = manifest.whole;
  }
  manifest.base.reset(), manifest.whole = {};
  return manifest;
}

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const Member& m : members) sum += m.bytes;
  return sum;
}

const Member* Manifest::member(std::string_view path) const {
  const auto at = std::ranges::find(members, path, &Member::path);
  return at == members.end() ? nullptr : &*at;
}

bool valid_member(std::string_view path) {
  if (path.empty() || path.size() > 1000) return false;
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return false;
  while (true) {
    const std::size_t end = path.find('/');
    const std::string_view name = path.substr(0, end);
    if (name.empty() || name == "." || name == ".." || name.size() > 255) return false;
    if (end == std::string_view::npos) return true;
    path.remove_prefix(end + 1);
  }
}

std::string encode(const Manifest& m) {
  std::string text = fmt::format(
      "{}\ntaken {}\nnumber {}\nhost {}\nprogram {}\nschema {}\nreadings {}\nnewest {}\nwritten {}\n",
      first_line, iso8601(m.taken), m.number, m.host, m.program, m.contents.schema, m.contents.readings,
      time_or_none(m.contents.newest), time_or_none(m.contents.last_write));
  for (const auto& [table, rows] : m.contents.rows) text += fmt::format("rows {} {}\n", rows, table);
  if (m.base)
    text += fmt::format("base {} {} {}\nwhole {} {} {}\n", m.base->number, m.base->database_sha256,
                        m.base->set, m.whole.sha256, m.whole.bytes, m.whole.path);
  for (const Member& f : m.members) text += fmt::format("file {} {} {}\n", f.sha256, f.bytes, f.path);
  return text + fmt::format("end {}\n", sha256_of(text));
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (!text.starts_with(first_line) || !text.substr(first_line.size()).starts_with('\n')) {
    if (!text.starts_with("alona-backup ")) return bad("is none");
    return fail(Errc::newer, "its MANIFEST is of a format that this program doesn't know",
                "Install the newer program that made the set.");
  }
  const std::size_t end = text.rfind("end ");
  if (end == std::string_view::npos ||
      text.substr(end) != fmt::format("end {}\n", sha256_of(text.substr(0, end))))
    return bad("was changed: its last line isn't the SHA-256 of what stands above");
  Lines lines{text.substr(first_line.size() + 1, end - first_line.size() - 1)};
  Manifest m;
  m.taken = lines.time(lines.after("taken")).value_or(UtcMs{});
  m.number = lines.number(lines.after("number"));
  m.host = lines.after("host");
  m.program = lines.after("program");
  m.contents.schema = static_cast<int>(lines.number(lines.after("schema")));
  m.contents.readings = lines.number(lines.after("readings"));
  m.contents.newest = lines.time(lines.after("newest"));
  m.contents.last_write = lines.time(lines.after("written"));
  parse_rows(lines, m);
  parse_base(lines, m);
  parse_files(lines, m);
  if (!lines.ok() || !lines.at_end() || !has_what_it_should(m)) return bad("has a line that doesn't fit");
  return m;
}

}  // namespace alona::backup
