#include "common/mux/multiplexer.hpp"

#include <algorithm>

namespace mux {
namespace {

// A packet that finds no room in EB by then goes all the same: its buffers are not those that the stream was made for,
// and a decoder that has it too early loses less than one that has it too late.
constexpr ts::Ticks27 longest_hold = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{200});
// The same for TB and MB, which no stream can do without unless it is not what it says.
constexpr ts::Ticks27 longest_wait = std::chrono::seconds{1};
// From a packet's sending to its decoding at the least, past TB and MB.
constexpr ts::Ticks27 least_lead = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{30});

}  // namespace

void Multiplexer::Stream::Queue::pop() {
  first_ = (first_ + 1) & (entries_.size() - 1);
  --size_;
}

void Multiplexer::Stream::Queue::push(const Entry& entry) {
  if (size_ == entries_.size()) {
    std::vector<Entry> larger;
    larger.reserve(std::max<std::size_t>(16, 2 * size_));
    for (std::size_t i = 0; i < size_; ++i) larger.push_back(entries_[(first_ + i) & (entries_.size() - 1)]);
    larger.resize(larger.capacity());
    entries_ = std::move(larger);
    first_ = 0;
  }
  entries_[(first_ + size_) & (entries_.size() - 1)] = entry;
  ++size_;
}

void Multiplexer::Stream::set_limits(const ts::TstdLimits& limits) {
  if (buffer_.limits() == limits) return;
  buffer_.set_limits(limits);
}

void Multiplexer::Stream::begin_unit(std::uint64_t offset, MultiplexTime decoded) {
  buffer_.begin_unit(offset, decoded);
}

void Multiplexer::Stream::push(const ts::Packet& packet, MultiplexTime due, const DecoderBuffer::Part& part) {
  queue_.push({packet, due, part});
  if (!scheduled_) program_.multiplexer_.schedule(*this, program_.multiplexer_.now());
}

void Multiplexer::Program::set_clock(const OutputClock* clock, std::optional<ts::Pid> pcr_pid) {
  clock_ = clock;
  pcr_pid_ = pcr_pid;
  find_pcr_stream();
  next_pcr_ = clock_ != nullptr && pcr_pid_ ? multiplexer_.now() : MultiplexTime::max();
  multiplexer_.next_pcr_ = MultiplexTime::min();  // looked for anew
}

void Multiplexer::Program::find_pcr_stream() {
  const auto found = std::ranges::find_if(streams_, [&](const auto& stream) { return stream->pid() == pcr_pid_; });
  pcr_stream_ = found == streams_.end() ? nullptr : found->get();
}

Multiplexer::Stream& Multiplexer::Program::add_stream(ts::Pid pid) {
  streams_.push_back(std::make_unique<Stream>(*this, pid));
  find_pcr_stream();
  return *streams_.back();
}

void Multiplexer::Program::remove_stream(Stream& stream) {
  multiplexer_.forget(stream);
  std::erase_if(streams_, [&](const auto& other) { return other.get() == &stream; });
  find_pcr_stream();
}

std::size_t Multiplexer::Program::queued() const {
  std::size_t packets = 0;
  for (const auto& stream : streams_) packets += stream->queued();
  return packets;
}

Multiplexer::Multiplexer(const Options& options, SectionCarousel& tables)
    : rate_(options.bit_rate), options_(options), tables_(tables) {}

Multiplexer::Program& Multiplexer::add_program(unsigned rank) {
  programs_.push_back(std::make_unique<Program>(*this, rank));
  return *programs_.back();
}

void Multiplexer::remove_program(Program& program) {
  for (const auto& stream : program.streams_) forget(*stream);
  std::erase_if(programs_, [&](const auto& other) { return other.get() == &program; });
  next_pcr_ = MultiplexTime::min();
}

void Multiplexer::run(std::size_t count, std::vector<ts::Packet>& out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto packet = take(rate_.time_of(position_));
    if (!packet) ++null_packets_;
    out.push_back(packet.value_or(ts::Packet::null()));
    ++position_;
  }
  now_ = rate_.time_of(position_);
}

