#include "common/ts/audio_frame.hpp"

#include <algorithm>

#include "common/ts/bit_reader.hpp"

namespace ts {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::array<unsigned, 13> aac_rates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                             22050, 16000, 12000, 11025, 8000,  7350};

// ISO/IEC 14496-3 table 1.19: channels of channel_configuration.
constexpr std::array<unsigned, 8> aac_channels{0, 1, 2, 3, 4, 5, 6, 8};

unsigned rate_of(std::uint64_t bytes, unsigned samples, unsigned sampling_rate) {
  return samples == 0 ? 0 : static_cast<unsigned>(bytes * 8 * sampling_rate / samples);
}

// ISO/IEC 11172-3 2.4.2.3, 13818-3 2.4.2.3.
std::optional<AudioFrame> parse_mpeg(Bytes header) {
  using Rates = std::array<std::uint16_t, 15>;  // kbit/s
  constexpr std::array<Rates, 5> rates{{
      {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},  // MPEG-1 layer I
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},     // MPEG-1 layer II
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},      // MPEG-1 layer III
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},     // MPEG-2 layer I
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},          // MPEG-2 layers II and III
  }};
  constexpr std::array<unsigned, 3> sampling_rates{44100, 48000, 32000};
  constexpr std::array<std::string_view, 6> names{"MPEG-1 layer I", "MPEG-1 layer II", "MPEG-1 layer III",
                                                  "MPEG-2 layer I", "MPEG-2 layer II", "MPEG-2 layer III"};
  if (header.size() < 4 || header[0] != 0xFF || (header[1] & 0xF0) != 0xF0) return std::nullopt;
  const bool half = (header[1] & 0x08) == 0;  // MPEG-2: half the sampling rate
  const unsigned layer = 4 - ((header[1] >> 1) & 3u);
  const unsigned rate_index = header[2] >> 4;
  const unsigned sampling_index = (header[2] >> 2) & 3;
  if (layer == 4 || rate_index == 0 || rate_index == 15 || sampling_index == 3) return std::nullopt;
  AudioFrame frame;
  frame.name = names[layer - 1 + (half ? 3 : 0)];
  frame.sampling_rate = sampling_rates[sampling_index] / (half ? 2 : 1);
  frame.bit_rate = rates[half ? (layer == 1 ? 3u : 4u) : layer - 1][rate_index] * 1000u;
  frame.channels = header[3] >> 6 == 3 ? 1 : 2;
  frame.samples = layer == 1 ? 384 : layer == 3 && half ? 576 : 1152;
  const unsigned padding = (header[2] >> 1) & 1;
  frame.size = layer == 1 ? (12 * frame.bit_rate / frame.sampling_rate + padding) * 4
                          : frame.samples / 8 * frame.bit_rate / frame.sampling_rate + padding;
  return frame;
}

constexpr std::array<std::string_view, 4> adts_names{"AAC Main", "AAC LC", "AAC SSR", "AAC LTP"};

std::optional<AudioFrame> parse_adts(Bytes header) {
  if (header.size() < 7 || header[0] != 0xFF || (header[1] & 0xF6) != 0xF0) return std::nullopt;
  BitReader reader{header.subspan(2)};
  AudioFrame frame;
  frame.name = adts_names[reader.bits(2)];
  const unsigned rate_index = reader.bits(4);
  reader.skip(1);
  frame.channels = aac_channels[reader.bits(3)];
  reader.skip(4);
  frame.size = reader.bits(13);
  reader.skip(11);
  frame.samples = 1024 * (reader.bits(2) + 1);
  if (rate_index >= aac_rates.size() || frame.size < 7) return std::nullopt;
  frame.sampling_rate = aac_rates[rate_index];
  frame.bit_rate = rate_of(frame.size, frame.samples, frame.sampling_rate);
  return frame;
}

unsigned audio_object_type(BitReader& reader) {
  const unsigned type = reader.bits(5);
  return type == 31 ? 32 + reader.bits(6) : type;
}

unsigned aac_sampling_rate(BitReader& reader) {
  const unsigned index = reader.bits(4);
  if (index == 15) return reader.bits(24);
  return index < aac_rates.size() ? aac_rates[index] : 0;
}

std::uint32_t latm_value(BitReader& reader) {
  std::uint32_t value = 0;
  for (unsigned bytes = reader.bits(2) + 1; bytes > 0; --bytes) value = value << 8 | reader.bits(8);
  return value;
}

