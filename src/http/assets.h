// Files that lie in the binary, compressed once at build time.
#pragma once

#include <span>
#include <string_view>

#include "http/message.h"

namespace alona::http {

struct Asset {
  std::string_view path;  // "/app-4F2K.js"
  std::string_view content_type;
  std::string_view etag;   // quoted
  bool immutable = false;  // its name changes with its content
  std::span<const unsigned char> gzip;
};

// The file for this request: 304 when the client has it, compressed when it may be.
[[nodiscard]] Response serve_asset(const Asset& asset, const Request& request);

}  // namespace alona::http
