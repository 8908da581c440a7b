#include "web/proof_findings.h"

#include <gtest/gtest.h>

namespace alona::web {
namespace {

using namespace std::chrono_literals;
constexpr UtcMs noon = utc_ms(1'795'521'600'000);

TEST(ProofFindings, a_database_that_nobody_has_looked_at_for_long) {
  ProofPicture picture;
  picture.now = noon;
  EXPECT_TRUE(proof_findings(picture).empty()) << "how old the box is isn't known";
  picture.box_since = noon - std::chrono::days{15};
  EXPECT_TRUE(proof_findings(picture).empty());
  picture.box_since = noon - std::chrono::days{15} - 1h;
  const auto found = proof_findings(picture);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "check_old");
  EXPECT_EQ(found[0].since, picture.box_since);
  picture.looked = noon - 1h;
  EXPECT_TRUE(proof_findings(picture).empty()) << "whatever the box's age";
  picture.looked = noon - std::chrono::days{16};
  EXPECT_EQ(proof_findings(picture).at(0).since, picture.looked);
  picture.looked = noon + std::chrono::days{400};
  EXPECT_TRUE(proof_findings(picture).empty()) << "a clock that was wrong then";
}

TEST(ProofFindings, without_a_trusted_time_ages_say_nothing) {
  ProofPicture picture;
  picture.box_since = noon - std::chrono::days{4000};
  EXPECT_TRUE(proof_findings(picture).empty());
}

TEST(ProofFindings, damage_is_told_instead) {
  ProofPicture picture;
  picture.now = noon, picture.box_since = noon - std::chrono::days{100};
  picture.damage = "page 7";
  const auto found = proof_findings(picture);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "damaged");
}

}  // namespace
}  // namespace alona::web
