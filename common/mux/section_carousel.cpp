#include "common/mux/section_carousel.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace mux {
namespace {

using std::chrono::milliseconds;

// 25 ms from the last byte of a section to the first of the next (EN 300 468 5.1.4.1), and 2 ms for the packet that
// holds the last byte, as times here are those when packets begin.
constexpr ts::Ticks27 separation = milliseconds{27};
// Packed together, beyond a first section: 33 ms of the transport buffer, for which a table that is due next must wait.
constexpr std::size_t largest_batch = 4096;
// A packet has at least so many bytes of sections, but the last.
constexpr std::size_t least_payload = 183;

constexpr std::int64_t transport_bytes = ts::packet_size;  // of a packet in TB
constexpr std::int64_t system_bytes = 184;                 // and in Bsys

unsigned number_of(const psi::SectionBytes& section) { return section.size() > 6 ? section[6] : 0; }

// Where the section with that section_number is, `otherwise` if there is none.
std::size_t place_of(unsigned number, const std::vector<psi::SectionBytes>& sections, std::size_t otherwise) {
  const auto found = std::ranges::find(sections, number, number_of);
  return found == sections.end() ? otherwise : static_cast<std::size_t>(found - sections.begin());
}

constexpr ts::Ticks27 slack(ts::Ticks27 interval) { return interval / 10; }

// How long a PMT leaves room for the PAT.
constexpr ts::Ticks27 patience = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{100});

}  // namespace

SectionCarousel::Rank SectionCarousel::rank_of(const TableKey& key) {
  const std::uint8_t id = key.table_id;
  if (id <= psi::table_id::pmt) return psi_rank;
  const bool schedule = id >= psi::table_id::eit_schedule_actual_first && id <= psi::table_id::eit_schedule_other_last;
  return schedule ? schedule_rank : si_rank;
}

void SectionCarousel::Buffer::fill(MultiplexTime now, std::int64_t bytes) {
  empty = std::max(empty, now) + ts::Ticks27{bytes * ticks_per_byte};
}

bool SectionCarousel::Stream::has_sent(const Sent& section) const {
  const std::size_t packet_after = (section.end + least_payload - 1) / least_payload;
  return std::min(packet_after, packets.size()) <= next_packet;
}

double SectionCarousel::Turn::ratio() const {
  return static_cast<double>(longest.count()) / static_cast<double>(interval.count());
}

// ---- Tables come and go

void SectionCarousel::set(const TableKey& key, std::vector<psi::SectionBytes> sections, ts::Ticks27 interval) {
  std::erase_if(sections, [](const psi::SectionBytes& section) { return section.empty(); });
  if (sections.empty()) return remove(key);
  Table& table = add(key);
  interval = std::max(interval, separation);
  if (table.sections == sections && table.interval == interval) return;
  table.make = nullptr;
  // The one whose turn it is must not wait for one that has come before it.
  if (!table.sections.empty()) table.at = place_of(number_of(table.sections[table.at]), sections, table.at);
  table.sections = std::move(sections);
  table.interval = interval;
  begin_anew(table);
}

void SectionCarousel::set(const TableKey& key, Maker make, ts::Ticks27 interval) {
  if (!make) return remove(key);
  Table& table = add(key);
  table.sections.clear();
  table.make = std::move(make);
  table.interval = std::max(interval, separation);
  begin_anew(table);
}

void SectionCarousel::remove(const TableKey& key) {
  forget_stopped();
  const auto found = tables_.find(key);
  if (found == tables_.end() || found->second.stopped()) return;
  Table& table = found->second;
  Stream& stream = stream_of(key);
  if (table.state != State::sending) leave(stream, table);
  table.sections.clear();
  table.make = nullptr;
  table.turn_began.reset();
  table.longest_turn = {};
  stopped_.push_back(key);
  refresh(stream);
}

SectionCarousel::Table& SectionCarousel::add(const TableKey& key) {
  forget_stopped();
  return tables_.try_emplace(key, key, rank_of(key)).first->second;
}

// Those whose 25 ms are over.
void SectionCarousel::forget_stopped() {
  std::erase_if(stopped_, [this](const TableKey& key) {
    const auto found = tables_.find(key);
    if (found == tables_.end() || !found->second.stopped()) return true;
    const Table& table = found->second;
    if (table.state != State::idle || table.quiet > now_) return false;
    tables_.erase(found);
    return true;
  });
}

SectionCarousel::Stream& SectionCarousel::stream_of(const TableKey& key) {
  Stream& stream = streams_.try_emplace(key.pid, key.pid).first->second;
  if (key.table_id > psi::table_id::pmt) return stream;
  if (!stream.psi) {
    // What PAT and CAT have brought lies in this program's buffers too.
    const auto join = [this](Buffer& buffer, const Buffer& shared) {
      buffer.empty = std::max(buffer.empty, now_) + std::max(shared.empty - now_, ts::Ticks27{});
    };
    join(stream.buffers.transport, shared_.transport);
    join(stream.buffers.system, shared_.system);
    stream.psi = true;
  }
  stream.shared = stream.shared || key.table_id < psi::table_id::pmt;
  return stream;
}

