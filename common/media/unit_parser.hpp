// Cuts an elementary stream into access units: pictures (or fields), frames of sound.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "common/media/av.hpp"
#include "common/ts/time.hpp"

namespace media {

// One access unit. The bytes are the sender's, for the call.
struct Unit {
  std::span<const std::uint8_t> bytes;
  std::optional<ts::ProgramTime> time;  // of presentation, where it was sent
  bool damaged = false;                 // bytes of it are missing
  bool field = false;                   // one of two that make a picture
};

class UnitParser {
 public:
  explicit UnitParser(AVCodecID id);

  // The next bytes. `time` is that of the first unit that begins in them. AV_INPUT_BUFFER_PADDING_SIZE bytes behind
  // them must be readable, and zero.
  template <typename Found>
  void feed(std::span<const std::uint8_t> bytes, std::optional<ts::ProgramTime> time, Found&& found) {
    while (!bytes.empty()) {
      const auto unit = parse(bytes, time);
      if (unit) found(*unit);
    }
  }
  // What is left: the last unit. Nothing may be fed after it but reset().
  template <typename Found>
  void finish(Found&& found) {
    std::span<const std::uint8_t> none;
    if (const auto unit = parse(none, std::nullopt)) found(*unit);
  }
  // Bytes are missing before the next ones.
  void mark_loss();
  // Forget the unit begun.
  void reset();

 private:
  // Takes bytes off the front, until a unit is complete or there are no more.
  std::optional<Unit> parse(std::span<const std::uint8_t>& bytes, std::optional<ts::ProgramTime> time);

  AVCodecID id_;
  Codec context_;
  Parser parser_;
  std::int64_t fed_ = 0;             // bytes
  std::size_t nal_units_ = 0;        // start codes since the last unit, of H.264 and HEVC
  std::int64_t answered_ = 0;        // bytes, when the last unit was
  std::deque<std::int64_t> losses_;  // fed_ at each, ahead of the next unit
};

}  // namespace media
