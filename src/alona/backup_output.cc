#include "alona/backup_output.h"

#include <boost/json.hpp>
#include <charconv>
#include <optional>

namespace alona {
namespace {

constexpr std::size_t bytes_max = 16'384;  // of a line, and of what went wrong

std::optional<std::string> set_named_in(const std::string& line) {
  boost::system::error_code error;
  const auto value = boost::json::parse(line, error);
  if (error || !value.is_object()) return std::nullopt;
  const auto* name = value.get_object().if_contains("set");
  if (name == nullptr || !name->is_string()) return std::nullopt;
  return std::string(name->get_string());
}

}  // namespace

void BackupOutput::take(std::string_view bytes) {
  begun_ += bytes;
  std::size_t begin = 0;
  for (std::size_t at; (at = begun_.find('\n', begin)) != std::string::npos; begin = at + 1)
    take_line(begun_.substr(begin, at - begin));
  begun_.erase(0, begin);
  if (begun_.size() > bytes_max) begun_.clear();
}

std::string BackupOutput::next() const {
  const std::size_t line = errors_.find('\n');
  return line == std::string::npos ? std::string{} : errors_.substr(line + 1);
}

void BackupOutput::take_line(const std::string& line) {
  constexpr std::string_view progress = "progress ", error = "alona: ";
  if (line.starts_with(progress)) {
    take_progress(std::string_view{line}.substr(progress.size()));
  } else if (line.starts_with(error)) {
    errors_ = line.substr(error.size());
  } else if (auto named = set_named_in(line)) {
    set = std::move(*named);
  } else if (!errors_.empty() && errors_.size() + line.size() < bytes_max) {
    errors_ += '\n' + line;
  }
}

// "DONE ALL DOING"
void BackupOutput::take_progress(std::string_view text) {
  std::uint64_t numbers[2] = {};
  for (std::uint64_t& number : numbers) {
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc{} || end == text.data() + text.size()) return;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  }
  done = numbers[0], all = numbers[1], doing = text;
}

}  // namespace alona