// The sections are others now. Goes on where the turn was, so that tables which change often send all of theirs.
void SectionCarousel::begin_anew(Table& table) {
  table.at %= table.count();
  table.hurried = table.rank == psi_rank ? table.count() : 0;
  table.anchored = false;
  if (!table.turn_began) table.turn_began = now_;
  Stream& stream = stream_of(table.key);
  if (table.state != State::sending) {
    Queue& queue = stream.queues[table.rank];
    leave(stream, table);
    table.due = std::max(now_, table.quiet) - queue.behind;
    queue.tables.insert(&table);
    table.state = State::waiting;
  }
  refresh(stream);
}

// Waits for nothing any more.
void SectionCarousel::leave(Stream& stream, Table& table) {
  if (table.state == State::waiting) stream.queues[table.rank].tables.erase(&table);
  if (table.state == State::resting) stream.resting.erase(&table);
  table.state = State::idle;
}

// ---- What is next

// After a change of `changed`, which may have filled the buffers of others.
void SectionCarousel::refresh(const Stream& changed) {
  next_ = MultiplexTime::max();
  for (auto& [pid, stream] : streams_) {
    const bool share_buffers = changed.psi && stream.psi && (changed.shared || stream.shared);
    if (&stream == &changed || share_buffers) stream.ready = ready(stream);
    next_ = std::min(next_, stream.ready);
  }
}

MultiplexTime SectionCarousel::ready(const Stream& stream) const {
  if (stream.sending()) return room(stream, stream.sections[stream.next_section].due);
  MultiplexTime first = MultiplexTime::max();
  for (const Queue& queue : stream.queues) first = std::min(first, queue.first());
  if (!stream.resting.empty()) {
    const Table& table = **stream.resting.begin();
    first = std::min(first, std::max(table.quiet, stream.queues[table.rank].when(table)));
  }
  return first == MultiplexTime::max() ? first : std::max(first, room(stream, first));
}

// PAT and CAT enter the buffers of every program. There, PMTs leave room for a packet of them, which could otherwise
// wait for ever until all programs have room at once; but not for so long that a PAT which fills the buffers alone lets
// no PMT pass.
MultiplexTime SectionCarousel::room(const Stream& stream, MultiplexTime due) const {
  const auto room_in = [](const Buffers& buffers, std::int64_t packets) {
    return std::max(buffers.transport.has_room_for(packets * transport_bytes),
                    buffers.system.has_room_for(packets * system_bytes));
  };
  if (!stream.psi) return stream.buffers.transport.has_room_for(transport_bytes);
  if (!stream.shared) return std::min(room_in(stream.buffers, 2), std::max(room_in(stream.buffers, 1), due + patience));
  MultiplexTime latest = MultiplexTime::min();
  for (const auto& [pid, other] : streams_) {
    if (other.psi) latest = std::max(latest, room_in(other.buffers, 1));
  }
  return latest;
}

void SectionCarousel::end_rest(Stream& stream, MultiplexTime now) {
  while (!stream.resting.empty() && (*stream.resting.begin())->quiet <= now) {
    Waiting::node_type node = stream.resting.extract(stream.resting.begin());
    Table& table = *node.value();
    table.state = State::waiting;
    stream.queues[table.rank].tables.insert(std::move(node));
  }
}

SectionCarousel::Stream* SectionCarousel::most_urgent(MultiplexTime now) {
  Stream* best = nullptr;
  Urgency most;
  for (auto& [pid, stream] : streams_) {
    if (stream.ready > now) continue;
    end_rest(stream, now);
    const Urgency its = urgency(stream, now);
    if (best != nullptr && !its.more_than(most)) continue;
    best = &stream;
    most = its;
  }
  return best;
}

// Of a stream that is ready: of the section being sent, or of the first to send.
SectionCarousel::Urgency SectionCarousel::urgency(const Stream& stream, MultiplexTime now) {
  const auto of = [now](const Table& table, MultiplexTime due) {
    const double late = static_cast<double>((now - due).count());
    return Urgency{table.rank, late / static_cast<double>(table.interval.count())};
  };
  if (stream.sending()) {
    const Sent& section = stream.sections[stream.next_section];
    return of(*section.table.value(), section.due);
  }
  for (const Queue& queue : stream.queues) {
    if (queue.first() <= now) return of(**queue.tables.begin(), queue.first());
  }
  return {};
}

// ---- Sending

