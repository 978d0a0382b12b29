// Judges a multiplex of constant rate by its bytes alone, and with nothing of this project: a second opinion on what
// tsmux sends and tsmon says.
//
//   mux_judge --rate BITS-PER-SECOND [--loose] [--source FILE.ts]... [FILE.ts | -]
//
// Sync, continuity, PCRs against the line that the byte position gives over the whole stream, tables (syntax, CRC,
// intervals, 25 ms between two sections), references, DTS against the clock at each PES packet's last byte, transport
// buffers of sections and audio. With --source, the same PES packets (by their payload) are found in the sources, and
// the time from picture to sound of a service must be that of its source. --loose: the clocks of the services are not
// that of the multiplex (live inputs), so that PCRs are held against the line of the last two seconds alone.
//
// Prints tables and exits with 1 if it found faults. Times are those of the byte position at the given rate. Limits are
// those of ISO/IEC 13818-1, ETSI EN 300 468, TS 101 154 and TR 101 290.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace {

using Byte = std::uint8_t;
using Seconds = double;  // exact to picoseconds over hours

constexpr std::size_t packet_size = 188;
constexpr std::size_t pids = 8192;
constexpr unsigned null_pid = 0x1FFF;
constexpr std::int64_t pcr_modulus = (std::int64_t{1} << 33) * 300;
constexpr std::int64_t pts_modulus = std::int64_t{1} << 33;

// The shorter way from one value of a counter to another.
std::int64_t step(std::int64_t from, std::int64_t to, std::int64_t modulus) {
  std::int64_t d = (to - from) % modulus;
  if (d < 0) d += modulus;
  return d > modulus / 2 ? d - modulus : d;
}

// ---- What was found

class Faults {
 public:
  __attribute__((format(printf, 4, 5))) void add(const char* kind, Seconds at, const char* format, ...) {
    auto& list = kinds_[kind];
    if (++list.count > shown) return;
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char line[240];
    std::snprintf(line, sizeof line, "    at %.6f s: %s", at, text);
    list.first.emplace_back(line);
  }
  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const auto& [kind, list] : kinds_) sum += list.count;
    return sum;
  }
  void print() const {
    for (const auto& [kind, list] : kinds_) {
      std::printf("  FAULT %s: %llu\n", kind.c_str(), static_cast<unsigned long long>(list.count));
      for (const auto& line : list.first) std::printf("%s\n", line.c_str());
    }
  }

 private:
  static constexpr std::uint64_t shown = 4;
  struct List {
    std::uint64_t count = 0;
    std::vector<std::string> first;
  };
  std::map<std::string, List> kinds_;
};

struct Range {
  double least = HUGE_VAL, greatest = -HUGE_VAL;
  void add(double value) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  bool any() const { return least <= greatest; }
  double largest() const { return any() ? std::max(std::abs(least), std::abs(greatest)) : 0; }
};

// ---- Packets

struct Packet {
  const Byte* bytes;
  unsigned pid() const { return (bytes[1] & 0x1Fu) << 8 | bytes[2]; }
  bool error() const { return (bytes[1] & 0x80) != 0; }
  bool unit_start() const { return (bytes[1] & 0x40) != 0; }
  bool scrambled() const { return (bytes[3] & 0xC0) != 0; }
  bool has_adaptation() const { return (bytes[3] & 0x20) != 0; }
  bool has_payload() const { return (bytes[3] & 0x10) != 0; }
  unsigned counter() const { return bytes[3] & 0x0Fu; }
  unsigned adaptation_length() const { return has_adaptation() ? bytes[4] : 0; }
  unsigned flags() const { return adaptation_length() > 0 ? bytes[5] : 0; }
  bool discontinuity() const { return (flags() & 0x80) != 0; }
  bool is_well_formed() const {
    if (!has_adaptation()) return true;
    return adaptation_length() <= (has_payload() ? 182u : 183u);
  }
  std::size_t payload_at() const { return has_adaptation() ? 5 + adaptation_length() : 4; }
  std::optional<std::int64_t> pcr() const {
    if ((flags() & 0x10) == 0 || adaptation_length() < 7) return std::nullopt;
    const std::int64_t base = std::int64_t{bytes[6]} << 25 | std::int64_t{bytes[7]} << 17 |
                              std::int64_t{bytes[8]} << 9 | std::int64_t{bytes[9]} << 1 | bytes[10] >> 7;
    return base * 300 + ((bytes[10] & 1) << 8 | bytes[11]);
  }
};

struct Continuity {
  std::array<Byte, packet_size> last{};
  bool started = false, repeated = false;

  // Whether something is missing or too much.
  bool is_wrong(const Packet& packet) {
    bool wrong = false;
    bool same = false;
    if (started && !packet.discontinuity()) {
      const Packet before{last.data()};
      const unsigned expected = (before.counter() + (packet.has_payload() ? 1 : 0)) & 15;
      if (packet.counter() != expected) {
        same = packet.has_payload() && packet.counter() == before.counter() && !repeated && equal(packet, before);
        wrong = !same;
      }
    }
    repeated = same;
    started = true;
    std::memcpy(last.data(), packet.bytes, packet_size);
    return wrong;
  }
  // But for the PCR (2.4.3.3).
  static bool equal(const Packet& a, const Packet& b) {
    if (std::memcmp(a.bytes, b.bytes, 6) != 0) return false;
    const std::size_t skip = (a.flags() & 0x10) != 0 ? 12 : 6;
    return std::memcmp(a.bytes + skip, b.bytes + skip, packet_size - skip) == 0;
  }
};

