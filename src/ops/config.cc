#include "ops/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/files.h"
#include "ops/units.h"

namespace alona::ops {
namespace {

using toml::node;

// Each take_… puts a value of the right type and range in its place, or says no.
bool take_bool(const node& value, bool& into) {
  const auto* flag = value.as_boolean();
  if (flag != nullptr) into = flag->get();
  return flag != nullptr;
}

template <class Number>
bool take_whole(const node& value, std::int64_t min, std::int64_t max, Number& into) {
  const auto* number = value.as_integer();
  if (number == nullptr || number->get() < min || number->get() > max) return false;
  into = static_cast<Number>(number->get());
  return true;
}

// Without control characters; the parser has already refused what is no UTF-8.
std::optional<std::string> plain_text(const node& value, std::size_t bytes_max) {
  const auto* text = value.as_string();
  if (text == nullptr || text->get().size() > bytes_max) return {};
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(text->get(), control)) return {};
  return text->get();
}

bool take_text(const node& value, std::string& into) {
  auto text = plain_text(value, limits::config_text_bytes_max);
  if (!text || text->empty()) return false;
  into = std::move(*text);
  return true;
}

bool take_path(const node& value, std::filesystem::path& into) {
  const auto text = plain_text(value, limits::config_text_bytes_max);
  if (!text || !text->starts_with('/')) return false;
  into = *text;
  return true;
}

bool take_texts(const node& value, std::vector<std::string>& into) {
  const auto* list = value.as_array();
  if (list == nullptr || list->size() > limits::config_list_max) return false;
  std::vector<std::string> texts(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!take_text(*list->get(i), texts[i])) return false;
  }
  into = std::move(texts);
  return true;
}

bool take_listen(const node& value, std::string& into) {
  const auto text = plain_text(value, limits::config_text_bytes_max);
  if (!text || !parse_listen(*text)) return false;
  into = *text;
  return true;
}

bool take_timezone(const node& value, std::string& into) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+';
  };
  std::string text;
  if (!take_text(value, text) || !std::ranges::all_of(text, allowed)) return false;
  into = std::move(text);
  return true;
}

bool take_duration(const node& value, Ms min, Ms max, Ms& into) {
  const auto* text = value.as_string();
  const auto duration = text != nullptr ? parse_duration(text->get()) : std::nullopt;
  if (!duration || *duration < min || *duration > max) return false;
  into = *duration;
  return true;
}

bool take_reserve(const node& value, std::uint64_t& into) {
  const auto* text = value.as_string();
  const auto size = text != nullptr ? parse_size(text->get()) : std::nullopt;
  if (!size || *size < limits::reserve_bytes_min) return false;
  into = *size;
  return true;
}

bool take_on_corruption(const node& value, OnCorruption& into) {
  const auto* text = value.as_string();
  if (text == nullptr || (text->get() != "continue" && text->get() != "stop")) return false;
  into = text->get() == "stop" ? OnCorruption::stop : OnCorruption::keep_going;
  return true;
}

bool take_thin_after(const node& value, std::chrono::days& into) {
  const auto* text = value.as_string();
  if (text == nullptr) return false;
  if (text->get().empty()) return into = {}, true;
  Ms duration{};
  if (!take_duration(value, std::chrono::days{365}, std::chrono::days{36500}, duration)) return false;
  into = std::chrono::floor<std::chrono::days>(duration);
  return true;
}

bool take_time_of_day(const node& value, std::chrono::minutes& into) {
  const auto* text = value.as_string();
  const auto at = text != nullptr ? parse_time_of_day(text->get()) : std::nullopt;
  if (at) into = *at;
  return at.has_value();
}

bool take_share(const node& value, double& into) {
  const auto share = value.value<double>();
  if (!share || !(*share >= 0.05 && *share <= 0.9)) return false;
  into = *share;
  return true;
}

struct Key {
  std::string_view section, name;
  std::string_view allowed;  // completes "allowed is …"
  bool (*take)(const node& value, Config& config);
};

