#include "ops/broker_files.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/files.h"
#include "base/hash.h"
#include "base/limits.h"

namespace alona::ops {
namespace {

// Mosquitto's default. Iterations slow down guessing, and nobody guesses 128 random bits; the broker, on a
// small box, pays for them at each login of each node.
constexpr unsigned iterations_default = 101;
constexpr unsigned iterations_max = 10'000'000;  // a damaged file must not keep us busy for hours
constexpr std::size_t salt_bytes = 12;           // what Mosquitto 2.0 writes and expects
using Digest = std::array<std::uint8_t, crypto_auth_hmacsha512_BYTES>;

void hmac(std::string_view key, std::string_view message, Digest& into) {
  crypto_auth_hmacsha512_state state;
  crypto_auth_hmacsha512_init(&state, reinterpret_cast<const unsigned char*>(key.data()), key.size());
  crypto_auth_hmacsha512_update(&state, reinterpret_cast<const unsigned char*>(message.data()),
                                message.size());
  crypto_auth_hmacsha512_final(&state, into.data());
}

std::string_view bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// RFC 8018, one block: the 64 bytes that Mosquitto keeps are exactly one SHA-512.
Digest pbkdf2_sha512(std::string_view password, std::string_view salt, unsigned iterations) {
  Digest round{};
  hmac(password, std::string(salt) + std::string("\0\0\0\1", 4), round);
  Digest result = round;
  for (unsigned i = 1; i < iterations; ++i) {
    hmac(password, std::string(bytes(round)), round);
    std::ranges::transform(result, round, result.begin(),
                           [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a ^ b); });
  }
  return result;
}

std::string base64(std::string_view raw) {
  std::string text(sodium_base64_encoded_len(raw.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(raw.data()), raw.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string raw(text.size(), '\0');
  std::size_t length = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(raw.data()), raw.size(), text.data(), text.size(),
                        nullptr, &length, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
    return {};
  }
  raw.resize(length);
  return raw;
}

struct HashParts {
  unsigned iterations = 0;
  std::string salt, digest;
};

std::optional<HashParts> take_apart(std::string_view hash) {
  if (!hash.starts_with("$7$")) return {};
  hash.remove_prefix(3);
  HashParts parts;
  const auto [end, error] = std::from_chars(hash.data(), hash.data() + hash.size(), parts.iterations);
  hash.remove_prefix(static_cast<std::size_t>(end - hash.data()));
  const auto separator = hash.rfind('$');
  if (error != std::errc{} || parts.iterations == 0 || parts.iterations > iterations_max) return {};
  if (!hash.starts_with('$') || separator == 0) return {};
  auto salt = from_base64(hash.substr(1, separator - 1));
  auto digest = from_base64(hash.substr(separator + 1));
  if (!salt || !digest) return {};
  parts.salt = std::move(*salt);
  parts.digest = std::move(*digest);
  return parts;
}

}  // namespace

std::string new_password() { return random_hex(16); }

std::string broker_hash(std::string_view password) {
  std::string salt(salt_bytes, '\0');
  randombytes_buf(salt.data(), salt.size());
  const Digest digest = pbkdf2_sha512(password, salt, iterations_default);
  return fmt::format("$7${}${}${}", iterations_default, base64(salt), base64(bytes(digest)));
}

bool broker_hash_matches(std::string_view hash, std::string_view password) {
  const auto parts = take_apart(hash);
  if (!parts || parts->digest.size() != Digest{}.size()) return false;
  const Digest digest = pbkdf2_sha512(password, parts->salt, parts->iterations);
  return sodium_memcmp(digest.data(), parts->digest.data(), digest.size()) == 0;
}

Result<BrokerPasswords> BrokerPasswords::read(const std::filesystem::path& path) {
  const auto text = files::read(path, limits::broker_files_bytes_max);
  BrokerPasswords passwords;
  if (!text && text.error().code == Errc::not_found) return passwords;
  if (!text) return std::unexpected(text.error());
  std::string_view rest = *text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    const auto colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
      return fail(Errc::corrupt, fmt::format("{}, line {}: not \"user:hash\"", path.string(), number),
                  "Mend or delete that line; `alona setup` writes again what Alona itself needs.");
    }
    passwords.lines_.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
  }
  return passwords;
}

