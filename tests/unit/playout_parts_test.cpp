// The parts of a playout: clocks, sections in place, versions, the ends of files.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "common/playout/audio_ends.hpp"
#include "common/playout/clock_track.hpp"
#include "common/playout/packet_window.hpp"
#include "common/playout/rewriter.hpp"
#include "common/playout/section_tracer.hpp"
#include "common/playout/stretch.hpp"
#include "common/playout/table_versions.hpp"
#include "common/ts/pes.hpp"
#include "tests/unit/playout_stream.hpp"

namespace playout {
namespace {

ts::Pcr pcr(std::int64_t ticks) { return ts::Pcr{ts::Ticks27{ticks}}; }
ts::Timestamp stamp(std::int64_t ticks) { return ts::Timestamp{ts::Ticks90{ticks}}; }

std::vector<std::uint8_t> make_section(std::uint8_t table, std::uint16_t extension, std::uint8_t version,
                                       std::size_t body, std::uint8_t fill = 0x11) {
  std::vector<std::uint8_t> bytes{table,
                                  0xB0,
                                  0,
                                  static_cast<std::uint8_t>(extension >> 8),
                                  static_cast<std::uint8_t>(extension),
                                  static_cast<std::uint8_t>(0xC1 | version << 1),
                                  0,
                                  0};
  bytes.resize(bytes.size() + body, fill);
  bytes.resize(bytes.size() + 4);
  bytes[1] = static_cast<std::uint8_t>(0xB0 | (bytes.size() - 3) >> 8);
  bytes[2] = static_cast<std::uint8_t>((bytes.size() - 3) & 0xFF);
  ts::seal_section(bytes);
  return bytes;
}

std::vector<ts::Packet> packetize(unsigned pid, const std::vector<std::vector<std::uint8_t>>& sections) {
  std::vector<ts::Packet> packets;
  ts::SectionPacketizer{ts::Pid{pid}}.packetize(sections, packets);
  return packets;
}

PacketWindow window_of(const std::vector<ts::Packet>& packets) {
  PacketWindow window{packets.size()};
  for (const auto& packet : packets) window.push(packet);
  return window;
}

std::vector<std::vector<std::uint8_t>> sections_in(const PacketWindow& window, unsigned pid) {
  std::vector<std::vector<std::uint8_t>> found;
  ts::SectionAssembler assembler;
  for (auto position = window.begin(); position < window.end(); ++position) {
    if (window.at(position).pid() != ts::Pid{pid}) continue;
    assembler.feed(window.at(position),
                   [&](const ts::Section& s) { found.emplace_back(s.bytes().begin(), s.bytes().end()); });
  }
  return found;
}

TEST(ClockTrack, WrapIsNoJump) {
  ClockTrack clock{ts::Pid{1}};
  clock.feed(pcr(-540'000), 0);
  clock.feed(pcr(0), 40);
  clock.feed(pcr(540'000), 80);
  EXPECT_EQ(clock.jumps(), 0u);
  EXPECT_DOUBLE_EQ(*clock.mean_rate(), 13'500);
  EXPECT_EQ(clock.move_at(80), ts::Ticks27{0});
}

TEST(ClockTrack, JumpWithinTheFileIsSmoothedAtTheRateBefore) {
  ClockTrack clock{ts::Pid{1}};
  clock.feed(pcr(0), 0);
  clock.feed(pcr(540'000), 40);
  clock.feed(pcr(90'000'000), 60);
  EXPECT_EQ(clock.jumps(), 1u);
  EXPECT_TRUE(clock.jumps_at(60));
  EXPECT_FALSE(clock.jumps_at(40));
  EXPECT_EQ(pcr(90'000'000) + clock.move_at(60), pcr(540'000 + 20 * 13'500));
  EXPECT_EQ(clock.last_sent(), pcr(810'000));
}

TEST(ClockTrack, TimeStampsAroundAJumpMoveWithTheTimeBaseThatTheyFit) {
  ClockTrack clock{ts::Pid{1}};
  clock.feed(pcr(0), 0);
  clock.feed(pcr(540'000), 40);
  clock.feed(pcr(27'000'000 * 1000LL), 60);
  clock.pass(pcr(540'000));
  const auto before = clock.move_at(40);
  const auto after = clock.move_at(60);
  EXPECT_EQ(clock.move_of(stamp(45'000), 50), before);
  EXPECT_EQ(clock.move_of(stamp(90'000 * 1000LL + 45'000), 50), after);
  clock.pass(pcr(27'000'000 * 1000LL));
  EXPECT_EQ(clock.move_of(stamp(45'000), 70), before);
  EXPECT_EQ(clock.move_of(stamp(90'000 * 1000LL + 45'000), 70), after);
  EXPECT_EQ(clock.move_at_end(stamp(45'000)), before);
}

TEST(SectionTracer, FindsEveryByteOfSectionsOverPackets) {
  const std::vector<std::vector<std::uint8_t>> sections{make_section(0x42, 1, 0, 300), make_section(0x46, 2, 0, 20),
                                                        make_section(0x46, 3, 0, 400)};
  const auto packets = packetize(0x11, sections);
  SectionTracer tracer;
  std::vector<std::vector<std::uint8_t>> found;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    tracer.feed(packets[i], i, [&](auto bytes, auto pieces) {
      found.emplace_back(bytes.begin(), bytes.end());
      std::vector<std::uint8_t> traced;
      for (const auto& piece : pieces) {
        const auto part = std::span{packets[piece.position].bytes}.subspan(piece.offset, piece.size);
        traced.insert(traced.end(), part.begin(), part.end());
      }
      EXPECT_EQ(traced, found.back());
    });
  }
  EXPECT_EQ(found, sections);
  EXPECT_TRUE(tracer.unfinished().empty());
}

TEST(SectionTracer, DropsASectionThatMissesAPacket) {
  const auto packets = packetize(0x11, {make_section(0x42, 1, 0, 500), make_section(0x42, 1, 1, 500)});
  SectionTracer tracer;
  int found = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (i != 1) tracer.feed(packets[i], i, [&](auto bytes, auto) { found += ts::Section{bytes}.version() == 1; });
  }
  EXPECT_EQ(found, 1);
}

TEST(TableVersions, CountsUpWhatDiffersUnderTheSameNumber) {
  TableVersions versions;
  const auto a = make_section(0x02, 1, 7, 20, 0xA0), b = make_section(0x02, 1, 7, 20, 0xB0);
  EXPECT_EQ(versions.assign(ts::Pid{0x100}, ts::Section{a}), 7);
  EXPECT_EQ(versions.assign(ts::Pid{0x100}, ts::Section{a}), 7);
  EXPECT_EQ(versions.assign(ts::Pid{0x100}, ts::Section{b}), 8);
  EXPECT_EQ(versions.assign(ts::Pid{0x100}, ts::Section{b}), 8);
  EXPECT_EQ(versions.assign(ts::Pid{0x100}, ts::Section{a}), 7);
}

TEST(TableVersions, CountUpForAPatOfAnotherStream) {
  TableVersions versions;
  const auto a = make_section(0x00, 1, 7, 20), b = make_section(0x00, 2, 7, 20);
  EXPECT_EQ(versions.assign(ts::pat_pid, ts::Section{a}), 7);
  EXPECT_EQ(versions.assign(ts::pat_pid, ts::Section{b}), 8);
}

TEST(TableVersions, KeepTheNumberOfWhatIsTheSame) {
  TableVersions versions;
  const auto a = make_section(0x00, 1, 31, 20), b = make_section(0x00, 1, 4, 20);
  EXPECT_EQ(versions.assign(ts::pat_pid, ts::Section{a}), 31);
  EXPECT_EQ(versions.assign(ts::pat_pid, ts::Section{b}), 31);
  EXPECT_EQ(versions.changed(), 1u);
}

TEST(TablePatcher, WritesVersionAndCrcWhereTheSectionLies) {
  TableVersions versions;
  TablePatcher patcher{versions};
  const auto first = make_section(0x42, 9, 2, 30);
  versions.assign(ts::sdt_pid, ts::Section{first});
  auto window = window_of(packetize(0x11, {make_section(0x46, 8, 2, 100), make_section(0x42, 9, 2, 400)}));
  for (auto position = window.begin(); position < window.end(); ++position) patcher.feed(window, position);
  const auto sections = sections_in(window, 0x11);
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_EQ(ts::Section{sections[0]}.version(), 2);
  EXPECT_EQ(ts::Section{sections[1]}.version(), 3);
  EXPECT_TRUE(ts::Section{sections[1]}.crc_ok());
}

// One PES packet over as many packets as it needs.
void put_pes(std::vector<ts::Packet>& packets, unsigned pid, const std::vector<std::uint8_t>& bytes) {
  std::span<const std::uint8_t> rest{bytes};
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t size = std::min<std::size_t>(rest.size(), 184);
    packets.push_back(test::make_packet(
        {.pid = pid, .counter = static_cast<unsigned>(packets.size()), .unit_start = first}, rest.first(size)));
    rest = rest.subspan(size);
  }
}

TEST(FinishStretch, KeepsPesPacketsThatAreWhole) {
  std::vector<ts::Packet> packets;
  for (int i = 0; i < 3; ++i) put_pes(packets, 0x101, test::pes(0xE0, 3600 * i, 3600 * i, 500, false));
  for (int i = 0; i < 3; ++i) put_pes(packets, 0x102, test::pes(0xC0, 2160 * i, 2160 * i, i == 2 ? 285 : 599, true));
  auto window = window_of(packets);
  const auto last = finish_stretch(window);
  for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(window.at(i), packets[i]);
  EXPECT_EQ(last.at(ts::Pid{0x101}).dts, stamp(7200));
  EXPECT_EQ(last.at(ts::Pid{0x101}).duration, ts::Ticks90{3600});
  EXPECT_EQ(last.at(ts::Pid{0x102}).dts, stamp(4320));
  EXPECT_NEAR(static_cast<double>(last.at(ts::Pid{0x102}).duration.count()), 1080, 30)
      << "half the bytes, half the time";
}

TEST(FinishStretch, BlanksAPictureThatHasNoEnd) {
  std::vector<ts::Packet> packets;
  for (int i = 0; i < 3; ++i) put_pes(packets, 0x101, test::pes(0xE0, 3600 * i, 3600 * i, 500, false));
  packets.pop_back();
  packets.push_back(ts::Packet::pcr_only(ts::Pid{0x101}, pcr(5), 7));
  auto window = window_of(packets);
  const auto last = finish_stretch(window);
  EXPECT_EQ(last.at(ts::Pid{0x101}).dts, stamp(3600));
  EXPECT_EQ(last.at(ts::Pid{0x101}).duration, ts::Ticks90{3600});
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(window.at(i), packets[i]);
  EXPECT_EQ(window.at(6), ts::Packet::null());
  EXPECT_EQ(window.at(7), ts::Packet::null());
  EXPECT_EQ(window.at(8), packets[8]) << "a PCR stays";
}

TEST(FinishStretch, KeepsThePcrOfWhatItBlanks) {
  std::vector<ts::Packet> packets;
  put_pes(packets, 0x101, test::pes(0xE0, 0, 0, 500, false));
  const auto start = test::pes(0xE0, 3600, 3600, 100, false);
  packets.push_back(test::make_packet({.pid = 0x101, .unit_start = true, .pcr = pcr(99)}, start));
  packets.push_back(test::make_packet({.pid = 0x101}, std::vector<std::uint8_t>(184, 0xAA)));
  auto window = window_of(packets);
  finish_stretch(window);
  EXPECT_EQ(window.at(3).pcr(), pcr(99));
  EXPECT_FALSE(window.at(3).has_payload());
  EXPECT_EQ(window.at(4), ts::Packet::null());
}

TEST(FinishStretch, TakesOutSectionsThatHaveNoEnd) {
  for (const std::size_t before : {0u, 100u, 171u, 172u, 173u, 250u}) {
    std::vector<std::vector<std::uint8_t>> sections;
    if (before > 0) sections.push_back(make_section(0x4E, 1, 0, before));
    sections.push_back(make_section(0x4E, 2, 0, 500));
    auto packets = packetize(0x12, sections);
    packets.pop_back();
    auto window = window_of(packets);
    finish_stretch(window);
    // What follows begins as a new section would, with the next counter.
    auto found = sections_in(window, 0x12);
    ASSERT_EQ(found.size(), before > 0 ? 1u : 0u) << before;
    if (before > 0) {
      EXPECT_EQ(found[0], sections[0]);
    }
    auto again = window_of(packets);
    finish_stretch(again);
    SectionTracer tracer;
    for (auto position = again.begin(); position < again.end(); ++position) {
      if (again.at(position).pid() == ts::Pid{0x12}) tracer.feed(again.at(position), position, [](auto, auto) {});
    }
    EXPECT_TRUE(tracer.unfinished().empty()) << before;
  }
}

constexpr std::size_t frame_size = 384;  // MPEG-1 layer II, 128 kb/s at 48 kHz

// Frames of sound, in PES packets of so many bytes each that begin anywhere in a frame, from the `first`th one on.
std::vector<ts::Packet> sound(std::size_t pes_bytes, std::size_t first, std::size_t count) {
  std::vector<std::uint8_t> stream;
  for (std::uint8_t n = 0; stream.size() < (first + count) * pes_bytes; ++n) {
    stream.insert(stream.end(), {0xFF, 0xFD, 0x84, 0x00});
    stream.resize(stream.size() + frame_size - 4, n);
  }
  std::vector<ts::Packet> packets;
  for (std::size_t i = first; i < first + count; ++i) {
    auto bytes = test::pes(0xC0, 1000, 1000, pes_bytes, true);
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(i * pes_bytes), pes_bytes,
                bytes.end() - static_cast<std::ptrdiff_t>(pes_bytes));
    for (std::size_t at = 0; at < bytes.size(); at += 180) {
      packets.push_back(test::make_packet(
          {.pid = 0x102, .counter = static_cast<unsigned>(packets.size()) & 15, .unit_start = at == 0},
          std::span{bytes}.subspan(at, std::min<std::size_t>(180, bytes.size() - at))));
    }
  }
  return packets;
}

// The elementary stream in a window, whose PES packets are as long as they say, and whose counters have no hole.
std::vector<std::uint8_t> elementary(const PacketWindow& window) {
  std::vector<std::uint8_t> stream;
  std::size_t left = 0;
  std::optional<unsigned> counter;
  for (auto position = window.begin(); position < window.end(); ++position) {
    const auto& packet = window.at(position);
    if (packet == ts::Packet::null()) continue;
    EXPECT_TRUE(!counter || packet.continuity() == ((*counter + 1) & 15));
    counter = packet.continuity();
    const auto payload = packet.payload();
    std::size_t header = 0;
    if (packet.unit_start()) {
      EXPECT_EQ(left, 0u);
      const auto pes = ts::PesHeader::parse(payload);
      if (!pes) ADD_FAILURE() << "no PES header at " << position;
      if (!pes) return {};
      left = pes->packet_length;
      header = pes->header_size;
    }
    EXPECT_GE(left, payload.size());
    left -= payload.size();
    stream.insert(stream.end(), payload.begin() + static_cast<std::ptrdiff_t>(header), payload.end());
  }
  EXPECT_EQ(left, 0u);
  return stream;
}

TEST(AudioEnds, AreWholeFramesWhereverThePesPacketsBegin) {
  const AudioFormats formats{{ts::Pid{0x102}, ts::AudioFormat::mpeg}};
  for (const std::size_t pes_bytes : {100u, 160u, 166u, 167u, 170u, 346u, 384u, 1000u, 1152u, 2930u}) {
    for (std::size_t first = 0; first < 12; ++first) {
      const auto packets = sound(pes_bytes, first, 40);
      SCOPED_TRACE(testing::Message() << pes_bytes << " bytes, from " << first);
      for (const bool beginning : {true, false}) {
        auto window = window_of(packets);
        (beginning ? begin_with_whole_frames : end_with_whole_frames)(window, formats);
        const auto before = elementary(window_of(packets)), after = elementary(window);
        ASSERT_LE(after.size(), before.size());
        // What is left is the same but for less than a frame.
        const std::size_t lost = before.size() - after.size();
        EXPECT_LT(lost, frame_size);
        EXPECT_TRUE(
            std::equal(after.begin(), after.end(), before.begin() + static_cast<std::ptrdiff_t>(beginning ? lost : 0)));
        const std::size_t stream_begin = first * pes_bytes, stream_end = stream_begin + before.size();
        EXPECT_EQ((beginning ? stream_begin + lost : stream_end - lost) % frame_size, 0u);
      }
    }
  }
}

TEST(AudioEnds, KeepTheClockOfWhatTheyTakeOut) {
  const AudioFormats formats{{ts::Pid{0x102}, ts::AudioFormat::mpeg}};
  auto packets = sound(1000, 2, 10);
  auto& with_clock = packets[0];
  const auto payload = with_clock.payload();
  with_clock = test::make_packet({.pid = 0x102, .unit_start = true, .pcr = ts::Pcr{ts::Ticks27{4711}}},
                                 std::vector<std::uint8_t>(payload.begin(), payload.end()));
  auto window = window_of(packets);
  begin_with_whole_frames(window, formats);
  EXPECT_FALSE(window.at(0).has_payload());
  EXPECT_EQ(window.at(0).pcr(), ts::Pcr{ts::Ticks27{4711}});
}

TEST(AudioEnds, LeaveWhatIsNoSoundThatTheyKnow) {
  const AudioFormats formats{{ts::Pid{0x102}, ts::AudioFormat::mpeg}};
  auto packets = sound(1000, 1, 10);
  for (auto& packet : packets) {
    const auto payload = packet.payload();
    std::ranges::fill(payload.subspan(packet.unit_start() ? 14 : 0), std::uint8_t{0});
  }
  auto window = window_of(packets);
  begin_with_whole_frames(window, formats);
  end_with_whole_frames(window, formats);
  for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(window.at(i), packets[i]);
}

}  // namespace
}  // namespace playout
