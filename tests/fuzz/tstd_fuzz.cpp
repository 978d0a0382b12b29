// Any packets at any times through the scanner and the system target decoder: nothing is lost of the offsets, no buffer
// holds less than nothing, and what is told is finite.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>

#include "common/ts/access_unit_scanner.hpp"
#include "common/ts/tstd.hpp"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

// Numbers out of the input, zero behind its end.
class Source {
 public:
  explicit Source(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::span<const std::uint8_t> take(std::size_t size) {
    const auto out = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(out.size());
    return out;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

void check(ts::Tstd& tstd) {
  for (const ts::TstdEvent& event : tstd.events()) require(std::isfinite(event.amount) && event.amount >= 0);
  tstd.clear_events();
  const auto& figures = tstd.figures();
  for (const double fullness : {figures.transport, figures.multiplex, figures.elementary}) {
    require(std::isfinite(fullness) && fullness >= 0);
  }
  require(figures.delay.count() >= 0 && figures.units_late <= figures.units);
}

ts::AccessUnitScanner make_scanner(unsigned kind) {
  if (kind < 3) return ts::AccessUnitScanner{static_cast<ts::VideoCodec>(kind)};
  if (kind < 7) return ts::AccessUnitScanner{static_cast<ts::AudioFormat>(kind - 3)};
  return ts::AccessUnitScanner{};
}

ts::TstdLimits limits_of(unsigned kind, const ts::AccessUnitScanner& scanner) {
  if (scanner.video()) {
    if (const auto limits = ts::TstdLimits::video(*scanner.video())) return *limits;
  }
  if (scanner.audio()) return ts::TstdLimits::audio(static_cast<ts::AudioFormat>(kind - 3), *scanner.audio());
  if (kind == 7) return ts::TstdLimits::teletext();
  // Small buffers, so that all of it happens.
  ts::TstdLimits limits;
  limits.transport_rate = 20'000'000;
  limits.multiplex_rate = kind % 2 == 0 ? 5'000'000 : 0;
  limits.multiplex_size = 3000;
  limits.elementary_size = 5000;
  limits.elementary_holds_headers = kind % 2 != 0;
  limits.longest_delay = ts::Ticks27{ts::system_clock_hz};
  return limits;
}

// The time stamps of the scanner as times near `now`, or by a number of the input.
void run(Source source) {
  const unsigned kind = static_cast<unsigned>(source.number(1) % 8);
  ts::AccessUnitScanner scanner = make_scanner(kind);
  std::optional<ts::Tstd> tstd;
  ts::ProgramTime now{};
  while (!source.empty()) {
    const std::uint64_t what = source.number(1);
    const double length = static_cast<double>(source.number(what % 16 == 0 ? 4 : 2));
    if (what % 64 == 1) {
      now = ts::ProgramTime{ts::Ticks27{static_cast<std::int64_t>(source.number(8))}};
    } else if (now.time_since_epoch().count() < INT64_MAX / 2) {
      now += ts::Ticks27{static_cast<std::int64_t>(length)};
    }
    ts::Packet packet = ts::Packet::null();
    const auto bytes = source.take(ts::packet_size - 1);
    std::copy(bytes.begin(), bytes.end(), packet.bytes.begin() + 1);
    const std::uint64_t before = scanner.position();
    const auto units = scanner.feed(packet);
    require(scanner.position() == before + scanner.stream_bytes());
    require(scanner.stream_bytes() + scanner.header_bytes() <= 184);
    if (!tstd) tstd.emplace(limits_of(kind, scanner), before);
    const auto decoded = [&](const std::optional<ts::Timestamp>& dts) -> std::optional<ts::ProgramTime> {
      if (!dts) return std::nullopt;
      const auto ticks = static_cast<std::uint64_t>(dts->ticks() % 9'000'000) * 3;
      return ts::ProgramTime{
          ts::Ticks27{static_cast<std::int64_t>(static_cast<std::uint64_t>(now.time_since_epoch().count()) + ticks)}};
    };
    tstd->feed(now, length, scanner.stream_bytes(), scanner.header_bytes());
    for (const ts::ScannedUnit& unit : units) {
      require(unit.offset + unit.size <= scanner.position() || kind >= 3);
      tstd->add(unit.offset, unit.size, decoded(unit.dts));
    }
    if (const auto& open = scanner.open()) {
      require(open->offset <= scanner.position());
      tstd->begin(open->offset, decoded(open->dts));
    }
    check(*tstd);
    if (what % 32 == 2) tstd->advance(now);
    if (what % 128 == 3) {
      scanner.reset();
      tstd->reset(scanner.position());
    }
    if (what % 256 == 4) tstd.reset();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  run(Source{{data, size}});
  return 0;
}
