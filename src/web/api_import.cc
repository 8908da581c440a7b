// A piece of an import. Only for the command line, which has looked through the whole file first.
#include "web/api.h"

namespace alona::web {

void Api::import_readings(const Call& call) {
  if (!call.request.local) {
    return call.reply(
        http::problem(403, "Only the command line may import", {}, "Run `alona import` on the box."));
  }
  const bool dry = call.request.target.find("dry") != nullptr;
  const bool taken =
      backend_.import_readings(call.request.body, dry, [reply = call.reply](Result<std::string> counted) {
        reply(counted ? http::json(std::move(*counted)) : problem_of(counted.error()));
      });
  if (!taken) call.reply(busy());
}

}  // namespace alona::web
