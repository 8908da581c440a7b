#include "protocol/decode.h"

#include <fmt/format.h>

#include <utility>

#include "base/limits.h"
#include "protocol/document.h"
#include "protocol/field_reader.h"
#include "protocol/numbering.h"
#include "protocol/spans.h"
#include "protocol/text.h"

namespace alona::protocol {
namespace {

using Decoded = std::expected<Message, Refusal>;

constexpr std::int64_t seconds_max = limits::age_s_max;  // of uptime and sleep

std::unexpected<Refusal> refuse(Reason reason, std::string_view detail) {
  return std::unexpected(Refusal{reason, std::string(clipped(detail, limits::refusal_detail_bytes_max))});
}

// Its node must hear that it is settled, though nothing else of it can be read.
std::unexpected<Refusal> refuse_unreadable(Refusal why, std::string_view payload) {
  why.sequence = numbering_of_unreadable(payload);
  return std::unexpected(std::move(why));
}

double take_value(FieldReader& in) {
  return in.number(Key::value, -limits::value_abs_max, limits::value_abs_max);
}

// The payload repeats the topic's last level, so that a message that went astray is noticed.
void must_equal(FieldReader& in, Key key, std::string_view said, std::string_view topic) {
  if (said == topic) return;
  in.refuse(Reason::mismatch, key,
            fmt::format("{} in the payload, {} in the topic", shown(said), shown(topic)));
}

Reading take_reading(FieldReader& in) {
  const std::string_view sensor = in.string(Key::sensor);
  const double value = take_value(in);
  const std::string_view unit = in.unit(Key::unit);
  return {.sensor = std::string(sensor),
          .unit = std::string(unit),
          .value = value,
          .ts = in.maybe_ts(),
          .age = in.maybe_age()};
}

// Takes a batch's readings as the parser passes them. A refused one's JSON is cut out later, once the whole
// is known to be JSON.
class BatchReader final : public ReadingSink {
 public:
  explicit BatchReader(std::size_t payload_bytes) {
    telemetry_.batch = true;
    constexpr std::size_t typical_reading_bytes = 60;
    telemetry_.readings.reserve(payload_bytes / typical_reading_bytes + 1);
  }