// ---- Clocks

struct Clock {
  struct Sample {
    Seconds time;
    double ticks;  // since the first PCR
  };
  std::uint64_t count = 0, signalled = 0;
  std::int64_t last = 0;
  Seconds last_time = 0;
  Sample first{};
  double ticks = 0;
  std::deque<Sample> window;
  Seconds longest = 0;
  Range line, local, ppm;  // ns, ns, parts in a million

  static constexpr Seconds window_length = 2;

  void begin(std::int64_t pcr, Seconds time) {
    ticks = 0;
    first = {time, 0};
    window.clear();
    set(pcr, time);
  }
  void set(std::int64_t pcr, Seconds time) {
    last = pcr;
    last_time = time;
    window.push_back({time, ticks});
    ++count;
  }
  void go_on(std::int64_t pcr, Seconds time) {
    longest = std::max(longest, time - last_time);
    ticks += static_cast<double>(step(last, pcr, pcr_modulus));
    line.add((ticks - first.ticks - (time - first.time) * 27e6) / 0.027);
    while (window.size() > 2 && time - window.front().time > window_length) window.pop_front();
    if (time - window.front().time > window_length / 2 && window.size() > 8) measure(time);
    set(pcr, time);
  }
  // Against the line of least squares through the last two seconds.
  void measure(Seconds time) {
    const double n = static_cast<double>(window.size());
    const Sample& origin = window.front();
    double x = 0, y = 0, xx = 0, xy = 0;
    for (const Sample& sample : window) {
      const double dx = sample.time - origin.time;
      const double dy = sample.ticks - origin.ticks - dx * 27e6;
      x += dx, y += dy, xx += dx * dx, xy += dx * dy;
    }
    const double slope = (n * xy - x * y) / (n * xx - x * x);
    const double level = (y - slope * x) / n;
    const double dx = time - origin.time;
    local.add((ticks - origin.ticks - dx * 27e6 - level - slope * dx) / 0.027);
    ppm.add(slope / 27);
  }
};

// A buffer of the T-STD that bytes enter at the rate of the multiplex and leave evenly.
struct TransportBuffer {
  double rate = 1e6;  // bit/s
  double held = 0, greatest = 0;
  Seconds until = 0;

  void add(Seconds begin, Seconds end) {
    held = std::max(0.0, held - (begin - until) * rate / 8);
    held += static_cast<double>(packet_size) - (end - begin) * rate / 8;
    held = std::max(held, 0.0);
    until = end;
    greatest = std::max(greatest, held);
  }
};
constexpr double transport_size = 512;

// ---- Sections

std::uint32_t crc32(const Byte* data, std::size_t size) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i << 24;
      for (int bit = 0; bit < 8; ++bit) c = c << 1 ^ ((c & 0x80000000u) != 0 ? 0x04C11DB7u : 0u);
      t[i] = c;
    }
    return t;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (std::size_t i = 0; i < size; ++i) crc = crc << 8 ^ table[crc >> 24 ^ data[i]];
  return crc;
}

struct Section {
  std::vector<Byte> bytes;
  Seconds begin = 0, end = 0;

  unsigned table_id() const { return bytes[0]; }
  bool is_long() const { return (bytes[1] & 0x80) != 0; }
  unsigned extension() const { return is_long() ? unsigned{bytes[3]} << 8 | bytes[4] : 0; }
  unsigned number() const { return is_long() ? bytes[6] : 0; }
  unsigned word(std::size_t at) const { return unsigned{bytes[at]} << 8 | bytes[at + 1]; }
};

class SectionReader {
 public:
  template <typename Handler>
  void feed(const Packet& packet, Seconds begin, Seconds per_byte, const Handler& handler, const char** problem) {
    std::size_t at = packet.payload_at();
    if (!packet.has_payload() || at >= packet_size) return;
    const auto time = [&](std::size_t byte) { return begin + static_cast<double>(byte) * per_byte; };
    if (packet.unit_start()) {
      const std::size_t pointer = packet.bytes[at++];
      if (at + pointer > packet_size) {
        *problem = "pointer_field beyond the packet";
        return drop();
      }
      const std::size_t start = at + pointer;
      if (open_) {
        take(packet, at, start, time, handler);
        if (open_) *problem = "a section is shorter than its length";
      }
      drop();
      at = start;
      while (at < packet_size && packet.bytes[at] != 0xFF) {
        open_ = true;
        section_.begin = time(at);
        at = take(packet, at, packet_size, time, handler);
        if (open_) return;
      }
      for (; at < packet_size; ++at) {
        if (packet.bytes[at] != 0xFF) *problem = "stuffing that is not 0xFF";
      }
      return;
    }
    if (open_) at = take(packet, at, packet_size, time, handler);
  }
  void drop() {
    open_ = false;
    section_.bytes.clear();
  }

 private:
  template <typename Time, typename Handler>
  std::size_t take(const Packet& packet, std::size_t at, std::size_t end, const Time& time, const Handler& handler) {
    auto& bytes = section_.bytes;
    while (at < end) {
      const std::size_t length = bytes.size() < 3 ? 3 : 3 + ((bytes[1] & 0x0Fu) << 8 | bytes[2]);
      if (bytes.size() == length && length > 3) break;
      const std::size_t count = std::min(end - at, length - bytes.size());
      bytes.insert(bytes.end(), packet.bytes + at, packet.bytes + at + count);
      at += count;
      if (bytes.size() == 3 && (bytes[1] & 0x0F) == 0 && bytes[2] == 0) break;
    }
    if (bytes.size() >= 3 && bytes.size() == 3 + ((bytes[1] & 0x0Fu) << 8 | bytes[2])) {
      section_.end = time(at);
      handler(section_);
      drop();
    }
    return at;
  }

