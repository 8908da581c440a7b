// `alona user passwd NAME`.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "alona/cli.h"
#include "alona/core_client.h"
#include "alona/offline.h"
#include "ops/users.h"

namespace alona {
namespace {

struct Options {
  std::string name;
  std::string password_file;
};

Result<void> set_password(const Context& context, const Options& options) {
  const auto config = context.config();
  if (!config) return std::unexpected(config.error());
  const auto password = read_password(options.password_file, "New password for " + options.name, true);
  if (!password) return std::unexpected(password.error());
  const auto row =
      ops::make_user(options.name, *password);  // says what is wrong with either, before anything is asked
  if (!row) return std::unexpected(row.error());
  const boost::json::object body{{"name", options.name}, {"password", *password}};
  const auto answer = ask_core(ops::Paths{*config}, "POST", "/api/v1/users", boost::json::serialize(body));
  if (!answer) return std::unexpected(answer.error());
  if (!*answer) {
    auto offline = Offline::open(*config);
    if (!offline) return std::unexpected(offline.error());
    if (auto put = offline->put_user(*row); !put) return put;
  }
  fmt::print("The password of {} is set; every session of that user has ended.\n", options.name);
  return {};
}

}  // namespace

void add_user_command(CLI::App& app, Context& context) {
  auto* user = app.add_subcommand("user", "Users of the page");
  user->require_subcommand(1);
  user->footer("Example:\n  alona user passwd admin");
  const auto options = std::make_shared<Options>();
  auto* passwd = user->add_subcommand("passwd", "Set a user's password; a new name is a new user");
  passwd->add_option("NAME", options->name, "The user")->required();
  passwd->add_option("--password-file", options->password_file, "Read it from there, - for standard input");
  passwd->footer("Example:\n  alona user passwd admin");
  passwd->callback([&context, options] {
    if (const auto done = set_password(context, *options); !done) context.end(done.error());
  });
}

}  // namespace alona
