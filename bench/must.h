// The value of a Result, in programs that can only end where something fails.
#pragma once

#include <stdexcept>
#include <type_traits>

#include "base/error.h"

namespace alona {

template <class T>
T must(Result<T>&& result) {
  if (!result) throw std::runtime_error(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace alona