ts::Packet SectionCarousel::take(MultiplexTime now) {
  now_ = std::max(now_, now);
  while (Stream* stream = most_urgent(now)) {
    if (!stream->sending()) pack(*stream, now);
    if (!stream->sending()) {
      refresh(*stream);
      continue;
    }
    const ts::Packet packet = stream->packets[stream->next_packet++];
    fill_buffers(*stream, now);
    while (stream->next_section < stream->sections.size() && stream->has_sent(stream->sections[stream->next_section])) {
      finish(*stream, std::move(stream->sections[stream->next_section++].table), now);
    }
    refresh(*stream);
    return packet;
  }
  return ts::Packet::null();
}

// Fills the stream's packets with the sections that are due, as many as may go together.
void SectionCarousel::pack(Stream& stream, MultiplexTime now) {
  stream.packets.clear();
  stream.next_packet = 0;
  stream.sections.clear();
  stream.next_section = 0;
  batch_size_ = 0;
  batch_bytes_ = 0;
  const auto is_due = [now](const Queue& queue) { return queue.first() <= now; };
  for (;;) {
    const auto queue = std::ranges::find_if(stream.queues, is_due);
    if (queue == stream.queues.end()) break;
    const Table& table = **queue->tables.begin();
    const std::size_t size = table.make ? 0 : table.sections[table.at].size();
    if (batch_size_ > 0 && batch_bytes_ + size > largest_batch) break;
    take_turn(stream, *queue, now);
  }
  stream.packetizer.packetize(std::span{batch_}.first(batch_size_), stream.packets);
}

// The next section of the queue's first table goes into the batch.
void SectionCarousel::take_turn(Stream& stream, Queue& queue, MultiplexTime now) {
  Waiting::node_type node = queue.tables.extract(queue.tables.begin());
  Table& table = *node.value();
  const MultiplexTime due = queue.when(table);
  const ts::Ticks27 most = slack(table.interval);
  const ts::Ticks27 late = now - std::max(due, table.quiet);
  // What its own 25 ms took is not made up for.
  table.due = std::max(table.due, table.quiet - queue.behind - most);
  // Too late to catch up with its turns: those of all others are put off by as much, so that each keeps its share. PSI
  // that comes anew may only seem late, as set() knows no better time than that of the last packet.
  if (late > most && (table.anchored || table.rank != psi_rank)) queue.behind += late - most;
  if (!table.anchored) {
    // From here on its turns are counted, so that tables which came together stay apart by as much as they take.
    table.due = now - queue.behind;
    table.anchored = true;
  }
  if (table.at == 0) {
    if (table.turn_began) table.longest_turn = std::max(table.longest_turn, now - *table.turn_began);
    table.turn_began = now;
  }
  if (table.hurried > 0) --table.hurried;

  if (batch_.size() == batch_size_) batch_.emplace_back();
  psi::SectionBytes& section = batch_[batch_size_];
  if (table.make) {
    section = table.make(now);
  } else {
    section = table.sections[table.at];
    table.at = (table.at + 1) % table.count();
  }
  table.state = State::sending;
  if (section.empty()) return finish(stream, std::move(node), now);
  ++batch_size_;
  batch_bytes_ += section.size();
  stream.sections.push_back({std::move(node), due, batch_bytes_});
}

// The last byte of a section is in the packet of `now`; the table waits for its next one.
void SectionCarousel::finish(Stream& stream, Waiting::node_type node, MultiplexTime now) {
  Table& table = *node.value();
  table.quiet = now + separation;
  table.state = State::idle;
  if (table.stopped()) return;
  Queue& queue = stream.queues[table.rank];
  const auto step = table.interval * 9 / (10 * static_cast<std::int64_t>(table.count()));
  const bool at_once = !table.anchored || table.hurried > 0;
  table.due = at_once ? table.quiet - queue.behind : table.due + step;
  if (queue.when(table) < table.quiet) {
    table.state = State::resting;
    stream.resting.insert(std::move(node));
  } else {
    table.state = State::waiting;
    queue.tables.insert(std::move(node));
  }
}

void SectionCarousel::fill_buffers(Stream& stream, MultiplexTime now) {
  const auto fill = [now](Buffers& buffers) {
    buffers.transport.fill(now, transport_bytes);
    buffers.system.fill(now, system_bytes);
  };
  if (!stream.shared) return fill(stream.buffers);
  fill(shared_);
  for (auto& [pid, other] : streams_) {
    if (other.psi) fill(other.buffers);
  }
}

// ---- Figures

std::vector<SectionCarousel::Turn> SectionCarousel::turns() const {
  std::vector<Turn> out;
  for (const auto& [key, table] : tables_) {
    if (table.stopped()) continue;
    const Turn turn{key, std::max(table.longest_turn, now_ - table.turn_began.value_or(now_)), table.interval};
    if (out.empty() || out.back().table.pid != key.pid) {
      out.push_back(turn);
    } else if (turn.ratio() > out.back().ratio()) {
      out.back() = turn;
    }
  }
  return out;
}

void SectionCarousel::clear_turns() {
  for (auto& [key, table] : tables_) table.longest_turn = {};
}

}  // namespace mux
