#include "common/mux/multiplexer.hpp"

#include <algorithm>
#include <utility>

namespace mux {
namespace {

// A packet that finds no room in EB by then goes all the same: its buffers are not those that the stream was made for,
// and a decoder that has it too early loses less than one that has it too late.
constexpr ts::Ticks27 longest_hold = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{200});
// The same for TB and MB, which no stream can do without unless it is not what it says.
constexpr ts::Ticks27 longest_wait = std::chrono::seconds{1};
// No stream is decoded later than this after it was due: 10 s in the buffer (2.14.3.1), and what the source lags.
constexpr ts::Ticks27 longest_lead = std::chrono::seconds{13};
// From a packet's sending to its decoding at the least, past TB and MB.
constexpr ts::Ticks27 least_lead = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{30});
// The same for what its own buffers kept back, if it had so much: more than that is not needed to be on time.
constexpr ts::Ticks27 wanted_lead = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{100});
// How late packets may become that others of a better rank are sent before.
constexpr ts::Ticks27 longest_queueing = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{20});
// From sending to decoding at the most: of sound half a second, so that one with a small B and far ahead in its source
// does not begin with a gap (TR 101 290 2.5); else what 2.4.2.6 allows, with a tenth to spare.
ts::Ticks27 most_lead(const ts::TstdLimits& limits) {
  if (limits.elementary_holds_headers) return std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{500});
  return *limits.longest_delay / 10 * 9;
}

// One that a receiver takes.
bool has_pcr(const ts::Packet& packet) { return packet.has_adaptation() && !packet.transport_error() && packet.pcr(); }

}  // namespace

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
  has_stopped_ = has_stopped_ || (clock_ != nullptr && clock == nullptr);
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
  find_overload(now);
  const bool has_table = tables_.next() <= now;
  // PCRs cannot wait; but there may be so many that tables would never have a slot.
  const bool has_pcr_turn = next_pcr_ <= now && !(has_table && last_was_pcr_);
  last_was_pcr_ = false;
  if (has_pcr_turn) {
    if (Program* program = pcr_due(now)) {
      last_was_pcr_ = true;
      return send_pcr(*program, now);
    }
  }
  if (has_table) {
    ++table_packets_;
    return tables_.take(now);
  }
  if (Stream* stream = next_stream()) return send(*stream, now);
  return std::nullopt;
}

