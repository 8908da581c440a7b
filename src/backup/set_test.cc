// Sets that were damaged, cut, forged or made to do harm: each is refused in words, and nothing is written
// but below the folder asked for.
#include <archive.h>
#include <archive_entry.h>

#include <random>

#include "backup/archive.h"
#include "backup/set_file.h"
#include "backup/test_box.h"
#include "base/hash.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr auto on_and_on = [](std::uint64_t, std::uint64_t) { return true; };

// A set of a real box, and a place to unpack it to.
class Sets : public ::testing::Test {
 protected:
  Sets() {
    box.readings(60);
    auto taken = box.take();
    EXPECT_TRUE(taken) << taken.error().text();
    set = taken->set.file;
    bytes = text_of(set);
    fs::create_directory(box.root / "to");
  }
  // Refused, whatever is asked of it, and nothing stays behind.
  void expect_refused(std::string_view damaged, std::string_view what) {
    const fs::path file = box.root / "damaged.tar.zst";
    put_file(file, damaged);
    for (const auto& into : {std::optional<fs::path>{}, std::optional{box.root / "to/here"}}) {
      const auto read = read_set(file, into, on_and_on);
      ASSERT_FALSE(read) << what;
      EXPECT_TRUE(read.error().code == Errc::corrupt || read.error().code == Errc::newer)
          << what << ": " << read.error().text();
      EXPECT_FALSE(read.error().next.empty());
    }
    EXPECT_TRUE(fs::is_empty(box.root / "to")) << what;
  }

  TestBox box;
  fs::path set;
  std::string bytes;
};

TEST_F(Sets, what_goes_in_comes_out) {
  const auto read = read_set(set, box.root / "to/here", on_and_on);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->contents.readings, 2400u);
  EXPECT_EQ(read->contents.newest, noon + std::chrono::seconds{59});
  for (const char* file : {"live/broker/passwd", "live/broker/acl", "live/checks/canary"})
    EXPECT_EQ(text_of(box.root / "to/here" / file), text_of(box.root / "data" / file)) << file;
  EXPECT_EQ(text_of(box.root / "to/here/etc/alona.toml"), text_of(box.box.config_file));
  EXPECT_EQ(text_of(box.root / "to/here/etc/mqtt-password"), "secret\n");
  EXPECT_FALSE(fs::exists(box.root / "to/here/live/broker.lock"));
  EXPECT_EQ(history_of(box.root / "to/here/live/db/alona.sqlite3"), history_of(box.database()));
  EXPECT_EQ(read_set(set, box.root / "to/here", on_and_on).error().code, Errc::refused) << "it is there";
}

TEST_F(Sets, a_flipped_bit_anywhere) {
  std::mt19937_64 random{2026};
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = bytes;
    const std::size_t bit = random() % (8 * damaged.size());
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    expect_refused(damaged, fmt::format("bit {}", bit));
  }
}

TEST_F(Sets, cut_off_anywhere) {
  std::mt19937_64 random{2026};
  for (int i = 0; i < 200; ++i) {
    const std::size_t left = i == 0 ? 0 : i == 1 ? bytes.size() - 1 : random() % bytes.size();
    expect_refused(bytes.substr(0, left), fmt::format("{} of {} bytes", left, bytes.size()));
  }
  expect_refused(bytes + "x", "a byte more");
}

