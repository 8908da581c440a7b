// A bundle's parts that Alona tells of itself.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>

#include "alona/bundle.h"
#include "alona/cli.h"
#include "alona/health_record.h"
#include "backup/sets.h"
#include "base/files.h"
#include "base/limits.h"
#include "http/unix_client.h"
#include "ops/broker_files.h"
#include "store/facts.h"
#include "store/reader.h"

namespace alona::bundle {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
constexpr Ms core_patience = 10s, count_patience = 20s;
constexpr std::size_t rejects_max = 200, files_max = 2'000;

Text asked(const BundleWish& wish, std::string_view target) {
  const auto answer = http::unix_request(ops::Paths{wish.config}.core_socket(), "GET", target, {},
                                         wish.patience(core_patience));
  if (!answer) return std::unexpected(answer.error());
  return answer->body + "\n";
}

}  // namespace

// Absent: all defaults.
Text configuration(const BundleWish& wish) {
  const auto text = alona::files::read(wish.config_file, limits::config_bytes_max);
  if (!text) return std::unexpected(text.error());
  return ops::config_without_comments(*text);
}

Text overview(const BundleWish& wish) { return asked(wish, "/api/v1/overview"); }
Text system(const BundleWish& wish) { return asked(wish, "/api/v1/system"); }

Text health(const BundleWish& wish) {
  std::string record = read_record(ops::Paths{wish.config});
  if (record.empty())
    return fail(Errc::not_found, "`alona health` has kept nothing yet, or not for this user");
  return record;
}

Text nodes(const BundleWish& wish) {
  auto reader = store::Reader::open(ops::Paths{wish.config}.database());
  if (!reader) return std::unexpected(reader.error());
  const auto nodes = reader->nodes();
  if (!nodes) return std::unexpected(nodes.error());
  std::string text;
  for (const auto& node : *nodes)
    text +=
        fmt::format("{:<33} {} {}{}{}\n", node.id, iso8601(node.created).substr(0, 10), printable(node.name),
                    node.place.empty() ? "" : ", " + printable(node.place), node.removed ? " (removed)" : "");
  return text;
}

// Neither the payload nor the detail, which may quote it.
Text rejects(const BundleWish& wish) {
  auto reader = store::Reader::open(ops::Paths{wish.config}.database());
  if (!reader) return std::unexpected(reader.error());
  const auto items = reader->rejects(rejects_max);
  if (!items) return std::unexpected(items.error());
  std::string text;
  for (const auto& item : *items)
    text +=
        fmt::format("{} {} times since {}: {}, {} bytes, {}\n", iso8601(item.last), item.count,
                    iso8601(item.first), item.row.reason, item.row.payload_bytes, printable(item.row.topic));
  return text;
}

Text database(const BundleWish& wish) {
  return store::facts_of(ops::Paths{wish.config}.database(), wish.patience(count_patience));
}

Text backups(const BundleWish& wish) {
  const auto sets = backup::list_sets(ops::Paths{wish.config}.backups());
  if (!sets) return std::unexpected(sets.error());
  std::string text;
  for (const auto& set : *sets) {
    text += fmt::format("{} {} bytes, {}", set.name(), set.bytes, state_word(set));
    if (set.state.verified) text += ", verified " + iso8601(*set.state.verified);
    if (set.state.proven) text += ", proven " + iso8601(*set.state.proven);
    text += (set.state.failed.empty() ? "" : ": " + printable(set.state.failed)) + "\n";
  }
  return text;
}

Text broker_rules(const BundleWish& wish) {
  return alona::files::read(ops::Paths{wish.config}.broker_acl(), part_bytes_max);
}

Text broker_conf(const BundleWish& wish) {
  return alona::files::read(ops::Paths{wish.config}.broker() / "alona.conf", part_bytes_max);
}

Text broker_users(const BundleWish& wish) {
  const auto text =
      alona::files::read(ops::Paths{wish.config}.broker_passwords(), limits::broker_files_bytes_max);
  if (!text) return std::unexpected(text.error());
  std::string users;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // A line without a colon could be anything.
    const auto colon = line.find(':');
    users +=
        (colon == std::string_view::npos ? "[a line that is none]" : printable(line.substr(0, colon))) + "\n";
  }
  return users;
}

Text files(const BundleWish& wish) {
  const fs::path data = ops::Paths{wish.config}.data();
  std::string text;
  std::error_code ec;
  std::size_t n = 0;
  for (fs::recursive_directory_iterator it{data, fs::directory_options::skip_permission_denied, ec}, end;
       !ec && it != end && n < files_max; it.increment(ec), ++n) {
    struct stat about{};
    if (::lstat(it->path().c_str(), &about) != 0) continue;
    const UtcMs changed =
        utc_ms(std::int64_t{about.st_mtim.tv_sec} * 1000 + about.st_mtim.tv_nsec / 1'000'000);
    text +=
        fmt::format("{:06o} {:>5}:{:<5} {:>12} {} {}\n", about.st_mode, about.st_uid, about.st_gid,
                    about.st_size, iso8601(changed), printable(it->path().lexically_relative(data).string()));
  }
  if (ec) return fail(Errc::io, fmt::format("cannot look into {}: {}", data.string(), ec.message()));
  return text + (n == files_max ? "[and more]\n" : "");
}

}  // namespace alona::bundle
