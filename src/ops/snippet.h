// What a node's builder pastes: a C header, an ESPHome configuration, a QR code. Each holds the node's
// password; they are shown once and stored nowhere. No state; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace alona::ops {

struct NodeAccess {
  std::string id;
  std::string password;
  std::string
      host;  // of the broker: its address now, for nodes that know no names, and when the name is silent
  int port = 1883;
  std::string name{};  // the box's name on the LAN, which a node tries first; empty: it has none
};

[[nodiscard]] std::string c_header(const NodeAccess& access);
[[nodiscard]] std::string esphome_yaml(const NodeAccess& access);
// For ESP-IDF's nvs_partition_gen: what the firmware reads at its start. The name and the password of the
// Wi-Fi are left empty: Alona doesn't know them.
[[nodiscard]] std::string nvs_csv(const NodeAccess& access);
// alona:node?v=1&host=…&port=…&id=…&password=…
[[nodiscard]] std::string access_uri(const NodeAccess& access);
// The text as a QR code: a row of modules a string, '1' is dark; without the light margin around it.
[[nodiscard]] Result<std::vector<std::string>> qr_rows(const std::string& text);
// The same for a terminal, of half blocks, dark on light whatever the terminal's colours, two modules a line.
[[nodiscard]] Result<std::string> qr_text(const std::string& text);

}  // namespace alona::ops
