// Headers of audio frames, and a splitter that follows them: MPEG audio (ISO/IEC 11172-3 2.4.1.3, 13818-3), AAC in ADTS
// (ISO/IEC 14496-3 1.A.2) and in LATM/LOAS (1.7.3), AC-3 and E-AC-3 (ETSI TS 102 366 4.3, E.1.2).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace ts {

// How the frames of a PID are found; a PID of AC-3 may hold E-AC-3 frames and the reverse.
enum class AudioFormat : std::uint8_t { mpeg, adts, latm, ac3 };

struct AudioFrame {
  std::string_view name;       // "MPEG-1 layer II", "AAC LC", "AC-3" ... (lives forever)
  std::size_t size = 0;        // bytes, header included
  unsigned sampling_rate = 0;  // Hz; 0 if it is not known (LATM before its configuration)
  unsigned channels = 0;       // 0 if it is not known
  unsigned samples = 0;        // of each channel
  unsigned bit_rate = 0;       // bit/s; of AAC, this frame's own
  bool dependent = false;      // E-AC-3 dependent substream: belongs to the frame before, adds no time

  // `header` begins with the sync word; longest_header bytes are always enough, fewer than the fixed part give nothing.
  static constexpr std::size_t longest_header = 24;
  static std::optional<AudioFrame> parse(AudioFormat format, std::span<const std::uint8_t> header);
};

// Fed with the payload bytes of the PES packets; jumps from header to header.
class AudioSplitter {
 public:
  explicit AudioSplitter(AudioFormat format) : format_(format) {}

  // Calls found(frame, offset) for each frame whose header is now known; offset counts the bytes fed before it. The
  // first frame after a loss of synchronisation is named when the header after it was found where it should be.
  template <typename Found>
  void feed(std::span<const std::uint8_t> bytes, Found&& found) {
    while (!bytes.empty()) {
      const std::size_t jump = std::min<std::size_t>(skip_, bytes.size());
      skip_ -= jump;
      position_ += jump;
      bytes = bytes.subspan(jump);
      if (bytes.empty()) return;
      bytes = bytes.subspan(collect(bytes));
      if (have_ == AudioFrame::longest_header) judge(found);
    }
  }
  // Data was lost: look for a header again. `position` is the offset of the next byte fed.
  void reset(std::uint64_t position = 0);
  std::uint64_t resynchronisations() const { return resynchronisations_; }

 private:
  struct Candidate {
    AudioFrame frame;
    std::uint64_t offset = 0;
  };

  std::size_t collect(std::span<const std::uint8_t> bytes);
  std::optional<AudioFrame> parse_head();
  void drop_byte();

  template <typename Found>
  void judge(Found& found) {
    const std::uint64_t offset = position_ - have_;
    const auto frame = parse_head();
    if (!frame) {
      if (synchronised_) ++resynchronisations_;
      synchronised_ = false;
      candidate_.reset();
      drop_byte();
      return;
    }
    if (candidate_) found(candidate_->frame, candidate_->offset);
    synchronised_ = synchronised_ || candidate_.has_value();
    candidate_.reset();
    if (synchronised_) {
      found(*frame, offset);
    } else {
      candidate_ = Candidate{*frame, offset};
    }
    advance(frame->size);
  }
  void advance(std::size_t frame_size);

  AudioFormat format_;
  bool synchronised_ = false;
  std::array<std::uint8_t, AudioFrame::longest_header> head_{};
  std::size_t have_ = 0;        // bytes of head_
  std::size_t skip_ = 0;        // bytes to the next header
  std::uint64_t position_ = 0;  // of the next byte
  std::optional<Candidate> candidate_;
  std::optional<AudioFrame> configuration_;  // LATM: of the last StreamMuxConfig
  std::uint64_t resynchronisations_ = 0;
};

}  // namespace ts
