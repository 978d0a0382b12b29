#include "common/ts/tstd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/ts/packet.hpp"

namespace ts {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();
constexpr double second = static_cast<double>(system_clock_hz);
constexpr double slack = 2;                   // bytes: see the header
constexpr double longest_wait = 70 * second;  // a decoding time beyond any limit of 2.4.2.6: damage
constexpr auto whole_packet = static_cast<double>(packet_size);

constexpr Ticks27 seconds_of(std::int64_t seconds) { return Ticks27{seconds * system_clock_hz}; }

constexpr std::uint64_t bytes_of_bits(std::uint64_t bits) { return bits / 8; }

// BSmux is what may be delayed by multiplexing, 4 ms, and BSoh the overhead of packets, 1/750 s, both at a rate in
// bit/s (ISO/IEC 13818-1 2.4.2.3; the same in 2.14.3.1 and 2.17.2, there for 2 Mb/s at least).
constexpr std::uint64_t multiplex_and_overhead(std::uint64_t rate) {
  return bytes_of_bits(rate * 4 / 1000) + bytes_of_bits(rate / 750);
}

// The greatest rate (bit/s) and buffer (bits) of a level.
struct Level {
  unsigned id;
  std::uint64_t rate;
  std::uint64_t buffer;
};

template <std::size_t N>
std::optional<Level> find_level(const std::array<Level, N>& levels, unsigned id) {
  const auto found = std::find_if(levels.begin(), levels.end(), [id](const Level& level) { return level.id == id; });
  return found == levels.end() ? std::nullopt : std::optional{*found};
}

// AVC (2.14.3.1) and HEVC (2.17.2): TB and MB drain at the level's greatest rate for the byte stream; MB and EB
// together hold the level's greatest CPB and what multiplexing asks for, of which EB is the CPB that the stream's NAL
// HRD names.
TstdLimits coded_picture_buffers(const VideoParameters& video, std::uint64_t rate, std::uint64_t buffer) {
  const std::uint64_t cpb = bytes_of_bits(video.buffer_size.value_or(buffer));
  const std::uint64_t greatest = bytes_of_bits(buffer);
  TstdLimits limits;
  limits.transport_rate = rate;
  limits.multiplex_rate = rate;
  limits.multiplex_size =
      multiplex_and_overhead(std::max<std::uint64_t>(rate, 2'000'000)) + (greatest > cpb ? greatest - cpb : 0);
  limits.elementary_size = cpb;
  limits.size_sent = video.buffer_size.has_value();
  // 2.4.2.6 takes still pictures and ISO/IEC 14496 streams from its one second; the clauses for AVC and HEVC allow 10
  // s. TR 101 290 3.10 was written for MPEG-2 video and knows of 1 s and 60 s only.
  limits.longest_delay = seconds_of(10);
  return limits;
}

// ISO/IEC 14496-10 table A-1, in units of cpbBrNalFactor.
std::optional<TstdLimits> h264(const VideoParameters& video) {
  constexpr std::array<Level, 20> levels{
      {{9, 128, 350},        {10, 64, 175},        {11, 192, 500},       {12, 384, 1000},      {13, 768, 2000},
       {20, 2000, 2000},     {21, 4000, 4000},     {22, 4000, 4000},     {30, 10000, 10000},   {31, 14000, 14000},
       {32, 20000, 20000},   {40, 20000, 25000},   {41, 50000, 62500},   {42, 50000, 62500},   {50, 135000, 135000},
       {51, 240000, 240000}, {52, 240000, 240000}, {60, 240000, 240000}, {61, 480000, 480000}, {62, 800000, 800000}}};
  const auto level = find_level(levels, video.level);
  if (!level) return std::nullopt;
  // Table A-2. ISO/IEC 13818-1 was written with the 1200 of Baseline and Main; a decoder of the higher profiles has
  // theirs.
  std::uint64_t factor = 1200;
  switch (video.profile) {
    case 100:
      factor = 1500;
      break;
    case 110:
      factor = 3600;
      break;
    case 122:
    case 244:
    case 44:
      factor = 4800;
      break;
    default:
      break;
  }
  return coded_picture_buffers(video, level->rate * factor, level->buffer * factor);
}

// CpbNalFactor and BrNalFactor of ISO/IEC 23008-2 A.4.2.
std::uint64_t hevc_factor(const VideoParameters& video) {
  if (video.profile <= 3) return 1100;  // Main, Main 10, Main Still Picture
  const unsigned depth = video.bit_depth;
  if (depth > 12) return 6600;
  switch (video.chroma_format) {
    case 3:
      return depth <= 8 ? 2200 : depth <= 10 ? 2750 : 3300;
    case 2:
      return depth <= 10 ? 1833 : 2200;
    default:
      return depth <= 10 ? 1100 : 1650;
  }
}

// ISO/IEC 23008-2 tables A.8 and A.9, in units of the factors.
std::optional<TstdLimits> hevc(const VideoParameters& video) {
  constexpr std::array<Level, 13> main_tier{{{30, 128, 350},
                                             {60, 1500, 1500},
                                             {63, 3000, 3000},
                                             {90, 6000, 6000},
                                             {93, 10000, 10000},
                                             {120, 12000, 12000},
                                             {123, 20000, 20000},
                                             {150, 25000, 25000},
                                             {153, 40000, 40000},
                                             {156, 60000, 60000},
                                             {180, 60000, 60000},
                                             {183, 120000, 120000},
                                             {186, 240000, 240000}}};
  constexpr std::array<Level, 8> high_tier{{{120, 30000, 30000},
                                            {123, 50000, 50000},
                                            {150, 100000, 100000},
                                            {153, 160000, 160000},
                                            {156, 240000, 240000},
                                            {180, 240000, 240000},
                                            {183, 480000, 480000},
                                            {186, 800000, 800000}}};
  const auto level = video.high_tier ? find_level(high_tier, video.level) : find_level(main_tier, video.level);
  if (!level) return std::nullopt;
  const std::uint64_t factor = hevc_factor(video);
  return coded_picture_buffers(video, level->rate * factor, level->buffer * factor);
}

// ISO/IEC 13818-2 tables 8-12 and 8-13.
std::optional<Level> mpeg2_level(const VideoParameters& video) {
  constexpr unsigned low = 10, main = 8, high_1440 = 6, high = 4, high_p = 2;
  constexpr std::array<Level, 5> main_profile{{{low, 4'000'000, 475'136},
                                               {main, 15'000'000, 1'835'008},
                                               {high_1440, 60'000'000, 7'340'032},
                                               {high, 80'000'000, 9'781'248},
                                               {high_p, 80'000'000, 9'781'248}}};
  constexpr std::array<Level, 3> high_profile{
      {{main, 20'000'000, 2'441'216}, {high_1440, 80'000'000, 9'781'248}, {high, 100'000'000, 12'222'464}}};
  constexpr std::array<Level, 2> profile_422{{{main, 50'000'000, 9'437'184}, {high, 300'000'000, 47'185'920}}};
  switch (video.profile) {
    case 5:  // simple
    case 4:
    case 3:  // SNR scalable: its base layer
      return find_level(main_profile, video.level);
    case 1:
      return find_level(high_profile, video.level);
    case 0x85:
    case 0x82:
      return find_level(profile_422, video.level);
    default:
      return std::nullopt;
  }
}

// ISO/IEC 13818-1 2.4.2.3.
std::optional<TstdLimits> mpeg2(const VideoParameters& video) {
  const auto level = mpeg2_level(video);
  if (!level) return std::nullopt;
  const bool high = video.level < 8;  // High-1440 and above
  const std::uint64_t vbv = bytes_of_bits(video.buffer_size.value_or(level->buffer));
  const std::uint64_t greatest = bytes_of_bits(level->buffer);
  TstdLimits limits;
  limits.transport_rate = level->rate * 6 / 5;
  limits.multiplex_size = multiplex_and_overhead(level->rate);
  limits.multiplex_rate = level->rate;
  if (high) {
    limits.multiplex_rate = std::min(video.bit_rate.value_or(level->rate) * 21 / 20, level->rate);
  } else if (greatest > vbv) {
    limits.multiplex_size += greatest - vbv;
  }
  limits.elementary_size = vbv;
  limits.size_sent = video.buffer_size.has_value();
  limits.longest_delay = seconds_of(1);
  return limits;
}

}  // namespace

std::optional<TstdLimits> TstdLimits::video(const VideoParameters& video) {
  std::optional<TstdLimits> limits;
  switch (video.codec) {
    case VideoCodec::mpeg2:
      limits = mpeg2(video);
      break;
    case VideoCodec::h264:
      limits = h264(video);
      break;
    case VideoCodec::hevc:
      limits = hevc(video);
      break;
  }
  if (limits) limits->underflow_is_error = !video.low_delay;
  return limits;
}

TstdLimits TstdLimits::audio(AudioFormat format, const AudioFrame& frame) {
  TstdLimits limits;
  limits.elementary_holds_headers = true;
  limits.longest_delay = seconds_of(1);
  // ISO/IEC 13818-1 2.4.2.3: audio of ISO/IEC 11172-3 and 13818-3.
  limits.transport_rate = 2'000'000;
  limits.elementary_size = 3584;
  switch (format) {
    case AudioFormat::mpeg:
      break;
    case AudioFormat::adts:
    case AudioFormat::latm:
      // 2.4.2.3 for ISO/IEC 13818-7 ADTS, by channels, and the same for ISO/IEC 14496-3. How many a program config
      // element stands for is not known: the greatest.
      if (frame.channels == 0 || frame.channels > 12) {
        limits.transport_rate = 33'177'600;
        limits.elementary_size = 51'216;
      } else if (frame.channels > 8) {
        limits.transport_rate = 8'294'400;
        limits.elementary_size = 12'804;
      } else if (frame.channels > 2) {
        limits.transport_rate = 5'529'600;
        limits.elementary_size = 8976;
      }
      if (format == AudioFormat::latm) limits.longest_delay = seconds_of(10);  // an ISO/IEC 14496 stream
      break;
    case AudioFormat::ac3:
      // TS 101 154 (ATSC A/53: 2592). Taken for E-AC-3 also.
      limits.elementary_size = 5696;
      break;
  }
  return limits;
}

// EN 300 472: a PES packet leaves Bttx at its PTS, or at once where it has none. Of many real teletexts the PTS has
// nothing to do with the program's clock, and no decoder minds: so only the sizes are measured.
TstdLimits TstdLimits::teletext() {
  TstdLimits limits;
  limits.transport_size = 480;
  limits.transport_rate = 6'750'000;
  limits.elementary_size = 1504;
  limits.elementary_holds_headers = true;
  limits.underflow_is_error = false;
  return limits;
}

// EN 300 743 5: the decoder takes segments out of the coded data buffer as it decodes them, at times before the PTS
// that only it knows. So that buffer is not measured, only that a display set is there at its PTS.
TstdLimits TstdLimits::dvb_subtitles(bool display_definition) {
  TstdLimits limits;
  limits.transport_size = display_definition ? 1024 : 512;
  limits.transport_rate = display_definition ? 400'000 : 192'000;
  return limits;
}

// ISO/IEC 13818-1 2.4.2.3: Rsys is 80 kb/s, or 1/500 of the transport stream's rate if that is more.
TstdLimits TstdLimits::sections(double stream_rate) {
  TstdLimits limits;
  limits.transport_rate = 1'000'000;
  limits.multiplex_size = 1536;
  limits.multiplex_rate = static_cast<std::uint64_t>(std::clamp(stream_rate / 500, 80'000.0, 1e12));
  limits.multiplex_empties = false;
  return limits;
}

TstdLimits TstdLimits::without_leak() const {
  TstdLimits limits = *this;
  if (limits.multiplex_rate == 0) return limits;
  limits.elementary_size += limits.multiplex_size;
  limits.multiplex_size = 0;
  limits.multiplex_rate = 0;
  return limits;
}

Tstd::Tstd(const TstdLimits& limits, std::uint64_t offset)
    : limits_(limits),
      has_multiplex_(limits.multiplex_rate > 0),
      transport_size_(static_cast<double>(limits.transport_size)),
      multiplex_size_(static_cast<double>(limits.multiplex_size)),
      elementary_size_(limits.elementary_size == 0 ? never : static_cast<double>(limits.elementary_size)),
      transport_rate_(static_cast<double>(std::max<std::uint64_t>(limits.transport_rate, 1)) / 8 / second),
      ticks_per_byte_out_(1 / transport_rate_),
      multiplex_rate_(static_cast<double>(limits.multiplex_rate) / 8 / second) {
  reset(offset);
}

void Tstd::reset(std::uint64_t offset) {
  started_ = false;
  transport_ = 0;
  aligned_ = false;
  position_ = offset;
  in_ = out_ = removed_ = static_cast<double>(offset);
  packet_ = {};
  headers_bytes_ = 0;
  headers_.clear();
  units_.clear();
  begun_.reset();
  next_event_ = never;
  arrival_count_ = 0;
  reported_.fill(-never);
}

// Modulo 2^64, so that no time does harm.
double Tstd::ticks(ProgramTime time) const {
  const auto difference = static_cast<std::uint64_t>(time.time_since_epoch().count()) -
                          static_cast<std::uint64_t>(origin_.time_since_epoch().count());
  return static_cast<double>(static_cast<std::int64_t>(difference));
}

void Tstd::report(TstdEvent::Kind kind, double at, double amount) {
  double& last = reported_[static_cast<std::size_t>(kind)];
  if (std::abs(at - last) < second) return;
  last = at;
  const auto since = static_cast<std::uint64_t>(static_cast<std::int64_t>(std::clamp(std::round(at), -4e18, 4e18)));
  const auto time = static_cast<std::uint64_t>(origin_.time_since_epoch().count()) + since;
  events_.push_back({kind, ProgramTime{Ticks27{static_cast<std::int64_t>(time)}}, amount});
}

void Tstd::advance(ProgramTime now) {
  arrive(now);
  run(ticks(now), 0);
}

// TB at this time. What follows it comes up only as far as the last packet takes it.
void Tstd::arrive(ProgramTime now) {
  if (!started_) {
    started_ = true;
    origin_ = now;
    time_ = transport_time_ = transport_empty_ = multiplex_empty_ = 0;
  }
  pass_packet();
  drain_transport(std::max(ticks(now), transport_time_));
}

void Tstd::drain_transport(double now) {
  const double gone = (now - transport_time_) * transport_rate_;
  transport_ = std::max(0.0, transport_ - gone);
  transport_time_ = now;
  check_empty();
}

void Tstd::check_empty() {
  if (transport_ < 1) {
    transport_empty_ = transport_time_;
  } else if (transport_time_ - transport_empty_ > second) {
    report(TstdEvent::Kind::transport_not_empty, transport_time_, (transport_time_ - transport_empty_) / second);
  }
}

void Tstd::feed(ProgramTime at, double length, std::size_t stream_bytes, std::size_t header_bytes) {
  arrive(at);
  const double per_byte = (length > 0 ? std::min(length, longest_wait) : 1.0) * (1 / whole_packet);
  packet_ = {transport_time_, transport_, per_byte, stream_bytes, header_bytes};
  transport_ = std::max(0.0, transport_ + whole_packet * (1 - per_byte * transport_rate_));
  transport_time_ += whole_packet * per_byte;
  check_empty();
  figures_.transport = std::max(figures_.transport, transport_);
  if (transport_ > transport_size_ + slack) {
    report(TstdEvent::Kind::transport_overflow, transport_time_, transport_ - transport_size_);
  }
  if (stream_bytes == 0) return;
  const double first = whole_packet - static_cast<double>(stream_bytes);  // bytes before the stream's
  arrivals_[arrival_count_++ % arrivals_.size()] = {position_, packet_.begin + first * per_byte, per_byte};
  position_ += stream_bytes;
}

// The last packet's bytes, through TB and on.
void Tstd::pass_packet() {
  const Passing packet = std::exchange(packet_, {});
  if (packet.stream == 0 && packet.headers == 0) return;
  const double per_byte_out = ticks_per_byte_out_;
  // A byte leaves TB when it has come and those before it have gone.
  const auto leaves = [&](double byte) {
    return packet.begin + std::max(byte * packet.per_byte, (packet.waiting + byte) * per_byte_out);
  };
  const auto stream = static_cast<double>(packet.stream);
  const double first = whole_packet - stream;  // bytes before the stream's
  const bool counts_headers = packet.headers > 0 && (has_multiplex_ || limits_.elementary_holds_headers);
  const double begin = leaves(first);
  const double end = leaves(whole_packet);
  if (!counts_headers && next_event_ > end && passes_at_once(packet, end - begin)) {
    time_ = end;
    multiplex_empty_ = end;
    in_ = out_ = static_cast<double>(position_);
    settle();
    return;
  }
  run(begin, 0);
  if (counts_headers) {
    const auto headers = static_cast<double>(packet.headers);
    headers_.push({position_ - packet.stream, headers});
    headers_bytes_ += headers;
    check_fullness();
  }
  if (packet.stream == 0) return;
  // From this byte on TB is empty when a byte comes.
  const double caught_up = packet.waiting > 0 && packet.per_byte > per_byte_out
                               ? packet.waiting * per_byte_out / (packet.per_byte - per_byte_out)
                               : 0;
  if (caught_up > first && caught_up < whole_packet) {
    run(leaves(caught_up), caught_up - first);
    run(end, whole_packet - caught_up);
  } else {
    run(end, stream);
  }
  in_ = static_cast<double>(position_);
  out_ = has_multiplex_ ? std::min(out_, in_) : in_;
}

// Does nothing of it wait in MB? (The ordinary case: no need to follow the flow.)
bool Tstd::passes_at_once(const Passing& packet, double duration) const {
  if (!has_multiplex_) return true;
  if (in_ != out_ || headers_bytes_ > 0) return false;
  const auto stream = static_cast<double>(packet.stream);
  if (aligned_ && out_ - removed_ + stream > elementary_size_) return false;
  const bool evenly = packet.waiting <= 0 || packet.per_byte <= ticks_per_byte_out_;
  if (multiplex_rate_ < transport_rate_ && !(evenly && duration * multiplex_rate_ >= stream)) return false;
  return true;
}

// `bytes` come in evenly until then.
void Tstd::run(double until, double bytes) {
  if (until <= time_) {
    in_ += bytes;
    if (!has_multiplex_) out_ = in_;
    return;
  }
  const double rate = bytes / (until - time_);
  while (next_event_ < until) {
    flow(next_event_, rate);
    decode_due();
  }
  flow(until, rate);
}

void Tstd::flow(double until, double rate) {
  if (until <= time_) return;
  if (has_multiplex_) {
    flow_through_multiplex(until, rate);
  } else {
    in_ += rate * (until - time_);
    out_ = in_;
    time_ = until;
  }
  settle();
}

// After bytes have moved.
void Tstd::settle() {
  if (!aligned_) removed_ = out_;
  if (!headers_.empty()) drop_headers(has_multiplex_ ? out_ : removed_);
  check_fullness();
}

// The leak method: Rbx while there is payload in MB and room in EB.
void Tstd::flow_through_multiplex(double until, double rate) {
  const auto step = [&](double length, double out_rate) {
    in_ += rate * length;
    out_ += out_rate * length;
    time_ += length;
  };
  if (rate == 0 && in_ == out_) {
    time_ = multiplex_empty_ = until;
    return;
  }
  while (time_ < until) {
    const double left = until - time_;
    const double waiting = in_ - out_;
    const double room = aligned_ ? elementary_size_ - (out_ - removed_) : never;
    if (room < 0.5) {
      step(left, 0);
      break;
    }
    const double out_rate = waiting > 0 ? multiplex_rate_ : std::min(rate, multiplex_rate_);
    double length = left;
    bool empties = false;
    if (waiting > 0 && multiplex_rate_ > rate && waiting < length * (multiplex_rate_ - rate)) {
      length = waiting / (multiplex_rate_ - rate);
      empties = true;
    }
    if (out_rate > 0 && room < length * out_rate) {
      length = room / out_rate;
      empties = false;
      step(length, out_rate);
      out_ = elementary_size_ + removed_;
      continue;
    }
    step(length, out_rate);
    if (empties || (waiting <= 0 && rate <= multiplex_rate_)) out_ = in_;
    if (in_ - out_ < 1) multiplex_empty_ = time_;
  }
  time_ = until;
}

void Tstd::check_fullness() {
  if (has_multiplex_) {
    const double waiting = in_ - out_ + headers_bytes_;
    figures_.multiplex = std::max(figures_.multiplex, waiting);
    if (waiting > multiplex_size_ + slack) {
      report(TstdEvent::Kind::multiplex_overflow, time_, waiting - multiplex_size_);
    }
    if (limits_.multiplex_empties && time_ - multiplex_empty_ > second) {
      report(TstdEvent::Kind::multiplex_not_empty, time_, (time_ - multiplex_empty_) / second);
    }
  }
  if (!aligned_) return;
  const double held = std::max(0.0, out_ - removed_) + (has_multiplex_ ? 0 : headers_bytes_);
  figures_.elementary = std::max(figures_.elementary, held);
  if (held > elementary_size_ + slack) report(TstdEvent::Kind::elementary_overflow, time_, held - elementary_size_);
}

void Tstd::drop_headers(double passed) {
  while (!headers_.empty() && static_cast<double>(headers_.front().offset) < passed) {
    headers_bytes_ -= headers_.front().size;
    headers_.pop();
  }
  if (headers_.empty()) headers_bytes_ = 0;
}

void Tstd::start(std::uint64_t offset) {
  aligned_ = true;
  removed_ = static_cast<double>(offset);
}

// The access units known cannot be timed: begin anew with the next one.
void Tstd::let_go() {
  aligned_ = false;
  units_.clear();
  begun_.reset();
  removed_ = out_;
  next_event_ = never;
}

// False for a decoding time that cannot be one.
bool Tstd::accept(double decoded) {
  if (std::abs(decoded - time_) <= longest_wait) return true;
  if (decoded > time_ && limits_.longest_delay) report(TstdEvent::Kind::delay, time_, (decoded - time_) / second);
  if (decoded < time_ && limits_.underflow_is_error) report(TstdEvent::Kind::underflow, time_, 0);
  let_go();
  return false;
}

// Access units are decoded in the order of their bytes: none later than one after it.
void Tstd::order(double decoded) {
  const auto units = units_.all();
  for (std::size_t i = units.size(); i > 0 && units[i - 1].decoded > decoded; --i) units[i - 1].decoded = decoded;
}

void Tstd::begin(std::uint64_t offset, std::optional<ProgramTime> decoded) {
  if (begun_ && begun_->offset == offset) return;
  begun_.reset();
  if (!decoded) return;
  const double at = ticks(*decoded);
  if (!accept(at)) return;
  if (!aligned_) start(offset);
  begun_ = Begun{offset, at, std::nullopt};
  order(at);
  check_delay(offset, at);
  decode_due();
}

void Tstd::add(std::uint64_t offset, std::uint64_t size, std::optional<ProgramTime> decoded) {
  const std::uint64_t end = offset + size;
  const bool was_begun = begun_ && begun_->offset == offset;
  if (was_begun && begun_->out) return finish_begun(end);
  begun_.reset();
  if (!decoded) return add_untimed(end);
  const double at = ticks(*decoded);
  if (!accept(at)) return;
  if (!aligned_) start(offset);
  order(at);
  units_.push({at, end, end});
  if (!was_begun) check_delay(offset, at);
  decode_due();
}

// It goes with the one before, so that it is never in the way for too long.
void Tstd::add_untimed(std::uint64_t end) {
  if (!aligned_) return;
  if (!units_.empty()) {
    units_.back().with = end;
  } else {
    removed_ = std::max(removed_, static_cast<double>(end));
    if (!has_multiplex_) drop_headers(removed_);
  }
  find_next_event();
}

// Its decoding time came before its end was known.
void Tstd::finish_begun(std::uint64_t end) {
  const Unit unit{begun_->decoded, end, end};
  const double missing = static_cast<double>(end) - *begun_->out;
  begun_.reset();
  decode(unit, missing);
  find_next_event();
}

void Tstd::decode_due() {
  while (!units_.empty() && units_.front().decoded <= time_) {
    const Unit unit = units_.front();
    units_.pop();
    decode(unit, static_cast<double>(unit.end) - out_);
  }
  if (units_.empty() && begun_ && !begun_->out && begun_->decoded <= time_) {
    begun_->out = out_;
    removed_ = std::max(removed_, out_);
    if (!has_multiplex_) drop_headers(removed_);
  }
  find_next_event();
}

void Tstd::find_next_event() {
  next_event_ = never;
  if (!units_.empty()) {
    next_event_ = units_.front().decoded;
  } else if (begun_ && !begun_->out) {
    next_event_ = begun_->decoded;
  }
}

void Tstd::decode(const Unit& unit, double missing) {
  ++figures_.units;
  if (missing > slack) {
    ++figures_.units_late;
    if (limits_.underflow_is_error) report(TstdEvent::Kind::underflow, unit.decoded, missing);
  }
  removed_ = std::max(removed_, static_cast<double>(unit.with));
  if (!has_multiplex_) drop_headers(removed_);
}

std::optional<double> Tstd::arrival_of(std::uint64_t offset) const {
  const std::size_t known = std::min(arrival_count_, arrivals_.size());
  for (std::size_t back = 1; back <= known; ++back) {
    const Arrival& arrival = arrivals_[(arrival_count_ - back) % arrivals_.size()];
    if (arrival.offset <= offset) {
      return arrival.first + static_cast<double>(offset - arrival.offset) * arrival.ticks_per_byte;
    }
  }
  return std::nullopt;
}

// Of the unit's first byte, which waits longest.
void Tstd::check_delay(std::uint64_t offset, double decoded) {
  const auto arrived = arrival_of(offset);
  if (!arrived) return;
  const double delay = decoded - *arrived;
  if (delay <= 0) return;
  figures_.delay = std::max(figures_.delay, Ticks27{static_cast<std::int64_t>(delay)});
  // A microsecond for rounding.
  if (limits_.longest_delay && delay > static_cast<double>(limits_.longest_delay->count()) + 27) {
    report(TstdEvent::Kind::delay, *arrived, delay / second);
  }
}

}  // namespace ts
