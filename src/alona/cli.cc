#include "alona/cli.h"

#include <fmt/format.h>
#include <pwd.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "alona/say.h"
#include "base/files.h"
#include "base/limits.h"
#include "protocol/text.h"

namespace alona {
namespace {

// The terminal doesn't show what is typed while one of these lives.
class NoEcho {
 public:
  NoEcho() : known_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!known_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~NoEcho() {
    if (known_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool known_;
};

std::string ask_hidden(std::string_view prompt) {
  std::string line;
  fmt::print(stderr, "{}: ", prompt);
  {
    const NoEcho quiet;
    std::getline(std::cin, line);
  }
  fmt::print(stderr, "\n");
  return line;
}

}  // namespace

Result<ops::Config> Context::config() const {
  if (config_path.empty()) return ops::load_config(ops::config_path_default, false);
  return ops::load_config(config_path, true);
}

void Context::end(const Error& error) {
  say(stderr, fmt::format("alona: {}\n", error.text()));
  exit_code = alona::exit_code(error.code);
}

bool colour_wanted() {
  // Read at the start by one thread; nobody sets the environment.
  const char* none = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return ::isatty(STDOUT_FILENO) == 1 && (none == nullptr || *none == '\0');
}

std::string red(std::string_view text) {
  return colour_wanted() ? fmt::format("\033[31m{}\033[0m", text) : std::string(text);
}

std::string bold(std::string_view text) {
  return colour_wanted() ? fmt::format("\033[1m{}\033[0m", text) : std::string(text);
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t whole = protocol::character_bytes(text);
    const std::string_view one = text.substr(0, whole == 0 ? 1 : whole);
    if (whole == 0 || protocol::has_control(one)) {
      for (const char c : one) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += one;
    }
    text.remove_prefix(one.size());
  }
  return out;
}

std::string shell_user() {
  const char* caller = ::getuid() == 0 ? std::getenv("SUDO_USER") : nullptr;  // NOLINT(concurrency-mt-unsafe)
  if (caller != nullptr && *caller != '\0') return printable(caller);
  const passwd* known = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): commands have one thread
  return known != nullptr ? printable(known->pw_name) : fmt::format("uid {}", ::getuid());
}

Result<std::string> read_password(const std::string& file, std::string_view prompt, bool confirm) {
  if (file == "-") {
    std::string line;
    std::getline(std::cin, line);
    return line;
  }
  if (!file.empty()) {
    auto text = files::read(file, limits::password_bytes_max);
    if (text && text->ends_with('\n')) text->pop_back();
    return text;
  }
  if (::isatty(STDIN_FILENO) != 1) {
    return fail(Errc::usage, "there is no terminal to ask for a password on",
                "Give it with --password-file FILE, or --password-file - to read it from standard input.");
  }
  std::string password = ask_hidden(prompt);
  if (confirm && ask_hidden("The same again") != password) {
    return fail(Errc::usage, "the two passwords differ", "Nothing was changed; try again.");
  }
  return password;
}

bool confirmed(std::string_view question) {
  if (::isatty(STDIN_FILENO) != 1) return false;
  fmt::print(stderr, "{} [y/N] ", question);
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

}  // namespace alona
