#include "ops/services.h"

#include <gtest/gtest.h>

#include <string>

namespace alona::ops {
namespace {

const std::string status =
    "Name:\talona\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t9\nCapEff:\t0000000000000000\n";
const std::string mounts =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "180 22 8:1 / / ro,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "181 180 8:1 /var/lib/alona /var/lib/alona rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "182 180 0:30 / /home ro,nosuid - tmpfs tmpfs rw\n"
    "183 180 0:31 / /tmp rw,nosuid - tmpfs tmpfs rw\n";

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(Sandbox, in_force_lacks_nothing) { EXPECT_TRUE(missing_of_sandbox(status, mounts).empty()); }

TEST(Sandbox, each_part_that_is_gone_is_named) {
  const auto one = [](const std::string& s, const std::string& m) {
    const auto missing = missing_of_sandbox(s, m);
    return missing.size() == 1 ? missing.front() : "not one";
  };
  EXPECT_EQ(one(with(status, "Privs:\t1", "Privs:\t0"), mounts), "it may gain privileges");
  EXPECT_EQ(one(with(status, "Seccomp:\t2", "Seccomp:\t0"), mounts), "its system calls aren't filtered");
  EXPECT_EQ(one(with(status, "CapEff:\t00000000", "CapEff:\t00000400"), mounts), "it has capabilities");
  EXPECT_EQ(one(status, with(mounts, "/ / ro", "/ / rw")), "it may write outside of its folders");
  EXPECT_EQ(one(status, with(mounts, "/home ro", "/home rw")), "it may write to /home");
  EXPECT_EQ(missing_of_sandbox("", "").size(), 3U) << "what isn't told doesn't count as there";
}

TEST(Show, blocks_become_units) {
  const auto units =
      parse_show("Id=a.service\nLoadState=loaded\nExecStart={ path=/x ; argv[]=/x }\n\nId=b.timer\n\n");
  ASSERT_EQ(units.size(), 2U);
  EXPECT_EQ(units[0].at("ExecStart"), "{ path=/x ; argv[]=/x }");
  EXPECT_EQ(units[1].at("Id"), "b.timer");
  EXPECT_TRUE(parse_show("").empty());
}

TEST(Show, what_is_wrong_is_told) {
  UnitFacts unit{{"Id", "x.service"},   {"LoadState", "loaded"},      {"ActiveState", "active"},
                 {"Result", "success"}, {"UnitFileState", "enabled"}, {"ExecMainStatus", "0"}};
  EXPECT_FALSE(wrong_with_service(unit) || wrong_with_timer(unit) || wrong_with_job(unit));
  unit["UnitFileState"] = "disabled";
  EXPECT_NE(wrong_with_service(unit)->find("after a reboot"), std::string::npos);
  EXPECT_NE(wrong_with_timer(unit)->find("isn't enabled"), std::string::npos);
  unit["UnitFileState"] = "enabled", unit["ActiveState"] = "inactive";
  EXPECT_TRUE(wrong_with_service(unit) && wrong_with_timer(unit));
  EXPECT_FALSE(wrong_with_job(unit)) << "a job that has ended";
  unit["Result"] = "exec-condition";
  EXPECT_FALSE(wrong_with_job(unit)) << "a job that had nothing to do";
  unit["ActiveState"] = "failed", unit["Result"] = "exit-code", unit["ExecMainStatus"] = "1";
  EXPECT_NE(wrong_with_job(unit)->find("exit code 1"), std::string::npos);
  unit["LoadState"] = "not-found";
  EXPECT_TRUE(wrong_with_service(unit) && wrong_with_timer(unit) && wrong_with_job(unit));
}

}  // namespace
}  // namespace alona::ops