// StreamMuxConfig (ISO/IEC 14496-3 1.7.3.1) up to the first AudioSpecificConfig (1.6.2.1).
bool take_stream_mux_config(BitReader& reader, AudioFrame& frame) {
  const bool version = reader.flag();
  if (version && reader.flag()) return false;  // audioMuxVersionA is reserved
  if (version) latm_value(reader);
  reader.skip(1 + 6 + 4 + 3);
  if (version) latm_value(reader);
  unsigned type = audio_object_type(reader);
  unsigned rate = aac_sampling_rate(reader);
  const unsigned channels = reader.bits(4);
  frame.name = type == 5 ? "HE-AAC" : type == 29 ? "HE-AAC v2" : "AAC";
  frame.samples = 1024;
  if (type == 5 || type == 29) {  // SBR: twice as many samples at twice the rate
    const unsigned core = rate;
    rate = aac_sampling_rate(reader);
    type = audio_object_type(reader);
    if (core != 0) frame.samples = 1024 * (rate / core);
  }
  const bool short_frames = reader.flag();
  if (short_frames) frame.samples = frame.samples / 1024 * 960;
  if (type >= 1 && type <= 4 && frame.name == "AAC") frame.name = adts_names[type - 1];
  frame.sampling_rate = rate;
  frame.channels = channels < aac_channels.size() ? aac_channels[channels] : 0;
  return !reader.exhausted() && frame.sampling_rate != 0 && frame.samples != 0;
}

// AudioSyncStream (1.7.2) with AudioMuxElement(1).
std::optional<AudioFrame> parse_latm(Bytes header) {
  if (header.size() < 4 || header[0] != 0x56 || (header[1] & 0xE0) != 0xE0) return std::nullopt;
  AudioFrame frame;
  frame.name = "AAC";
  frame.size = 3u + ((header[1] & 0x1Fu) << 8 | header[2]);
  BitReader reader{header.subspan(3)};
  if (!reader.flag()) {  // useSameStreamMux
    AudioFrame configured = frame;
    if (take_stream_mux_config(reader, configured)) frame = configured;
  }
  frame.bit_rate = rate_of(frame.size, frame.samples, frame.sampling_rate);
  return frame;
}

constexpr std::array<unsigned, 3> ac3_rates{48000, 44100, 32000};
constexpr std::array<unsigned, 8> ac3_channels{2, 1, 2, 3, 3, 4, 4, 5};  // TS 102 366 table 4.3, of acmod

// TS 102 366 4.3 and table 4.13.
std::optional<AudioFrame> parse_plain_ac3(Bytes header) {
  constexpr std::array<unsigned, 19> rates{32,  40,  48,  56,  64,  80,  96,  112, 128, 160,
                                           192, 224, 256, 320, 384, 448, 512, 576, 640};
  const unsigned sampling_index = header[4] >> 6;
  const unsigned size_code = header[4] & 0x3F;
  if (sampling_index == 3 || size_code >= 2 * rates.size()) return std::nullopt;
  AudioFrame frame;
  frame.name = "AC-3";
  frame.samples = 1536;
  frame.bit_rate = rates[size_code / 2] * 1000;
  frame.sampling_rate = ac3_rates[sampling_index];
  // At 44.1 kHz the odd codes have one 16-bit word more.
  frame.size = std::size_t{frame.bit_rate} * 1536 / frame.sampling_rate / 16 * 2;
  if (sampling_index == 1 && size_code % 2 == 1) frame.size += 2;
  BitReader reader{header.subspan(6)};
  const unsigned mode = reader.bits(3);
  if ((mode & 1) != 0 && mode != 1) reader.skip(2);
  if ((mode & 4) != 0) reader.skip(2);
  if (mode == 2) reader.skip(2);
  frame.channels = ac3_channels[mode] + (reader.flag() ? 1 : 0);
  const unsigned halvings = header[5] >> 3 > 8 ? (header[5] >> 3) - 8u : 0;  // bsid 9 and 10: half and quarter rates
  frame.sampling_rate >>= halvings;
  frame.bit_rate >>= halvings;
  return frame;
}