  Section section_;
  bool open_ = false;
};

// ---- PES packets

enum class Kind { none, video, audio, data, sections };

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::video: return "video";
    case Kind::audio: return "audio";
    case Kind::data: return "data";
    case Kind::sections: return "sections";
    case Kind::none: break;
  }
  return "-";
}

struct Hash {
  std::uint64_t value = 0x9E3779B97F4A7C15ull, size = 0;
  std::uint64_t pending = 0;

  void add(const Byte* data, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      pending |= std::uint64_t{data[i]} << (size % 8 * 8);
      if (++size % 8 == 0) mix();
    }
  }
  std::uint64_t result() {
    mix();
    return value ^ size;
  }

 private:
  void mix() {
    value = (value ^ pending) * 0xD6E8FEB86659FD93ull;
    value ^= value >> 32;
    pending = 0;
  }
};

struct Pes {
  Seconds begin = 0, end = 0;
  std::optional<std::int64_t> pts, dts;
  Hash hash;
};

// Puts PES packets together; only of packets that are not scrambled.
class PesReader {
 public:
  // Calls `handler` with each PES packet when the next one begins.
  template <typename Handler>
  void feed(const Packet& packet, Seconds begin, Seconds end, bool hashes, const Handler& handler) {
    const std::size_t at = packet.payload_at();
    if (!packet.has_payload() || at >= packet_size) return;
    const Byte* data = packet.bytes + at;
    std::size_t size = packet_size - at;
    if (packet.unit_start()) {
      if (open_) handler(pes_);
      open_ = start(data, size);
      if (!open_) return;
      pes_.begin = begin;
    }
    if (!open_) return;
    pes_.end = end;
    const std::size_t skipped = std::min(header_, size);
    header_ -= skipped;
    if (hashes) pes_.hash.add(data + skipped, size - skipped);
  }
  void drop() { open_ = false; }

 private:
  static std::int64_t stamp(const Byte* p) {
    return std::int64_t{p[0] & 0x0E} << 29 | std::int64_t{p[1]} << 22 | std::int64_t{p[2] & 0xFE} << 14 |
           std::int64_t{p[3]} << 7 | p[4] >> 1;
  }
  bool start(const Byte* data, std::size_t size) {
    if (size < 9 || data[0] != 0 || data[1] != 0 || data[2] != 1) return false;
    pes_ = {};
    const Byte id = data[3];
    const bool plain = id == 0xBC || id == 0xBE || id == 0xBF || (id >= 0xF0 && id <= 0xF2) || id == 0xF8 || id == 0xFF;
    header_ = plain ? 6 : 9u + data[8];
    if (plain) return true;
    const unsigned flags = data[7] >> 6;
    if (flags >= 2 && size >= 14) pes_.pts = pes_.dts = stamp(data + 9);
    if (flags == 3 && size >= 19) pes_.dts = stamp(data + 14);
    return true;
  }

  Pes pes_;
  std::size_t header_ = 0;
  bool open_ = false;
};

// ---- The sources, to know their PES packets again

class Sources {
 public:
  struct Unit {
    std::size_t source;  // file and PID
    std::int64_t pts;
    std::uint64_t hash;
  };
  static constexpr std::size_t none = SIZE_MAX;

  void read(const char* path) {
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) throw std::runtime_error(std::string{path} + ": " + std::strerror(errno));
    std::vector<Byte> bytes;
    std::array<Byte, 1 << 16> block;
    for (ssize_t n = 0; (n = ::read(file, block.data(), block.size())) > 0;) {
      bytes.insert(bytes.end(), block.begin(), block.begin() + n);
    }
    ::close(file);
    std::map<unsigned, PesReader> readers;
    std::map<unsigned, std::vector<Unit>> found;
    for (std::size_t at = 0; at + packet_size <= bytes.size();) {
      const Packet packet{bytes.data() + at};
      if (packet.bytes[0] != 0x47) {
        ++at;
        continue;
      }
      at += packet_size;
      if (packet.error() || packet.scrambled() || !packet.is_well_formed() || packet.pid() == null_pid) continue;
      readers[packet.pid()].feed(packet, 0, 0, true, [&](Pes& pes) {
        if (pes.pts) found[packet.pid()].push_back({0, *pes.pts, pes.hash.result()});
      });
    }
    for (auto& [pid, units] : found) add(units);
  }
  bool any() const { return !units_.empty(); }
  const Unit* find(std::uint64_t hash) const {
    const auto found = by_hash_.find(hash);
    return found == by_hash_.end() || found->second == none ? nullptr : &units_[found->second];
  }

 private:
  void add(const std::vector<Unit>& units) {
    for (Unit unit : units) {
      unit.source = sources_;
      const auto [at, is_new] = by_hash_.try_emplace(unit.hash, units_.size());
      if (!is_new) at->second = none;  // silence, and what is in two files
      units_.push_back(unit);
    }
    ++sources_;
  }

  std::size_t sources_ = 0;
  std::vector<Unit> units_;
  std::unordered_map<std::uint64_t, std::size_t> by_hash_;
};

