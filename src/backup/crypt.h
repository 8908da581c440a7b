// Encrypted sets, for a stick that may be lost: `NAME.tar.zst.enc`. Whoever has the passphrase can open one
// with docs/decrypt.py and without Alona. The format (docs/backup.md) is frozen:
//
//   12  "alona-enc-1\n"
//    8  u32 passes, u32 KiB of memory: of argon2id (crypto_pwhash); all numbers little-endian
//   16  salt
//   16  u32 the set's number, u32 that of the one it builds on or 0, i64 when it was taken in Unix
//       milliseconds: as its manifest says
//   16  check: tells a wrong passphrase from damage
//   24  header of crypto_secretstream_xchacha20poly1305
//   32  SHA-256 of the 92 bytes above
//   ..  chunks: 64 KiB of the set each and the rest in the last one, 17 bytes longer than that; the 124 bytes
//   of
//       the header are the first chunk's additional data; the last one, and no other, has the tag FINAL
//
// crypto_pwhash of the passphrase makes 48 bytes: 32 of key, 16 of check. Memory beside argon2id's is
// constant, and nothing unencrypted reaches the disk. A file may come from a stranger: its numbers are
// bounded before they are followed. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "backup/set_file.h"
#include "backup/sets.h"
#include "base/error.h"

namespace alona::backup {

inline constexpr std::string_view crypt_suffix = ".enc";
inline constexpr std::size_t passphrase_chars_min = 12;

// A box with 512 MiB has 64 MiB to spare; tests take less.
struct CryptCost {
  std::uint32_t passes = 2, memory_kib = 64 * 1024;
};

using PutBytes = std::function<Result<void>(const void*, std::size_t)>;

// `set`: of the box's own, with its manifest.
[[nodiscard]] Result<void> encrypt_set(const BackupSet& set, const std::string& passphrase,
                                       const CryptCost& cost, const PutBytes& put,
                                       const SetProgress& progress);
// The set as it was, piece by piece; whole only if this ends well. corrupt: damaged or no such file; auth: it
// is whole so far and the passphrase is another; newer.
[[nodiscard]] Result<void> decrypt_set(const std::filesystem::path& file, const std::string& passphrase,
                                       const PutBytes& put, const SetProgress& progress);
// Decrypts through: every byte is what was encrypted, and that was a whole set.
[[nodiscard]] Result<void> verify_encrypted(const std::filesystem::path& file, const std::string& passphrase,
                                            const SetProgress& progress);
// Without a passphrase: the numbers and the time, of which a manifest is made.
[[nodiscard]] Result<Manifest> look_into_encrypted(const std::filesystem::path& file);
[[nodiscard]] bool is_encrypted(const std::filesystem::path& file);
[[nodiscard]] std::uint64_t encrypted_bytes(std::uint64_t plain);

// The first line of the file. config: it can't be read, or is shorter than passphrase_chars_min.
struct Passphrase {
  std::string text, warning;  // empty: nothing to warn of
};
[[nodiscard]] Result<Passphrase> read_passphrase(const std::filesystem::path& file);

// A new plain file; it gets its name when it is whole. refused: it exists.
[[nodiscard]] Result<void> decrypt_to(const std::filesystem::path& file, const std::string& passphrase,
                                      const std::filesystem::path& out, const SetProgress& progress);

// What to read for the set at `path`: itself, or decrypted below `scratch`, which is made and the caller's to
// remove; the one that it builds on, from the same folder, beside it. auth: it is encrypted and `passphrase`
// isn't the one, or there is none.
[[nodiscard]] Result<std::filesystem::path> plain_set(const std::filesystem::path& path,
                                                      const std::optional<std::string>& passphrase,
                                                      const std::filesystem::path& scratch);

}  // namespace alona::backup