using V = const node&;
constexpr auto keys = std::to_array<Key>({
    {"core", "data_dir", "an absolute path", [](V v, Config& c) { return take_path(v, c.core.data_dir); }},
    {"core", "runtime_dir", "an absolute path", [](V v, Config& c) { return take_path(v, c.core.runtime_dir); }},
    {"core", "site", "a name of 1 to 255 bytes", [](V v, Config& c) { return take_text(v, c.core.site); }},
    {"core", "timezone", "a name such as \"Europe/Berlin\"",
     [](V v, Config& c) { return take_timezone(v, c.core.timezone); }},
    {"mqtt", "host", "a host name or address", [](V v, Config& c) { return take_text(v, c.mqtt.host); }},
    {"mqtt", "port", "a whole number from 1 to 65535",
     [](V v, Config& c) { return take_whole(v, 1, 65535, c.mqtt.port); }},
    {"mqtt", "user", "a user name of the broker", [](V v, Config& c) { return take_text(v, c.mqtt.user); }},
    {"mqtt", "password_file", "an absolute path",
     [](V v, Config& c) { return take_path(v, c.mqtt.password_file); }},
    {"mqtt", "client_id", "a text of 1 to 255 bytes", [](V v, Config& c) { return take_text(v, c.mqtt.client_id); }},
    {"web", "listen", "an address and port such as \"0.0.0.0:4000\" or \"[::1]:4000\"",
     [](V v, Config& c) { return take_listen(v, c.web.listen); }},
    {"web", "allowed_hosts", "a list of at most 32 host names, such as [\"box.lan\"]",
     [](V v, Config& c) { return take_texts(v, c.web.allowed_hosts); }},
    {"web", "public_read", "true or false", [](V v, Config& c) { return take_bool(v, c.web.public_read); }},
    {"web", "session_days", "a whole number from 1 to 365",
     [](V v, Config& c) { return take_whole(v, 1, 365, c.web.session_days); }},
    {"limits", "nodes", "a whole number from 1 to 4096",
     [](V v, Config& c) { return take_whole(v, 1, 4096, c.limits.nodes); }},
    {"limits", "series", "a whole number from 1 to 65536",
     [](V v, Config& c) { return take_whole(v, 1, 65536, c.limits.series); }},
    {"limits", "discovery", "true or false", [](V v, Config& c) { return take_bool(v, c.limits.discovery); }},
    {"storage", "commit_interval", "a duration from \"100ms\" to \"10s\"",
     [](V v, Config& c) {
       return take_duration(v, limits::commit_interval_min, limits::commit_interval_max, c.storage.commit_interval);
     }},
    {"storage", "reserve", "a size of at least \"64 MiB\", such as \"500 MiB\"",
     [](V v, Config& c) { return take_reserve(v, c.storage.reserve_bytes); }},
    {"storage", "on_corruption", "\"continue\" or \"stop\"",
     [](V v, Config& c) { return take_on_corruption(v, c.storage.on_corruption); }},
    {"storage", "thin_after", "\"\" (never) or a duration from \"1y\"",
     [](V v, Config& c) { return take_thin_after(v, c.storage.thin_after); }},
    {"backup", "at", "a time of day such as \"03:15\"",
     [](V v, Config& c) { return take_time_of_day(v, c.backup.at); }},
    {"backup", "keep", "a whole number from 3 to 1000",
     [](V v, Config& c) { return take_whole(v, 3, 1000, c.backup.keep); }},
    {"backup", "max_share", "a number from 0.05 to 0.9", [](V v, Config& c) { return take_share(v, c.backup.max_share); }},
    {"backup", "second_target", "\"\" (none), an absolute path, or \"label:NAME\" of a USB stick",
     [](V v, Config& c) {
       auto text = plain_text(v, limits::config_text_bytes_max);
       if (!text || !(text->empty() || text->starts_with('/') || text->starts_with("label:"))) return false;
       return c.backup.second_target = std::move(*text), true;
     }},
    {"backup", "passphrase_file", "\"\" (not encrypted) or an absolute path",
     [](V v, Config& c) {
       const auto text = plain_text(v, limits::config_text_bytes_max);
       if (text && text->empty()) return c.backup.passphrase_file.clear(), true;
       return take_path(v, c.backup.passphrase_file);
     }},
    {"backup", "include", "a list of at most 32 absolute paths",
     [](V v, Config& c) {
       const auto absolute = [](const std::string& path) { return path.starts_with('/'); };
       std::vector<std::string> paths;
       if (!take_texts(v, paths) || !std::ranges::all_of(paths, absolute)) return false;
       return c.backup.include = std::move(paths), true;
     }},
    {"health", "disk_used_max", "a percentage from 10 to 99",
     [](V v, Config& c) { return take_whole(v, 10, 99, c.health.disk_used_max_percent); }},
    {"health", "backup_age_max_h", "a whole number of hours from 1 to 8760",
     [](V v, Config& c) {
       int hours = 0;
       if (!take_whole(v, 1, 8760, hours)) return false;
       return c.health.backup_age_max = std::chrono::hours{hours}, true;
     }},
    {"time", "accept_browser", "true or false", [](V v, Config& c) { return take_bool(v, c.time.accept_browser); }},
});

bool known_section(std::string_view section) {
  return std::ranges::find(keys, section, &Key::section) != keys.end();
}

