#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace alona::log {
namespace {
// sd-daemon(3): <3> error, <4> warning, <6> info, <7> debug.
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view priority = message.level >= spdlog::level::critical ? "<2>"
                                      : message.level == spdlog::level::err    ? "<3>"
                                      : message.level == spdlog::level::warn   ? "<4>"
                                      : message.level == spdlog::level::info   ? "<6>"
                                                                               : "<7>";
    out.append(priority.data(), priority.data() + priority.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<JournalPriority>();
  }
};
}  // namespace

void init(bool journald) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JournalPriority>('*').set_pattern(journald ? "%*%v" : "%H:%M:%S.%e %^%l%$ %v");
  auto logger = std::make_shared<spdlog::logger>("alona", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::move(formatter));
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace alona::log
