#include "tests/support/stream_builder.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

#include "tests/support/coded_picture.hpp"

namespace support {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr ts::Ticks27 decoding_delay{400ms}, sound_delay{360ms};  // as much sound as its buffer B holds
constexpr ts::Ticks27 picture_period{40ms}, audio_period{24ms}, other_period{100ms};
constexpr ts::Ticks27 table_period{90ms}, pcr_period{30ms};
constexpr std::uint64_t description_cycles = 5, network_cycles = 20;  // of table_period
constexpr std::size_t longest_queue = 50;                             // PES packets; more: the rate is too low

std::uint8_t stream_type(ts::VideoCodec codec) { return codec == ts::VideoCodec::mpeg2 ? 0x02 : 0x1B; }

void count_up(std::uint8_t& version) { version = (version + 1) & 31; }

// A time stamp of 33 bits behind its prefix (ISO/IEC 13818-1 table 2-21).
void put_timestamp(Bytes& out, unsigned prefix, ts::Timestamp timestamp) {
  const auto t = static_cast<std::uint64_t>(timestamp.ticks());
  out.push_back(static_cast<std::uint8_t>(prefix << 4 | (t >> 30 << 1) | 1));
  out.push_back(static_cast<std::uint8_t>(t >> 22));
  out.push_back(static_cast<std::uint8_t>(t >> 14 | 1));
  out.push_back(static_cast<std::uint8_t>(t >> 7));
  out.push_back(static_cast<std::uint8_t>(t << 1 | 1));
}

}  // namespace