// ---- The multiplex

struct Table {
  unsigned pid, id, extension;
  friend bool operator<(const Table& a, const Table& b) {
    return std::tie(a.pid, a.id, a.extension) < std::tie(b.pid, b.id, b.extension);
  }
};

struct Repetition {
  std::uint64_t count = 0;
  Seconds last = 0, longest = 0, end = -1, least_gap = HUGE_VAL;
  std::map<unsigned, Seconds> sections;  // when each was there last
};

struct Stream {
  unsigned pid = 0;
  std::uint64_t packets = 0;
  Continuity continuity;
  std::unique_ptr<Clock> clock;
  std::unique_ptr<SectionReader> sections;
  PesReader reader;
  Kind kind = Kind::none;
  unsigned type = 0;
  int program = -1;
  bool referenced = false;
  TransportBuffer transport;
  // PES packets
  std::uint64_t pes = 0;
  std::optional<Pes> before;
  Range slack, wait;  // s: of the last byte, of the first
  Seconds pts_gap = 0;
};

// How far apart components are in the multiplex, beyond what they are in the source.
struct Offsets {
  struct Seen {
    std::int64_t move;  // PTS there - PTS in the source, 90 kHz
    std::int64_t source_pts;
    Seconds at;
  };
  std::map<unsigned, std::deque<Seen>> recent;  // by PID
  std::map<int, Range> minutes;                 // ms
  Range all;
  std::uint64_t pairs = 0, alone = 0;
};

class Judge {
 public:
  Judge(double rate, bool loose, const Sources& sources)
      : rate_(rate), loose_(loose), sources_(sources), streams_(pids) {
    for (unsigned pid = 0; pid < pids; ++pid) streams_[pid].pid = pid;
    for (unsigned pid : {0x00u, 0x01u, 0x10u, 0x11u, 0x12u, 0x14u}) open_sections(pid);
  }

  void feed(const Byte* bytes) {
    const Packet packet{bytes};
    const Seconds begin = time_of(packets_ * packet_size), end = time_of((packets_ + 1) * packet_size);
    ++packets_;
    if (bytes[0] != 0x47) return faults_.add("sync byte", begin, "0x%02x", bytes[0]);
    const unsigned pid = packet.pid();
    Stream& stream = streams_[pid];
    ++stream.packets;
    if (pid == null_pid) return;
    if (packet.error()) return faults_.add("transport_error_indicator", begin, "PID 0x%04x", pid);
    if (!packet.is_well_formed()) return faults_.add("adaptation field length", begin, "PID 0x%04x", pid);
    if (stream.continuity.is_wrong(packet)) {
      faults_.add("continuity", begin, "PID 0x%04x", pid);
      if (stream.sections) stream.sections->drop();
    }
    if (const auto pcr = packet.pcr()) take_pcr(stream, *pcr, packet.discontinuity(), begin);
    fill_buffers(stream, begin, end);
    if (stream.sections) {
      const char* problem = nullptr;
      stream.sections->feed(packet, begin, 8 / rate_, [&](const Section& s) { take(pid, s); }, &problem);
      if (problem != nullptr) faults_.add("section syntax", begin, "PID 0x%04x: %s", pid, problem);
    } else if (stream.kind != Kind::none && !packet.scrambled()) {
      stream.reader.feed(packet, begin, end, sources_.any(), [&](Pes& pes) { take(stream, pes); });
    }
  }

  // Whether all is right.
  bool finish() {
    check_end();
    print();
    faults_.print();
    const bool clean = faults_.count() == 0 && packets_ > 0;
    std::printf("%s\n", clean ? "clean" : packets_ == 0 ? "empty" : "NOT clean");
    return clean;
  }

 private:
  Seconds time_of(std::uint64_t byte) const { return static_cast<double>(byte) * 8 / rate_; }
  Seconds now() const { return time_of(packets_ * packet_size); }
  void open_sections(unsigned pid) {
    if (!streams_[pid].sections) streams_[pid].sections = std::make_unique<SectionReader>();
    streams_[pid].referenced = true;
  }

  void take_pcr(Stream& stream, std::int64_t pcr, bool signalled, Seconds begin) {
    const Seconds time = begin + 8 * 11 / rate_;
    if (!stream.clock) {
      stream.clock = std::make_unique<Clock>();
      return stream.clock->begin(pcr, time);
    }
    Clock& clock = *stream.clock;
    const double ms = static_cast<double>(step(clock.last, pcr, pcr_modulus)) / 27e3;
    if (signalled) {
      ++clock.signalled;
      return clock.begin(pcr, time);
    }
    if (ms <= 0 || ms > 100) {
      faults_.add("PCR discontinuity", begin, "PID 0x%04x: %.3f ms after the last one", stream.pid, ms);
      return clock.begin(pcr, time);
    }
    clock.go_on(pcr, time);
  }

  void fill_buffers(Stream& stream, Seconds begin, Seconds end) {
    if (stream.sections || stream.kind == Kind::audio) {
      stream.transport.rate = stream.kind == Kind::audio ? 2e6 : 1e6;
      add_to(stream.transport, stream.pid, begin, end);
    }
    // PAT, CAT and the PMT of a program pass one (2.4.2.3).
    for (auto& [pmt_pid, buffer] : system_) {
      if (stream.pid <= 1 || stream.pid == pmt_pid) add_to(buffer, pmt_pid, begin, end);
    }
  }
  void add_to(TransportBuffer& buffer, unsigned pid, Seconds begin, Seconds end) {
    buffer.add(begin, end);
    if (buffer.held > transport_size) {
      faults_.add("transport buffer overflow", begin, "PID 0x%04x: %.0f bytes", pid, buffer.held);
    }
  }

