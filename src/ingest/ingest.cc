#include "ingest/ingest.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/arrival.h"
#include "ingest/window.h"
#include "protocol/numbering.h"

namespace alona::ingest {
namespace {
namespace flag = store::flag;
using protocol::Reason;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

constexpr std::string_view old_copy =
    "only status may be retained; the broker keeps an old copy of this message";

// Only telemetry carries readings. What can't be read counts as one: somebody sent something.
std::uint32_t readings_in(const protocol::Topic& topic,
                          const std::expected<protocol::Message, protocol::Refusal>& decoded) {
  if (topic.kind != protocol::TopicKind::telemetry && topic.kind != protocol::TopicKind::telemetry_batch)
    return 0;
  if (!decoded) return 1;
  const auto& telemetry = std::get<protocol::Telemetry>(decoded->body);
  return static_cast<std::uint32_t>(telemetry.readings.size() + telemetry.refused.size());
}

}  // namespace

Ingest::Ingest(store::Writer& writer, const Clock& clock, IngestOptions options)
    : writer_(writer),
      clock_(clock),
      options_(std::move(options)),
      time_(
          clock, [this](store::EpochNo epoch) { return writer_.settled(epoch); }, options_.house),
      due_(options_.commit_interval) {}

// ---- the path of a message, top to bottom ----

void Ingest::take(const mqtt::Message& message) {
  Arrival a{message, time_.now(), clock_.mono(), nullptr, {}};
  const auto topic = protocol::parse_topic(message.topic);
  const bool urgent =
      topic && !message.retained && !backlog_ &&
      (topic->kind == protocol::TopicKind::event || topic->kind == protocol::TopicKind::error ||
       topic->kind == protocol::TopicKind::status);
  due_.message(a.mono, urgent);
  watch_for_redeliverys_end(a.mono);
  if (message.topic == canary_topic) return take_canary(a);
  if (!topic) return refuse_topic(a);
  a.node_id = topic->node;
  a.node = known_node(topic->node);
  if (a.node == nullptr) {
    return refuse(
        a, {Reason::unknown_node, "add it with `alona node add`, or open discovery in the configuration"});
  }
  auto decoded = protocol::decode(*topic, message.payload);
  a.readings = readings_in(*topic, decoded);
  const bool is_status = topic->kind == protocol::TopicKind::status;
  const auto sequence = decoded ? decoded->stamp.sequence : decoded.error().sequence;
  if (message.qos == 0 && !a.node->row.may_lose) {
    a.node->row.may_lose = true;
    batch_->nodes.push_back(a.node->row);
  }
  if (!is_status && seen_before(a, sequence)) return;
  if (!(message.retained && is_status)) {
    a.node->presence.message(a.received, a.mono, backlog_ || message.retained);
    note_presence(*a.node);
  }
  if (!decoded) return refuse(a, decoded.error());
  std::visit(Overloaded{[&](protocol::Telemetry& t) { store_telemetry(a, t, decoded->stamp); },
                        [&](protocol::Event& e) { store_event(a, e, decoded->stamp); },
                        [&](protocol::Heartbeat& h) { store_heartbeat(a, h, decoded->stamp); },
                        [&](protocol::Status& s) { store_status(a, s); },
                        [&](protocol::NodeError& e) { store_error(a, e, decoded->stamp); }},
             decoded->body);
}

// A known node's is settled like any other refusal: a sensor's name that is misspelt must not hold up what
// comes behind it.
void Ingest::refuse_topic(Arrival& a) {
  a.node_id = protocol::node_of(a.message.topic);
  if (NodeState* node = catalog_.find(a.node_id); node != nullptr && !node->row.removed) a.node = node;
  if (a.node != nullptr && seen_before(a, protocol::numbering_of_unreadable(a.message.payload))) return;
  refuse(a, {Reason::topic, "no node may publish on this topic"});
}

// A node the broker let in is known; whether it has a row yet is our own business.
NodeState* Ingest::known_node(std::string_view id) {
  NodeState* node = catalog_.find(id);
  if (node != nullptr && !node->row.removed) return node;
  const bool welcome = options_.discovery || (options_.admitted && options_.admitted(id));
  if (!welcome || (node == nullptr && catalog_.nodes().size() >= options_.nodes_max)) return nullptr;
  if (node == nullptr) node = &catalog_.add_node(id, time_.now(), clock_.mono());
  node->row.removed = false;
  batch_->nodes.push_back(node->row);
  return node;
}

// Exactly once: by boot and seq, else by the tail. True: it is settled here, as a repeat or as refused.
bool Ingest::seen_before(Arrival& a, const std::optional<protocol::Stamp::Sequence>& sequence) {
  if (!sequence) return seen_in_tail(a);
  if (a.message.retained) return settle_old_copy(a, *sequence), true;
  if (Catalog::find_window(*a.node, sequence->boot) == nullptr)
    batch_->boots.push_back({a.node->row.no, a.received, sequence->boot});
  store::WindowRow& window = Catalog::window(*a.node, sequence->boot);
  const Judged judged = judge(window, *sequence);
  std::erase(a.node->touched, sequence->boot);
  a.node->touched.push_back(sequence->boot);
  a.node->delta.lost += judged.lost;
  if (judged.verdict == Verdict::fresh) {
    if (a.message.packet_id != 0) redelivery_ = false;
    return false;
  }
  if (judged.verdict == Verdict::repeat) {
    a.node->delta.repeated += a.readings;
  } else {
    refuse(a, {Reason::window, fmt::format("seq {} is more than {} ahead of the acknowledged {}",
                                           sequence->seq, limits::window_length, window.acked)});
  }
  return true;
}

// What the broker kept may be of a boot long forgotten, and come at each connect: never taken as new. The
// window isn't moved either, as a node that holds the message still sends it again.
void Ingest::settle_old_copy(Arrival& a, const protocol::Stamp::Sequence& sequence) {
  const store::WindowRow* known = Catalog::find_window(*a.node, sequence.boot);
  if (known != nullptr) {
    store::WindowRow window = *known;
    if (judge(window, sequence).verdict == Verdict::repeat) {
      a.node->delta.repeated += a.readings;
      return;
    }
  }
  refuse(a, {Reason::retained, std::string(old_copy)});
}

// A broker delivers again only after a connect, in the old order and before anything new: the first message
// that is new ends it (seen_before, seen_in_tail), and so does a quiet line, or more messages than a broker
// can hold. From then on a match in the tail is chance: packet ids come round, or a broker that fell back to
// an old save gives them a second time, and a simple node says the same few texts for years.
void Ingest::watch_for_redeliverys_end(Mono now) {
  if (++taken_since_connect_ > limits::tail_messages) backlog_ = redelivery_ = false;
  if (now - last_taken_ > limits::redelivery_quiet) redelivery_ = false;
  last_taken_ = now;
}

bool Ingest::seen_in_tail(Arrival& a) {
  const mqtt::Message& m = a.message;
  if (m.packet_id == 0 && !m.retained) return false;  // QoS 0 is never delivered twice
  const store::TailEntry entry{m.packet_id,
                               keyed_hash(tail_key_, m.topic, m.payload) & store::tail_hash_mask};
  if (m.retained) {
    if (tail_.contains_hash(entry.hash)) {
      a.node->delta.repeated += a.readings;
    } else {
      refuse(a, {Reason::retained, std::string(old_copy)});
    }
    return true;
  }
  const bool bare = !m.payload.empty() && m.payload.front() != '{';
  a.replayed = redelivery_ && tail_.contains(entry);
  if (a.replayed && !bare) {
    a.node->delta.repeated += a.readings;
    return true;
  }
  if (!a.replayed) redelivery_ = false;
  // The same bare number under the same packet id may well be a new reading: kept, and marked.
  tail_.add(entry);
  batch_->tail.push_back(entry);
  return false;
}

void Ingest::store_telemetry(Arrival& a, protocol::Telemetry& telemetry, const protocol::Stamp& stamp) {
  for (const auto& refused : telemetry.refused) refuse_part(a, refused.why, 1, refused.text);
  for (protocol::Reading& reading : telemetry.readings) {
    if (!reading.ts && !reading.age) reading.ts = stamp.ts;  // a batch's own, for those that say nothing
    store_reading(a, reading, telemetry.bare);
  }
}

void Ingest::store_reading(Arrival& a, const protocol::Reading& reading, bool bare) {
  NodeState& node = *a.node;
  if (node.today.stored + node.delta.stored >= limits::node_day_readings_max) {
    return refuse_part(
        a, {Reason::limit, fmt::format("more than {} readings in a day", limits::node_day_readings_max)}, 1,
        a.message.payload);
  }
  SeriesState* series = series_for(a, reading, bare);
  if (series == nullptr) return;
  Judgement judged = judge_time(a, reading.ts, reading.age);
  if (a.replayed) judged.flags |= flag::replayed;
  const bool by_receipt = !reading.ts || (judged.flags & flag::node_clock_wrong) != 0;
  // Receipt times are unique and rising, so that two readings of one millisecond are two. A last time far
  // ahead came of a wrong clock, and mustn't drag the receipts along.
  const bool of_this_clock = series->last.epoch == store::EpochNo{} || series->last.epoch == time_.epoch();
  const bool burst =
      of_this_clock && judged.ts <= series->last.ts && series->last.ts - judged.ts < std::chrono::hours{1};
  if (by_receipt && !reading.age) {
    if (burst) judged.ts = series->last.ts + Ms{1};
    judged.ts = std::max(judged.ts, series->receipt + Ms{1});
    series->receipt = judged.ts;
  }
  const auto value = carried_on(*series, reading.value, judged.ts);
  if (!value)
    return refuse_part(a,
                       {Reason::range, fmt::format("with its counter's base added it is more than {:g}",
                                                   limits::value_abs_max)},
                       1, a.message.payload);
  const bool aged = by_receipt && reading.age;
  if (judged.ts <= series->last.ts) (aged ? aged_ : late_).push_back(batch_->readings.size());
  store::ReadingRow row{series->row.no, judged.ts, *value, judged.flags};
  if (row.quality() != TimeQuality::node) row.epoch = time_.epoch();
  batch_->readings.push_back(row);
  ++node.delta.stored;
  if (judged.ts >= series->last.ts) series->last = {judged.ts, *value, judged.flags, row.epoch};
}

SeriesState* Ingest::series_for(Arrival& a, const protocol::Reading& reading, bool bare) {
  NodeState& node = *a.node;
  SeriesState* series =
      bare ? catalog_.find(node, reading.sensor) : catalog_.find(node, reading.sensor, reading.unit);
  if (series != nullptr) return series;
  if (bare) {
    refuse_part(
        a, {Reason::field, "unit: a bare number needs a sensor whose unit is known; send it once as JSON"}, 1,
        a.message.payload);
    return nullptr;
  }
  if (catalog_.series_count() >= options_.series_max) {
    refuse_part(
        a, {Reason::limit, fmt::format("more than {} series; raise [limits] series", options_.series_max)}, 1,
        a.message.payload);
    return nullptr;
  }
  series = &catalog_.add_series(node, reading.sensor, reading.unit);
  batch_->series.push_back(series->row);
  return series;
}

// The node's own time where it can be true; else its age; else the receipt. Never a guess shown as a fact.
Ingest::Judgement Ingest::judge_time(const Arrival& a, std::optional<UtcMs> ts, std::optional<Ms> age) const {
  std::uint8_t flags = 0;
  if (ts) {
    const bool ahead = time_.trusted() && *ts > a.received + limits::node_ahead_max;
    if (!ahead && *ts >= utc_ms(limits::node_ts_min_ms))
      return {*ts, static_cast<std::uint8_t>(TimeQuality::node)};
    flags |= flag::node_clock_wrong;
  }
  const bool late = backlog_ || a.message.duplicate || a.message.retained;
  if (late) flags |= flag::received_late;
  const TimeQuality quality = time_.trusted() && !late ? TimeQuality::receipt : TimeQuality::provisional;
  flags |= static_cast<std::uint8_t>(quality);
  return {a.received - (!ts && age ? *age : Ms{0}), flags};
}

void Ingest::store_event(Arrival& a, protocol::Event& event, const protocol::Stamp& stamp) {
  if (a.node->today.events + a.node->delta.events >= limits::node_day_events_max) {
    return refuse(a, {Reason::limit,
                      fmt::format("more than {} events and errors in a day", limits::node_day_events_max)});
  }
  ++a.node->delta.events;
  const Judgement judged = judge_time(a, stamp.ts, {});
  batch_->events.push_back(
      {a.node->row.no, judged.ts, judged.flags, std::move(event.type), std::move(event.data)});
}

void Ingest::store_error(Arrival& a, protocol::NodeError& error, const protocol::Stamp& stamp) {
  if (a.node->today.events + a.node->delta.events >= limits::node_day_events_max) {
    return refuse(a, {Reason::limit,
                      fmt::format("more than {} events and errors in a day", limits::node_day_events_max)});
  }
  ++a.node->delta.events;
  const Judgement judged = judge_time(a, stamp.ts, {});
  batch_->errors.push_back(
      {a.node->row.no, judged.ts, judged.flags, std::move(error.code), std::move(error.message)});
}

void Ingest::store_heartbeat(Arrival& a, protocol::Heartbeat& heartbeat, const protocol::Stamp& stamp) {
  if (a.node->today.heartbeats + a.node->delta.heartbeats >= limits::node_day_heartbeats_max) {
    return refuse(
        a, {Reason::limit, fmt::format("more than {} heartbeats in a day", limits::node_day_heartbeats_max)});
  }
  ++a.node->delta.heartbeats;
  const Judgement judged = judge_time(a, stamp.ts, {});
  batch_->heartbeats.push_back({a.node->row.no, judged.ts, heartbeat.uptime_s, heartbeat.rssi_dbm,
                                std::move(heartbeat.firmware), heartbeat.heap_bytes, heartbeat.lost,
                                heartbeat.battery_v, std::move(heartbeat.reset)});
}

void Ingest::store_status(Arrival& a, const protocol::Status& status) {
  NodePresence& presence = a.node->presence;
  const std::optional<Ms> sleep = status.sleep_s ? std::optional{Ms{1000 * *status.sleep_s}} : std::nullopt;
  // Who says for how long it goes to sleep hasn't left: it counts as there for twice as long.
  if (status.online || sleep) {
    // A retained copy is what the node said once; only its live word is news.
    if (!a.message.retained) presence.said_online(a.mono);
    presence.announced_sleep(sleep);
  } else {
    presence.said_offline();
  }
  if (sleep) note_sleep(*a.node, *sleep);
  note_presence(*a.node);
}

// Kept, so that its silences are no gaps; but not for each small change.
void Ingest::note_sleep(NodeState& node, Ms sleep) {
  if (sleep <= node.row.sleep && 2 * sleep >= node.row.sleep) return;
  node.row.sleep = sleep;
  batch_->nodes.push_back(node.row);
}

void Ingest::refuse(Arrival& a, const protocol::Refusal& why) {
  refuse_part(a, why, a.readings, a.message.payload);
}

void Ingest::refuse_part(Arrival& a, const protocol::Refusal& why, std::uint32_t readings,
                         std::string_view text) {
  batch_->rejects.push_back({std::string(a.node_id), std::string(a.message.topic),
                             std::string(name(why.reason)), why.detail,
                             std::string(text.substr(0, limits::reject_payload_bytes_max)),
                             static_cast<std::uint32_t>(text.size()), readings, a.received});
  if (a.node != nullptr) a.node->delta.rejected += readings;
}

// ---- the commit ----

Result<Committed> Ingest::commit() {
  batch_->received = time_.now();
  batch_->epoch = time_.epoch();
  if (auto done = part_aged(); !done) return std::unexpected(done.error());
  if (auto done = drop_repeats(); !done) return std::unexpected(done.error());
  gather_bookkeeping();
  Committed committed{batch_, {}, time_.moved()};
  if (!batch_->empty() || time_.moved()) {
    batch_->epochs = time_.unwritten();
    batch_->true_time = time_.moved() && time_.trusted();
    if (auto receipt = writer_.commit(*batch_); !receipt) return std::unexpected(receipt.error());
    time_.committed(batch_->received);
    readings_stored_ += batch_->readings.size();
  }
  for (const auto& node : catalog_.nodes()) {
    // One ack a node: of the boot that spoke last, the only one that still listens.
    const auto* window = node->touched.empty() ? nullptr : Catalog::find_window(*node, node->touched.back());
    if (window != nullptr && window->acked > 0) {
      committed.acks.push_back({node->row.id, window->boot, window->acked});
    }
    node->touched.clear();
    node->delta = {};
  }
  batch_ = std::make_shared<store::Batch>();
  late_.clear();
  aged_.clear();
  due_.committed();
  last_taken_ = clock_.mono();
  return committed;
}

void Ingest::gather_bookkeeping() {
  const std::int32_t day = utc_day(batch_->received);
  for (const auto& node : catalog_.nodes()) {
    if (day != today_) node->today = {};
    store::CountRow& d = node->delta;
    for (const std::uint32_t boot : node->touched) {
      if (const auto* window = Catalog::find_window(*node, boot)) batch_->windows.push_back(*window);
    }
    d.node = node->row.no;
    d.day = day;
    node->today.stored += d.stored;
    node->today.events += d.events;
    node->today.heartbeats += d.heartbeats;
    if (d.stored + d.rejected + d.repeated + d.corrected + d.lost + d.events + d.heartbeats > 0) {
      batch_->counts.push_back(d);
    }
  }
  today_ = day;
}

}  // namespace alona::ingest