void Multiplexer::find_ready(MultiplexTime until, std::vector<MultiplexTime>& times) const {
  for (const auto& program : programs_) {
    for (const auto& stream : program->streams_) {
      if (!stream->scheduled_ || stream->from_ >= until) continue;
      DecoderBuffer buffer = stream->buffer_;
      MultiplexTime from = stream->from_;
      for (std::size_t place = 0; place < stream->queue_.size(); ++place) {
        const auto& entry = stream->queue_[place];
        from = departure_of(*stream, entry, buffer, from).from;
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

// When a packet may leave, from `now` on; `buffer` is the stream's, or what it will be.
Multiplexer::Departure Multiplexer::departure_of(const Stream& stream, const Stream::Entry& entry,
                                                 const DecoderBuffer& buffer, MultiplexTime now) const {
  const MultiplexTime earliest = std::max(entry.due - options_.ahead, now);
  const MultiplexTime due = std::max(earliest, entry.due);
  const auto decoded = buffer.decoded_at(entry.part.offset);
  MultiplexTime from = earliest;
  if (const auto& limits = buffer.limits(); limits && limits->longest_delay && decoded) {
    from = std::max(from, std::min(*decoded, due + longest_lead) - most_lead(*limits));
  }
  // A PCR that is due leaves at once: it has room.
  const bool brings_pcr = &stream == stream.program_.pcr_stream_;
  const auto room = buffer.room_at(from, entry.part, brings_pcr ? ts::packet_size : 0);
  const MultiplexTime latest = decoded ? std::max(from, *decoded - least_lead) : due + longest_hold;
  const MultiplexTime elementary =
      std::max(from, std::min({room.elementary.value_or(due), latest, due + longest_lead}));
  return {.from = std::max(std::min(room.transport, due + longest_wait), elementary),
          .held_until = elementary > earliest ? std::optional{elementary} : std::nullopt,
          .wanted = decoded ? std::optional{*decoded - wanted_lead} : std::nullopt};
}

// When the stream's first packet may leave: into the heap of those that wait for that.
void Multiplexer::schedule(Stream& stream, MultiplexTime now) {
  ++stream.schedule_;
  stream.scheduled_ = !stream.queue_.empty();
  if (!stream.scheduled_) return;
  const auto& entry = stream.queue_.front();
  const Departure departure = departure_of(stream, entry, stream.buffer_, now);
  stream.from_ = departure.from;
  // Others' packets make it late, not its own buffers: neither a wait for EB nor what TB lets through.
  stream.deadline_ =
      std::max(entry.due, std::min(stream.deadline_ + stream.buffer_.spacing(), entry.due + longest_lead));
  if (departure.held_until) stream.deadline_ = std::max(stream.deadline_, *departure.held_until);
  // What its own buffers kept back has time until it is decoded: those of many streams may let go at once.
  if (stream.deadline_ > entry.due && departure.wanted) {
    stream.deadline_ = std::max(stream.deadline_, *departure.wanted);
  }
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
    place.time = place.stream->deadline_;
    ready_.push_back(place);
    std::ranges::push_heap(ready_, Later{});
  }
}

// The first valid place in the heap.
const Multiplexer::Place* Multiplexer::most_urgent() {
  while (!ready_.empty()) {
    if (ready_.front().schedule == ready_.front().stream->schedule_) return &ready_.front();
    std::ranges::pop_heap(ready_, Later{});
    ready_.pop_back();
  }
  return nullptr;
}

bool Multiplexer::is_too_late(const Place& place, MultiplexTime now) const {
  const ts::Ticks27 turn = rate_.time_of(ready_.size()).time_since_epoch();
  return now - place.time > options_.patience + turn;
}

// When packets are too late there is less rate than is wanted: the program of the highest rank then gets only the slots
// that the others leave, and if that is not enough, the next one too.
void Multiplexer::find_overload(MultiplexTime now) {
  const Place* place = most_urgent();
  if (place == nullptr || place->time >= now) {
    put_back_.reset();
    return;
  }
  if (is_too_late(*place, now)) put_back(now);
  if (put_back_) drop_late(now);
}

// The most urgent one, taken out of the heap.
Multiplexer::Stream* Multiplexer::next_stream() {
  if (put_back_) return next_by_rank();
  const Place* place = most_urgent();
  if (place == nullptr) return nullptr;
  Stream* stream = place->stream;
  std::ranges::pop_heap(ready_, Later{});
  ready_.pop_back();
  return stream;
}

// Puts back the next rank, of those that have something ready: at first, and when those that are not put back got later
// all the same.
void Multiplexer::put_back(MultiplexTime now) {
  std::optional<unsigned> highest;
  MultiplexTime oldest = MultiplexTime::max();
  for (const Place& place : ready_) {
    const unsigned rank = place.stream->program_.rank_;
    if (place.schedule != place.stream->schedule_ || is_put_back(place.stream->program_)) continue;
    highest = std::max(highest.value_or(rank), rank);
    oldest = std::min(oldest, place.time);
  }
  if (!highest) return;
  const ts::Ticks27 lateness = now - oldest;
  if (put_back_ && lateness <= put_back_->lateness + options_.patience) return;
  put_back_ = {*highest, std::max(lateness, options_.patience)};
}

bool Multiplexer::is_put_back(const Program& program) const { return put_back_ && program.rank_ >= put_back_->rank; }

// The most urgent one of those that are not put back, else by rank. Left in the heap, where it is void once it is sent.
Multiplexer::Stream* Multiplexer::next_by_rank() {
  const Place* first = nullptr;
  for (const Place& place : ready_) {
    if (place.schedule != place.stream->schedule_) continue;
    const auto order = [this](const Place& each) {
      return std::pair{is_put_back(each.stream->program_) ? each.stream->program_.rank_ + 1 : 0, each.time};
    };
    if (first == nullptr || order(place) < order(*first)) first = &place;
  }
  return first == nullptr ? nullptr : first->stream;
}

// What has been put behind for so long that it is of no use any more.
void Multiplexer::drop_late(MultiplexTime now) {
  const MultiplexTime too_old = now - options_.patience - longest_queueing;
  for (const Place* oldest = most_urgent(); oldest != nullptr && oldest->time < too_old; oldest = most_urgent()) {
    Stream& stream = *oldest->stream;
    do {
      stream.queue_.pop();
      ++stream.program_.figures_.dropped;
    } while (!stream.queue_.empty() && stream.queue_.front().due < too_old);
    schedule(stream, now);
    release(now);
  }
}

// Of the lowest rank. Programs that are put back get half as many.
Multiplexer::Program* Multiplexer::pcr_due(MultiplexTime now) {
  const auto time_of = [this](const Program& program) {
    const bool is_back = is_put_back(program) && program.next_pcr_ != MultiplexTime::max();
    return is_back ? program.next_pcr_ + options_.pcr_interval : program.next_pcr_;
  };
  Program* due = nullptr;
  for (const auto& program : programs_) {
    if (time_of(*program) <= now && (due == nullptr || program->rank_ < due->rank_)) due = program.get();
  }
  next_pcr_ = MultiplexTime::max();
  for (const auto& program : programs_) {
    if (program.get() != due) next_pcr_ = std::min(next_pcr_, time_of(*program));
  }
  return due;
}

// In the next packet of its PID, if that may leave and has room for it; else in one of its own.
ts::Packet Multiplexer::send_pcr(Program& program, MultiplexTime now) {
  Stream* stream = program.pcr_stream_;
  if (stream != nullptr && stream->scheduled_ && stream->from_ <= now && has_pcr(stream->queue_.front().packet)) {
    return send(*stream, now);
  }
  note_pcr(program, now);
  ++program.figures_.packets;
  ++program.figures_.pcr_packets;
  const unsigned counter = stream != nullptr ? stream->last_counter_ : 0;
  if (stream != nullptr) {
    stream->buffer_.send(now, {});
    stream->deadline_ += stream->buffer_.spacing();
    if (stream->scheduled_) schedule(*stream, now);
  }
  auto packet = ts::Packet::pcr_only(*program.pcr_pid_, program.clock_->wire(program.clock_->at(now)), counter);
  packet.set_discontinuity(std::exchange(program.has_stopped_, false));
  return packet;
}

void Multiplexer::note_pcr(Program& program, MultiplexTime now) {
  // All programs' may come due together: each has its slot in time.
  const ts::Ticks27 slots = rate_.time_of(programs_.size()).time_since_epoch();
  program.next_pcr_ = now + std::max(options_.pcr_interval - slots, options_.pcr_interval / 2);
  next_pcr_ = std::min(next_pcr_, program.next_pcr_);
}

ts::Packet Multiplexer::send(Stream& stream, MultiplexTime now) {
  auto& entry = stream.queue_.front();
  Program& program = stream.program_;
  ts::Packet packet = entry.packet;
  if (program.clock_ != nullptr && has_pcr(packet)) {
    const OutputClock& clock = *program.clock_;
    const bool is_on_pcr_pid = stream.pid_ == program.pcr_pid_;
    if (is_on_pcr_pid) {
      note_pcr(program, now);
      packet.set_discontinuity(std::exchange(program.has_stopped_, false));
    }
    if (is_on_pcr_pid || stream.has_program_clock_) {
      packet.set_pcr(clock.wire(clock.at(now)));
    } else {
      // Of a clock that is not the program's: as much later as it leaves.
      packet.set_pcr(*packet.pcr() + (clock.at(now) - clock.at(entry.due)));
    }
  }
  stream.buffer_.send(now, entry.part);
  stream.last_counter_ = packet.continuity();
  ++stream.sent_;
  ++program.figures_.packets;
  if (now > stream.deadline_) {
    ++program.figures_.late;
    program.figures_.worst_lateness = std::max(program.figures_.worst_lateness, now - stream.deadline_);
  }
  stream.queue_.pop();
  schedule(stream, now);
  return packet;
}

}  // namespace mux
