// Where the values of a JSON text lie. Only for a text that read_document has accepted: nothing is judged
// here.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace alona::protocol {

// The value of the nth member of the object that `object` is, as it stands there.
[[nodiscard]] std::string_view member_text(std::string_view object, std::size_t nth);

// Every element of the array that `array` is.
[[nodiscard]] std::vector<std::string_view> element_texts(std::string_view array);

}  // namespace alona::protocol
