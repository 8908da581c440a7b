#include "http/unix_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace alona::http {
namespace {
std::string reason(int error) { return std::generic_category().message(error); }

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.empty() || text.size() >= sizeof address.sun_path) {
    return fail(Errc::config,
                fmt::format("cannot use the socket {}: its path is longer than {} bytes", text,
                            sizeof address.sun_path - 1),
                "choose a shorter runtime_dir in alona.toml");
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

Result<int> give_up(int fd, std::string what, std::string next = {}, Errc code = Errc::failed) {
  close(fd);
  return fail(code, std::move(what), std::move(next));
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

Result<void> make_way(const std::filesystem::path& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Errc::refused,
                fmt::format("cannot listen at {}: something that is no socket lies there", path.string()),
                "look at it and move it away");
  }
  if (const auto other = connect_unix(path)) {
    close(*other);
    return fail(Errc::refused, fmt::format("cannot listen at {}: another core answers there", path.string()),
                "stop it first, or give this one another runtime_dir");
  }
  unlink(path.c_str());
  return {};
}
}  // namespace

Result<int> listen_unix(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  if (auto way = make_way(path); !way) return std::unexpected(way.error());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(Errc::failed, "cannot make a Unix socket: " + reason(errno));
  // Nobody can connect between bind and chmod: it doesn't listen yet.
  if (bind(fd, generic(*address), sizeof *address) != 0 || chmod(path.c_str(), 0660) != 0 ||
      listen(fd, 16) != 0) {
    return give_up(fd, fmt::format("cannot listen at {}: {}", path.string(), reason(errno)),
                   "the folder must exist and belong to the core's user");
  }
  return fd;
}

bool peer_admitted(int fd, const std::filesystem::path& path) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  if (peer.uid == 0 || peer.uid == geteuid()) return true;
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return false;
  if (peer.gid == status.st_gid) return true;
  std::vector<gid_t> groups(256);
  length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) return false;
  groups.resize(length / sizeof(gid_t));
  return std::ranges::find(groups, status.st_gid) != groups.end();
}

Result<int> connect_unix(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Errc::failed, "cannot make a Unix socket: " + reason(errno));
  if (connect(fd, generic(*address), sizeof *address) == 0) return fd;
  const int why = errno;
  const std::string start = "start it with: systemctl start alona-core";
  if (why == ENOENT) {
    return give_up(fd, fmt::format("the core isn't running: there is no socket {}", path.string()), start,
                   Errc::not_found);
  }
  if (why == EACCES || why == EPERM) {
    return give_up(fd, fmt::format("this user may not speak to the core at {}", path.string()),
                   "use sudo, or join the group alona and log in again", Errc::auth);
  }
  return give_up(fd,
                 fmt::format("the core isn't running: nobody answers at {} ({})", path.string(), reason(why)),
                 start, Errc::temporary);
}

}  // namespace alona::http