  // ---- Tables

  void take(unsigned pid, const Section& section) {
    const unsigned id = section.table_id();
    if (const char* problem = syntax_problem(pid, section)) {
      return faults_.add("section syntax", section.begin, "PID 0x%04x, table_id 0x%02x: %s", pid, id, problem);
    }
    const bool has_crc = section.is_long() || id == 0x73;
    if (has_crc && crc32(section.bytes.data(), section.bytes.size()) != 0) {
      return faults_.add("CRC", section.begin, "PID 0x%04x, table_id 0x%02x", pid, id);
    }
    note(pid, section);
    if (id == 0x00) take_pat(section);
    if (id == 0x01) refer_descriptors(section, 8, section.bytes.size() - 4);
    if (id == 0x02) take_pmt(pid, section);
    if (id == 0x42) take_sdt(section);
  }

  static const char* syntax_problem(unsigned pid, const Section& section) {
    const unsigned id = section.table_id();
    const std::size_t length = section.bytes.size() - 3;
    const bool may_be_large = (id >= 0x4E && id <= 0x6F) || (id >= 0x80 && id != 0xFC) || (id >= 0x03 && id < 0x40);
    if (length > (may_be_large ? 4093u : 1021u)) return "too long";
    const bool is_allowed = pid == 0x00   ? id == 0x00
                            : pid == 0x01 ? id == 0x01
                            : pid == 0x10 ? id == 0x40 || id == 0x41 || id == 0x72
                            : pid == 0x11 ? id == 0x42 || id == 0x46 || id == 0x4A || id == 0x72
                            : pid == 0x12 ? (id >= 0x4E && id <= 0x6F) || id == 0x72
                            : pid == 0x14 ? id == 0x70 || id == 0x72 || id == 0x73
                                          : id != 0x00 && id != 0x01;
    if (!is_allowed) return "has no place on this PID";
    const bool must_be_long = id <= 0x02 || (id >= 0x40 && id <= 0x6F);
    if (must_be_long && !section.is_long()) return "section_syntax_indicator is 0";
    if ((id == 0x70 || id == 0x73) && section.is_long()) return "section_syntax_indicator is 1";
    if (id == 0x70 && length != 5) return "a TDT has 5 bytes";
    if (!section.is_long()) return nullptr;
    if (length < 9) return "too short";
    if (section.bytes[6] > section.bytes[7]) return "section_number beyond the last";
    if (must_be_long && (section.bytes[1] & 0x30) != 0x30) return "reserved bits are not 1";
    if (must_be_long && (section.bytes[5] & 0xC0) != 0xC0) return "reserved bits are not 1";
    return nullptr;
  }

  void note(unsigned pid, const Section& section) {
    auto& table = tables_[{pid, section.table_id(), section.extension()}];
    if (table.end >= 0) {
      const Seconds gap = section.begin - table.end;
      table.least_gap = std::min(table.least_gap, gap);
      if (gap < 0.025 - 1e-9) {
        faults_.add("25 ms between sections", section.begin, "PID 0x%04x, table_id 0x%02x, extension 0x%04x: %.3f ms",
                    pid, section.table_id(), section.extension(), gap * 1e3);
      }
    }
    table.end = section.end;
    const auto [at, is_first] = table.sections.try_emplace(section.number(), section.end);
    if (!is_first) {
      table.longest = std::max(table.longest, section.end - at->second);
      at->second = section.end;
    }
    ++table.count;
  }

  void take_pat(const Section& section) {
    std::map<unsigned, unsigned> programs;
    for (std::size_t at = 8; at + 8 <= section.bytes.size(); at += 4) {
      const unsigned number = section.word(at), pid = section.word(at + 2) & 0x1FFF;
      if (number != 0) programs[number] = pid;
    }
    if (programs == programs_) return;
    if (!programs_.empty()) std::printf("at %.3f s: the PAT has other programs\n", section.begin);
    programs_ = programs;
    for (const auto& [number, pid] : programs) {
      open_sections(pid);
      system_.try_emplace(pid);
    }
  }

  void take_sdt(const Section& section) {
    if (section.bytes[7] != 0) return;
    std::set<unsigned> services;
    for (std::size_t at = 11; at + 9 <= section.bytes.size(); at += 5 + (section.word(at + 3) & 0x0FFF)) {
      services.insert(section.word(at));
    }
    std::set<unsigned> programs;
    for (const auto& [number, pid] : programs_) programs.insert(number);
    if (!programs.empty() && services != programs) {
      faults_.add("services of SDT and PAT differ", section.begin, "%zu and %zu", services.size(), programs.size());
    }
  }

