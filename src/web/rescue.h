// The page of a core that has no database to go on with: what is wrong, since when, the newest proven backup
// and what to do. Plain HTML from the binary, no script, no login, for an owner who has only a phone. /health
// says failing, every question to the API hears why (503). Owned by the core's main thread; serves on a
// thread of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "web/server.h"

namespace alona::web {

enum class RescueWork : std::uint8_t {
  none,
  mending,
  upgrading,  // nothing is wrong with it: it becomes one of this version
};

struct RescueState {
  RescueWork work = RescueWork::none;
  std::string wrong;   // a sentence for the owner
  std::string detail;  // for the keeper
  std::string todo;
  UtcMs since{};
  std::optional<std::string> backup;  // the newest that is proven, in words; nothing: none is known
  std::string command;                // that says how it comes back; may be empty
};

class RescueServer {
 public:
  // As WebServer::start, on the same port and socket.
  [[nodiscard]] static Result<std::unique_ptr<RescueServer>> start(const WebOptions& options,
                                                                   RescueState state);
  ~RescueServer();  // stops
  void update(RescueState state);

 private:
  struct Impl;
  explicit RescueServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace alona::web