// "did you mean …": the nearest key or section within two edits, a key of the right name in another section
// first.
std::string hint(std::string_view section, std::string_view name) {
  std::size_t best = 3;
  std::string meant;
  for (const Key& key : keys) {
    const std::size_t distance = name.empty() ? edit_distance(section, key.section)
                                              : edit_distance(name, key.name) + (key.section != section);
    if (distance >= best) continue;
    best = distance;
    meant =
        name.empty() ? fmt::format("[{}]", key.section) : fmt::format("{} in [{}]", key.name, key.section);
  }
  return meant.empty() ? "docs/operations.md lists every key." : "Did you mean " + meant + "?";
}

std::string value_text(const node& value) {
  constexpr std::size_t shown_max = 60;
  std::ostringstream out;
  value.visit([&](const auto& typed) { out << typed; });
  std::string text = out.str();
  if (text.size() > shown_max) text = text.substr(0, shown_max) + "…";
  return text;
}

class File {
 public:
  explicit File(std::string_view name) : name_(name) {}

  Result<Config> read(const toml::table& root) const {
    Config config;
    for (const auto& [section, content] : root) {
      if (auto taken = read_section(section.str(), section.source(), content, config); !taken) {
        return std::unexpected(taken.error());
      }
    }
    return config;
  }

 private:
  template <class... Parts>
  [[nodiscard]] std::unexpected<Error> wrong(const toml::source_region& where, std::string next,
                                             fmt::format_string<Parts...> text, Parts&&... parts) const {
    return fail(Errc::config,
                fmt::format("{}, line {}: ", name_, where.begin.line) +
                    fmt::format(text, std::forward<Parts>(parts)...),
                std::move(next));
  }

  Result<void> read_section(std::string_view section, const toml::source_region& where, const node& content,
                            Config& config) const {
    const auto* table = content.as_table();
    if (!known_section(section)) {
      if (table != nullptr) return wrong(where, hint(section, {}), "there is no section [{}]", section);
      return wrong(where, hint({}, section), "the key {} stands in no section", section);
    }
    if (table == nullptr)
      return wrong(where, "Write it as a section: a line with only its name in brackets.",
                   "{} is a section, [{}], not a key", section, section);
    for (const auto& [name, value] : *table) {
      if (auto taken = read_key(section, name.str(), name.source(), value, config); !taken) return taken;
    }
    return {};
  }

  Result<void> read_key(std::string_view section, std::string_view name, const toml::source_region& where,
                        const node& value, Config& config) const {
    const auto is_it = [&](const Key& key) { return key.section == section && key.name == name; };
    const auto key = std::ranges::find_if(keys, is_it);
    if (key == keys.end())
      return wrong(where, hint(section, name), "there is no key {} in [{}]", name, section);
    if (!key->take(value, config)) {
      return wrong(where, fmt::format("Allowed is {}.", key->allowed), "{} in [{}] can't be {}", name,
                   section, value_text(value));
    }
    return {};
  }

  std::string_view name_;
};

// A box without the zones' files can't tell; the page then asks the browser.
bool known_timezone(const std::string& name) {
  const std::filesystem::path zones = "/usr/share/zoneinfo";
  std::error_code ignored;
  return !std::filesystem::is_directory(zones, ignored) ||
         std::filesystem::is_regular_file(zones / name, ignored);
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view name) {
  try {
    const toml::table root = toml::parse(text, name);
    return File{name}.read(root);
  } catch (const toml::parse_error& error) {
    return fail(
        Errc::config,
        fmt::format("{}, line {}: not TOML: {}", name, error.source().begin.line, error.description()),
        "A line is a [section], a key = value, or begins with #.");
  } catch (const std::exception& error) {
    return fail(Errc::config, fmt::format("{}: {}", name, error.what()));
  }
}

Result<Config> load_config(const std::filesystem::path& path, bool must_exist) {
  const auto text = files::read(path, limits::config_bytes_max);
  if (text) {
    auto config = parse_config(*text, path.string());
    if (config && !known_timezone(config->core.timezone)) {
      return fail(Errc::config,
                  fmt::format("{}: there is no time zone {}", path.string(), config->core.timezone),
                  "Write a name such as \"Europe/Berlin\"; `timedatectl list-timezones` lists all.");
    }
    return config;
  }
  if (text.error().code == Errc::not_found && !must_exist) return Config{};
  Error error = text.error();
  error.code = Errc::config;
  error.next = "Check --config FILE; without it Alona reads /etc/alona/alona.toml.";
  return std::unexpected(std::move(error));
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::config, fmt::format("\"{}\" is no address to listen on", text),
                "Write an address and port, such as 0.0.0.0:4000 or [::1]:4000.");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool six = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (six) host = host.substr(1, host.size() - 2);
  ListenAddress address{.host = std::string(host)};
  unsigned char binary[sizeof(in6_addr)];
  if (::inet_pton(six ? AF_INET6 : AF_INET, address.host.c_str(), binary) != 1) return bad();
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc{} || end != port.data() + port.size() || port.starts_with('+')) return bad();
  return address;
}

}  // namespace alona::ops