void BrokerPasswords::set(std::string_view user, std::string_view password) {
  const auto line = std::ranges::find(lines_, user, &Line::user);
  if (line != lines_.end()) {
    line->hash = broker_hash(password);
  } else {
    lines_.push_back({std::string(user), broker_hash(password)});
  }
}

bool BrokerPasswords::remove(std::string_view user) {
  return std::erase_if(lines_, [&](const Line& line) { return line.user == user; }) > 0;
}

bool BrokerPasswords::has(std::string_view user) const {
  return std::ranges::find(lines_, user, &Line::user) != lines_.end();
}

bool BrokerPasswords::matches(std::string_view user, std::string_view password) const {
  const auto line = std::ranges::find(lines_, user, &Line::user);
  return line != lines_.end() && broker_hash_matches(line->hash, password);
}

Result<void> BrokerPasswords::write(const std::filesystem::path& path) const {
  std::string text;
  for (const Line& line : lines_) text += line.user + ":" + line.hash + "\n";
  return files::replace(path, text, 0640);
}

std::string broker_acl() {
  // Patterns hold for every user; without %u they are what all may do. Mosquitto says at each reading that
  // such a pattern has no %u: that is meant.
  return R"(# Written by Alona; changes are lost. Who may say what: docs/operations.md, "Broker".
user alona-core
topic readwrite alona/#
topic read $SYS/broker/#

# Hears whether what the doctor tries gets through, for a refusal is silent. Says no more than a node.
user alona-witness
topic read alona/#

# Says one thing on one topic, to see whether it gets through; what a node may say besides is denied.
user canary
topic deny alona/canary/telemetry/+
topic deny alona/canary/event/+
topic deny alona/canary/heartbeat
topic deny alona/canary/status
topic deny alona/canary/error
topic deny alona/canary/ack

# Each node under its own name, and nothing else. Names are checked when a node is added: no + and no #.
pattern write alona/%u/telemetry
pattern write alona/%u/telemetry/+
pattern write alona/%u/event/+
pattern write alona/%u/heartbeat
pattern write alona/%u/status
pattern write alona/%u/error
pattern read alona/%u/ack

# What the core tells all.
pattern read alona/core/status
pattern read alona/core/time
pattern read alona/core/alert/+
)";
}

std::string broker_conf(const BrokerConf& conf) {
  std::string text = fmt::format(
      R"(# Alona's broker. The limits belong to those of the core: docs/operations.md, "Broker".
listener {}{}
allow_anonymous false
password_file {}
acl_file {}

# A node is its user name: nobody can take another's session by using its client id.
use_username_as_clientid true

# Above this the broker ends the connection; the core's own limit lies below, so that it can refuse with a reason.
max_packet_size {}
# What is delivered to the core and not yet acknowledged, and what waits behind it while the core is away.
max_inflight_messages {}
max_queued_messages {}
max_queued_bytes 16777216
# QoS 0 messages wait for the core as well.
queue_qos0_messages true
# A node that is away for a month and comes back finds its session; one that never comes back leaves nothing behind.
persistent_client_expiration 30d

# Else an event waits for the acknowledgement of the reading before it, some 40 ms.
set_tcp_nodelay true

persistence true
autosave_interval 300
log_dest stderr
)",
      conf.port, conf.listen.empty() ? "" : " " + conf.listen, conf.passwords.string(), conf.acl.string(),
      limits::broker_packet_bytes_max, limits::broker_inflight_max, limits::broker_queued_max);
  if (!conf.persistence.empty()) text += fmt::format("persistence_location {}/\n", conf.persistence.string());
  if (conf.run_as_root) text += "user root\n";
  return text;
}

}  // namespace alona::ops