  void on_reading(const Fields* fields) override {
    const std::size_t index = count_++;
    if (index >= limits::batch_readings_max) return;  // the whole will be refused
    if (fields == nullptr) return refuse_one(index, {Reason::field, ": not an object"});
    FieldReader in(*fields);
    Reading reading = take_reading(in);
    if (!in.refusal() && !valid_name(reading.sensor)) {
      in.refuse(Reason::field, Key::sensor,
                fmt::format("{} is no name; allowed are 1 to {} of a-z 0-9 _ -, a letter or digit first",
                            shown(reading.sensor), limits::name_bytes_max));
    }
    if (!in.refusal()) return telemetry_.readings.push_back(std::move(reading));
    refuse_one(index, {in.refusal()->reason, "." + in.refusal()->detail});
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  [[nodiscard]] Telemetry finish(std::string_view array) && {
    if (refused_at_.empty()) return std::move(telemetry_);
    const auto texts = element_texts(array);
    for (std::size_t i = 0; i < refused_at_.size(); ++i) telemetry_.refused[i].text = texts[refused_at_[i]];
    return std::move(telemetry_);
  }

 private:
  void refuse_one(std::size_t index, Refusal why) {
    why.detail = clipped(fmt::format("readings[{}]{}", index, why.detail), limits::refusal_detail_bytes_max);
    telemetry_.refused.push_back({.why = std::move(why), .text = {}});
    refused_at_.push_back(index);
  }

  Telemetry telemetry_;
  std::vector<std::size_t> refused_at_;
  std::size_t count_ = 0;
};

Telemetry decode_reading(FieldReader& in, const Topic& topic, const Stamp& stamp) {
  Telemetry result;
  Reading reading = take_reading(in);
  reading.ts = stamp.ts;
  must_equal(in, Key::sensor, reading.sensor, topic.name);
  result.readings.push_back(std::move(reading));
  return result;
}

Decoded decode_bare(const Topic& topic, double value) {
  Fields fields;
  fields.set(Key::value, {.kind = Kind::number, .number = value, .text = {}});
  FieldReader in(fields);
  Reading reading{.sensor = std::string(topic.name), .value = take_value(in)};
  if (in.refusal()) return std::unexpected(std::move(*in.refusal()));
  Telemetry result{.bare = true};
  result.readings.push_back(std::move(reading));
  return Message{.stamp = {}, .body = std::move(result)};
}

Telemetry decode_batch(FieldReader& in, std::string_view payload, BatchReader readings) {
  const Value* array = in.any(Key::readings);
  if (array == nullptr) return {};
  if (array->kind != Kind::array) {
    in.refuse(Reason::field, Key::readings, "not an array");
  } else if (readings.count() == 0 || readings.count() > limits::batch_readings_max) {
    in.refuse(Reason::range, Key::readings,
              fmt::format("{}, allowed are 1 to {}", readings.count(), limits::batch_readings_max));
  }
  if (in.refusal()) return {};
  return std::move(readings).finish(member_text(payload, array->place));
}

Event decode_event(FieldReader& in, std::string_view payload, const Topic& topic) {
  const std::string_view type = in.string(Key::type);
  must_equal(in, Key::type, type, topic.name);
  const Value* data = in.any(Key::data);
  if (data == nullptr) return {};
  const std::string_view text = member_text(payload, data->place);
  if (text.size() > limits::event_data_bytes_max) {
    in.refuse(Reason::range, Key::data,
              fmt::format("{} bytes, {} are allowed", text.size(), limits::event_data_bytes_max));
  }
  return {.type = std::string(type), .data = std::string(text)};
}

Heartbeat decode_heartbeat(FieldReader& in) {
  Heartbeat result;
  result.uptime_s = in.whole(Key::uptime, 0, seconds_max);
  result.rssi_dbm =
      static_cast<std::int32_t>(in.whole(Key::rssi, limits::rssi_dbm_min, limits::rssi_dbm_max));
  result.firmware = in.maybe_text(Key::firmware);
  result.heap_bytes = in.maybe_whole(Key::heap, 0, limits::heap_bytes_max);
  result.lost = in.maybe_whole(Key::lost, 0, limits::heap_bytes_max);
  result.battery_v = in.maybe_number(Key::battery, 0, limits::battery_v_max);
  result.reset = in.maybe_text(Key::reset);
  return result;
}

Status decode_status(FieldReader& in) {
  const std::string_view state = in.string(Key::state);
  if (state != "online" && state != "offline") {
    in.refuse(Reason::field, Key::state,
              fmt::format("{}, allowed are \"online\" and \"offline\"", shown(state)));
  }
  return {.online = state == "online",
          .firmware = std::string(in.maybe_text(Key::firmware)),
          .sleep_s = in.maybe_whole(Key::sleep, 0, seconds_max),
          .boot = in.maybe_u32(Key::boot)};
}

NodeError decode_error(FieldReader& in) {
  const std::string_view code = in.text(Key::code);
  return {.code = std::string(code), .message = std::string(in.text(Key::message))};
}

Decoded decode_object(const Topic& topic, std::string_view payload, const Fields& fields,
                      BatchReader* readings) {
  FieldReader in(fields);
  in.version();
  Message message{.stamp = in.stamp(topic.kind != TopicKind::status), .body = {}};
  if (!in.refusal()) {
    switch (topic.kind) {
      case TopicKind::telemetry:
        message.body = decode_reading(in, topic, message.stamp);
        break;
      case TopicKind::telemetry_batch:
        message.body = decode_batch(in, payload, std::move(*readings));
        break;
      case TopicKind::event:
        message.body = decode_event(in, payload, topic);
        break;
      case TopicKind::heartbeat:
        message.body = decode_heartbeat(in);
        break;
      case TopicKind::status:
        message.body = decode_status(in);
        break;
      case TopicKind::error:
        message.body = decode_error(in);
        break;
    }
  }
  if (!in.refusal()) return message;
  auto refused = refuse(in.refusal()->reason, in.refusal()->detail);
  refused.error().sequence = message.stamp.sequence;
  return refused;
}

}  // namespace

std::expected<Message, Refusal> decode(const Topic& topic, std::string_view payload) {
  if (payload.size() > limits::payload_bytes_max) {
    return refuse_unreadable({Reason::too_large, fmt::format("{} bytes, {} are allowed; send it in parts",
                                                             payload.size(), limits::payload_bytes_max)},
                             payload);
  }
  if (!valid_utf8(payload)) return refuse_unreadable({Reason::encoding, "not UTF-8"}, payload);
  std::optional<BatchReader> batch;
  if (topic.kind == TopicKind::telemetry_batch) batch.emplace(payload.size());
  Document document;
  auto read = read_document(payload, document, batch ? &*batch : nullptr);
  if (!read) return refuse_unreadable(std::move(read.error()), payload);
  if (document.top.kind == Kind::object)
    return decode_object(topic, payload, document.fields, batch ? &*batch : nullptr);
  if (topic.kind != TopicKind::telemetry) return refuse(Reason::field, "the payload is not a JSON object");
  if (document.top.kind == Kind::number) return decode_bare(topic, document.top.number);
  return refuse(Reason::field, document.top.kind == Kind::boolean
                                   ? "the payload is true or false; send 0 or 1"
                                   : "the payload is neither a JSON object nor a number");
}

}  // namespace alona::protocol
