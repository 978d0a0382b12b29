#include "common/ts/video_parameters.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "common/ts/bit_reader.hpp"

namespace ts {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t largest_side = 65536;  // beyond any level: a picture that is larger is damage

std::optional<Ratio> reduced(std::uint64_t numerator, std::uint64_t denominator) {
  if (numerator == 0 || denominator == 0) return std::nullopt;
  const std::uint64_t divisor = std::gcd(numerator, denominator);
  numerator /= divisor;
  denominator /= divisor;
  if (numerator > UINT32_MAX || denominator > UINT32_MAX) return std::nullopt;
  return Ratio{static_cast<std::uint32_t>(numerator), static_cast<std::uint32_t>(denominator)};
}

void set_display_aspect(VideoParameters& video) {
  if (!video.sample_aspect) return;
  video.display_aspect = reduced(std::uint64_t{video.sample_aspect->numerator} * video.width,
                                 std::uint64_t{video.sample_aspect->denominator} * video.height);
}

void set_rate_from_schedules(VideoParameters& video) {
  if (video.nal_schedules.empty()) return;
  video.bit_rate = video.nal_schedules.back().bit_rate;
  video.buffer_size = video.nal_schedules.back().buffer_size;
}

// The same beginning of the VUI in ISO/IEC 14496-10 E.1.1 and ISO/IEC 23008-2 E.2.1: up to the chroma locations.
void read_display(BitReader& reader, VideoParameters& video) {
  // ISO/IEC 14496-10 table E-1.
  constexpr std::array<Ratio, 17> aspects{{{0, 1},
                                           {1, 1},
                                           {12, 11},
                                           {10, 11},
                                           {16, 11},
                                           {40, 33},
                                           {24, 11},
                                           {20, 11},
                                           {32, 11},
                                           {80, 33},
                                           {18, 11},
                                           {15, 11},
                                           {64, 33},
                                           {160, 99},
                                           {4, 3},
                                           {3, 2},
                                           {2, 1}}};
  if (reader.flag()) {  // aspect_ratio_info_present_flag
    const unsigned aspect = reader.bits(8);
    if (aspect == 255) {
      const std::uint32_t width = reader.bits(16);
      video.sample_aspect = reduced(width, reader.bits(16));
    } else if (aspect > 0 && aspect < aspects.size()) {
      video.sample_aspect = aspects[aspect];
    }
  }
  if (reader.flag()) reader.skip(1);  // overscan
  if (reader.flag()) {                // video_signal_type_present_flag
    reader.skip(4);
    if (reader.flag()) reader.skip(24);
  }
  if (reader.flag()) {  // chroma_loc_info_present_flag
    reader.ue();
    reader.ue();
  }
}

// ISO/IEC 14496-10 E.2.2: BitRate and CpbSize.
HrdSchedule schedule(std::uint64_t rate_minus1, unsigned rate_scale, std::uint64_t size_minus1, unsigned size_scale,
                     bool constant) {
  return {(rate_minus1 + 1) << (6 + rate_scale), (size_minus1 + 1) << (4 + size_scale), constant};
}

constexpr std::uint32_t most_schedules = 32;

// ISO/IEC 14496-10 E.1.2.
bool read_h264_hrd(BitReader& reader, std::vector<HrdSchedule>& schedules) {
  const std::uint32_t last = reader.ue();
  if (last >= most_schedules) return false;
  const unsigned rate_scale = reader.bits(4);
  const unsigned size_scale = reader.bits(4);
  for (std::uint32_t i = 0; i <= last; ++i) {
    const std::uint32_t rate = reader.ue();
    const std::uint32_t size = reader.ue();
    schedules.push_back(schedule(rate, rate_scale, size, size_scale, reader.flag()));
  }
  reader.skip(20);
  return !reader.exhausted();
}

// What the VUI says as far as it is there and sane: a cut-off VUI costs only itself.
void read_h264_vui(BitReader& reader, VideoParameters& video) {
  read_display(reader, video);
  if (reader.flag()) {  // timing_info_present_flag
    const std::uint64_t units = reader.bits(32);
    const std::uint64_t scale = reader.bits(32);
    if (!reader.exhausted()) video.frame_rate = reduced(scale, units * 2);  // ticks are fields (E.2.1)
    reader.skip(1);
  }
  const bool nal = reader.flag();
  if (nal && !read_h264_hrd(reader, video.nal_schedules)) return video.nal_schedules.clear();
  const bool vcl = reader.flag();
  if (vcl && !read_h264_hrd(reader, video.vcl_schedules)) return video.vcl_schedules.clear();
  if (nal || vcl) video.low_delay = reader.flag();
}

void skip_h264_scaling_list(BitReader& reader, unsigned size) {
  std::int64_t last = 8;
  std::int64_t next = 8;
  for (unsigned i = 0; i < size && !reader.exhausted(); ++i) {
    if (next != 0) next = (last + reader.se() % 256 + 256) % 256;
    if (next != 0) last = next;
  }
}

bool has_chroma_syntax(unsigned profile) {  // ISO/IEC 14496-10 7.3.2.1.1
  constexpr std::array<unsigned, 13> profiles{100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
  return std::find(profiles.begin(), profiles.end(), profile) != profiles.end();
}

void read_h264_chroma(BitReader& reader, VideoParameters& video) {
  video.chroma_format = reader.ue();
  if (video.chroma_format == 3) video.separate_colour_planes = reader.flag();
  video.bit_depth = 8 + std::min(reader.ue(), 8u);
  reader.ue();
  reader.skip(1);
  if (!reader.flag()) return;  // seq_scaling_matrix_present_flag
  for (unsigned i = 0; i < (video.chroma_format == 3 ? 12u : 8u); ++i) {
    if (reader.flag()) skip_h264_scaling_list(reader, i < 6 ? 16 : 64);
  }
}

void skip_h264_picture_order(BitReader& reader) {
  const std::uint32_t type = reader.ue();
  if (type == 0) {
    reader.ue();
  } else if (type == 1) {
    reader.skip(1);
    reader.se();
    reader.se();
    const std::uint32_t cycle = reader.ue();
    for (std::uint32_t i = 0; i < cycle && i < 255; ++i) reader.se();
  }
}

// Crops by units of chroma samples; false if nothing would be left.
bool set_size(VideoParameters& video, std::uint64_t width, std::uint64_t height, std::uint64_t crop_width,
              std::uint64_t crop_height, unsigned lines_per_unit) {
  const unsigned horizontal = video.chroma_format == 1 || video.chroma_format == 2 ? 2 : 1;
  const unsigned vertical = (video.chroma_format == 1 ? 2u : 1u) * lines_per_unit;
  if (width > largest_side || height > largest_side) return false;
  if (crop_width * horizontal >= width || crop_height * vertical >= height) return false;
  video.width = static_cast<unsigned>(width - crop_width * horizontal);
  video.height = static_cast<unsigned>(height - crop_height * vertical);
  return true;
}

bool read_h264_size(BitReader& reader, VideoParameters& video) {
  const std::uint64_t width = (std::uint64_t{reader.ue()} + 1) * 16;
  const std::uint64_t map_units = std::uint64_t{reader.ue()} + 1;
  video.frames_only = reader.flag();
  video.interlaced = !video.frames_only;
  if (!video.frames_only) reader.skip(1);
  reader.skip(1);
  std::uint64_t crop_width = 0;
  std::uint64_t crop_height = 0;
  if (reader.flag()) {
    crop_width = std::uint64_t{reader.ue()};
    crop_width += reader.ue();
    crop_height = std::uint64_t{reader.ue()};
    crop_height += reader.ue();
  }
  const unsigned fields = video.frames_only ? 1 : 2;
  return set_size(video, width, map_units * 16 * fields, crop_width, crop_height, fields);
}

std::optional<VideoParameters> read_h264_sps(Bytes nal) {
  if (nal.size() < 4) return std::nullopt;
  BitReader reader{nal.subspan(1), BitReader::Escapes::remove};
  VideoParameters video;
  video.codec = VideoCodec::h264;
  video.profile = reader.bits(8);
  const unsigned constraints = reader.bits(8);
  video.level = reader.bits(8);
  // Annex A.3.1: level 1b of the older profiles is level_idc 11 with constraint_set3_flag.
  if (video.level == 11 && (constraints & 0x10) != 0 && !has_chroma_syntax(video.profile)) video.level = 9;
  reader.ue();
  if (has_chroma_syntax(video.profile)) read_h264_chroma(reader, video);
  video.frame_num_bits = 4 + std::min(reader.ue(), 12u);
  skip_h264_picture_order(reader);
  reader.ue();
  reader.skip(1);
  if (!read_h264_size(reader, video) || video.chroma_format > 3) return std::nullopt;
  const bool vui = reader.flag();
  if (reader.exhausted()) return std::nullopt;
  if (vui) read_h264_vui(reader, video);
  set_display_aspect(video);
  set_rate_from_schedules(video);
  return video;
}

// ISO/IEC 23008-2 7.3.3.
void read_profile_tier_level(BitReader& reader, VideoParameters& video, unsigned sub_layers_minus1) {
  reader.skip(2);
  video.high_tier = reader.flag();
  video.profile = reader.bits(5);
  reader.skip(32);
  const bool progressive = reader.flag();
  const bool interlaced = reader.flag();
  video.interlaced = interlaced && !progressive;
  reader.skip(46);
  video.level = reader.bits(8);
  std::array<bool, 8> profile_present{};
  std::array<bool, 8> level_present{};
  for (unsigned i = 0; i < sub_layers_minus1; ++i) {
    profile_present[i] = reader.flag();
    level_present[i] = reader.flag();
  }
  if (sub_layers_minus1 > 0) reader.skip(2 * (8 - sub_layers_minus1));
  for (unsigned i = 0; i < sub_layers_minus1; ++i) {
    if (profile_present[i]) reader.skip(88);
    if (level_present[i]) reader.skip(8);
  }
}

// sps_max_dec_pic_buffering and its neighbours, of each sub-layer or of the last alone.
void skip_ordering(BitReader& reader, unsigned sub_layers_minus1) {
  const unsigned count = reader.flag() ? sub_layers_minus1 + 1 : 1;
  for (unsigned i = 0; i < 3 * count; ++i) reader.ue();
}

void skip_hevc_scaling_lists(BitReader& reader) {  // 7.3.4
  for (unsigned size = 0; size < 4; ++size) {
    for (unsigned matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1) {
      if (!reader.flag()) {
        reader.ue();
        continue;
      }
      const unsigned coefficients = std::min(64u, 1u << (4 + 2 * size));
      for (unsigned i = 0; i < coefficients + (size > 1 ? 1 : 0) && !reader.exhausted(); ++i) reader.se();
    }
  }
}

// 7.3.7; answers with NumDeltaPocs.
std::optional<unsigned> skip_reference_set(BitReader& reader, bool first, unsigned previous) {
  if (!first && reader.flag()) {
    reader.skip(1);
    reader.ue();
    unsigned count = 0;
    for (unsigned i = 0; i <= previous; ++i) {
      const bool used = reader.flag();
      if (used || reader.flag()) ++count;
    }
    return count;
  }
  const std::uint32_t negative = reader.ue();
  const std::uint32_t positive = reader.ue();
  if (negative > 16 || positive > 16) return std::nullopt;
  for (std::uint32_t i = 0; i < negative + positive; ++i) {
    reader.ue();
    reader.skip(1);
  }
  return negative + positive;
}

bool skip_reference_sets(BitReader& reader, unsigned order_bits) {
  const std::uint32_t sets = reader.ue();
  if (sets > 64) return false;
  unsigned pictures = 0;
  for (std::uint32_t i = 0; i < sets; ++i) {
    const auto count = skip_reference_set(reader, i == 0, pictures);
    if (!count || reader.exhausted()) return false;
    pictures = *count;
  }
  if (!reader.flag()) return true;
  const std::uint32_t long_term = reader.ue();
  if (long_term > 32) return false;
  for (std::uint32_t i = 0; i < long_term; ++i) reader.skip(order_bits + 1);
  return true;
}

struct HevcHrd {
  std::vector<HrdSchedule> nal;
  std::vector<HrdSchedule> vcl;
  bool low_delay = false;
};

// E.2.2 and E.2.3; of the highest sub-layer.
std::optional<HevcHrd> read_hevc_hrd(BitReader& reader, unsigned sub_layers_minus1) {
  const bool nal = reader.flag();
  const bool vcl = reader.flag();
  bool sub_pictures = false;
  unsigned rate_scale = 0;
  unsigned size_scale = 0;
  if (nal || vcl) {
    sub_pictures = reader.flag();
    if (sub_pictures) reader.skip(19);
    rate_scale = reader.bits(4);
    size_scale = reader.bits(4);
    if (sub_pictures) reader.skip(4);
    reader.skip(15);
  }
  HevcHrd hrd;
  const auto read_schedules = [&](std::vector<HrdSchedule>& schedules, std::uint32_t count) {
    schedules.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t rate = reader.ue();
      const std::uint32_t size = reader.ue();
      if (sub_pictures) {
        reader.ue();
        reader.ue();
      }
      schedules.push_back(schedule(rate, rate_scale, size, size_scale, reader.flag()));
    }
  };
  for (unsigned i = 0; i <= sub_layers_minus1; ++i) {
    const bool fixed_always = reader.flag();
    const bool fixed = fixed_always || reader.flag();
    hrd.low_delay = false;
    if (fixed) {
      reader.ue();
    } else {
      hrd.low_delay = reader.flag();
    }
    const std::uint32_t last = hrd.low_delay ? 0 : reader.ue();
    if (last >= most_schedules) return std::nullopt;
    if (nal) read_schedules(hrd.nal, last + 1);
    if (vcl) read_schedules(hrd.vcl, last + 1);
  }
  if (reader.exhausted()) return std::nullopt;
  return hrd;
}

// Timing and HRD, the same in VPS and VUI but for what lies between.
void take_timing(BitReader& reader, VideoParameters& video) {
  const std::uint64_t units = reader.bits(32);
  const std::uint64_t scale = reader.bits(32);
  if (!reader.exhausted() && !video.frame_rate) video.frame_rate = reduced(scale, units);
  if (reader.flag()) reader.ue();
}

void take_hrd(BitReader& reader, VideoParameters& video, unsigned sub_layers_minus1) {
  auto hrd = read_hevc_hrd(reader, sub_layers_minus1);
  if (!hrd || !video.nal_schedules.empty()) return;
  video.nal_schedules = std::move(hrd->nal);
  video.vcl_schedules = std::move(hrd->vcl);
  video.low_delay = hrd->low_delay;
}

void read_hevc_vui(BitReader& reader, VideoParameters& video, unsigned sub_layers_minus1) {
  read_display(reader, video);
  reader.skip(1);
  const bool fields = reader.flag();
  reader.skip(1);
  if (reader.flag()) {
    for (int i = 0; i < 4; ++i) reader.ue();
  }
  if (!reader.flag()) return;
  take_timing(reader, video);
  if (fields && video.frame_rate) {  // field_seq_flag: a picture is a field
    video.interlaced = true;
    video.frame_rate = reduced(video.frame_rate->numerator, std::uint64_t{video.frame_rate->denominator} * 2);
    video.height *= 2;
  }
  if (reader.flag()) take_hrd(reader, video, sub_layers_minus1);
}

bool read_hevc_size(BitReader& reader, VideoParameters& video) {
  video.chroma_format = reader.ue();
  if (video.chroma_format > 3) return false;
  if (video.chroma_format == 3) video.separate_colour_planes = reader.flag();
  const std::uint64_t width = reader.ue();
  const std::uint64_t height = reader.ue();
  std::uint64_t crop_width = 0;
  std::uint64_t crop_height = 0;
  if (reader.flag()) {
    crop_width = std::uint64_t{reader.ue()};
    crop_width += reader.ue();
    crop_height = std::uint64_t{reader.ue()};
    crop_height += reader.ue();
  }
  return set_size(video, width, height, crop_width, crop_height, 1);
}

// From log2_min_luma_coding_block_size to the flag before the VUI.
bool skip_hevc_tools(BitReader& reader, unsigned order_bits) {
  for (int i = 0; i < 6; ++i) reader.ue();
  if (reader.flag() && reader.flag()) skip_hevc_scaling_lists(reader);
  reader.skip(2);
  if (reader.flag()) {  // pcm_enabled_flag
    reader.skip(8);
    reader.ue();
    reader.ue();
    reader.skip(1);
  }
  if (!skip_reference_sets(reader, order_bits)) return false;
  reader.skip(2);
  return true;
}

std::optional<VideoParameters> read_hevc_sps(Bytes nal) {
  if (nal.size() < 4) return std::nullopt;
  BitReader reader{nal.subspan(2), BitReader::Escapes::remove};
  VideoParameters video;
  video.codec = VideoCodec::hevc;
  reader.skip(4);
  const unsigned sub_layers_minus1 = reader.bits(3);
  if (sub_layers_minus1 > 6) return std::nullopt;
  reader.skip(1);
  read_profile_tier_level(reader, video, sub_layers_minus1);
  reader.ue();
  if (!read_hevc_size(reader, video)) return std::nullopt;
  video.bit_depth = 8 + std::min(reader.ue(), 8u);
  reader.ue();
  const unsigned order_bits = 4 + std::min(reader.ue(), 12u);
  skip_ordering(reader, sub_layers_minus1);
  if (!skip_hevc_tools(reader, order_bits)) return std::nullopt;
  const bool vui = reader.flag();
  if (reader.exhausted()) return std::nullopt;
  if (vui) read_hevc_vui(reader, video, sub_layers_minus1);
  set_display_aspect(video);
  return video;
}

// Fills in what the SPS left open (7.3.2.1).
void take_from_vps(Bytes nal, VideoParameters& video) {
  if (nal.size() < 6) return;
  BitReader reader{nal.subspan(2), BitReader::Escapes::remove};
  reader.skip(12);
  const unsigned sub_layers_minus1 = reader.bits(3);
  if (sub_layers_minus1 > 6) return;
  reader.skip(17);
  VideoParameters ignored;
  read_profile_tier_level(reader, ignored, sub_layers_minus1);
  skip_ordering(reader, sub_layers_minus1);
  const unsigned largest_layer = reader.bits(6);
  const std::uint32_t layer_sets = reader.ue();
  if (layer_sets > 1023) return;
  for (std::uint32_t i = 0; i < layer_sets && !reader.exhausted(); ++i) reader.skip(largest_layer + 1);
  if (!reader.flag()) return;
  take_timing(reader, video);
  if (reader.ue() == 0) return;
  reader.ue();
  take_hrd(reader, video, sub_layers_minus1);
}

// ISO/IEC 13818-2 6.2.2.1; `unit` begins with the start code's value.
std::optional<VideoParameters> read_sequence_header(Bytes unit) {
  constexpr std::array<Ratio, 9> rates{
      {{0, 1}, {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {50, 1}, {60000, 1001}, {60, 1}}};
  constexpr std::array<Ratio, 5> aspects{{{0, 1}, {1, 1}, {4, 3}, {16, 9}, {221, 100}}};
  if (unit.size() < 9) return std::nullopt;
  BitReader reader{unit.subspan(1)};
  VideoParameters video;
  video.codec = VideoCodec::mpeg2;
  video.width = reader.bits(12);
  video.height = reader.bits(12);
  const unsigned aspect = reader.bits(4);
  const unsigned rate = reader.bits(4);
  if (video.width == 0 || video.height == 0) return std::nullopt;
  if (rate > 0 && rate < rates.size()) video.frame_rate = rates[rate];
  if (aspect == 1) video.sample_aspect = Ratio{1, 1};
  if (aspect > 1 && aspect < aspects.size()) video.display_aspect = aspects[aspect];
  video.bit_rate = reader.bits(18);
  reader.skip(1);
  video.buffer_size = reader.bits(10);
  return video;
}

void take_sequence_extension(Bytes unit, VideoParameters& video) {
  BitReader reader{unit.subspan(1)};
  reader.skip(4);
  const unsigned profile_and_level = reader.bits(8);
  // Table 8-1: with the escape bit set, the whole says which (0x85 4:2:2 at main level, 0x82 at high).
  video.profile = (profile_and_level & 0x80) != 0 ? profile_and_level : profile_and_level >> 4;
  video.level = (profile_and_level & 0x80) != 0 ? (profile_and_level == 0x82 ? 4u : 8u) : profile_and_level & 0x0F;
  video.interlaced = !reader.flag();
  video.chroma_format = reader.bits(2);
  video.width |= reader.bits(2) << 12;
  video.height |= reader.bits(2) << 12;
  const std::uint64_t rate = reader.bits(12);
  reader.skip(1);
  const std::uint64_t buffer = reader.bits(8);
  *video.bit_rate |= rate << 18;
  *video.buffer_size |= buffer << 10;
  video.low_delay = reader.flag();
  const std::uint64_t numerator = reader.bits(2) + 1;
  const std::uint64_t denominator = reader.bits(5) + 1;
  if (video.frame_rate) {
    video.frame_rate = reduced(video.frame_rate->numerator * numerator, video.frame_rate->denominator * denominator);
  }
}

// Units of ISO/IEC 13818-2 6.3.3: 400 bit/s, 16 x 1024 bits.
void finish_mpeg2(VideoParameters& video) {
  const std::uint64_t highest = video.profile == 0 ? 0x3FFFF : 0x3FFFFFFF;
  if (*video.bit_rate == highest || *video.bit_rate == 0) {
    video.bit_rate.reset();  // variable
  } else {
    *video.bit_rate *= 400;
  }
  *video.buffer_size *= 16 * 1024;
  if (*video.buffer_size == 0) video.buffer_size.reset();
  if (video.display_aspect) {
    video.sample_aspect = reduced(std::uint64_t{video.display_aspect->numerator} * video.height,
                                  std::uint64_t{video.display_aspect->denominator} * video.width);
  } else {
    set_display_aspect(video);
  }
}

// The next unit after a start code from `at` on, which moves on; empty at the end.
Bytes next_unit(Bytes bytes, std::size_t& at) {
  const auto after_start_code = [&](std::size_t from) {
    for (std::size_t i = from; i + 3 < bytes.size() + 1; ++i) {
      if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1) return i + 3;
    }
    return bytes.size() + 3;
  };
  if (at == 0) at = after_start_code(0);
  if (at >= bytes.size()) return {};
  const std::size_t begin = at;
  at = after_start_code(begin);
  return bytes.subspan(begin, at - 3 - begin);
}

std::optional<VideoParameters> read_mpeg2(Bytes bytes) {
  std::optional<VideoParameters> video;
  std::size_t at = 0;
  for (Bytes unit = next_unit(bytes, at); !unit.empty(); unit = next_unit(bytes, at)) {
    if (unit[0] == 0xB3 && !video) {
      video = read_sequence_header(unit);
    } else if (unit[0] == 0xB5 && video && unit.size() >= 7 && unit[1] >> 4 == 1) {
      take_sequence_extension(unit, *video);
      break;
    } else if (video && (unit[0] == 0x00 || unit[0] == 0xB8)) {
      break;  // MPEG-1
    }
  }
  if (video) finish_mpeg2(*video);
  return video;
}

std::optional<VideoParameters> read_h264(Bytes bytes) {
  std::size_t at = 0;
  for (Bytes unit = next_unit(bytes, at); !unit.empty(); unit = next_unit(bytes, at)) {
    if ((unit[0] & 0x1F) == 7) return read_h264_sps(unit);
  }
  return std::nullopt;
}

std::optional<VideoParameters> read_hevc(Bytes bytes) {
  Bytes vps;
  std::size_t at = 0;
  for (Bytes unit = next_unit(bytes, at); !unit.empty(); unit = next_unit(bytes, at)) {
    const unsigned type = (unit[0] >> 1) & 0x3F;
    if (type == 32) vps = unit;
    if (type != 33) continue;
    auto video = read_hevc_sps(unit);
    if (!video) return std::nullopt;
    take_from_vps(vps, *video);
    set_rate_from_schedules(*video);
    return video;
  }
  return std::nullopt;
}

}  // namespace

std::optional<VideoParameters> read_video_parameters(VideoCodec codec, std::span<const std::uint8_t> bytes) {
  switch (codec) {
    case VideoCodec::mpeg2:
      return read_mpeg2(bytes);
    case VideoCodec::h264:
      return read_h264(bytes);
    case VideoCodec::hevc:
      return read_hevc(bytes);
  }
  return std::nullopt;
}

}  // namespace ts
