#include "tools/tscut/passage.hpp"

#include "common/ts/section.hpp"

namespace tscut {

Passage::Passage(const psi::ServiceTracker& tables, Options options)
    : tables_([this](auto, auto) { tables_changed_ = true; }, {.events = false}),
      options_(options),
      map_(options.service) {
  if (options.service) filter_.emplace(*options.service);
  if (options.rebase) rebaser_.emplace();
  std::vector<ts::Packet> packets;
  for (const auto& table : tables_in_force(tables, std::nullopt)) {
    ts::SectionPacketizer{table.pid}.packetize(table.sections, packets);
  }
  for (const auto& packet : packets) tables_.feed(packet);
  tables_.interrupt();
  update();
}

void Passage::update() {
  tables_changed_ = false;
  map_.update(tables_);
  if (filter_) filter_->update(tables_);
}

void Passage::follow_tables(const ts::Packet& packet) {
  if (!packet.has_sync() || packet.transport_error() || !tables_.wants(packet.pid())) return;
  tables_.feed(packet);
  if (tables_changed_) update();
}

void Passage::begin(std::span<const ts::Packet> zone, std::size_t end, std::span<const VideoStart> starts,
                    const Head::NextCounter& next_counter, std::vector<ts::Packet>& out) {
  const Head head{zone, map_, starts};
  auto opening = head.opening(tables_in_force(tables_, options_.service), next_counter);
  if (filter_) filter_->number(opening);
  for (auto& packet : opening) {
    if (rebaser_) rebaser_->apply(packet, map_);
    out.push_back(packet);
  }
  for (std::size_t i = 0; i < zone.size() && !finished(); ++i) {
    if (i == end) ended_ = true;
    take(head.take(i), out);
  }
}

void Passage::take(std::span<const ts::Packet> packets, std::vector<ts::Packet>& out) {
  for (const auto& packet : packets) {
    if (finished()) return;
    take(packet, out);
  }
}

void Passage::take(const ts::Packet& packet, std::vector<ts::Packet>& out) {
  follow_tables(packet);
  if (!ended_) {
    tail_.observe(packet, map_);
    emit(packet, out);
    return;
  }
  emit(tail_.take(packet, map_), out);
  if (packet.unit_start()) finished_ = tail_.finished(map_);
}

void Passage::observe(std::span<const ts::Packet> packets) {
  for (const auto& packet : packets) {
    follow_tables(packet);
    tail_.observe(packet, map_);
  }
}

void Passage::emit(const ts::Packet& packet, std::vector<ts::Packet>& out) {
  const std::size_t first = out.size();
  if (filter_) {
    filter_->take(packet, map_, out);
  } else {
    out.push_back(packet);
  }
  if (!rebaser_) return;
  for (std::size_t i = first; i < out.size(); ++i) rebaser_->apply(out[i], map_);
}

}  // namespace tscut
