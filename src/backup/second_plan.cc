// Which copies to make and which to drop: pure.
#include <algorithm>
#include <tuple>

#include "backup/second.h"

namespace alona::backup {
namespace {

const BackupSet* twin(const std::vector<BackupSet>& sets, const std::string& name) {
  const auto at = std::ranges::find(sets, name, &BackupSet::name);
  return at == sets.end() ? nullptr : &*at;
}

// The one of the box that a copy is of, encrypted or not.
const BackupSet* origin(const std::vector<BackupSet>& own, std::string name) {
  if (name.ends_with(crypt_suffix)) name.resize(name.size() - crypt_suffix.size());
  return twin(own, name);
}

bool is_there(const std::vector<BackupSet>& there, const BackupSet& own, bool encrypted) {
  const BackupSet* copy = twin(there, copy_name(own, encrypted));
  return copy != nullptr && copy->counts() && copy->bytes == copy_bytes(own, encrypted);
}

// A box that was set up afresh counts from 1 again, while the stick holds the high numbers of its former
// life: then what the box has itself is newer, whatever the numbers say.
bool counts_afresh(const std::vector<BackupSet>& own, const std::vector<BackupSet>& there) {
  const auto number = [](const BackupSet& set) { return set.manifest ? set.manifest->number : 0; };
  if (own.empty()) return false;
  return std::ranges::any_of(there, [&](const BackupSet& copy) {
    return origin(own, copy.name()) == nullptr && number(copy) >= number(own.front());
  });
}

// Each behind the one that it builds on; else as they are.
void bases_first(std::vector<BackupSet>& sets) {
  for (auto at = sets.begin(); at != sets.end(); ++at) {
    const auto base = std::find_if(at, sets.end(), [&](const BackupSet& b) { return builds_on(*at, b); });
    if (base != sets.end()) std::rotate(at, base, base + 1);
  }
}

}  // namespace

std::string copy_name(const BackupSet& own, bool encrypted) {
  return own.name() + std::string{encrypted ? crypt_suffix : ""};
}

std::uint64_t copy_bytes(const BackupSet& own, bool encrypted) {
  return encrypted ? encrypted_bytes(own.bytes) : own.bytes;
}

CopyPlan plan_copies(const std::vector<BackupSet>& own, const std::vector<BackupSet>& there,
                     const Retention& retention, bool encrypted) {
  std::vector<BackupSet> missing;  // as they will be there
  for (const BackupSet& set : own) {
    if (!set.counts() || !set.state.verified || missing.size() >= retention.keep ||
        is_there(there, set, encrypted))
      continue;
    missing.push_back(set);
    missing.back().file = copy_name(set, encrypted);
    missing.back().bytes = copy_bytes(set, encrypted);
  }
  const std::vector<BackupSet> considered = missing;  // what is erased from is moved meanwhile
  std::erase_if(missing, [&](const BackupSet& set) {
    const auto is_base = [&](const BackupSet& other) { return other.counts() && builds_on(set, other); };
    return set.manifest->base && std::ranges::none_of(considered, is_base) &&
           std::ranges::none_of(there, is_base);
  });
  std::vector<BackupSet> all = missing;
  for (const BackupSet& set : there) {
    if (twin(missing, set.name()) == nullptr) all.push_back(set);  // else it is replaced
  }
  const bool afresh = counts_afresh(own, there);
  std::ranges::sort(all, std::greater{}, [&](const BackupSet& set) {
    return std::tuple{afresh && origin(own, set.name()) != nullptr, set.manifest ? set.manifest->number : 0,
                      set.name()};
  });
  const auto gone = to_drop(all, retention);
  CopyPlan plan;
  for (const BackupSet& set : own) {
    const std::string name = copy_name(set, encrypted);
    if (twin(missing, name) != nullptr && twin(gone, name) == nullptr) plan.copy.push_back(set);
  }
  bases_first(plan.copy);
  for (const BackupSet& set : gone) {
    if (const BackupSet* copy = twin(there, set.name())) plan.drop.push_back(*copy);
  }
  return plan;
}

}  // namespace alona::backup
