// Values of the store and the model as JSON of ui/src/api/types.ts, and requests' JSON as values. A
// stranger's bytes come out as valid JSON text, always.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "store/reader.h"
#include "web/backend.h"
#include "web/findings.h"
#include "web/model.h"

namespace alona::web {

namespace json = boost::json;

// As it is when valid UTF-8; else with \xNN in place of what isn't ASCII.
[[nodiscard]] std::string shown(std::string_view bytes);
[[nodiscard]] std::string_view name(store::Presence presence);
[[nodiscard]] std::string_view name(TimeQuality quality);

[[nodiscard]] json::object to_json(const Model& model, const SeriesState& series);
[[nodiscard]] json::object to_json(const Model& model, const NodeState& node);
[[nodiscard]] json::object to_json(const Finding& finding);
[[nodiscard]] json::object to_json(const Happened& happened);
[[nodiscard]] json::object to_json(const store::RejectItem& item);
[[nodiscard]] json::object to_json(const NodeCredentials& credentials);
// Their data is JSON already; what isn't comes out as a string.
[[nodiscard]] json::value event_data(const std::string& text);

// Written straight as text: a chart has thousands of numbers. Numbers shortest; averages to nine digits.
[[nodiscard]] std::string history_text(const store::HistoryQuery& query, const store::History& history);
// The live frame of a commit's readings. At most limits::series_max_default of them: beyond it only each
// series' latest.
[[nodiscard]] std::string readings_text(UtcMs now, const std::vector<store::ReadingRow>& readings);
[[nodiscard]] std::string number_text(double value);

[[nodiscard]] http::Response answer(const json::value& value, int status = 200);

// A request's body: an object of strings. usage when it isn't, or holds a name not in `known`.
using Fields = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] Result<Fields> parse_fields(const http::Request& request,
                                          std::initializer_list<std::string_view> known);
// A name or place that people read: valid, one line, at most `chars_max` bytes.
[[nodiscard]] Result<void> check_label(std::string_view what, std::string_view text);

}  // namespace alona::web
