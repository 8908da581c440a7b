// What the box's own checks tell and ask: the outcome of `alona check`, and the canary of `alona health`.
#include <boost/json.hpp>

#include <algorithm>

#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {

constexpr std::size_t detail_bytes_max = 4096;
constexpr std::size_t chunks_max = 1000;

struct Outcome {
  store::CheckRow row;
  std::vector<std::int64_t> damaged_chunks;
};

std::optional<Outcome> parse(const std::string& body, UtcMs now) {
  boost::system::error_code error;
  const json::value parsed = json::parse(body, error, {}, {.max_depth = 3});
  if (error || !parsed.is_object()) return std::nullopt;
  const json::object& fields = parsed.get_object();
  const auto* kind = fields.if_contains("kind");
  const auto* whole = fields.if_contains("whole");
  const auto* found = fields.if_contains("found");
  const auto* chunks = fields.if_contains("damaged_chunks");
  if (kind == nullptr || whole == nullptr || found == nullptr || chunks == nullptr) return std::nullopt;
  if (!kind->is_string() || !whole->is_bool() || !found->is_string() || !chunks->is_array())
    return std::nullopt;
  if (kind->get_string() != "quick" && kind->get_string() != "full") return std::nullopt;
  Outcome outcome{
      {now, std::string(kind->get_string()), whole->get_bool(), std::string(found->get_string()), 0}, {}};
  if (outcome.row.detail.size() > detail_bytes_max || chunks->get_array().size() > chunks_max)
    return std::nullopt;
  if (const auto* unsealed = fields.if_contains("unsealed"); unsealed != nullptr && unsealed->is_int64())
    outcome.row.unsealed = static_cast<std::uint64_t>(std::max<std::int64_t>(unsealed->get_int64(), 0));
  for (const json::value& id : chunks->get_array()) {
    if (!id.is_int64()) return std::nullopt;
    outcome.damaged_chunks.push_back(id.get_int64());
  }
  return outcome;
}

}  // namespace

void Api::put_check(const Call& call) {
  if (!call.request.local)
    return call.reply(
        http::problem(403, "Only the box itself tells this", {}, "Run `alona check` on the box."));
  auto outcome = parse(call.request.body, clock_.utc());
  if (!outcome) return call.reply(problem_of({Errc::usage, "this isn't a check's outcome", {}}));
  const bool taken = backend_.put_check(std::move(outcome->row), std::move(outcome->damaged_chunks),
                                        [reply = call.reply](Result<void> done) {
                                          if (!done) return reply(problem_of(done.error()));
                                          http::Response response;
                                          response.status = 204;
                                          reply(std::move(response));
                                        });
  if (!taken) call.reply(busy());
}

// From the database, as any other question: what is answered here has been committed.
void Api::canary(const Call& call) {
  ask<std::int64_t>(
      call, [](Archive& archive) { return archive.canary(); },
      [](std::int64_t mark) {
        return answer(json::object{{"mark", mark == 0 ? json::value(nullptr) : json::value(mark)}});
      });
}

}  // namespace alona::web