Bytes pes_packet(std::uint8_t stream_id, ts::Timestamp pts, ts::Timestamp dts, const Bytes& data) {
  const bool both = pts != dts;
  const bool video = (stream_id & 0xF0) == 0xE0;
  const std::size_t length = video ? 0 : data.size() + (both ? 13 : 8);
  Bytes out{0, 0, 1, stream_id, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
  out.push_back(0x84);  // data_alignment_indicator
  out.push_back(both ? 0xC0 : 0x80);
  out.push_back(both ? 10 : 5);
  put_timestamp(out, both ? 3 : 2, pts);
  if (both) put_timestamp(out, 1, dts);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

ServiceOptions ServiceOptions::numbered(unsigned n) {
  ServiceOptions out;
  out.id = psi::ServiceId{static_cast<std::uint16_t>(0x0100 + n)};
  out.name = "Service " + std::to_string(n);
  out.pmt_pid = ts::Pid{n * 0x0100};
  out.video_pid = out.pcr_pid = ts::Pid{n * 0x0100 + 1};
  out.audio = {{ts::Pid{n * 0x0100 + 2}, "fra"}, {ts::Pid{n * 0x0100 + 3}, "eng"}};
  out.start_pcr = ts::Pcr{std::chrono::hours{n}};
  const std::chrono::sys_seconds noon = StreamBuilder::Options{}.utc;
  const auto event = static_cast<std::uint16_t>(n * 16);
  out.present = Event{event, noon - 30min, 1h, "Le journal", "Present on " + out.name};
  out.following = Event{static_cast<std::uint16_t>(event + 1), noon + 30min, 90min, "Le film", "Then on " + out.name};
  return out;
}

void StreamBuilder::add(ServiceOptions options) {
  const auto now = time_of(position_);
  const auto id = options.id;
  Carried carried;
  carried.offset = ts::Ticks27{options.start_pcr.ticks()};
  carried.next_pcr = now;
  carried.tracks = tracks_of(options, now);
  carried.options = std::move(options);
  if (!services_.emplace(id, std::move(carried)).second) throw std::invalid_argument{"add: service exists"};
  count_up(pat_version_);
  count_up(sdt_version_);
}

void StreamBuilder::replace(ServiceOptions options) {
  Carried& carried = services_.at(options.id);
  carried.tracks = tracks_of(options, time_of(position_));
  if (carried.options.pmt_pid != options.pmt_pid) count_up(pat_version_);
  carried.options = std::move(options);
  count_up(carried.version);
  count_up(sdt_version_);
  count_up(eit_version_);
}

void StreamBuilder::remove(psi::ServiceId id) {
  if (services_.erase(id) == 0) throw std::invalid_argument{"remove: no such service"};
  count_up(pat_version_);
  count_up(sdt_version_);
}

void StreamBuilder::jump(psi::ServiceId id, ts::Ticks27 by, bool signalled) {
  Carried& carried = services_.at(id);
  carried.offset += by;
  carried.discontinuity = signalled;
  carried.next_pcr = time_of(position_);
}

std::vector<ts::Packet> StreamBuilder::make(std::chrono::nanoseconds duration) {
  const auto bits = std::chrono::duration<double>(duration).count() * static_cast<double>(options_.rate);
  return make_packets(static_cast<std::uint64_t>(bits / (ts::packet_size * 8)));
}

std::vector<ts::Packet> StreamBuilder::make_packets(std::uint64_t count) {
  std::vector<ts::Packet> out;
  out.reserve(count);
  for (; count > 0; --count) {
    out.push_back(next_packet());
    ++position_;
  }
  return out;
}

ts::Pcr StreamBuilder::pcr(psi::ServiceId id, std::uint64_t position) const {
  return ts::Pcr{services_.at(id).offset + time_of(position)};
}

psi::Pat StreamBuilder::pat() const {
  psi::Pat out{.transport_stream_id = options_.transport_stream_id,
               .version = pat_version_,
               .network_pid = ts::nit_pid,
               .services = {}};
  for (const auto& [id, carried] : services_) out.services.push_back({id, carried.options.pmt_pid});
  return out;
}

psi::Pmt StreamBuilder::pmt(psi::ServiceId id) const {
  const Carried& carried = services_.at(id);
  const ServiceOptions& options = carried.options;
  psi::Pmt out{.service = id,
               .version = carried.version,
               .pcr_pid = options.pcr_pid,
               .descriptors = options.descriptors,
               .streams = {}};
  if (options.video_pid) out.streams.push_back({stream_type(options.codec), *options.video_pid, {}});
  for (const AudioOptions& audio : options.audio) {
    psi::Descriptors descriptors;
    if (!audio.language.empty()) descriptors.push_back(language_descriptor(audio.language));
    out.streams.push_back({0x03, audio.pid, std::move(descriptors)});
  }
  out.streams.insert(out.streams.end(), options.other_streams.begin(), options.other_streams.end());
  return out;
}

psi::Sdt StreamBuilder::sdt() const {
  psi::Sdt out{.transport_stream_id = options_.transport_stream_id,
               .original_network_id = options_.network_id,
               .version = sdt_version_,
               .services = {}};
  for (const auto& [id, carried] : services_) {
    const ServiceOptions& options = carried.options;
    out.services.push_back({.service = id,
                            .eit_schedule = !options.schedule.empty(),
                            .eit_present_following = options.present || options.following,
                            .running_status = 4,
                            .free_ca_mode = !options.section_pids.empty(),
                            .descriptors = {service_descriptor(options.type, options.provider, options.name)}});
  }
  return out;
}

ts::Ticks27 StreamBuilder::time_of(std::uint64_t position) const {
  const auto bits = static_cast<std::int64_t>(position * ts::packet_size * 8);
  const std::int64_t seconds = bits / options_.rate;
  return ts::Ticks27{seconds * ts::system_clock_hz + bits % options_.rate * ts::system_clock_hz / options_.rate};
}

std::vector<StreamBuilder::Track> StreamBuilder::tracks_of(const ServiceOptions& options, ts::Ticks27 from) {
  std::vector<Track> out;
  const auto add = [&](ts::Pid pid, Track::Kind kind, ts::Ticks27 period) {
    Track track;
    track.pid = pid;
    track.kind = kind;
    track.period = period;
    track.next = from;
    out.push_back(std::move(track));
  };
  if (options.video_pid) add(*options.video_pid, Track::Kind::video, picture_period);
  for (const AudioOptions& audio : options.audio) add(audio.pid, Track::Kind::audio, audio_period);
  for (const psi::Pmt::Stream& stream : options.other_streams) add(stream.pid, Track::Kind::other, other_period);
  for (const ts::Pid pid : options.section_pids) add(pid, Track::Kind::section, other_period);
  return out;
}

ts::Packet StreamBuilder::next_packet() {
  const auto now = time_of(position_);
  queue_tables(now);
  for (auto& [id, service] : services_) queue_pes(service, now);
  if (const auto packet = pcr_packet(now)) return *packet;
  if (!tables_.empty()) {
    const auto packet = tables_.front();
    tables_.pop_front();
    return packet;
  }
  return track_packet().value_or(ts::Packet::null());
}

void StreamBuilder::queue_tables(ts::Ticks27 now) {
  if (now < static_cast<std::int64_t>(table_cycles_) * table_period) return;
  queue_sections(ts::pat_pid, psi::sections(pat()));
  if (!options_.cat.empty()) {
    Bytes body;
    for (const psi::Descriptor& descriptor : options_.cat) {
      body.push_back(descriptor.tag);
      body.push_back(static_cast<std::uint8_t>(descriptor.data.size()));
      body.insert(body.end(), descriptor.data.begin(), descriptor.data.end());
    }
    queue_sections(ts::cat_pid, {long_section({.table = psi::table_id::cat, .extension = 0xFFFF}, body)});
  }
  for (const auto& [id, carried] : services_) queue_sections(carried.options.pmt_pid, psi::sections(pmt(id)));
  if (table_cycles_ % description_cycles == 0) {
    queue_sections(ts::sdt_pid, psi::sections(sdt()));
    queue_sections(ts::eit_pid, eit(options_.spread_sections ? EitPart::present : EitPart::all));
  }
  if (options_.spread_sections && table_cycles_ % description_cycles == 1) {
    queue_sections(ts::eit_pid, eit(EitPart::following));
  }
  if (table_cycles_ % network_cycles == 0) {
    queue_sections(ts::nit_pid, {nit_section(options_.network_id, "Support network")});
    queue_sections(ts::tdt_pid, {tdt_section(options_.utc + std::chrono::floor<std::chrono::seconds>(now))});
  }
  ++table_cycles_;
  if (tables_.size() > 1000) throw std::length_error{"StreamBuilder: rate too low for the tables"};
}

std::vector<psi::SectionBytes> StreamBuilder::eit(EitPart part) const {
  std::vector<psi::SectionBytes> out;
  const auto add = [&](const SectionHeader& header, std::span<const Event> events) {
    out.push_back(eit_section(header, options_.transport_stream_id, options_.network_id, events));
  };
  const auto one = [](const std::optional<Event>& event) {
    return event ? std::span{&*event, 1} : std::span<const Event>{};
  };
  for (const auto& [id, carried] : services_) {
    const ServiceOptions& options = carried.options;
    SectionHeader header{.table = psi::table_id::eit_pf_actual, .extension = id.value(), .version = eit_version_};
    header.last_number = 1;
    if (options.present || options.following) {
      if (part != EitPart::following) add(header, one(options.present));
      header.number = 1;
      if (part != EitPart::present) add(header, one(options.following));
    }
    if (part == EitPart::following) continue;
    header.table = psi::table_id::eit_schedule_actual_first;
    header.number = header.last_number = 0;
    if (!options.schedule.empty()) add(header, options.schedule);
  }
  return out;
}

void StreamBuilder::queue_sections(ts::Pid pid, const std::vector<psi::SectionBytes>& sections) {
  std::vector<ts::Packet> packets;
  packetizers_.try_emplace(pid, pid).first->second.packetize(sections, packets);
  tables_.insert(tables_.end(), packets.begin(), packets.end());
}

void StreamBuilder::queue_pes(Carried& service, ts::Ticks27 now) {
  for (Track& track : service.tracks) {
    while (track.next <= now) {
      if (track.kind == Track::Kind::section) {
        const Bytes body{static_cast<std::uint8_t>(track.index)};
        queue_sections(track.pid, {long_section({.table = 0x80}, body)});
      } else {
        const ServiceOptions& options = service.options;
        track.is_random_access.push_back(options.random_access_indicator && track.kind == Track::Kind::video &&
                                         track.index % options.gop == 0);
        track.waiting.push_back(pes(service, track));
      }
      track.next += track.period;
      ++track.index;
    }
    if (track.waiting.size() > longest_queue) throw std::length_error{"StreamBuilder: rate too low for the services"};
  }
}

std::vector<std::uint8_t> StreamBuilder::pes(const Carried& service, Track& track) const {
  const ServiceOptions& options = service.options;
  const auto delay = track.kind == Track::Kind::audio ? sound_delay : decoding_delay;
  const auto ticks = service.offset + track.next + delay;
  const ts::Timestamp dts{ts::Ticks90{ts::Pcr{ticks}.base()}};
  switch (track.kind) {
    case Track::Kind::video:
      // A decoder of MPEG-2 shows an I or P picture when the next one is decoded.
      return pes_packet(0xE0, dts + std::chrono::duration_cast<ts::Ticks90>(picture_period), dts,
                        coded_picture(options.codec, track.index, options.gop, options.picture_bytes));
    case Track::Kind::audio:
      return pes_packet(0xC0, dts, dts, silent_audio_frame());
    default:
      return pes_packet(0xBD, dts, dts, Bytes(60, static_cast<std::uint8_t>(track.index)));
  }
}

// The PCR that is due, with what waits on its PID.
std::optional<ts::Packet> StreamBuilder::pcr_packet(ts::Ticks27 now) {
  for (auto& [id, service] : services_) {
    if (now < service.next_pcr || service.options.pcr_pid == ts::null_pid) continue;
    service.next_pcr = now + pcr_period;
    const bool discontinuity = std::exchange(service.discontinuity, false);
    const ts::Pcr pcr{service.offset + now};
    const ts::Pid pid = service.options.pcr_pid;
    const auto track = std::ranges::find(service.tracks, pid, &Track::pid);
    if (track != service.tracks.end() && !track->waiting.empty()) return packet_of(*track, pcr, discontinuity);
    const auto counter = counters_.try_emplace(pid, 15u).first->second;
    auto packet = ts::Packet::pcr_only(pid, pcr, counter);
    packet.set_discontinuity(discontinuity);
    return packet;
  }
  return std::nullopt;
}

// Tracks take turns.
std::optional<ts::Packet> StreamBuilder::track_packet() {
  std::vector<Track*> ready;
  for (auto& [id, service] : services_) {
    for (Track& track : service.tracks) {
      if (!track.waiting.empty()) ready.push_back(&track);
    }
  }
  if (ready.empty()) return std::nullopt;
  return packet_of(*ready[turn_++ % ready.size()], std::nullopt, false);
}

ts::Packet StreamBuilder::packet_of(Track& track, std::optional<ts::Pcr> pcr, bool discontinuity) {
  const bool begins = track.sent == 0;
  const bool random_access = begins && track.is_random_access.front();
  const auto left = std::span<const std::uint8_t>{track.waiting.front()}.subspan(track.sent);
  const std::size_t least = pcr ? 8 : random_access || discontinuity ? 2 : 0;  // of the adaptation field
  const std::size_t size = std::min(left.size(), 184 - least);

  auto packet = ts::Packet::null();
  packet.bytes[1] = begins ? 0x40 : 0;
  packet.set_pid(track.pid);
  unsigned& counter = counters_.try_emplace(track.pid, 15u).first->second;
  counter = (counter + 1) & 0x0F;
  packet.set_continuity(counter);
  if (const std::size_t adaptation = 184 - size; adaptation > 0) {
    packet.bytes[3] |= 0x20;
    packet.bytes[4] = static_cast<std::uint8_t>(adaptation - 1);
    if (adaptation > 1) {
      packet.bytes[5] =
          static_cast<std::uint8_t>((discontinuity ? 0x80 : 0) | (random_access ? 0x40 : 0) | (pcr ? 0x10 : 0));
    }
    if (pcr) packet.set_pcr(*pcr);
  }
  std::ranges::copy(left.first(size), packet.bytes.end() - static_cast<std::ptrdiff_t>(size));

  track.sent += size;
  if (track.sent == track.waiting.front().size()) {
    track.waiting.pop_front();
    track.is_random_access.pop_front();
    track.sent = 0;
  }
  return packet;
}

std::size_t lose(std::vector<ts::Packet>& packets, ts::Pid pid, std::size_t first, std::size_t count) {
  std::size_t seen = 0;
  std::size_t lost = 0;
  for (ts::Packet& packet : packets) {
    if (packet.pid() != pid) continue;
    if (seen >= first && lost < count) {
      packet = ts::Packet::null();
      ++lost;
    }
    ++seen;
  }
  return lost;
}

}  // namespace support