std::optional<ts::Packet> Multiplexer::take(MultiplexTime now) {
  now_ = now;
  release(now);
  if (next_pcr_ <= now) {
    if (Program* program = pcr_due(now)) {
      if (auto packet = send_pcr(*program, now)) return packet;
    }
  }
  if (tables_.next() <= now) {
    ++table_packets_;
    return tables_.take(now);
  }
  if (Stream* stream = most_urgent(now)) return send(*stream, now);
  return std::nullopt;
}

void Multiplexer::find_ready(MultiplexTime until, std::vector<MultiplexTime>& times) const {
  for (const auto& program : programs_) {
    for (const auto& stream : program->streams_) {
      if (!stream->scheduled_ || stream->from_ >= until) continue;
      DecoderBuffer buffer = stream->buffer_;
      MultiplexTime from = stream->from_;
      for (std::size_t place = 0; place < stream->queue_.size(); ++place) {
        const auto& entry = stream->queue_.at(place);
        from = leaves_at(entry, buffer, from);
        if (from >= until) break;
        buffer.send(from, entry.part);
        times.push_back(from);
      }
    }
  }
}

void Multiplexer::ask_for_pcrs() {
  for (const auto& program : programs_) {
    if (program->next_pcr_ != MultiplexTime::max()) program->next_pcr_ = now_;
  }
  next_pcr_ = MultiplexTime::min();
}

// When a packet may leave, from `now` on.
MultiplexTime Multiplexer::leaves_at(const Stream::Entry& entry, const DecoderBuffer& buffer, MultiplexTime now) const {
  MultiplexTime from = std::max(entry.due - options_.ahead, now);
  const auto decoded = buffer.decoded_at(entry.part.offset);
  if (const auto& limits = buffer.limits(); limits && limits->longest_delay && decoded) {
    // 2.4.2.6: with a tenth to spare.
    from = std::max(from, *decoded - *limits->longest_delay / 10 * 9);
  }
  const MultiplexTime due = std::max(from, entry.due);
  const auto room = buffer.room_at(from, entry.part);
  const MultiplexTime latest = decoded ? std::max(from, *decoded - least_lead) : due + longest_hold;
  return std::max(std::min(room.transport, due + longest_wait), std::min(room.elementary.value_or(due), latest));
}

// When the stream's first packet may leave: into the heap of those that wait for that.
void Multiplexer::schedule(Stream& stream, MultiplexTime now) {
  ++stream.schedule_;
  stream.scheduled_ = !stream.queue_.empty();
  if (!stream.scheduled_) return;
  stream.from_ = leaves_at(stream.queue_.front(), stream.buffer_, now);
  waiting_.push_back({stream.from_, &stream, stream.schedule_});
  std::ranges::push_heap(waiting_, Later{});
}

void Multiplexer::forget(Stream& stream) {
  const auto is_its = [&](const Place& place) { return place.stream == &stream; };
  std::erase_if(waiting_, is_its);
  std::erase_if(ready_, is_its);
  std::ranges::make_heap(waiting_, Later{});
  std::ranges::make_heap(ready_, Later{});
}

void Multiplexer::release(MultiplexTime now) {
  while (!waiting_.empty() && waiting_.front().time <= now) {
    std::ranges::pop_heap(waiting_, Later{});
    Place place = waiting_.back();
    waiting_.pop_back();
    if (place.schedule != place.stream->schedule_) continue;
    // What had no room when it was due is as urgent as what is due now.
    place.time = std::max(place.time, place.stream->queue_.front().due);
    ready_.push_back(place);
    std::ranges::push_heap(ready_, Later{});
  }
}

