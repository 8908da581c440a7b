#include "alona/bundle.h"

#include <fmt/format.h>

#include <array>

#include "alona/cli.h"
#include "alona/version.h"

namespace alona {
namespace {

struct Part {
  std::string_view name, what;
  bundle::Text (*make)(const BundleWish&);
};

// The small and telling ones first: the budget is theirs.
constexpr auto parts = std::to_array<Part>({
    {"versions.txt", "programs, packages, machine", bundle::versions},
    {"alona.toml", "the configuration, without its comments", bundle::configuration},
    {"overview.json", "what the core says, as `alona status` shows it", bundle::overview},
    {"system.json", "disk, clock, writes, as the core says", bundle::system},
    {"health.json", "the last round of `alona health`", bundle::health},
    {"nodes.txt", "ids and names", bundle::nodes},
    {"rejects.txt", "refused messages: reason, topic, size; no contents", bundle::rejects},
    {"database.txt", "header, sizes, rows per table; no readings", bundle::database},
    {"backups.txt", "the sets and what is known of each", bundle::backups},
    {"broker/acl", "the broker's rules", bundle::broker_rules},
    {"broker/alona.conf", "the broker's configuration", bundle::broker_conf},
    {"broker/users.txt", "who may log in; no passwords, no hashes", bundle::broker_users},
    {"files.txt", "names, sizes, modes and owners below data_dir; no contents", bundle::files},
    {"units.txt", "systemd's units and timers", bundle::units},
    {"disks.txt", "file systems and mounts", bundle::disks},
    {"memory.txt", "memory and load", bundle::memory},
    {"kernel.txt", "the kernel's warnings and errors", bundle::kernel},
    {"journal.txt", "of Alona and the broker, the newest first", bundle::journal},
});

constexpr std::string_view never_in =
    "Never in a bundle: passwords and their hashes, the backup's passphrase, tokens of sessions, readings,\n"
    "contents of messages, comments of the configuration.\n";

// What a part may be long; a cut one says so in its last line.
std::string cut_to(std::string text, std::size_t bytes) {
  constexpr std::string_view told = "\n[cut here: the bundle has no more room]\n";
  if (text.size() <= bytes) return text;
  text.resize(bytes > told.size() ? bytes - told.size() : 0);
  return text += told;
}

std::string manifest(const BundleWish& wish, const std::string& listed, const std::string& left_out) {
  return fmt::format(
      "A debug bundle of Alona {}, made {}.\nThe journal goes back to {}.\n\nIn it:\n{}\nLeft out:\n{}\n{}",
      version, iso8601(wish.now), iso8601(wish.since), listed, left_out.empty() ? "  nothing\n" : left_out,
      never_in);
}

}  // namespace

Bundle collect_bundle(const BundleWish& wish,
                      const std::function<void(std::string_view, std::uint64_t, std::uint64_t)>& doing) {
  const Secrets secrets = Secrets::of(wish.config, ops::Paths{wish.config});
  Bundle made;
  made.members.emplace_back();  // MANIFEST, once the rest is known
  std::string listed, left_out;
  constexpr std::size_t manifest_bytes_max = 16'384;
  std::size_t room = bundle::bytes_max - manifest_bytes_max;
  for (std::uint64_t i = 0; const Part& part : parts) {
    doing(part.what, i++, parts.size());
    auto text = part.make(wish);
    if (!text) {
      made.left_out.push_back(fmt::format("{}: {}", part.name, secrets.taken_out_of(text.error().what)));
      left_out += fmt::format("  {}\n", printable(made.left_out.back()));
      continue;
    }
    std::string clean = cut_to(secrets.taken_out_of(std::move(*text)), room);
    room -= clean.size();
    listed += fmt::format("  {:<18} {:>8} bytes  {}\n", part.name, clean.size(), part.what);
    made.members.push_back({std::string(part.name), std::move(clean)});
  }
  made.members.front() = {"MANIFEST", cut_to(manifest(wish, listed, left_out), manifest_bytes_max)};
  return made;
}

}  // namespace alona