  void take_pmt(unsigned pid, const Section& section) {
    const unsigned number = section.extension();
    if (!programs_.count(number) || programs_[number] != pid) return;
    auto& known = pmts_[number];
    if (known == section.bytes) return;
    known = section.bytes;
    const std::size_t end = section.bytes.size() - 4;
    const unsigned pcr_pid = section.word(8) & 0x1FFF;
    pcr_pids_[number] = pcr_pid;
    streams_[pcr_pid].referenced = true;
    std::size_t at = 12 + (section.word(10) & 0x0FFF);
    refer_descriptors(section, 12, std::min(at, end));
    while (at + 5 <= end) {
      const std::size_t next = at + 5 + (section.word(at + 3) & 0x0FFF);
      if (next > end) return faults_.add("section syntax", section.begin, "PMT on PID 0x%04x: a loop too long", pid);
      refer_descriptors(section, at + 5, next);
      set_stream(section, at, next, number);
      at = next;
    }
    if (at != end) faults_.add("section syntax", section.begin, "PMT on PID 0x%04x: bytes left over", pid);
  }

  void set_stream(const Section& section, std::size_t at, std::size_t next, unsigned number) {
    const unsigned type = section.bytes[at];
    Stream& stream = streams_[section.word(at + 1) & 0x1FFF];
    stream.referenced = true;
    stream.type = type;
    stream.program = static_cast<int>(number);
    stream.kind = kind_of(type, section.bytes, at + 5, next);
    if (stream.kind == Kind::sections && type != 0x0B) open_sections(stream.pid);
  }

  static Kind kind_of(unsigned type, const std::vector<Byte>& bytes, std::size_t at, std::size_t end) {
    if (type == 0x01 || type == 0x02 || type == 0x10 || type == 0x1B || type == 0x24) return Kind::video;
    const bool is_aac = type == 0x0F || type == 0x11, is_ac3 = type == 0x81 || type == 0x87;
    if (type == 0x03 || type == 0x04 || is_aac || is_ac3) return Kind::audio;
    if (type == 0x05 || (type >= 0x0A && type <= 0x0D) || type == 0x86) return Kind::sections;
    if (type != 0x06) return Kind::none;
    for (; at + 2 <= end; at += 2u + bytes[at + 1]) {
      if (bytes[at] == 0x6A || bytes[at] == 0x7A || bytes[at] == 0x7B || bytes[at] == 0x7C) return Kind::audio;
    }
    return Kind::data;
  }

  // CA_descriptors name PIDs.
  void refer_descriptors(const Section& section, std::size_t at, std::size_t end) {
    for (; at + 2 <= end; at += 2u + section.bytes[at + 1]) {
      if (section.bytes[at] == 0x09 && at + 6 <= end) streams_[section.word(at + 4) & 0x1FFF].referenced = true;
    }
  }

  // ---- Times

  const Clock* clock_of(const Stream& stream) const {
    const auto pid = pcr_pids_.find(static_cast<unsigned>(stream.program));
    return pid == pcr_pids_.end() ? nullptr : streams_[pid->second].clock.get();
  }

  void take(Stream& stream, Pes& pes) {
    ++stream.pes;
    if (sources_.any()) compare(stream, pes);
    if (!pes.pts) return;
    if (stream.before) {
      const double gap = static_cast<double>(step(*stream.before->dts, *pes.dts, pts_modulus)) / 90e3;
      stream.pts_gap = std::max(stream.pts_gap, gap);
      if (stream.kind != Kind::data && gap <= 0) {
        faults_.add("DTS goes back", pes.begin, "PID 0x%04x: by %.3f ms", stream.pid, -gap * 1e3);
      }
      judge(stream, *stream.before, gap);
    }
    stream.before = pes;
  }

  // One PES packet against the clock, `gap` being the time to the next one's DTS.
  void judge(Stream& stream, const Pes& pes, Seconds gap) {
    const Clock* clock = clock_of(stream);
    if (clock == nullptr || clock->count == 0) return;
    const auto ahead = [&](Seconds time) {
      const double ticks = static_cast<double>(clock->last) + (time - clock->last_time) * 27e6;
      const auto whole = static_cast<std::int64_t>(std::floor(ticks));
      const auto left = static_cast<double>(step(whole, *pes.dts * 300, pcr_modulus));
      return (left + static_cast<double>(whole) - ticks) / 27e6;
    };
    Seconds slack = ahead(pes.end);
    // The last of its frames is decoded later than the first.
    if (stream.kind == Kind::audio) slack += std::max(0.0, std::min(gap, 1.0) - frame_of(stream));
    stream.slack.add(slack);
    stream.wait.add(ahead(pes.begin));
    if (slack < 0 && stream.kind != Kind::data) {
      faults_.add("underflow", pes.end, "PID 0x%04x: decoded %.3f ms before its last byte", stream.pid, -slack * 1e3);
    }
  }
  // At 48 kHz.
  static Seconds frame_of(const Stream& stream) {
    if (stream.type == 0x03 || stream.type == 0x04) return 1152 / 48e3;
    return (stream.type == 0x0F || stream.type == 0x11 ? 1024 : 1536) / 48e3;
  }

