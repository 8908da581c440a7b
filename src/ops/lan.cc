#include "ops/lan.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>

#include "protocol/text.h"

namespace alona::ops {
namespace {

constexpr std::size_t answer_bytes_max = 1024;

std::string ipv4_address() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all{raw, &::freeifaddrs};
  for (const ifaddrs* one = all.get(); one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) return text.data();
  }
  return {};
}

// A descriptor that is closed at the end.
struct Socket {
  int fd = -1;
  explicit Socket(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string text = path.string();
    if (text.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, text.c_str(), text.size());
    fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      ::close(fd), fd = -1;
  }
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
};

// Up to the first whole line.
std::string read_line(int fd, Ms patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string text;
  while (text.size() < answer_bytes_max) {
    const auto left = std::chrono::duration_cast<Ms>(deadline - std::chrono::steady_clock::now());
    pollfd look{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&look, 1, static_cast<int>(left.count())) <= 0) return {};
    std::array<char, 256> piece{};
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n <= 0) return {};
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (const auto end = text.find('\n'); end != std::string::npos) return text.substr(0, end);
  }
  return {};
}

// "+ 2 0 192.168.1.2 alona.local": yes, of which interface and protocol, what was asked, the name.
std::string name_in(std::string_view line) {
  if (!line.starts_with("+ ")) return {};
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  const std::string_view name = line.substr(line.rfind(' ') + 1);
  const bool sound =
      name.size() <= 255 && name.ends_with(".local") && !protocol::has_control(name) &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
          std::string_view::npos;
  return sound ? std::string(name) : std::string{};
}

}  // namespace

std::string lan_address() {
  if (std::string address = ipv4_address(); !address.empty()) return address;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  const std::string_view whole{name.data()};
  return std::string(whole.substr(0, whole.find('.'))) + ".local";
}

std::string name_of_address(const std::string& address, const std::filesystem::path& socket, Ms patience) {
  const Socket avahi{socket};
  if (avahi.fd < 0) return {};
  const std::string question = "RESOLVE-ADDRESS " + address + "\n";
  if (::send(avahi.fd, question.data(), question.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(question.size()))
    return {};
  return name_in(read_line(avahi.fd, patience));
}

std::string lan_name(const std::filesystem::path& socket, Ms patience) {
  const std::string address = ipv4_address();
  return address.empty() ? std::string{} : name_of_address(address, socket, patience);
}

}  // namespace alona::ops
