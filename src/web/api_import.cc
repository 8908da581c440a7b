// A piece of an import, and at its end who did it. Only for the command line, which has looked through the
// whole file first.
#include "web/api.h"
#include "web/json.h"

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

void Api::note(const Call& call) {
  if (!call.request.local) return call.reply(http::problem(403, "Only the command line tells this", {}, {}));
  auto fields = parse_fields(call.request, {"who", "what"});
  if (!fields) return call.reply(problem_of(fields.error()));
  constexpr std::size_t bytes_max = 4096;
  if ((*fields)["who"].empty() || (*fields)["what"].empty() || (*fields)["what"].size() > bytes_max)
    return call.reply(problem_of({Errc::usage, "who and what are needed, neither of them long", {}}));
  const bool taken =
      backend_.note((*fields)["who"], (*fields)["what"], [reply = call.reply](Result<void> done) {
        if (!done) return reply(problem_of(done.error()));
        http::Response response;
        response.status = 204;
        reply(std::move(response));
      });
  if (!taken) call.reply(busy());
}

}  // namespace alona::web
