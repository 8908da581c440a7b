#include "alona/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/files.h"

namespace alona {
namespace {

constexpr auto stop_patience = Ms{10'000};
constexpr std::size_t last_words_bytes = 2'000;

// Between fork and exec, so only calls that are safe there.
[[noreturn]] void become(char* const* arguments, int out, pid_t parent, int failure) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);  // it died in between
  // A group of its own: Ctrl-C reaches us, and we end the children in order.
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (in >= 0) {
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvp(arguments[0], arguments);
  }
  const int why = errno;
  [[maybe_unused]] const ssize_t told = ::write(failure, &why, sizeof why);
  ::_exit(127);
}

int loopback_socket(std::uint16_t port, sockaddr_in& address) {
  address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

}  // namespace

Result<Child> Child::start(std::string name, const std::vector<std::string>& arguments,
                           const std::filesystem::path& log) {
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0) return fail(Errc::io, fmt::format("cannot write {}", log.string()));
  auto child = start(std::move(name), arguments, out);
  ::close(out);
  if (child) child->log_ = log;
  return child;
}

Result<Child> Child::start(std::string name, const std::vector<std::string>& arguments, int out) {
  std::vector<char*> raw;
  raw.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  int failure[2];
  if (::pipe2(failure, O_CLOEXEC) != 0) return fail(Errc::failed, "cannot make a pipe");
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(raw.data(), out, parent, failure[1]);
  ::close(failure[1]);
  int why = pid < 0 ? errno : 0;
  // An empty pipe that closes: exec has worked.
  while (pid > 0 && ::read(failure[0], &why, sizeof why) < 0 && errno == EINTR) continue;
  ::close(failure[0]);
  if (why == 0) return Child{std::move(name), pid, {}};
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  return fail(why == ENOENT ? Errc::not_found : Errc::failed,
              fmt::format("cannot start {}: {}", arguments[0], std::generic_category().message(why)));
}

Child::Child(Child&& other) noexcept
    : name_(std::move(other.name_)), pid_(std::exchange(other.pid_, -1)), log_(std::move(other.log_)) {}
Child& Child::operator=(Child&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(pid_, other.pid_);
  std::swap(log_, other.log_);
  return *this;
}
Child::~Child() { stop(stop_patience); }

bool Child::running() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

int Child::wait() {
  int status = 0;
  while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void Child::stop(Ms patience) {
  if (!running()) return;
  // A descriptor of the process: it becomes readable when it ends, so there is nothing to ask again and
  // again.
  const int watch = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  signal(SIGTERM);
  pollfd ended{watch, POLLIN, 0};
  if (watch < 0 || ::poll(&ended, 1, static_cast<int>(patience.count())) != 1) signal(SIGKILL);
  if (watch >= 0) ::close(watch);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string Child::last_words() const {
  auto text = files::read(log_);
  if (!text) return {};
  if (text->size() > last_words_bytes) text->erase(0, text->size() - last_words_bytes);
  return *text;
}

Result<std::uint16_t> free_port() {
  sockaddr_in address{};
  const int fd = loopback_socket(0, address);
  socklen_t size = sizeof address;
  const bool found = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) ::close(fd);
  if (!found) return fail(Errc::failed, "there is no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

bool port_answers(std::uint16_t port) {
  sockaddr_in address{};
  const int fd = loopback_socket(port, address);
  const bool answers = fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) ::close(fd);
  return answers;
}

}  // namespace alona