// TS 102 366 E.1.2.
std::optional<AudioFrame> parse_enhanced_ac3(Bytes header) {
  constexpr std::array<unsigned, 4> block_counts{1, 2, 3, 6};
  BitReader reader{header.subspan(2)};
  AudioFrame frame;
  frame.name = "E-AC-3";
  const unsigned type = reader.bits(2);
  const unsigned substream = reader.bits(3);
  frame.dependent = type == 1 || substream != 0;
  frame.size = 2 * (std::size_t{reader.bits(11)} + 1);
  const unsigned sampling_index = reader.bits(2);
  const unsigned next = reader.bits(2);
  if (type == 3 || (sampling_index == 3 && next == 3)) return std::nullopt;
  frame.sampling_rate = sampling_index == 3 ? ac3_rates[next] / 2 : ac3_rates[sampling_index];
  frame.samples = 256 * (sampling_index == 3 ? 6 : block_counts[next]);
  const unsigned mode = reader.bits(3);
  frame.channels = ac3_channels[mode] + (reader.flag() ? 1 : 0);
  frame.bit_rate = rate_of(frame.size, frame.samples, frame.sampling_rate);
  return frame;
}

std::optional<AudioFrame> parse_ac3(Bytes header) {
  if (header.size() < 8 || header[0] != 0x0B || header[1] != 0x77) return std::nullopt;
  const unsigned bsid = header[5] >> 3;
  if (bsid <= 10) return parse_plain_ac3(header);
  return bsid <= 16 ? parse_enhanced_ac3(header) : std::nullopt;
}

std::uint8_t first_sync_byte(AudioFormat format) {
  return format == AudioFormat::latm ? 0x56 : format == AudioFormat::ac3 ? 0x0B : 0xFF;
}

}  // namespace

std::optional<AudioFrame> AudioFrame::parse(AudioFormat format, std::span<const std::uint8_t> header) {
  switch (format) {
    case AudioFormat::mpeg:
      return parse_mpeg(header);
    case AudioFormat::adts:
      return parse_adts(header);
    case AudioFormat::latm:
      return parse_latm(header);
    case AudioFormat::ac3:
      return parse_ac3(header);
  }
  return std::nullopt;
}

void AudioSplitter::reset(std::uint64_t position) {
  synchronised_ = false;
  have_ = 0;
  skip_ = 0;
  position_ = position;
  candidate_.reset();
}

// Takes bytes of a header; answers with how many.
std::size_t AudioSplitter::collect(std::span<const std::uint8_t> bytes) {
  std::size_t before = 0;
  if (have_ == 0 && !synchronised_ && !candidate_) {
    const void* sync = std::memchr(bytes.data(), first_sync_byte(format_), bytes.size());
    before = sync == nullptr ? bytes.size()
                             : static_cast<std::size_t>(static_cast<const std::uint8_t*>(sync) - bytes.data());
  }
  const std::size_t count = std::min(bytes.size() - before, head_.size() - have_);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(before), count,
              head_.begin() + static_cast<std::ptrdiff_t>(have_));
  have_ += count;
  position_ += before + count;
  return before + count;
}

std::optional<AudioFrame> AudioSplitter::parse_head() {
  auto frame = AudioFrame::parse(format_, head_);
  if (!frame || frame->size < 8) return std::nullopt;
  if (format_ != AudioFormat::latm) return frame;
  if (frame->sampling_rate != 0) {
    configuration_ = frame;
  } else if (configuration_) {
    const std::size_t size = frame->size;
    frame = configuration_;
    frame->size = size;
    frame->bit_rate = rate_of(size, frame->samples, frame->sampling_rate);
  }
  return frame;
}

// The head is that of a frame of this size: go on behind it, of which the head may already hold some bytes.
void AudioSplitter::advance(std::size_t frame_size) {
  if (frame_size >= have_) {
    skip_ = frame_size - have_;
    have_ = 0;
    return;
  }
  std::copy(head_.begin() + static_cast<std::ptrdiff_t>(frame_size), head_.begin() + static_cast<std::ptrdiff_t>(have_),
            head_.begin());
  have_ -= frame_size;
}

void AudioSplitter::drop_byte() {
  const auto begin = head_.begin() + 1;
  const auto end = head_.begin() + static_cast<std::ptrdiff_t>(have_);
  const auto sync = std::find(begin, end, first_sync_byte(format_));
  std::copy(sync, end, head_.begin());
  have_ = static_cast<std::size_t>(end - sync);
}

}  // namespace ts
