// Encrypted sets: what goes in comes out; what was damaged, cut or put together anew is refused in words.
#include "backup/crypt.h"

#include <cstdlib>

#include "backup/test_box.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;
constexpr auto on_and_on = [](std::uint64_t, std::uint64_t) { return true; };
constexpr CryptCost cheap{1, 8};
const std::string words = "five words nobody would guess";
constexpr std::size_t header_bytes = 124, chunk_bytes = 65536 + 17;

std::string encrypted(const BackupSet& set, const CryptCost& cost = cheap) {
  std::string out;
  const auto done = encrypt_set(
      set, words, cost,
      [&](const void* data, std::size_t n) {
        out.append(static_cast<const char*>(data), n);
        return Result<void>{};
      },
      on_and_on);
  EXPECT_TRUE(done) << done.error().text();
  return out;
}

class Encrypted : public ::testing::Test {
 protected:
  Encrypted() {
    box.readings(10);
    const auto taken = box.take();
    EXPECT_TRUE(taken) << taken.error().text();
    set = taken->set;
    bytes = encrypted(set);
  }
  Result<std::string> decrypted(std::string_view from, const std::string& passphrase = words) {
    const fs::path file = box.root / "x.tar.zst.enc";
    put_file(file, from);
    std::string out;
    auto done = decrypt_set(
        file, passphrase,
        [&](const void* data, std::size_t n) {
          out.append(static_cast<const char*>(data), n);
          return Result<void>{};
        },
        on_and_on);
    if (!done) return std::unexpected(done.error());
    return out;
  }
  void expect_refused(std::string_view damaged, const std::string& what) {
    const auto got = decrypted(damaged);
    ASSERT_FALSE(got) << what;
    EXPECT_TRUE(got.error().code == Errc::corrupt || got.error().code == Errc::newer)
        << what << ": " << got.error().text();
    EXPECT_FALSE(got.error().next.empty());
  }
  // A made-up "set" of so many bytes, for what only the chunks' places matter to.
  BackupSet of_bytes(std::size_t n) {
    BackupSet made{.file = box.root / "bytes"};
    std::string text(n, '\0');
    for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>(i * 7 + i / 65536);
    put_file(made.file, text);
    return made;
  }

  TestBox box;
  BackupSet set;
  std::string bytes;
};

TEST_F(Encrypted, come_back_as_they_were) {
  EXPECT_EQ(*decrypted(bytes), text_of(set.file));
  EXPECT_EQ(bytes.size(), encrypted_bytes(text_of(set.file).size()));
  EXPECT_EQ(*decrypted(encrypted(set, {})), text_of(set.file)) << "at the real cost";
  for (const std::size_t n : {1u, 65535u, 65536u, 65537u, 200'000u}) {
    const BackupSet made = of_bytes(n);
    const std::string out = encrypted(made);
    EXPECT_EQ(out.size(), encrypted_bytes(n));
    EXPECT_EQ(*decrypted(out), text_of(made.file)) << n;
  }
  const auto about = look_into_encrypted(box.root / "x.tar.zst.enc");
  ASSERT_TRUE(about);
  put_file(box.root / "x.tar.zst.enc", bytes);
  EXPECT_EQ(look_into_encrypted(box.root / "x.tar.zst.enc")->number, set.manifest->number);
  EXPECT_EQ(look_into_encrypted(box.root / "x.tar.zst.enc")->taken, set.manifest->taken);
  EXPECT_TRUE(verify_encrypted(box.root / "x.tar.zst.enc", words, on_and_on));
  EXPECT_EQ(bytes.find("alona-backup"), std::string::npos);
}

TEST_F(Encrypted, a_flipped_bit_anywhere) {
  std::mt19937_64 random{2026};
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = bytes;
    const std::size_t bit = i < 200 ? random() % (8 * header_bytes) : random() % (8 * damaged.size());
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    expect_refused(damaged, fmt::format("bit {}", bit));
  }
}

TEST_F(Encrypted, cut_off_anywhere) {
  std::mt19937_64 random{2026};
  for (int i = 0; i < 200; ++i) {
    const std::size_t left = i < 130    ? static_cast<std::size_t>(i)
                             : i == 130 ? bytes.size() - 1
                                        : random() % bytes.size();
    expect_refused(bytes.substr(0, left), fmt::format("{} of {} bytes", left, bytes.size()));
  }
  expect_refused(bytes + "x", "a byte more");
}

