// Backups: what there is, starting one and following it, and taking a set away.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "http/streams.h"
#include "web/api.h"
#include "web/json.h"

namespace alona::web {
namespace {

json::value or_null(const std::optional<UtcMs>& t) {
  return t ? json::value(count(*t)) : json::value(nullptr);
}
json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(shown(text));
}

std::string_view name(BackupKind kind) {
  return kind == BackupKind::now ? "now" : kind == BackupKind::verify ? "verify" : "drill";
}

json::object to_json(const BackupSet& set) {
  return {{"set", set.name},
          {"state", set.state},
          {"bytes", set.bytes},
          {"taken", or_null(set.taken)},
          {"newest", or_null(set.newest)},
          {"readings", set.readings},
          {"program", shown(set.program)},
          {"verified", or_null(set.verified)},
          {"proven", or_null(set.proven)},
          {"failed", or_null(set.failed)},
          {"base", or_null(set.base)}};
}

json::value to_json(const std::optional<BackupsPicture::Running>& running) {
  if (!running) return nullptr;
  return json::object{{"kind", name(running->what.kind)},
                      {"set", or_null(running->what.set)},
                      {"since", count(running->since)},
                      {"doing", shown(running->doing)},
                      {"done", running->done},
                      {"all", running->all}};
}

json::value to_json(const std::optional<BackupsPicture::Ended>& last) {
  if (!last) return nullptr;
  return json::object{{"kind", name(last->what.kind)},
                      {"set", or_null(last->what.set)},
                      {"at", count(last->at)},
                      {"failed", or_null(last->failed)},
                      {"next", or_null(last->next)}};
}

// On the exports' thread, at the pace of the client. A disk that fails, or a file that has become shorter,
// breaks it off.
Result<bool> stream_file(const BackupFile& from, http::BodyStream& body) {
  std::string piece;
  for (std::uint64_t left = from.bytes; left > 0; left -= piece.size()) {
    piece.resize(std::min<std::uint64_t>(left, limits::stream_chunk_bytes));
    const ssize_t n = ::read(*from.fd, piece.data(), piece.size());
    if (n <= 0) return fail(Errc::io, "cannot read the backup to its end");
    piece.resize(static_cast<std::size_t>(n));
    if (!body.write(piece)) return false;
  }
  return true;
}

}  // namespace

void Api::backups(const Call& call) {
  const bool asked = backend_.backups([this, reply = call.reply](Result<BackupsPicture> found) {
    if (!found) return reply(problem_of(found.error()));
    json::array sets;
    for (const BackupSet& set : found->sets) sets.push_back(to_json(set));
    json::value proven = nullptr;
    if (found->proven) proven = json::object{{"set", found->proven->set}, {"at", count(found->proven->at)}};
    reply(answer(json::object{{"now", count(clock_.utc())},
                              {"proven", std::move(proven)},
                              {"running", to_json(found->running)},
                              {"last", to_json(found->last)},
                              {"sets", std::move(sets)}}));
  });
  if (!asked) call.reply(busy());
}

void Api::back_up(const Call& call) { start_backup(call, {BackupKind::now, {}}); }
void Api::verify_backup(const Call& call) {
  start_backup(call, {BackupKind::verify, call.parameters.front()});
}
void Api::drill_backup(const Call& call) { start_backup(call, {BackupKind::drill, call.parameters.front()}); }

void Api::start_backup(const Call& call, BackupWish wish) {
  const std::string what = wish.kind == BackupKind::now ? std::string("started a backup")
                                                        : fmt::format("started a {} of the backup {}",
                                                                      name(wish.kind), shown(wish.set));
  const bool asked = backend_.start_backup(
      std::move(wish), [this, what, who = call.who.user, reply = call.reply](const Result<void>& begun) {
        if (!begun) return reply(problem_of(begun.error()));
        note_done(who, what);
        http::Response response;
        response.status = 202;
        reply(std::move(response));
      });
  if (!asked) call.reply(busy());
}

void Api::give_file(const http::Reply& reply, const BackupFile& file, const std::string& name) {
  const auto body = std::make_shared<http::BodyStream>();
  const bool asked =
      exports_.compute<bool>([file, body] { return stream_file(file, *body); },
                             // Broken off, the client must notice.
                             [body](const Result<bool>& whole) { body->finish(whole && *whole); });
  if (!asked) {
    return reply(problem_of({Errc::temporary, "another export or download is running",
                             "Wait until it has ended, then try again."}));
  }
  http::Response response;
  response.content_type = "application/zstd";
  response.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"{}\"", name));
  response.stream = body;
  response.length = file.bytes;
  reply(std::move(response));
}

// It holds the passwords of the nodes and the users: for admins, though it only reads.
void Api::download_backup(const Call& call) {
  if (!call.who.admin)
    return call.reply(http::problem(403, "Only an admin may take a backup away",
                                    "It holds everything, passwords included.", "Log in as one."));
  const std::string& set = call.parameters.front();
  // Whoever takes it is on record before its first byte leaves.
  const bool asked = backend_.open_backup(
      set, [this, set, who = call.who.user, reply = call.reply](const Result<BackupFile>& file) {
        if (!file) return reply(problem_of(file.error()));
        const bool noted = backend_.note(who, "downloads the backup " + set,
                                         [this, set, file = *file, reply](const Result<void>& done) {
                                           if (!done) return reply(problem_of(done.error()));
                                           give_file(reply, file, set);
                                         });
        if (!noted) reply(busy());
      });
  if (!asked) call.reply(busy());
}

}  // namespace alona::web
