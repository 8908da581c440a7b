#include "ops/requests.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <system_error>

#include "base/files.h"

namespace alona::ops {
namespace {

namespace fs = std::filesystem;
constexpr std::array<std::string_view, 6> words{"clock", "restart", "power_off",
                                                "eject", "upgrade", "roll_back"};
constexpr std::size_t content_bytes_max = 256;
// Before this program was written no time is true; RTCs of 32 bits end in 2106.
constexpr UtcMs earliest = utc_ms(1'767'225'600'000), latest = utc_ms(4'102'444'800'000);
constexpr Ms oldest{60'000};

fs::path file_of(const Paths& paths, Request request) { return paths.requests() / word(request); }

}  // namespace

std::string_view word(Request request) { return words.at(static_cast<std::size_t>(request)); }

std::optional<Request> parse_request(std::string_view text) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words.at(i) == text) return static_cast<Request>(i);
  return std::nullopt;
}

bool takes_requests(const Paths& paths) {
  std::error_code ec;
  return fs::is_directory(paths.requests(), ec);
}

Result<void> put_request(const Paths& paths, Request request, std::string_view content) {
  if (!takes_requests(paths))
    return fail(Errc::refused, "this box can't be told to do that from the page",
                "Alona's package brings what it needs; without it, do it on the box itself.");
  return files::replace(file_of(paths, request), content, 0640);
}

Result<std::string> take_request(const Paths& paths, Request request, UtcMs now) {
  const fs::path file = file_of(paths, request);
  const int fd = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const int why = errno;
  ::unlink(file.c_str());  // whatever it is, it isn't met again
  if (fd < 0 && why == ENOENT) return fail(Errc::not_found, "nobody has asked for it");
  struct stat about{}, folder{};
  std::string content(content_bytes_max + 1, '\0');
  const bool sound = fd >= 0 && ::fstat(fd, &about) == 0 && ::stat(paths.requests().c_str(), &folder) == 0 &&
                     S_ISREG(about.st_mode) && about.st_uid == folder.st_uid;
  const ssize_t n = sound ? ::read(fd, content.data(), content.size()) : -1;
  if (fd >= 0) ::close(fd);
  if (n < 0 || static_cast<std::size_t>(n) > content_bytes_max)
    return fail(Errc::refused, fmt::format("{} isn't a request", file.string()), "It was removed.");
  // The clock's own content says its age by a clock that nobody sets.
  const UtcMs asked = utc_ms(about.st_mtim.tv_sec * 1000);
  if (request != Request::clock && std::chrono::abs(now - asked) > oldest)
    return fail(
        Errc::refused,
        fmt::format("{} was asked for at {}, and now it is {}", word(request), iso8601(asked), iso8601(now)),
        "It was removed. Ask again if it is still wanted.");
  content.resize(static_cast<std::size_t>(n));
  return content;
}

std::string clock_text(UtcMs utc, Mono mono) {
  return fmt::format("{} {}\n", count(utc), mono.time_since_epoch().count());
}

Result<UtcMs> time_in(std::string_view text, Mono now) {
  std::int64_t utc = 0, mono = 0;
  const char *begin = text.data(),
             *end = begin + text.size();  // NOLINT(bugprone-suspicious-stringview-data-usage)
  const auto first = std::from_chars(begin, end, utc);
  const bool more = first.ec == std::errc{} && first.ptr != end && *first.ptr == ' ';
  const auto second = more ? std::from_chars(first.ptr + 1, end, mono) : first;
  const Ms waited{now.time_since_epoch().count() - mono};
  if (!more || second.ec != std::errc{} || std::string_view(second.ptr, end) != "\n" || waited < Ms{0} ||
      waited > oldest)
    return fail(Errc::usage, "the request for the clock says no time, or is an old one");
  if (utc_ms(utc) < earliest || utc_ms(utc) > latest)
    return fail(Errc::usage, fmt::format("{} ms since 1970 is no time to set a clock to", utc));
  return utc_ms(utc) + waited;
}

}  // namespace alona::ops
