#include "ops/snippet.h"

#include <fmt/format.h>
#include <qrencode.h>

#include <memory>

#include "base/csv.h"

namespace alona::ops {
namespace {

// Ids and passwords are made of harmless characters; a host comes from a person.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string c_header(const NodeAccess& access) {
  return fmt::format(R"(// alona_node.h: node {0}. It holds a password: keep it out of version control.
#pragma once
#define ALONA_NODE_ID {1}
// The name first, by mDNS: it stays when the address changes. Then the address that worked last, or this one.
#define ALONA_BROKER_NAME {5}
#define ALONA_BROKER_HOST {2}
#define ALONA_BROKER_PORT {3}
#define ALONA_PASSWORD {4}
)",
                     access.id, quoted(access.id), quoted(access.host), access.port, quoted(access.password),
                     quoted(access.name));
}

std::string esphome_yaml(const NodeAccess& access) {
  // ESPHome publishes its own topics under topic_prefix; null turns them off, so that only what the
  // configuration publishes itself, in Alona's form, leaves the node.
  return fmt::format(R"(# ESPHome: node {0}. Sensors publish to alona/{0}/telemetry/SENSOR (docs/protocol.md).
mqtt:
  broker: {1}{5}
  port: {2}
  username: {3}
  password: {4}
  client_id: {3}
  discovery: false
  topic_prefix: null
  log_topic: null
  birth_message:
    topic: alona/{0}/status
    payload: '{{"v":1,"state":"online"}}'
    qos: 1
    retain: true
  will_message:
    topic: alona/{0}/status
    payload: '{{"v":1,"state":"offline"}}'
    qos: 1
    retain: true
)",
                     access.id, quoted(access.host), access.port, quoted(access.id), quoted(access.password),
                     access.name.empty() ? ""
                                         : fmt::format("  # or {}, which stays when the address changes",
                                                       quoted(access.name)));
}

std::string access_uri(const NodeAccess& access) {
  return fmt::format("alona:node?v=1&host={}&port={}&id={}&password={}{}", percent_encoded(access.host),
                     access.port, percent_encoded(access.id), percent_encoded(access.password),
                     access.name.empty() ? "" : "&name=" + percent_encoded(access.name));
}

std::string nvs_csv(const NodeAccess& access) {
  std::string out = "key,type,encoding,value\nalona,namespace,,\n";
  const auto line = [&](std::string_view key, std::string_view encoding, std::string_view value) {
    out += fmt::format("{},data,{},{}\n", key, encoding, csv_field(value));
  };
  line("node_id", "string", access.id);
  if (!access.name.empty()) line("name", "string", access.name);
  line("host", "string", access.host);
  line("port", "u16", std::to_string(access.port));
  line("password", "string", access.password);
  line("wifi_ssid", "string", "");
  line("wifi_pass", "string", "");
  return out;
}

Result<std::vector<std::string>> qr_rows(const std::string& text) {
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code{
      QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), &QRcode_free};
  if (!code) return fail(Errc::failed, "the text is too long for a QR code");
  const auto width = static_cast<std::size_t>(code->width);
  std::vector<std::string> rows(width, std::string(width, '0'));
  for (std::size_t i = 0; i < width * width; ++i) {
    if ((code->data[i] & 1) != 0) rows[i / width][i % width] = '1';
  }
  return rows;
}

Result<std::string> qr_text(const std::string& text) {
  const auto rows = qr_rows(text);
  if (!rows) return std::unexpected(rows.error());
  constexpr int quiet = 2;  // light modules around; the standard wants four, and every phone reads two
  const int width = static_cast<int>(rows->size());
  const auto dark = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= width || y >= width) return false;
    return (*rows)[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] == '1';
  };
  std::string out;
  for (int y = -quiet; y < width + quiet; y += 2) {
    out += "\033[30;47m";
    for (int x = -quiet; x < width + quiet; ++x) {
      const bool upper = dark(x, y), lower = dark(x, y + 1);
      out += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    out += "\033[0m\n";
  }
  return out;
}

}  // namespace alona::ops
