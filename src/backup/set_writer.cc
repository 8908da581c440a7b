#include <fmt/format.h>

#include <system_error>

#include "backup/archive.h"
#include "backup/set_file.h"
#include "backup/tar_writer.h"

namespace alona::backup {
namespace {

namespace fs = std::filesystem;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Result<void> seal_and_sync(TarWriter& writer) {
  if (auto closed = writer.close(); !closed) return closed;
  if (auto sealed = writer.append(set_seal(writer.hash())); !sealed) return sealed;
  return writer.sync();
}

Result<void> put_source(TarWriter& writer, const Source& source,
                        const std::function<bool(std::uint64_t)>& more) {
  const Member& member = source.member;
  if (auto begun = writer.begin_member(member.path, member.bytes, source.mode); !begun) return begun;
  if (!source.read) return writer.data(bytes_of(source.text));
  std::uint64_t bytes = 0;
  Sha256 hash;
  auto read = source.read([&](std::span<const std::uint8_t> piece) -> Result<void> {
    bytes += piece.size();
    if (bytes > member.bytes) return {};  // told below
    hash.add(piece);
    if (!more(piece.size())) return fail(Errc::temporary, "the backup was stopped", "Start it again later.");
    return writer.data(piece);
  });
  if (!read) return read;
  if (bytes == member.bytes && hash.finish_hex() == member.sha256) return {};
  return fail(Errc::io, fmt::format("{} changed while it was backed up", member.path),
              "Start the backup again.");
}

Result<void> write_members(TarWriter& writer, const Manifest& manifest, const std::vector<Source>& sources,
                           const SetProgress& progress) {
  const std::string text = encode(manifest);
  if (auto put = writer.begin_member("MANIFEST", text.size(), 0600); !put) return put;
  if (auto put = writer.data(bytes_of(text)); !put) return put;
  std::uint64_t done = 0;
  const std::uint64_t all = manifest.bytes();
  for (const Source& source : sources) {
    auto put = put_source(writer, source, [&](std::uint64_t n) { return progress(done += n, all); });
    if (!put) return put;
  }
  return seal_and_sync(writer);
}

}  // namespace

Result<void> measure(Source& source, const std::function<bool()>& go_on) {
  Sha256 hash;
  source.member.bytes = 0;
  const auto add = [&](std::span<const std::uint8_t> piece) -> Result<void> {
    hash.add(piece);
    source.member.bytes += piece.size();
    if (go_on()) return {};
    return fail(Errc::temporary, "the backup was stopped", "Start it again later.");
  };
  if (auto read = source.read ? source.read(add) : add(bytes_of(source.text)); !read) return read;
  source.member.sha256 = hash.finish_hex();
  return {};
}

Result<void> write_set(const fs::path& path, const std::string& folder, const Manifest& manifest,
                       const std::vector<Source>& sources, const SetProgress& progress) {
  TarWriter writer{path, folder, manifest.taken};
  auto done = writer.begin();
  if (!done) return done;  // there may be another's file of that name
  done = write_members(writer, manifest, sources, progress);
  std::error_code ec;
  if (!done) fs::remove(path, ec);
  return done;
}

}  // namespace alona::backup
