// What the commands about nodes share: how the core's answer is read, and how a new login is shown. No state.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "alona/cli.h"
#include "alona/offline.h"

namespace alona {

// What the core answers is written for the page; here a command says what to do.
[[nodiscard]] Error for_shell(Error error, const std::string& id);
// Before the id becomes part of a request's target. usage: it can't be one.
[[nodiscard]] Result<void> check_id(const std::string& id);
// The core's answer that holds a new login. failed: it doesn't.
[[nodiscard]] Result<Credentials> credentials_of(const std::string& body);
// `host`: the broker as the node reaches it; empty: this machine's address. Sets the exit code when the login
// isn't proven.
void show_credentials(Context& context, const ops::Config& config, const std::string& host,
                      const Credentials& given);
[[nodiscard]] std::unexpected<Error> not_confirmed();

// A subcommand's body gets the configuration; what it returns as an error ends the command.
template <class Options, class Body>
auto with_config(Context& context, const std::shared_ptr<Options>& options, Body body) {
  return [&context, options, body] {
    const auto config = context.config();
    if (!config) return context.end(config.error());
    if (const Result<void> done = body(context, *config, *options); !done) context.end(done.error());
  };
}

// `alona node replace` and `alona node counter`.
void add_replace_commands(CLI::App& node, Context& context);

}  // namespace alona
