// The doctor's chapter on the page and the network: as a visitor and a node meet the box.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "alona/doctor.h"
#include "alona/knock.h"
#include "alona/version.h"
#include "http/unix_client.h"
#include "ops/lan.h"

namespace alona::doctor {
namespace {

using namespace std::chrono_literals;
constexpr Ms patience = 5s;

bool loopback(const std::string& host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

// An address of "all" is reached through the machine itself.
std::string reached_at(const std::string& host) {
  return host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
}

DoctorCheck page(const ops::ListenAddress& listen) {
  const std::string host = reached_at(listen.host);
  const auto answer = visit(host, listen.port, "/health", patience);
  const char* next = "`journalctl -u alona-core` says why; [web] listen says where it should be.";
  if (!answer) return failing("page", answer.error().what, next);
  if (*answer == 200) return ok("page", fmt::format("{}:{} answers", host, listen.port));
  return failing("page", fmt::format("{}:{} answers {} when asked how it is", host, listen.port, *answer),
                 "Open the page: it says what is wrong, and which backup would bring it back.");
}

DoctorCheck lan(const Patient& patient, const ops::ListenAddress& listen) {
  if (loopback(listen.host))
    return note("lan", "the page is for this machine alone: [web] listen is " + patient.config.web.listen,
                "Right for a trial; else set [web] listen = \"0.0.0.0:4000\" and restart the core.");
  const std::string address = ops::lan_address();
  if (address.ends_with(".local"))
    return note("lan", "this machine has no address on a network now",
                "Is the access point on, or the cable in?");
  if (const auto there = knock(address, listen.port, patience); !there)
    return failing("lan", "the page: " + there.error().what,
                   "[web] listen says on which address it is served.");
  if (const auto& mqtt = patient.config.mqtt; loopback(mqtt.host)) {
    if (const auto there = knock(address, mqtt.port, patience); !there)
      return failing(
          "lan", "the broker: " + there.error().what,
          "Its configuration must have a line `listener 1883` without an address: `sudo alona setup`, `sudo "
          "systemctl restart mosquitto`.");
  }
  return ok("lan", address);
}

// A package that was changed under a running core.
DoctorCheck version(const Patient& patient) {
  const auto answer = http::unix_request(patient.paths.core_socket(), "GET", "/api/v1/system", {}, patience);
  boost::system::error_code bad;
  const auto value = boost::json::parse(answer ? answer->body : "", bad);
  const auto* object = bad ? nullptr : value.if_object();
  const auto* running = object == nullptr ? nullptr : object->if_contains("version");
  if (running == nullptr || !running->is_string())
    return unknown("version", "the core doesn't say which it is");
  if (running->get_string() == alona::version) return ok("version", std::string(alona::version));
  return failing("version",
                 fmt::format("the core that runs is version {}, this program {}",
                             std::string_view(running->get_string()), alona::version),
                 "`sudo systemctl restart alona-core`");
}

}  // namespace

Checks network(const Patient& patient) {
  Checks checks;
  if (const auto listen = ops::parse_listen(patient.config.web.listen)) {
    checks.push_back(page(*listen));
    checks.push_back(lan(patient, *listen));
  }
  checks.push_back(version(patient));
  return checks;
}

}  // namespace alona::doctor