  // Of components whose packets come from one file, all times must have moved by the same.
  void compare(Stream& stream, Pes& pes) {
    if (!pes.pts || (stream.kind != Kind::video && stream.kind != Kind::audio)) return;
    Offsets& offsets = offsets_[stream.program];
    const Sources::Unit* unit = sources_.find(pes.hash.result());
    if (unit == nullptr) {
      ++offsets.alone;
      return;
    }
    const Offsets::Seen seen{step(unit->pts, *pes.pts, pts_modulus), unit->pts, pes.begin};
    if (stream.kind == Kind::audio) {
      for (const auto& [pid, others] : offsets.recent) {
        if (pid != stream.pid && streams_[pid].kind == Kind::video) pair(offsets, seen, others);
      }
    }
    auto& own = offsets.recent[stream.pid];
    own.push_back(seen);
    while (own.front().at < pes.begin - 5) own.pop_front();
    if (stream.kind != Kind::video) return;
    for (const auto& [pid, others] : offsets.recent) {
      if (pid != stream.pid && streams_[pid].kind == Kind::audio) pair(offsets, seen, others);
    }
  }
  // With what was within 40 ms of it in the source, and comes from the same turn of a loop.
  void pair(Offsets& offsets, const Offsets::Seen& seen, const std::deque<Offsets::Seen>& others) const {
    const Offsets::Seen* best = nullptr;
    for (const Offsets::Seen& other : others) {
      if (std::abs(step(other.source_pts, seen.source_pts, pts_modulus)) > 3600) continue;
      const auto apart = std::abs(step(other.move, seen.move, pts_modulus));
      if (best == nullptr || apart < std::abs(step(best->move, seen.move, pts_modulus))) best = &other;
    }
    if (best == nullptr) return;
    const double ms = static_cast<double>(step(best->move, seen.move, pts_modulus)) / 90;
    if (std::abs(ms) > 500) return;  // the next turn
    ++offsets.pairs;
    offsets.all.add(ms);
    offsets.minutes[static_cast<int>(seen.at / 60)].add(ms);
  }

  // ---- The end

  struct Limit {
    const char* name;
    Seconds interval;
  };
  static std::optional<Limit> limit_of(unsigned id) {
    switch (id) {
      case 0x00: return Limit{"PAT", 0.1};
      case 0x01: return Limit{"CAT", 0.1};
      case 0x02: return Limit{"PMT", 0.1};
      case 0x40: return Limit{"NIT actual", 10};
      case 0x41: return Limit{"NIT other", 10};
      case 0x42: return Limit{"SDT actual", 2};
      case 0x46: return Limit{"SDT other", 10};
      case 0x4E: return Limit{"EIT p/f actual", 2};
      case 0x4F: return Limit{"EIT p/f other", 10};
      case 0x70: return Limit{"TDT", 30};
      case 0x73: return Limit{"TOT", 30};
      default: break;
    }
    if (id >= 0x50 && id <= 0x5F) return Limit{"EIT schedule", 30};
    return std::nullopt;
  }

  void check_end() {
    for (auto& [table, repetition] : tables_) {
      const auto limit = limit_of(table.id);
      if (!limit) continue;
      const bool may_cease = table.id >= 0x4F && table.id <= 0x6F;
      if (!may_cease) repetition.longest = std::max(repetition.longest, now() - repetition.end);
      if (repetition.longest > limit->interval) {
        faults_.add("table interval", now(), "%s on PID 0x%04x, extension 0x%04x: %.1f ms, at most %.0f", limit->name,
                    table.pid, table.extension, repetition.longest * 1e3, limit->interval * 1e3);
      }
    }
    for (const auto& [number, pid] : programs_) {
      if (!pmts_.count(number)) faults_.add("no PMT", now(), "service 0x%04x", number);
    }
    for (const auto& [number, pid] : pcr_pids_) {
      if (pid != null_pid && !streams_[pid].clock) faults_.add("no PCR", now(), "service 0x%04x", number);
    }
    for (const Stream& stream : streams_) {
      const bool is_other = stream.pid >= 0x20 && stream.pid != null_pid && !stream.referenced;
      if (is_other && stream.packets > 0) faults_.add("unreferenced PID", now(), "0x%04x", stream.pid);
      if (stream.clock) check_clock(stream.pid, *stream.clock);
    }
    for (const auto& [program, offsets] : offsets_) {
      if (offsets.all.largest() > 1) {
        faults_.add("picture to sound", now(), "service 0x%04x: %.3f to %.3f ms of the source's", program,
                    offsets.all.least, offsets.all.greatest);
      }
    }
  }
  void check_clock(unsigned pid, const Clock& clock) {
    const Range& errors = loose_ ? clock.local : clock.line;
    if (errors.largest() > 500) faults_.add("PCR accuracy", now(), "PID 0x%04x: %.0f ns", pid, errors.largest());
    if (clock.longest > 0.04) {
      faults_.add("PCR interval", now(), "PID 0x%04x: %.3f ms, at most 40", pid, clock.longest * 1e3);
    }
  }

