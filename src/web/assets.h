// The page, embedded from ui/dist by cmake/embed.cmake; without it one page that says how to build it.
#pragma once

#include <span>

#include "http/assets.h"

namespace alona::web {

[[nodiscard]] std::span<const http::Asset> assets();
// openapi.json of this folder.
[[nodiscard]] const http::Asset& openapi();

}  // namespace alona::web
