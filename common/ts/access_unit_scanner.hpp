// Every access unit of one elementary stream: where it lies, how long it is, and when it is to be decoded.
//
// The offsets count elementary stream bytes: payload of PES packets without their headers. Video is searched for start
// codes, audio followed from header to header; of other streams a PES packet is an access unit.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/audio_frame.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/pes.hpp"
#include "common/ts/video_parameters.hpp"

namespace ts {

struct ScannedUnit {
  std::uint64_t offset = 0;  // of its first byte
  std::uint64_t size = 0;    // bytes
  // Those of the PES packet it is the first to begin in. Otherwise counted on from the unit before by its duration, if
  // that is known: DTS of video, both of audio. Nothing before the first time stamp.
  std::optional<Timestamp> pts;
  std::optional<Timestamp> dts;
  bool counted = false;  // not sent, but counted on
};

class AccessUnitScanner {
 public:
  // A PES packet is an access unit: subtitles, teletext.
  AccessUnitScanner() = default;
  explicit AccessUnitScanner(VideoCodec codec);
  explicit AccessUnitScanner(AudioFormat format);

  // Packets of the PID in order, duplicates left out, not scrambled. Answers with the units whose size is now known:
  // audio with its header, others when the next one begins. The answer is valid until the next call.
  std::span<const ScannedUnit> feed(const Packet& packet);
  // Data was lost, or the time base changed: the unit begun is forgotten, and nothing is answered before the next one
  // that begins. Offsets go on; video() and audio() stay.
  void reset();

  // Elementary stream bytes and PES header bytes of the packet last fed, and the offset after it.
  std::size_t stream_bytes() const { return stream_bytes_; }
  std::size_t header_bytes() const { return header_bytes_; }
  std::uint64_t position() const { return position_; }
  // The unit begun whose end is not known yet; its size is 0. None of audio, whose headers tell it.
  const std::optional<ScannedUnit>& open() const { return open_; }

  const std::optional<VideoParameters>& video() const { return video_; }  // of the last parameter sets
  const std::optional<AudioFrame>& audio() const { return audio_; }       // the last frame
  std::uint32_t video_changes() const { return video_changes_; }          // counts parameter sets unlike those before

 private:
  enum class Kind : std::uint8_t { packets, video, audio };
  enum class Structure : std::uint8_t { frame, field };

  // The time stamps of a PES packet, until the first unit that begins in it takes them.
  struct Stamps {
    std::uint64_t from = 0;  // offset of the PES packet's first byte
    std::optional<Timestamp> pts;
    std::optional<Timestamp> dts;
  };

  std::span<const std::uint8_t> strip_header(const Packet& packet);
  void feed_audio(std::span<const std::uint8_t> bytes);
  void feed_video(std::span<const std::uint8_t> bytes);
  void on_start_code(std::uint64_t code_position, bool zero_before);
  void take_unit_head(std::span<const std::uint8_t> head);
  void judge_mpeg2(std::span<const std::uint8_t> head);
  void judge_h264(std::span<const std::uint8_t> head);
  void judge_hevc(std::span<const std::uint8_t> head);
  void start_collecting();
  void collect(std::span<const std::uint8_t> bytes);
  void finish_parameters();
  void begin_unit();
  void end_unit(std::uint64_t at);
  void stamp(ScannedUnit& unit, std::uint64_t begins);
  Ticks27 duration() const;
  void add_audio(const AudioFrame& frame, std::uint64_t offset);

  Kind kind_ = Kind::packets;
  VideoCodec codec_ = VideoCodec::h264;
  std::vector<ScannedUnit> units_;  // the answer
  std::uint64_t position_ = 0;      // of the next elementary stream byte
  std::size_t stream_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t header_left_ = 0;  // of the PES header, still to come
  bool in_pes_ = false;          // a PES packet with a readable header began
  std::optional<Stamps> stamps_;
  std::optional<ScannedUnit> open_;    // begun, its end not seen
  std::optional<Timestamp> last_dts_;  // of the unit before, and what has passed since
  Ticks27 since_{};                    // from last_dts_ to the next unit

  // Video.
  std::uint32_t history_ = 0xFFFFFFFF;   // the last bytes
  std::array<std::uint8_t, 16> head_{};  // after a start code
  std::size_t head_size_ = 0;
  bool want_head_ = false;
  std::uint64_t code_position_ = 0;  // of the start code last seen
  std::uint64_t code_begin_ = 0;     // the same, or of the zero byte before it
  bool picture_seen_ = false;        // the open unit has its first slice
  Structure structure_ = Structure::frame;
  bool collecting_ = false;  // parameter sets
  std::vector<std::uint8_t> parameters_;
  std::size_t unit_in_parameters_ = 0;  // where the start code of the unit behind them is in parameters_
  // In the packet being fed: bytes before it are in parameters_; where the unit begins whose head is taken, and how
  // many bytes of its head came in earlier packets.
  std::size_t collect_from_ = 0;
  std::size_t head_at_ = 0;
  std::size_t head_before_ = 0;
  std::vector<std::uint8_t> last_parameters_;
  std::optional<VideoParameters> video_;
  std::uint32_t video_changes_ = 0;

  // Audio.
  std::optional<AudioSplitter> splitter_;
  std::optional<AudioFrame> audio_;
  std::optional<Timestamp> frame_pts_;  // of the last frame that is not dependent
  std::optional<Timestamp> frame_dts_;
};

}  // namespace ts