TEST_F(Sets, other_files_are_none) {
  expect_refused(std::string(100'000, '\0'), "zeros");
  expect_refused("a letter", "text");
  expect_refused(text_of(box.database()), "a database");
  EXPECT_EQ(read_set(box.root / "nowhere", {}, on_and_on).error().code, Errc::not_found);
}

// ---- made by somebody who knows how: every hash and the seal are right ----

struct Forged {
  std::string name, text;
  unsigned type = AE_IFREG;
  std::string link{};
};

std::string forge(const std::vector<Forged>& members) {
  std::string packed(4 << 20, '\0');
  std::size_t used = 0;
  {
    const WritingArchive out{archive_write_new()};
    archive_write_set_format_pax_restricted(out.get());
    archive_write_add_filter_zstd(out.get());
    archive_write_open_memory(out.get(), packed.data(), packed.size(), &used);
    for (const Forged& m : members) {
      const Entry entry{archive_entry_new()};
      archive_entry_set_pathname(entry.get(), m.name.c_str());
      archive_entry_set_filetype(entry.get(), m.type);
      archive_entry_set_perm(entry.get(), 0644);
      if (m.type == AE_IFLNK) archive_entry_set_symlink(entry.get(), m.link.c_str());
      if (m.type == AE_IFREG && !m.link.empty()) archive_entry_set_hardlink(entry.get(), m.link.c_str());
      if (m.link.empty()) archive_entry_set_size(entry.get(), static_cast<la_int64_t>(m.text.size()));
      EXPECT_GE(archive_write_header(out.get(), entry.get()), ARCHIVE_WARN);
      if (m.link.empty() && !m.text.empty()) archive_write_data(out.get(), m.text.data(), m.text.size());
    }
    archive_write_close(out.get());
  }
  packed.resize(used);
  Sha256 hash;
  hash.add(packed);
  return packed + set_seal(hash.finish());
}

std::string sha256(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.finish_hex();
}

Manifest about(const std::vector<Forged>& members) {
  Manifest m{.taken = noon, .number = 1, .host = "cabin", .program = "0.1.0", .contents = {}, .members = {}};
  for (const Forged& f : members) m.members.push_back({f.name, f.text.size(), sha256(f.text)});
  return m;
}

std::string set_of(const Manifest& manifest, std::vector<Forged> members) {
  for (Forged& m : members) m.name = "box/" + m.name;
  members.insert(members.begin(), {"box/MANIFEST", encode(manifest)});
  return forge(members);
}

const std::vector<Forged> two = {{"a", "one"}, {"b/c", "two"}};

TEST_F(Sets, one_that_was_made_by_hand_is_taken) {
  put_file(box.root / "made.tar.zst", set_of(about(two), two));
  ASSERT_TRUE(read_set(box.root / "made.tar.zst", box.root / "to/here", on_and_on));
  EXPECT_EQ(text_of(box.root / "to/here/b/c"), "two");
}

TEST_F(Sets, members_that_arent_what_the_manifest_says) {
  const Manifest m = about(two);
  expect_refused(set_of(m, {two[1], two[0]}), "swapped");
  expect_refused(set_of(m, {{"a", "two"}, {"b/c", "one"}}), "swapped texts");
  expect_refused(set_of(m, {two[0]}), "one is missing");
  expect_refused(set_of(m, {two[0], two[1], {"d", "more"}}), "one more");
  expect_refused(set_of(m, {{"a", "one"}, {"b/c", "twoo"}}), "longer");
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/a", "one"}, {"other/b/c", "two"}}),
                 "another folder");
  expect_refused(forge({{"box/a", "one"}, {"box/MANIFEST", encode(m)}}), "the manifest isn't first");
  expect_refused(forge({}), "empty");
}

TEST_F(Sets, a_forged_manifest) {
  std::string text = encode(about(two));
  const auto with = [&](std::string_view manifest) {
    return forge({{"box/MANIFEST", std::string{manifest}}, {"box/a", "one"}, {"box/b/c", "two"}});
  };
  expect_refused(with(""), "empty");
  expect_refused(with(text.substr(0, text.size() / 2)), "half");
  std::string later = text;
  later.replace(later.find("cabin"), 5, "house");
  expect_refused(with(later), "changed, and its end not");
  expect_refused(with("alona-backup 2\n"), "of a later format");
  expect_refused(with(std::string(2 << 20, 'x')), "too long");
  Manifest many = about(two);
  many.members.push_back({"a", 3, sha256("one")});
  expect_refused(with(encode(many)), "one twice");
}

TEST_F(Sets, members_that_lead_elsewhere) {
  for (const char* name : {"../escaped", "/tmp/escaped", "b/../../escaped", "./a", "b//c", "..", "b/."}) {
    const std::vector<Forged> one = {{name, "x"}};
    expect_refused(set_of(about(one), one), name);
    expect_refused(forge({{"box/MANIFEST", encode(about({{"a", "x"}}))}, {name, "x"}}), name);
  }
  expect_refused(forge({{"../MANIFEST", encode(about({}))}}), "a folder above");
  const Manifest m = about({{"a", ""}});
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/a", "", AE_IFLNK, "/etc/passwd"}}), "a link");
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/a", "", AE_IFREG, "box/MANIFEST"}}),
                 "a hard link");
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/a", "", AE_IFDIR}}), "a folder");
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/a", "", AE_IFIFO}}), "a pipe");
  EXPECT_FALSE(fs::exists(box.root / "escaped"));
}

TEST_F(Sets, a_bomb) {
  // A thousand million zeros would fit into a few KiB; what is claimed is refused before it is unpacked.
  Manifest m = about({});
  m.members.push_back({"zeros", std::uint64_t{1} << 40, sha256("")});
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/zeros", std::string(1 << 20, '\0')}}), "claimed");
  m.members[0].bytes = 10;
  expect_refused(forge({{"box/MANIFEST", encode(m)}, {"box/zeros", std::string(1 << 20, '\0')}}),
                 "not claimed");
}

TEST(Manifest, is_read_as_it_was_written) {
  Manifest m = about(two);
  m.number = 7;
  m.contents = {
      .schema = 3, .readings = 5, .newest = noon, .last_write = {}, .rows = {{"chunk", 2}, {"node", 1}}};
  const auto read = parse_manifest(encode(m));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(encode(*read), encode(m));
  EXPECT_EQ(read->contents, m.contents);
  EXPECT_EQ(read->members, m.members);
}

}  // namespace
}  // namespace alona::backup
