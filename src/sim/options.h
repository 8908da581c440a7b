// What `alona sim` can be told, and the files it is told with. No state.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace alona::sim {

// Chances are per message (0 to 1) or, where it says so, events per hour of real time and node.
struct Faults {
  double drop_wifi_per_hour = 0;  // the link goes for 2 to 30 s
  double reboot_per_hour = 0;     // what lies in memory is lost
  double clock_wrong = 0;         // chance of a node to have its clock off by years
  double bad_payload = 0;         // chance to send a broken message beside
  double duplicate = 0;           // chance to publish twice
  double qos0 = 0;                // chance to publish at QoS 0
};

struct SimOptions {
  std::string host = "127.0.0.1";
  std::string address;  // of the broker, tried where `host` is a name that nobody knows; empty: none
  std::uint16_t port = 1883;
  std::string user;
  std::filesystem::path password_file;     // its first line
  std::filesystem::path credentials_file;  // lines "node_id password" or "node_id:password"
  std::string node_id;                     // of a single node without credentials
  std::size_t nodes = 1;
  std::string kind = "environment";  // environment, well, meter, mixed
  std::uint64_t seed = 1;
  double speed = 1;              // simulated seconds a second; 0: as fast as acknowledgements allow
  std::optional<UtcMs> start;    // models: the first simulated instant; replay: earlier rows are left out
  double duration_s = 0;         // simulated; 0: until stopped (models) or the file's end (replay)
  double rate = 0;               // models: rows a simulated second and node; 0: the kind's own
  std::uint64_t messages = 0;    // models: ends after so many readings in all; 0: no end
  std::size_t series = 0;        // benchmark: so many series spread over the nodes instead of a kind
  std::filesystem::path replay;  // CSV
  std::vector<std::string> map;  // column=sensor:unit
  std::size_t ring = 0;          // readings a node holds; 0: 2,730 (64 KiB), at speed 0 32,768
  bool single = false;           // one reading a message, whatever waits
  bool plain = false;            // no boot and seq
  double drain_s = 0;            // after the end: wait so long for acknowledgements; 0: as long as it takes
  bool json = false;
  Faults faults;
};

struct Credentials {
  std::string node_id;
  std::string user;
  std::string password;
};

// One for each node to simulate. Errors name the file and the line.
[[nodiscard]] Result<std::vector<Credentials>> credentials(const SimOptions& options);

// Wrong or contradicting options, before anything starts.
[[nodiscard]] Result<void> check(const SimOptions& options);

}  // namespace alona::sim
