// A debug bundle, made now and taken away.
#include "web/api.h"

namespace alona::web {

// No secret is in it, but names of nodes and what the journal tells are: for admins, though it only reads.
void Api::download_bundle(const Call& call) {
  if (!call.who.admin)
    return call.reply(http::problem(403, "Only an admin may take a bundle away",
                                    "It tells everything about this box but its secrets.", "Log in as one."));
  const auto make = [this, reply = call.reply] {
    const bool asked = backend_.make_bundle([this, reply](const Result<BundleFile>& made) {
      if (!made) return reply(problem_of(made.error()));
      give_file(reply, made->file, made->name);
    });
    if (!asked) reply(busy());
  };
  // Whoever takes it is on record first.
  const bool noted = backend_.note(call.who.user, "downloads a debug bundle",
                                   [make, reply = call.reply](const Result<void>& done) {
                                     if (!done) return reply(problem_of(done.error()));
                                     make();
                                   });
  if (!noted) call.reply(busy());
}

}  // namespace alona::web
