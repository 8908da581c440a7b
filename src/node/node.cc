#include "node/node.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "node/core_message.h"

namespace alona::node {
namespace {

constexpr std::string_view core_status_topic = "alona/core/status";
constexpr std::string_view core_time_topic = "alona/core/time";

// What a heartbeat says, as it was when it was due.
struct Beat {
  std::int64_t uptime_s, heap_bytes, lost;  // heap -1: unknown
  double battery_v;                         // NaN: unknown
  std::int32_t rssi_dbm;
};

bool append(char*& at, const char* end, std::string_view text) {
  if (text.size() > static_cast<std::size_t>(end - at)) return false;
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  at += text.size();
  return true;
}

}  // namespace

Node::Node(Port& port, const Settings& settings, const Memory& memory)
    : port_(port),
      settings_(settings),
      memory_(memory),
      boot_(settings.boot ? *settings.boot : port.random()),
      readings_(memory.readings),
      notes_(memory.notes),
      connector_(settings.broker_name, settings.broker_address, settings.kept_address),
      now_ms_(port.mono_ms()),
      start_ms_(now_ms_),
      heartbeat_ms_(now_ms_) {
  will_.topic = topic(will_topic_, "status");
  const std::size_t size = protocol::encode_status(will_payload_, {.online = false, .boot = boot_});
  will_.payload = {will_payload_.data(), size};
}

std::string_view Node::topic(Topic& memory, std::string_view kind, std::string_view name) const {
  char* at = memory.data();
  const char* end = at + memory.size();
  bool fits = append(at, end, "alona/") && append(at, end, settings_.node_id) && append(at, end, "/") &&
              append(at, end, kind);
  if (fits && !name.empty()) fits = append(at, end, "/") && append(at, end, name);
  return fits ? std::string_view{memory.data(), static_cast<std::size_t>(at - memory.data())}
              : std::string_view{};
}

// ---- taking in ----

bool Node::record(std::size_t sensor, double value, std::optional<std::int64_t> utc_ms) {
  ++counts_.taken;
  if (sensor >= memory_.sensors.size() || !(std::abs(value) <= limits::value_abs_max)) {
    ++counts_.refused;
    return false;
  }
  ReadingSlot slot{.time_ms = utc_ms ? *utc_ms : port_.mono_ms(),
                   .value = value,
                   .seq = 0,
                   .sensor = static_cast<std::uint16_t>(sensor),
                   .utc = utc_ms.has_value()};
  freeze_time(slot.utc, slot.time_ms);
  counts_.lost += readings_.push(slot);
  return true;
}

bool Node::note(const Note& note) {
  Note timed = note;
  timed.time_ms = port_.mono_ms();
  freeze_time(timed.utc, timed.time_ms);
  counts_.notes_lost += notes_.push(timed);
  return true;
}

bool Node::event(std::string_view type, std::string_view data_json) {
  if (type.empty() || type.size() > limits::name_bytes_max || data_json.size() > limits::event_data_bytes_max)
    return false;
  return note({.kind = NoteKind::event, .name = type, .text = data_json});
}

bool Node::error(std::string_view code, std::string_view message) {
  if (code.empty() || code.size() > limits::name_bytes_max) return false;
  return note({.kind = NoteKind::error, .name = code, .text = message.substr(0, limits::text_bytes_max)});
}

// ---- time ----

std::optional<std::int64_t> Node::utc_ms(std::int64_t mono_ms) {
  if (const auto own = port_.utc_ms()) return *own - (port_.mono_ms() - mono_ms);
  if (utc_offset_ms_) return mono_ms + *utc_offset_ms_;
  return {};
}

// A time becomes UTC as soon as anybody knows it, and stays what it is from then on.
void Node::freeze_time(bool& utc, std::int64_t& time_ms) {
  if (utc) return;
  if (const auto known = utc_ms(time_ms)) utc = true, time_ms = *known;
}

std::optional<UtcMs> Node::ts_of(bool utc, std::int64_t time_ms) {
  freeze_time(utc, time_ms);
  if (!utc) return {};
  return UtcMs{Ms{time_ms}};
}

// Quality 2 says that nobody confirmed the core's clock: to stamp by it would make a guess look like
// knowledge.
void Node::take_time(std::string_view payload) {
  const auto quality = number<int>(payload, "quality");
  const auto ts = number<double>(payload, "ts");
  if (quality != static_cast<int>(TimeQuality::receipt) || !ts || !(*ts > 0) || *ts > 1e11) return;
  utc_offset_ms_ = std::llround(*ts * 1000) - port_.mono_ms();
}

// ---- what the core says ----

void Node::on_message(std::string_view name, std::string_view payload, bool retained) {
  if (name == core_time_topic) return take_time(payload);
  if (name == core_status_topic) {
    const auto state = member(payload, "state");
    core_offline_ = state && *state == "\"offline\"";
    // A retained one only tells how things are; we have just greeted. A fresh one says that the core begins.
    if (core_offline_ || retained || !state) return;
    say_online_ = true;
    return start_resend();
  }
  Topic memory;
  if (name != topic(memory, "ack")) return;
  take_time(payload);
  const auto seq = number<std::uint32_t>(payload, "seq");
  if (seq && number<std::uint32_t>(payload, "boot") == boot_ && *seq < next_seq_) settle(*seq);
}

void Node::settle(std::uint32_t seq) {
  if (seq < low()) return;  // said before
  counts_.acked += readings_.settle(seq);
  notes_.settle(seq);
  progress_ms_ = port_.mono_ms();
  patience_ms_ = resend_after_ms;
}

std::uint32_t Node::low() const {
  std::uint32_t lowest = next_seq_;
  if (readings_.sent() > 0) lowest = readings_.at(0).seq;
  Note note;
  if (notes_.find(1, note)) lowest = std::min(lowest, note.seq);
  return lowest;
}

// ---- the turn ----

void Node::step() {
  now_ms_ = port_.mono_ms();
  if (connector_.step(port_, will_, now_ms_)) greet();
  if (port_.link() != Link::up) return;
  if (say_online_) say_online_ = !say_status(true, {});
  if (now_ms_ >= heartbeat_ms_) heartbeat();
  if (low() != next_seq_ && !core_offline_ && resend_next_ == resend_end_ &&
      now_ms_ - progress_ms_ >= patience_ms_) {
    patience_ms_ = std::min(patience_ms_ * 2, resend_after_ms_max);
    start_resend();
  }
  resend();
  send_new();
}

void Node::greet() {
  Topic memory;
  bool heard = port_.subscribe(core_status_topic) && port_.subscribe(core_time_topic);
  if (!settings_.plain) heard = port_.subscribe(topic(memory, "ack")) && heard;
  if (!heard) return port_.hang_up();
  core_offline_ = false;  // its retained status follows
  say_online_ = true;
  start_resend();
}

bool Node::say_status(bool online, std::optional<std::int64_t> sleep_s) {
  const std::size_t size = protocol::encode_status(
      memory_.payload, {.online = online, .firmware = settings_.firmware, .sleep_s = sleep_s, .boot = boot_},
      ts_of(false, port_.mono_ms()));
  return size > 0 && port_.publish(will_.topic, {memory_.payload.data(), size}, true);
}

bool Node::say_sleep(std::int64_t seconds) { return port_.link() == Link::up && say_status(false, seconds); }

void Node::heartbeat() {
  heartbeat_ms_ = now_ms_ + heartbeat_every_ms;
  if (notes_.has_unsent(NoteKind::heartbeat)) return;  // we are behind; one is enough
  const Beat beat{.uptime_s = (now_ms_ - start_ms_) / 1000,
                  .heap_bytes = port_.heap_bytes().value_or(-1),
                  .lost = static_cast<std::int64_t>(counts_.lost),
                  .battery_v = port_.battery_v().value_or(NAN),
                  .rssi_dbm = port_.rssi_dbm()};
  char bytes[sizeof beat];
  std::memcpy(bytes, &beat, sizeof beat);
  note({.kind = NoteKind::heartbeat, .text = {bytes, sizeof bytes}});
}

// ---- sending ----

void Node::start_resend() {
  resend_next_ = low();
  resend_end_ = next_seq_;
  resend_due_ms_ = std::max(resend_due_ms_, now_ms_ - resend_burst_ms);
  progress_ms_ = port_.mono_ms();
}

void Node::resend() {
  resend_due_ms_ = std::max(resend_due_ms_, now_ms_ - resend_burst_ms);
  while (resend_next_ != resend_end_ && resend_due_ms_ <= now_ms_) {
    const std::size_t index = readings_.find(resend_next_);
    const bool reading = index < readings_.sent();
    Note note;
    const bool noted = notes_.find(resend_next_, note);
    std::uint32_t seq = resend_end_;  // nothing left of it: settled meanwhile
    if (reading) seq = std::min(seq, readings_.at(index).seq);
    if (noted) seq = std::min(seq, note.seq);
    if (seq >= resend_end_) {
      resend_next_ = resend_end_;
      return;
    }
    const bool is_note = noted && note.seq == seq;
    const bool went_out =
        is_note ? publish_note(note, seq) : publish_readings(index, readings_.group(index), seq) > 0;
    if (!went_out) return;
    ++counts_.resent;
    resend_next_ = seq + 1;
    resend_due_ms_ += resend_spacing_ms;
  }
}

void Node::send_new() {
  while (next_seq_ - low() < limits::node_unacked_max) {
    if (!send_new_note() && !send_new_readings()) return;
  }
}

// Message next_seq_ has left.
void Node::went(std::size_t readings) {
  if (low() == next_seq_) progress_ms_ = port_.mono_ms();  // nothing waited: patience begins now
  ++counts_.messages;
  counts_.sent += readings;
}

bool Node::send_new_note() {
  Note note;
  if (!notes_.find(0, note)) return false;
  freeze_time(note.utc, note.time_ms);
  if (!publish_note(note, next_seq_)) return false;
  went(0);
  notes_.mark_sent(next_seq_, note.utc, note.time_ms);
  if (settings_.plain) return notes_.settle(next_seq_), true;
  ++next_seq_;
  return true;
}

bool Node::send_new_readings() {
  const std::size_t first = readings_.sent(), unsent = readings_.size() - first;
  if (unsent == 0) return false;
  const std::size_t batch_max =
      std::clamp<std::size_t>(readings_.capacity() / batches_per_ring_min, 1, limits::batch_readings_max);
  const std::size_t count = settings_.single || unsent <= live_readings_max ? 1 : std::min(unsent, batch_max);
  for (std::size_t i = first; i < first + count; ++i)
    freeze_time(readings_.at(i).utc, readings_.at(i).time_ms);
  const std::size_t sent = publish_readings(first, count, next_seq_);
  if (sent == 0) return false;
  went(sent);
  readings_.mark_sent(sent, next_seq_);
  if (!settings_.plain) return ++next_seq_, true;
  counts_.acked += readings_.settle(next_seq_);
  return true;
}

protocol::Stamp Node::stamp(std::uint32_t seq) const {
  if (settings_.plain) return {};
  return {.sequence = protocol::Stamp::Sequence{.boot = boot_, .seq = seq, .low = std::min(low(), seq)}};
}

bool Node::publish_note(const Note& note, std::uint32_t seq) {
  protocol::Stamp with = stamp(seq);
  with.ts = ts_of(note.utc, note.time_ms);
  std::size_t size = 0;
  Topic memory;
  std::string_view to = topic(memory, "heartbeat");
  if (note.kind == NoteKind::event) {
    to = topic(memory, "event", note.name);
    size = protocol::encode_event(memory_.payload, note.name, note.text, with);
  } else if (note.kind == NoteKind::error) {
    to = topic(memory, "error");
    size = protocol::encode_error(memory_.payload, note.name, note.text, with);
  } else {
    Beat beat;
    std::memcpy(&beat, note.text.data(), sizeof beat);
    protocol::HeartbeatView view{.uptime_s = beat.uptime_s,
                                 .rssi_dbm = beat.rssi_dbm,
                                 .firmware = settings_.firmware,
                                 .reset = settings_.reset,
                                 .lost = beat.lost};
    if (beat.heap_bytes >= 0) view.heap_bytes = beat.heap_bytes;
    if (std::isfinite(beat.battery_v)) view.battery_v = beat.battery_v;
    size = protocol::encode_heartbeat(memory_.payload, view, with);
  }
  return size > 0 && port_.publish(to, {memory_.payload.data(), size}, false);
}

// A single reading has no `age`: without a time of its own it goes as a batch of one.
std::size_t Node::publish_readings(std::size_t index, std::size_t count, std::uint32_t seq) {
  protocol::Stamp with = stamp(seq);
  const ReadingSlot& first = readings_.at(index);
  with.ts = count == 1 ? ts_of(first.utc, first.time_ms) : std::nullopt;
  Topic memory;
  std::string_view to = topic(memory, "telemetry");
  std::size_t size = 0;
  if (with.ts) {
    const Sensor& sensor = memory_.sensors[first.sensor];
    to = topic(memory, "telemetry", sensor.name);
    size = protocol::encode_reading(memory_.payload,
                                    {.sensor = sensor.name, .unit = sensor.unit, .value = first.value}, with);
  } else {
    size = encode_batch(index, count, with);
  }
  return size > 0 && port_.publish(to, {memory_.payload.data(), size}, false) ? count : 0;
}

// As many of `count` readings as fit, which it sets. A message sent before always fits again (node/limits.h).
std::size_t Node::encode_batch(std::size_t index, std::size_t& count, const protocol::Stamp& with) {
  bool frozen = true;
  for (std::size_t i = 0; i < count && frozen; ++i) frozen = readings_.at(index + i).utc;
  const bool again = readings_.at(index).seq != 0;
  const std::size_t room = again    ? limits::payload_bytes_max
                           : frozen ? frozen_payload_bytes_max
                                    : growing_payload_bytes_max;
  protocol::BatchEncoder batch{memory_.payload.first(std::min(room, memory_.payload.size())), with};
  for (std::size_t i = 0; i < count; ++i) {
    const ReadingSlot& slot = readings_.at(index + i);
    const Sensor& sensor = memory_.sensors[slot.sensor];
    protocol::ReadingView view{
        .sensor = sensor.name, .unit = sensor.unit, .value = slot.value, .ts = ts_of(slot.utc, slot.time_ms)};
    if (!view.ts) view.age = Ms{std::max<std::int64_t>(0, port_.mono_ms() - slot.time_ms)};
    if (!batch.add(view)) break;
  }
  count = batch.count();
  return batch.finish();
}

}  // namespace alona::node
