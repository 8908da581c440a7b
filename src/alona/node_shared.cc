#include "alona/node_shared.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "ops/lan.h"
#include "ops/snippet.h"
#include "protocol/topic.h"

namespace alona {
namespace json = boost::json;

// What the core answers is written for the page; here a command says what to do.
Error for_shell(Error error, const std::string& id) {
  if (error.code == Errc::not_found) error.next = "`alona node list` shows all.";
  if (error.code == Errc::refused && error.next.empty())
    error.next = fmt::format("`alona node rotate {}` gives it a new password.", id);
  return error;
}

// Before the id becomes part of a request's target.
Result<void> check_id(const std::string& id) {
  if (protocol::valid_name(id)) return {};
  return fail(Errc::usage, fmt::format("\"{}\" can't be a node's id", printable(id)),
              "`alona node list` shows all.");
}

namespace {
std::string reason_in(const json::value* unproven) {
  const auto* why = unproven == nullptr ? nullptr : unproven->if_object();
  const auto text = [&](const char* key) {
    const auto* one = why == nullptr ? nullptr : why->if_contains(key);
    return one != nullptr && one->is_string() ? std::string(one->get_string()) : std::string{};
  };
  if (text("what").empty()) return "the core doesn't say why\nIs the running core of another version?";
  return Error{Errc::temporary, text("what"), text("next")}.text();
}
}  // namespace

Result<Credentials> credentials_of(const std::string& body) {
  boost::system::error_code bad;
  const auto value = json::parse(body, bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* password = object != nullptr ? object->if_contains("password") : nullptr;
  const auto* id = object != nullptr ? object->if_contains("id") : nullptr;
  const auto* unproven = object != nullptr ? object->if_contains("unproven") : nullptr;
  if (password == nullptr || !password->is_string() || id == nullptr || !id->is_string()) {
    return fail(Errc::failed, "the core's answer holds no password",
                "Is the running core of another version?");
  }
  const bool good = unproven != nullptr && unproven->is_null();
  return Credentials{std::string(id->get_string()), std::string(password->get_string()), good,
                     good ? "" : reason_in(unproven)};
}

void show_credentials(Context& context, const ops::Config& config, const std::string& host,
                      const Credentials& given) {
  const ops::NodeAccess access{.id = given.id,
                               .password = given.password,
                               .host = host.empty() ? ops::lan_address() : host,
                               .port = config.mqtt.port,
                               .name = host.empty() ? ops::lan_name() : std::string{}};
  if (context.json) {
    fmt::print("{}\n", json::serialize(json::object{{"id", given.id},
                                                    {"user", given.id},
                                                    {"password", given.password},
                                                    {"host", access.host},
                                                    {"name", access.name},
                                                    {"port", access.port},
                                                    {"proven", given.proven},
                                                    {"uri", ops::access_uri(access)}}));
  } else {
    fmt::print("Password of {}, shown once: {}\nThe broker: {}{}, port {}\n\n{}\n{}\n", given.id,
               bold(given.password), access.name.empty() ? "" : access.name + ", also ",
               printable(access.host), access.port, ops::c_header(access), ops::esphome_yaml(access));
    fmt::print("{}\n{}\n",
               bold("ESP-IDF: NVS for nvs_partition_gen; wifi_ssid and wifi_pass are yours to fill in"),
               ops::nvs_csv(access));
    const auto qr =
        ::isatty(STDOUT_FILENO) == 1 ? ops::qr_text(ops::access_uri(access)) : Result<std::string>{};
    if (qr && !qr->empty()) fmt::print("{}\n", *qr);
    if (given.proven) fmt::print("The broker accepts it: proven by a login.\n");
  }
  if (!given.proven) {
    fmt::print(stderr, "alona: not proven: {}\n", given.advice);
    context.exit_code = exit_code(Errc::temporary);
  }
}

std::unexpected<Error> not_confirmed() {
  return fail(Errc::refused, "nothing was changed, for nobody said yes",
              "Answer y, or give --yes where there is no terminal.");
}

}  // namespace alona