TEST_F(Encrypted, chunks_in_another_order_or_number) {
  const std::string whole = encrypted(of_bytes(65536 * 3 + 10));
  const auto chunk = [&](std::size_t i) { return whole.substr(header_bytes + i * chunk_bytes, chunk_bytes); };
  const std::string head = whole.substr(0, header_bytes);
  ASSERT_TRUE(decrypted(head + chunk(0) + chunk(1) + chunk(2) + chunk(3)));
  expect_refused(head + chunk(1) + chunk(0) + chunk(2) + chunk(3), "swapped");
  expect_refused(head + chunk(0) + chunk(2) + chunk(3), "one left out");
  expect_refused(head + chunk(0) + chunk(0) + chunk(1) + chunk(2) + chunk(3), "one twice");
  expect_refused(head + chunk(0) + chunk(1) + chunk(2), "the final one missing");
  expect_refused(whole + chunk(3), "the final one twice");
  expect_refused(head, "none");
  const std::string full = encrypted(of_bytes(65536));  // the final chunk is a full one
  expect_refused(full + full.substr(header_bytes), "more behind a full final chunk");
  expect_refused(encrypted(of_bytes(65536 * 3 + 10)).substr(0, header_bytes) + whole.substr(header_bytes),
                 "another's header");
}

TEST_F(Encrypted, another_passphrase_is_told_from_damage) {
  const auto got = decrypted(bytes, "another one, as long");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::auth);
  EXPECT_NE(got.error().what.find("passphrase"), std::string::npos);
  expect_refused("alona-enc-2\n" + std::string(200, 'x'), "of a later format");
  EXPECT_EQ(decrypted("alona-enc-2\n" + std::string(200, 'x')).error().code, Errc::newer);
  expect_refused(text_of(set.file), "not encrypted");
}

// Written once; ALONA_GOLDEN=1 writes those that are missing. docs/decrypt.py reads the same (tests/docs).
TEST_F(Encrypted, of_former_days_are_read) {
  const fs::path golden = fs::path{ALONA_SOURCE_DIR} / "tests/golden/encrypted";
  for (const auto& [name, size] : {std::pair{"small.enc", 10}, std::pair{"chunks.enc", 3 * 65536 + 10},
                                   std::pair{"full-chunk.enc", 65536}}) {
    const BackupSet made = of_bytes(static_cast<std::size_t>(size));
    if (!fs::exists(golden / name) &&
        std::getenv("ALONA_GOLDEN") != nullptr)  // NOLINT(concurrency-mt-unsafe)
      put_file(golden / name, encrypted(made));
    const auto got = decrypted(text_of(golden / name));
    ASSERT_TRUE(got) << name << " " << got.error().text();
    EXPECT_EQ(*got, text_of(made.file)) << name;
  }
}

TEST_F(Encrypted, what_is_no_set_is_told_though_it_decrypts) {
  put_file(box.root / "x.tar.zst.enc", encrypted(of_bytes(1000)));
  EXPECT_EQ(verify_encrypted(box.root / "x.tar.zst.enc", words, on_and_on).error().code, Errc::corrupt);
}

TEST_F(Encrypted, become_plain_files) {
  const fs::path file = box.root / "stick/a.tar.zst.enc", scratch = box.root / "scratch";
  put_file(file, bytes);
  EXPECT_EQ(*plain_set(set.file, {}, scratch), set.file);
  EXPECT_FALSE(fs::exists(scratch));
  EXPECT_EQ(plain_set(file, {}, scratch).error().code, Errc::auth);
  EXPECT_EQ(plain_set(file, "a wrong passphrase", scratch).error().code, Errc::auth);
  const auto plain = plain_set(file, words, scratch);
  ASSERT_TRUE(plain) << plain.error().text();
  EXPECT_EQ(*plain, scratch / "a.tar.zst");
  EXPECT_EQ(text_of(*plain), text_of(set.file));
  EXPECT_EQ(fs::status(*plain).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(decrypt_to(file, words, *plain, on_and_on).error().code, Errc::refused);
  put_file(file, bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(decrypt_to(file, words, box.root / "out", on_and_on).error().code, Errc::corrupt);
  EXPECT_FALSE(fs::exists(box.root / "out"));
  EXPECT_FALSE(fs::exists(box.root / "out.part"));
}

TEST(Passphrases, are_a_first_line) {
  TestBox box;
  const fs::path file = box.root / "passphrase";
  const auto text = [&](std::string_view content) {
    put_file(file, content);
    return read_passphrase(file);
  };
  EXPECT_EQ(text("  five words and more \r\nanother line\n")->text, "five words and more");
  EXPECT_EQ(text("zwölf Zeichö")->text, "zwölf Zeichö") << "characters, not bytes";
  for (const char* bad : {"", "\n", "elf Zeichen", "   elf Zeichen   \nfive words and more", "zwölf Zeö"})
    EXPECT_EQ(text(bad).error().code, Errc::config) << bad;
  EXPECT_EQ(read_passphrase(box.root / "none").error().code, Errc::config);
  fs::permissions(file, fs::perms::owner_read);
  put_file(box.root / "open", "five words and more");
  fs::permissions(box.root / "open", fs::perms::others_read | fs::perms::owner_read);
  EXPECT_FALSE(read_passphrase(box.root / "open")->warning.empty());
  fs::permissions(box.root / "open", fs::perms::owner_read);
  EXPECT_TRUE(read_passphrase(box.root / "open")->warning.empty());
}

}  // namespace
}  // namespace alona::backup
