#include "ops/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace alona::ops {
namespace {

std::string refusal(std::string_view text) {
  const auto config = parse_config(text, "alona.toml");
  if (config) return "accepted";
  EXPECT_EQ(config.error().code, Errc::config);
  return config.error().text();
}

TEST(Config, an_empty_file_means_every_default) {
  const auto config = parse_config("", "alona.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->core.data_dir, "/var/lib/alona");
  EXPECT_EQ(config->mqtt.port, 1883);
  EXPECT_EQ(config->web.listen, "0.0.0.0:4000");
  EXPECT_EQ(config->storage.commit_interval, Ms{1000});
  EXPECT_EQ(config->storage.reserve_bytes, std::uint64_t{500} << 20);
  EXPECT_EQ(config->backup.at, std::chrono::minutes{195});
}

TEST(Config, every_key_is_taken) {
  const auto config = parse_config(R"(
    [core]
    data_dir = "/srv/alona"
    runtime_dir = "/run/x"
    site = "Hütte am See"
    timezone = "Europe/Berlin"
    [mqtt]
    host = "broker.local"
    port = 8883
    user = "core2"
    password_file = "/etc/pw"
    client_id = "c"
    [web]
    listen = "[::1]:80"
    allowed_hosts = ["box.lan", "alona.lan"]
    public_read = true
    session_days = 7
    [limits]
    nodes = 100
    series = 2000
    discovery = true
    [storage]
    commit_interval = "500ms"
    reserve = "2 GiB"
    on_corruption = "stop"
    thin_after = "730d"
    [backup]
    at = "23:59"
    keep = 30
    max_share = 0.5
    second_target = "label:BACKUP"
    passphrase_file = "/etc/alona/passphrase"
    include = ["/etc/network"]
    [health]
    disk_used_max = 90
    backup_age_max_h = 72
    [time]
    accept_browser = false)",
                                   "alona.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->core.site, "Hütte am See");
  EXPECT_EQ(config->core.timezone, "Europe/Berlin");
  EXPECT_EQ(config->mqtt.port, 8883);
  EXPECT_EQ(config->web.allowed_hosts, (std::vector<std::string>{"box.lan", "alona.lan"}));
  EXPECT_TRUE(config->web.public_read);
  EXPECT_EQ(config->limits.series, 2000U);
  EXPECT_EQ(config->storage.commit_interval, Ms{500});
  EXPECT_EQ(config->storage.reserve_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(config->storage.on_corruption, OnCorruption::stop);
  EXPECT_EQ(config->storage.thin_after, std::chrono::days{730});
  EXPECT_EQ(config->backup.max_share, 0.5);
  EXPECT_EQ(config->backup.second_target, "label:BACKUP");
  EXPECT_EQ(config->backup.passphrase_file, "/etc/alona/passphrase");
  EXPECT_EQ(config->health.backup_age_max, std::chrono::hours{72});
  EXPECT_FALSE(config->time.accept_browser);
}

TEST(Config, an_unknown_key_names_file_line_and_the_nearest_key) {
  EXPECT_EQ(refusal("[mqtt]\nhost = \"h\"\nprot = 1883\n"),
            "alona.toml, line 3: there is no key prot in [mqtt]\nDid you mean port in [mqtt]?");
  EXPECT_EQ(refusal("[core]\nport = 1883\n"),
            "alona.toml, line 2: there is no key port in [core]\nDid you mean port in [mqtt]?");
  EXPECT_EQ(refusal("[core]\nxyzzy = 1\n"),
            "alona.toml, line 2: there is no key xyzzy in [core]\ndocs/operations.md lists every key.");
}

TEST(Config, an_unknown_section_and_a_key_outside_any_are_named) {
  EXPECT_EQ(refusal("\n[strage]\n"),
            "alona.toml, line 2: there is no section [strage]\nDid you mean [storage]?");
  EXPECT_EQ(refusal("port = 1\n"),
            "alona.toml, line 1: the key port stands in no section\nDid you mean port in [mqtt]?");
  EXPECT_NE(refusal("mqtt = 1\n").find("mqtt is a section, [mqtt], not a key"), std::string::npos);
}

TEST(Config, a_wrong_type_or_range_says_what_is_allowed) {
  EXPECT_EQ(refusal("[mqtt]\nport = 70000\n"),
            "alona.toml, line 2: port in [mqtt] can't be 70000\nAllowed is a whole number from 1 to 65535.");
  EXPECT_NE(refusal("[mqtt]\nport = \"1883\"\n").find("can't be '1883'"), std::string::npos)
      << refusal("[mqtt]\nport = \"1883\"\n");
  for (const char* text : {"[mqtt]\nport = 0",
                           "[mqtt]\nport = 1.5",
                           "[core]\ndata_dir = \"relative\"",
                           "[core]\nsite = \"\"",
                           "[core]\nsite = \"a\\u0007b\"",
                           "[core]\ntimezone = \"../etc\\n\"",
                           "[web]\nlisten = \"4000\"",
                           "[web]\nlisten = \"localhost:4000\"",
                           "[web]\nlisten = \"0.0.0.0:70000\"",
                           "[web]\npublic_read = 1",
                           "[web]\nallowed_hosts = \"box\"",
                           "[web]\nallowed_hosts = [1]",
                           "[storage]\ncommit_interval = \"50ms\"",
                           "[storage]\ncommit_interval = \"11s\"",
                           "[storage]\ncommit_interval = 1",
                           "[storage]\ncommit_interval = \"1\"",
                           "[storage]\nreserve = \"500\"",
                           "[storage]\nreserve = \"1 MiB\"",
                           "[storage]\nreserve = \"99999999999 TiB\"",
                           "[storage]\non_corruption = \"maybe\"",
                           "[storage]\nthin_after = \"1d\"",
                           "[backup]\nat = \"24:00\"",
                           "[backup]\nat = \"3:15\"",
                           "[backup]\nmax_share = 2.0",
                           "[backup]\nmax_share = nan",
                           "[backup]\nkeep = 1",
                           "[backup]\nsecond_target = \"usb\"",
                           "[backup]\npassphrase_file = \"secret\"",
                           "[backup]\ninclude = [\"etc\"]",
                           "[health]\ndisk_used_max = 100",
                           "[limits]\nnodes = 0",
                           "[time]\naccept_browser = \"yes\""}) {
    const std::string said = refusal(text);
    EXPECT_NE(said.find("alona.toml, line 2: "), std::string::npos) << text << "\n" << said;
    EXPECT_NE(said.find("\nAllowed is "), std::string::npos) << text << "\n" << said;
  }
}

TEST(Config, what_is_not_toml_names_its_line) {
  EXPECT_TRUE(refusal("[core]\nsite = \n").starts_with("alona.toml, line 2: not TOML: "))
      << refusal("[core]\nsite = \n");
  EXPECT_TRUE(refusal("[core]\nsite = \"a\"\nsite = \"b\"\n").starts_with("alona.toml, line 3: not TOML: "));
}

TEST(Config, an_absent_file_means_the_defaults_unless_it_was_named) {
  const std::filesystem::path none = "/nonexistent/alona.toml";
  EXPECT_TRUE(load_config(none, false));
  const auto named = load_config(none, true);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().code, Errc::config);
  EXPECT_NE(named.error().what.find("/nonexistent/alona.toml"), std::string::npos);
}

TEST(Config, the_commented_example_says_the_defaults) {
  const auto config = load_config(std::filesystem::path{ALONA_SOURCE_DIR} / "deploy/alona.toml", true);
  ASSERT_TRUE(config) << config.error().text();
  const Config defaults;
  EXPECT_EQ(config->core.data_dir, defaults.core.data_dir);
  EXPECT_EQ(config->mqtt.password_file, defaults.mqtt.password_file);
  EXPECT_EQ(config->web.listen, defaults.web.listen);
  EXPECT_EQ(config->storage.reserve_bytes, defaults.storage.reserve_bytes);
  EXPECT_EQ(config->backup.at, defaults.backup.at);
}

}  // namespace
}  // namespace alona::ops
