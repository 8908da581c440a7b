// The first start: everything that the core, the broker and the first visitor need. Idempotent: it makes what
// is missing, mends what doesn't fit together, and changes nothing when all is there.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ops/config.h"

namespace alona::ops {

struct SetupStep {
  std::string what;
  bool changed = false;
};

struct SetupReport {
  std::vector<SetupStep> steps;             // in the order they were done; also those before a failure
  std::optional<std::string> new_password;  // of the first admin, when it was made up here: shown once
  bool broker_must_reload = false;
  [[nodiscard]] bool changed() const;
};

struct SetupOptions {
  std::string admin = "admin";          // empty: the page's users are left as they are
  std::optional<std::string> password;  // of the first admin; nothing: one is made up
  // Has a running core keep the user, as only it may write then. False: none runs.
  std::function<Result<bool>(const std::string& name, const std::string& password)> ask_core;
  // The drop-in of the timer of this machine's backups (ops/backup_timer.h); empty: it isn't this box's.
  std::filesystem::path backup_timer;
};

// Stopped anywhere, the next run goes on. temporary: the database doesn't exist yet and another process holds
// its lock.
[[nodiscard]] Result<void> set_up(const Config& config, const SetupOptions& options, SetupReport& report);

}  // namespace alona::ops
