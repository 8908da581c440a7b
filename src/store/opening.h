// The rules of docs/operations.md, "When the database is damaged": how the core opens its database. Nothing
// damaged goes away: it is kept in the quarantine, and a fresh database gets what can be read of it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "store/salvage.h"
#include "store/writer.h"

namespace alona::store {

struct OpenRules {
  std::filesystem::path quarantine;
  bool salvage = true;  // [storage] on_corruption = "continue"
  Open how = Open::existing;
  // What takes long, for people, and that it goes on; false: give up (temporary).
  std::function<bool(const std::string& doing)> doing;
  // Hears what an upgrade of the database does, and that it goes on.
  std::function<void(const std::string& doing)> upgrading;
  // Where salvage lost something: fills `fresh`, which is closed, from elsewhere, and says for people what it
  // could. An error gives the start up; anything that stands in the way of filling is none.
  std::function<Result<std::string>(const std::filesystem::path& fresh, const SalvageReport& lost)> fill;
};

struct Opened {
  Writer writer;
  bool unclean = false;  // the last one to have it didn't close it
  std::optional<Error>
      damaged;  // something in it is, and salvage found no room: it goes on with what there is
};

// As Writer::open; corrupt: it is damaged, and salvage is off or found nothing. disk_full: no room for what
// salvage, or an upgrade, needs. Killed at any moment, the next call goes on from there.
[[nodiscard]] Result<Opened> open_by_rules(const std::filesystem::path& database, const OpenRules& rules);

// Damage that was found while the database was open: the next open_by_rules treats it as damaged whatever it
// sees. Any thread.
[[nodiscard]] Result<void> mark_damaged(const std::filesystem::path& database, const std::string& why);

}  // namespace alona::store
