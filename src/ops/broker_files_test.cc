// Against the real broker: what we write, it admits.
#include "ops/broker_files.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "mqtt/test_broker.h"
#include "ops/broker_login.h"
#include "ops/provisioning.h"
#include "ops/setup.h"
#include "store/reader.h"

namespace alona::ops {
namespace {
namespace fs = std::filesystem;

class Broker {
 public:
  explicit Broker(const fs::path& conf) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies takes its broker along
    if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(126);
    ::execl("/usr/sbin/mosquitto", "mosquitto", "-c", conf.c_str(), nullptr);
    ::_exit(127);
  }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  void reload() const { ::kill(pid_, SIGHUP); }

 private:
  pid_t pid_;
};

class Box : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/alona-ops-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    config_.core.data_dir = folder_ / "data";
    config_.core.runtime_dir = folder_ / "run";
    config_.mqtt.password_file = folder_ / "mqtt-password";
  }
  void TearDown() override { fs::remove_all(folder_); }

  SetupReport set_up_now() {
    SetupReport report;
    const auto done = set_up(config_, {}, report);
    EXPECT_TRUE(done) << (done ? "" : done.error().text());
    return report;
  }
  // The real broker with the configuration and files that we write. Returns once it admits the canary.
  std::unique_ptr<Broker> broker() {
    const Paths paths{config_};
    config_.mqtt.port = mqtt::testing::free_port();
    const fs::path conf = folder_ / "mosquitto.conf";
    std::ofstream(conf) << broker_conf({.listen = "127.0.0.1",
                                        .port = config_.mqtt.port,
                                        .passwords = paths.broker_passwords(),
                                        .acl = paths.broker_acl(),
                                        .persistence = folder_,
                                        .run_as_root = ::geteuid() == 0});
    auto started = std::make_unique<Broker>(conf);
    const std::string password = *files::read(paths.check_password(canary_user));
    const auto up = log_in_within(address(), std::string(canary_user), password.substr(0, 32), Ms{10'000});
    EXPECT_TRUE(up) << up.error().text();
    return started;
  }
  [[nodiscard]] BrokerAddress address() const { return {config_.mqtt.host, config_.mqtt.port}; }
  [[nodiscard]] Provisioner provisioner() const { return Provisioner{Paths{config_}, address()}; }

  fs::path folder_;
  Config config_;
};

TEST(BrokerHash, matches_its_password_and_no_other) {
  const std::string hash = broker_hash("secret");
  EXPECT_TRUE(hash.starts_with("$7$101$"));
  EXPECT_TRUE(broker_hash_matches(hash, "secret"));
  EXPECT_FALSE(broker_hash_matches(hash, "Secret"));
  EXPECT_NE(hash, broker_hash("secret")) << "each has a salt of its own";
  for (const char* damaged : {"", "$7$", "$7$101$", "$7$0$AAAA$AAAA", "$6$AAAA$AAAA", "$7$101$***$***"}) {
    EXPECT_FALSE(broker_hash_matches(damaged, "secret")) << damaged;
  }
}

TEST_F(Box, a_second_setup_changes_nothing_and_says_so) {
  const SetupReport first = set_up_now();
  EXPECT_TRUE(first.changed());
  EXPECT_TRUE(first.new_password.has_value());
  const auto passwords = files::read(Paths{config_}.broker_passwords());
  const SetupReport second = set_up_now();
  EXPECT_FALSE(second.changed());
  EXPECT_FALSE(second.new_password.has_value());
  EXPECT_EQ(*passwords, *files::read(Paths{config_}.broker_passwords()));
}

TEST_F(Box, setup_mends_a_password_that_no_longer_fits) {
  set_up_now();
  ASSERT_TRUE(files::replace(config_.mqtt.password_file, "another\n", 0640));
  EXPECT_TRUE(set_up_now().broker_must_reload);
  EXPECT_TRUE(BrokerPasswords::read(Paths{config_}.broker_passwords())->matches("alona-core", "another"));
}

TEST_F(Box, the_real_broker_admits_who_is_in_our_file_and_nobody_else) {
  set_up_now();
  const auto running = broker();
  const std::string password = *files::read(Paths{config_}.check_password(canary_user));
  const std::string canary{canary_user};
  EXPECT_TRUE(log_in_once(address(), canary, password.substr(0, 32), Ms{5000}));
  EXPECT_TRUE(
      log_in_once(address(), "alona-core", files::read(config_.mqtt.password_file)->substr(0, 32), Ms{5000}));
  const auto wrong = log_in_once(address(), canary, "wrong", Ms{5000});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::auth);
  EXPECT_FALSE(log_in_once(address(), "", "", Ms{5000})) << "anonymous";
}