  void print() const {
    const double nulls = static_cast<double>(streams_[null_pid].packets);
    std::printf("%llu packets, %.3f s at %.0f b/s, %.2f %% null, %zu services\n",
                static_cast<unsigned long long>(packets_), now(), rate_,
                packets_ == 0 ? 0 : 100 * nulls / static_cast<double>(packets_), programs_.size());
    print_clocks();
    print_streams();
    print_tables();
    print_offsets();
  }
  void print_clocks() const {
    std::printf("\n%-8s %10s %12s %12s %12s %18s %10s\n", "PCR PID", "count", "longest ms", "line ns", "local ns",
                "ppm", "signalled");
    for (const Stream& stream : streams_) {
      if (!stream.clock) continue;
      const Clock& c = *stream.clock;
      std::printf("0x%04x   %10llu %12.3f %12.1f %12.1f %8.2f to %6.2f %10llu\n", stream.pid,
                  static_cast<unsigned long long>(c.count), c.longest * 1e3, c.line.largest(), c.local.largest(),
                  c.ppm.any() ? c.ppm.least : 0, c.ppm.any() ? c.ppm.greatest : 0,
                  static_cast<unsigned long long>(c.signalled));
    }
  }
  void print_streams() const {
    std::printf("\n%-8s %-8s %-9s %10s %10s %12s %12s %10s %8s\n", "PID", "service", "kind", "packets", "PES",
                "DTS-last ms", "DTS-first ms", "gap ms", "TB");
    for (const Stream& s : streams_) {
      if (s.packets == 0 || s.pid == null_pid) continue;
      std::printf("0x%04x   ", s.pid);
      if (s.program < 0) std::printf("%-8s ", "-");
      else std::printf("0x%04x   ", static_cast<unsigned>(s.program));
      std::printf("%-9s %10llu ", s.sections ? "sections" : name_of(s.kind),
                  static_cast<unsigned long long>(s.packets));
      if (!s.slack.any()) std::printf("%10s %12s %12s %10s ", "-", "-", "-", "-");
      else {
        std::printf("%10llu %12.2f %12.2f %10.1f ", static_cast<unsigned long long>(s.pes), s.slack.least * 1e3,
                    s.wait.greatest * 1e3, s.pts_gap * 1e3);
      }
      if (s.transport.greatest > 0) std::printf("%8.0f\n", s.transport.greatest);
      else std::printf("%8s\n", "-");
    }
  }
  // The worst of each kind of table.
  void print_tables() const {
    struct Worst {
      std::size_t tables = 0;
      Seconds longest = 0, least_gap = HUGE_VAL;
    };
    std::map<std::string, Worst> worst;
    for (const auto& [table, repetition] : tables_) {
      const auto limit = limit_of(table.id);
      char other[32];
      std::snprintf(other, sizeof other, "table_id 0x%02x", table.id);
      Worst& w = worst[limit ? limit->name : other];
      ++w.tables;
      w.longest = std::max(w.longest, repetition.longest);
      w.least_gap = std::min(w.least_gap, repetition.least_gap);
    }
    std::printf("\n%-16s %8s %12s %12s\n", "table", "of them", "longest ms", "least gap ms");
    for (const auto& [name, w] : worst) {
      std::printf("%-16s %8zu %12.1f %12.1f\n", name.c_str(), w.tables, w.longest * 1e3, w.least_gap * 1e3);
    }
  }
  void print_offsets() const {
    if (offsets_.empty()) return;
    std::printf("\npicture to sound, beyond the source's, in ms\n%-8s %10s %10s %18s %18s %18s\n", "service", "pairs",
                "unknown", "all", "first minute", "last minute");
    for (const auto& [program, offsets] : offsets_) {
      std::printf("0x%04x   %10llu %10llu", static_cast<unsigned>(program),
                  static_cast<unsigned long long>(offsets.pairs), static_cast<unsigned long long>(offsets.alone));
      if (offsets.pairs == 0) {
        std::printf("%19s\n", "no pair");
        continue;
      }
      for (const Range* r : {&offsets.all, &offsets.minutes.begin()->second, &offsets.minutes.rbegin()->second}) {
        std::printf(" %7.3f to %7.3f", r->least, r->greatest);
      }
      std::printf("\n");
    }
  }

  const double rate_;
  const bool loose_;
  const Sources& sources_;
  Faults faults_;
  std::uint64_t packets_ = 0;
  std::vector<Stream> streams_;
  std::map<unsigned, TransportBuffer> system_;           // by PID of the PMT
  std::map<Table, Repetition> tables_;
  std::map<unsigned, unsigned> programs_;                // PIDs of PMTs
  std::map<unsigned, std::vector<Byte>> pmts_;
  std::map<unsigned, unsigned> pcr_pids_;
  std::map<int, Offsets> offsets_;
};

void read_all(const char* path, Judge& judge) {
  const bool is_input = std::strcmp(path, "-") == 0;
  const int file = is_input ? STDIN_FILENO : ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) throw std::runtime_error(std::string{path} + ": " + std::strerror(errno));
  std::vector<Byte> block(packet_size * 7000);
  std::size_t held = 0;
  for (;;) {
    const ssize_t n = ::read(file, block.data() + held, block.size() - held);
    if (n < 0) throw std::runtime_error(std::string{path} + ": " + std::strerror(errno));
    if (n == 0) break;
    held += static_cast<std::size_t>(n);
    std::size_t at = 0;
    for (; at + packet_size <= held; at += packet_size) judge.feed(block.data() + at);
    std::memmove(block.data(), block.data() + at, held - at);
    held -= at;
  }
  if (held != 0) throw std::runtime_error(std::string{path} + ": ends within a packet");
}

}  // namespace

int main(int argc, char** argv) {
  double rate = 0;
  bool loose = false;
  const char* input = "-";
  Sources sources;
  try {
    for (int i = 1; i < argc; ++i) {
      const std::string argument = argv[i];
      if (argument == "--rate" && i + 1 < argc) rate = std::atof(argv[++i]);
      else if (argument == "--source" && i + 1 < argc) sources.read(argv[++i]);
      else if (argument == "--loose") loose = true;
      else input = argv[i];
    }
    if (rate <= 0) {
      std::fputs("usage: mux_judge --rate BITS-PER-SECOND [--loose] [--source FILE.ts]... [FILE.ts | -]\n", stderr);
      return 2;
    }
    Judge judge{rate, loose, sources};
    read_all(input, judge);
    return judge.finish() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mux_judge: %s\n", error.what());
    return 1;
  }
}