// Takes it out of the heap. If it is too late, there is less rate than is wanted.
Multiplexer::Stream* Multiplexer::most_urgent(MultiplexTime now) {
  while (!ready_.empty()) {
    const Place place = ready_.front();
    const bool valid = place.schedule == place.stream->schedule_;
    if (valid && place.time + options_.patience < now) {
      shed(now);
      continue;
    }
    std::ranges::pop_heap(ready_, Later{});
    ready_.pop_back();
    if (valid) return place.stream;
  }
  return nullptr;
}

Multiplexer::Program* Multiplexer::pcr_due(MultiplexTime now) {
  Program* due = nullptr;
  next_pcr_ = MultiplexTime::max();
  for (const auto& program : programs_) {
    if (due == nullptr && program->next_pcr_ <= now) {
      due = program.get();
    } else {
      next_pcr_ = std::min(next_pcr_, program->next_pcr_);
    }
  }
  return due;
}

// In the next packet of its PID, if that may leave and has room for it; else in one of its own, as soon as TB has room.
std::optional<ts::Packet> Multiplexer::send_pcr(Program& program, MultiplexTime now) {
  Stream* stream = program.pcr_stream_;
  if (stream != nullptr && stream->scheduled_ && stream->from_ <= now && stream->queue_.front().packet.pcr()) {
    return send(*stream, now);
  }
  if (stream != nullptr) {
    const MultiplexTime room = stream->buffer_.room_at(now, {}).transport;
    if (room > now) {
      program.next_pcr_ = room;
      next_pcr_ = std::min(next_pcr_, room);
      return std::nullopt;
    }
    stream->buffer_.send(now, {});
    if (stream->scheduled_) schedule(*stream, now);
  }
  note_pcr(program, now);
  ++program.figures_.packets;
  ++program.figures_.pcr_packets;
  const unsigned counter = stream != nullptr ? stream->last_counter_ : 0;
  return ts::Packet::pcr_only(*program.pcr_pid_, program.clock_->wire(program.clock_->at(now)), counter);
}

void Multiplexer::note_pcr(Program& program, MultiplexTime now) {
  program.next_pcr_ = now + options_.pcr_interval;
  next_pcr_ = std::min(next_pcr_, program.next_pcr_);
}

ts::Packet Multiplexer::send(Stream& stream, MultiplexTime now) {
  auto& entry = stream.queue_.front();
  Program& program = stream.program_;
  ts::Packet packet = entry.packet;
  if (program.clock_ != nullptr && packet.has_adaptation()) {
    if (const auto pcr = packet.pcr()) {
      const OutputClock& clock = *program.clock_;
      if (stream.pid_ == program.pcr_pid_) {
        packet.set_pcr(clock.wire(clock.at(now)));
        note_pcr(program, now);
      } else {
        // Of a clock that is not the program's: as much later as it leaves.
        packet.set_pcr(*pcr + (clock.at(now) - clock.at(entry.due)));
      }
    }
  }
  stream.buffer_.send(now, entry.part);
  stream.last_counter_ = packet.continuity();
  ++stream.sent_;
  ++program.figures_.packets;
  // What had no room before is not late.
  if (const MultiplexTime due = std::max(entry.due, stream.from_); now > due) {
    ++program.figures_.late;
    program.figures_.worst_lateness = std::max(program.figures_.worst_lateness, now - due);
  }
  stream.queue_.pop();
  schedule(stream, now);
  return packet;
}

// Of the program that matters least, of those that have something ready, all that is ready is dropped.
void Multiplexer::shed(MultiplexTime now) {
  Program* victim = nullptr;
  for (const Place& place : ready_) {
    if (place.schedule != place.stream->schedule_) continue;
    Program& program = place.stream->program_;
    if (victim == nullptr || program.rank_ > victim->rank_) victim = &program;
  }
  for (const auto& stream : victim->streams_) {
    if (!stream->scheduled_ || stream->from_ > now) continue;
    do {
      stream->queue_.pop();
      ++victim->figures_.dropped;
    } while (!stream->queue_.empty() && stream->queue_.front().due <= now);
    schedule(*stream, now);
  }
}

}  // namespace mux