TEST_F(Box, a_login_is_proven_once_the_broker_has_read_the_file_again) {
  set_up_now();
  const auto running = broker();
  auto nodes = provisioner();
  const auto password = nodes.grant("well");
  ASSERT_TRUE(password) << password.error().text();
  running->reload();
  const auto proven = nodes.prove();
  EXPECT_TRUE(proven) << proven.error().text();
  EXPECT_TRUE(nodes.prove_new_node("well", *password));
  const auto rotated = nodes.grant("well");
  ASSERT_TRUE(rotated);
  running->reload();
  ASSERT_TRUE(nodes.prove());
  EXPECT_FALSE(log_in_once(address(), "well", *password, Ms{5000})) << "the old password is over";
  EXPECT_TRUE(log_in_once(address(), "well", *rotated, Ms{5000}));
  ASSERT_TRUE(nodes.revoke("well"));
  running->reload();
  ASSERT_TRUE(nodes.prove());
  EXPECT_FALSE(log_in_once(address(), "well", *rotated, Ms{5000}));
  EXPECT_EQ(nodes.revoke("well").error().code, Errc::refused);
}

TEST_F(Box, a_broker_that_was_not_reloaded_is_said_with_what_to_do) {
  set_up_now();
  const auto running = broker();
  auto nodes = provisioner();
  ASSERT_TRUE(nodes.grant("well"));
  const auto proven = nodes.prove();
  ASSERT_FALSE(proven);
  EXPECT_EQ(proven.error().code, Errc::temporary);
  EXPECT_NE(proven.error().next.find("systemctl reload mosquitto"), std::string::npos);
}

TEST(BrokerPasswords, lines_of_strangers_stay_and_a_damaged_one_is_named) {
  char name[] = "/tmp/alona-ops-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const fs::path file = fs::path(name) / "passwd";
  std::ofstream(file) << "printer:$7$101$x$y\n";
  auto passwords = BrokerPasswords::read(file);
  ASSERT_TRUE(passwords);
  passwords->set("well", "p");
  ASSERT_TRUE(passwords->write(file));
  EXPECT_TRUE(files::read(file)->starts_with("printer:$7$101$x$y\nwell:$7$101$"));
  std::ofstream(file) << "a:b\nnonsense\n";
  const auto damaged = BrokerPasswords::read(file);
  ASSERT_FALSE(damaged);
  EXPECT_NE(damaged.error().what.find("line 2"), std::string::npos);
  fs::remove_all(name);
}

TEST(Plan, names_rules_limits_and_the_way_back_of_a_removed_node) {
  const UtcMs now = utc_ms(1'800'000'000'000);
  std::vector<store::NodeRow> nodes{
      {.no = store::NodeNo{1}, .id = "well"},
      {.no = store::NodeNo{2}, .id = "roof", .name = "Roof", .place = "South", .removed = true}};
  EXPECT_EQ(plan_add(nodes, {.id = "Well"}, 64, now).error().code, Errc::usage);
  EXPECT_EQ(plan_add(nodes, {.id = "alona-x"}, 64, now).error().code, Errc::usage);
  EXPECT_EQ(plan_add(nodes, {.id = "core"}, 64, now).error().code, Errc::usage);
  EXPECT_EQ(plan_add(nodes, {.id = "well"}, 64, now).error().code, Errc::refused);
  EXPECT_EQ(plan_add(nodes, {.id = "new"}, 1, now).error().code, Errc::refused);
  EXPECT_EQ(plan_add(nodes, {.id = "x", .name = "a\nb"}, 64, now).error().code, Errc::usage);
  EXPECT_EQ(plan_add(nodes, {.id = "x", .name = "\xb0"}, 64, now).error().code, Errc::usage) << "not UTF-8";
  EXPECT_EQ(plan_add(nodes, {.id = "new"}, 64, now)->no, store::NodeNo{3});
  const auto back = plan_add(nodes, {.id = "roof", .place = "North"}, 64, now);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->no, store::NodeNo{2});
  EXPECT_EQ(back->name + ", " + back->place, "Roof, North");
  EXPECT_NE(find_node(nodes, "wel").error().next.find("well"), std::string::npos);
  EXPECT_FALSE(find_node(nodes, "roof")) << "removed";
}

}  // namespace
}  // namespace alona::ops
