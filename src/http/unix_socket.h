// What Unix sockets need beyond TCP: a path that may hold a dead socket, a mode, and the peer's credentials.
#pragma once

#include <filesystem>

#include "base/error.h"

namespace alona::http {

// A listening socket's descriptor at `path`, mode 0660. A socket file that nobody listens at is replaced;
// refused when somebody does, or when something else lies there.
[[nodiscard]] Result<int> listen_unix(const std::filesystem::path& path);

// Whether the process at the other end of `fd` is root, of our own user, or in the group that owns `path`.
// The file's mode says the same; this holds even where somebody loosened it.
[[nodiscard]] bool peer_admitted(int fd, const std::filesystem::path& path);

// A socket connected to `path`. not_found: no such file; temporary: nobody listens; auth: not for this user.
[[nodiscard]] Result<int> connect_unix(const std::filesystem::path& path);

}  // namespace alona::http
