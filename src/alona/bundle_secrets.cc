#include "alona/bundle_secrets.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include "base/files.h"
#include "base/limits.h"
#include "ops/broker_files.h"

namespace alona {
namespace {

// Shorter ones stand in texts by chance.
constexpr std::size_t secret_chars_min = 6;
constexpr std::string_view in_its_place = "[left out]";
// PBKDF2 as Mosquitto writes it, argon2id as libsodium does, crypt's for other files of the machine.
constexpr auto hash_marks = std::to_array<std::string_view>({"$7$", "$argon2", "$6$", "$y$", "$5$", "$2b$"});

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Where the next piece to take out begins and ends, from `at` on; nothing: there is none.
struct Piece {
  std::size_t begin = 0, end = 0;
};
using Find = std::function<std::optional<Piece>(std::string_view text, std::size_t at)>;

// In one pass: a journal may be full of them.
std::string without(std::string_view text, const Find& next) {
  std::string out;
  std::size_t at = 0;
  for (auto piece = next(text, at); piece; piece = next(text, at)) {
    out += text.substr(at, piece->begin - at);
    out += in_its_place;
    at = piece->end;
  }
  return out += text.substr(at);
}

std::optional<Piece> find_text(std::string_view text, std::size_t at, std::string_view wanted) {
  const auto begin = text.find(wanted, at);
  return begin == std::string_view::npos ? std::nullopt : std::optional{Piece{begin, begin + wanted.size()}};
}

bool part_of_hash(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"$./+=,-_"}.find(c) != std::string_view::npos;
}

std::optional<Piece> find_hash(std::string_view text, std::size_t at) {
  constexpr std::size_t chars_min = 16;  // "$7$" in a sentence is none
  for (auto begin = text.find('$', at); begin != std::string_view::npos; begin = text.find('$', begin + 1)) {
    const auto mark = std::ranges::find_if(
        hash_marks, [&](std::string_view m) { return text.substr(begin).starts_with(m); });
    if (mark == hash_marks.end()) continue;
    auto end = begin;
    while (end < text.size() && part_of_hash(text[end])) ++end;
    if (end - begin >= chars_min) return Piece{begin, end};
  }
  return std::nullopt;
}

bool hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// A node's password is 32 of them (ops::new_password). What else is as long, such as a boot's id, is nothing
// that anybody needs.
std::optional<Piece> find_long_hex(std::string_view text, std::size_t at) {
  constexpr std::size_t digits_min = 32;
  while (at < text.size()) {
    auto end = at;
    while (end < text.size() && hex_digit(text[end])) ++end;
    if (end - at >= digits_min) return Piece{at, end};
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

Secrets Secrets::of(const ops::Config& config, const ops::Paths& paths) {
  Secrets secrets;
  std::vector<std::filesystem::path> files{config.mqtt.password_file};
  for (const std::string_view user : {ops::canary_user, ops::probe_user, ops::doctor_user, ops::witness_user})
    files.push_back(paths.check_password(user));
  if (!config.backup.passphrase_file.empty()) files.push_back(config.backup.passphrase_file);
  for (const auto& file : files) {
    const auto text = files::read(file, limits::broker_files_bytes_max);
    for (std::string& line : lines_of(text ? *text : "")) secrets.add(std::move(line));
  }
  const auto logins = files::read(paths.broker_passwords(), limits::broker_files_bytes_max);
  for (const std::string& line : lines_of(logins ? *logins : "")) {
    const auto colon = line.find(':');
    if (colon != std::string::npos) secrets.add(line.substr(colon + 1));
  }
  // The longest first, so that a piece of one doesn't spare the rest.
  std::ranges::sort(secrets.known_, std::greater{}, &std::string::size);
  return secrets;
}

void Secrets::add(std::string secret) {
  if (secret.size() >= secret_chars_min) known_.push_back(std::move(secret));
}

std::string Secrets::taken_out_of(std::string text) const {
  for (const std::string& secret : known_) {
    if (text.find(secret) == std::string::npos) continue;
    text = without(text, [&](std::string_view all, std::size_t at) { return find_text(all, at, secret); });
  }
  return without(without(text, find_hash), find_long_hex);
}

}  // namespace alona
