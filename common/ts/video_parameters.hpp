// What a video stream's headers say: H.264 SPS (ISO/IEC 14496-10 7.3.2.1.1, annex E), HEVC SPS and VPS (ISO/IEC 23008-2
// 7.3.2, annex E), MPEG-2 sequence header and its extensions (ISO/IEC 13818-2 6.2.2).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/ts/access_unit.hpp"

namespace ts {

struct Ratio {
  std::uint32_t numerator = 0;
  std::uint32_t denominator = 1;
  friend bool operator==(Ratio, Ratio) = default;
};

// One delivery schedule of a hypothetical reference decoder (its SchedSelIdx is its place in the list).
struct HrdSchedule {
  std::uint64_t bit_rate = 0;     // bit/s
  std::uint64_t buffer_size = 0;  // of the coded picture buffer, bits
  bool constant = false;          // cbr_flag
};

struct VideoParameters {
  VideoCodec codec = VideoCodec::h264;
  unsigned profile = 0;  // profile_idc; MPEG-2: profile of table 8-2 (4 main, 1 high, 5 simple; 0x85 is 4:2:2 at main)
  unsigned level = 0;    // level_idc (H.264: ten times the level, 9 for 1b; HEVC: thirty times); MPEG-2: table 8-3
  bool high_tier = false;
  unsigned width = 0;  // as shown: cropped
  unsigned height = 0;
  std::optional<Ratio> frame_rate;  // of frames, also where each is coded as two fields
  bool interlaced = false;  // it may have fields: H.264 and MPEG-2 streams may still send only progressive frames
  std::optional<Ratio> sample_aspect;
  std::optional<Ratio> display_aspect;
  unsigned chroma_format = 1;  // chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4
  unsigned bit_depth = 8;      // of luma
  bool low_delay = false;
  // Bits/s and bits. MPEG-2: of the sequence header; others: of the last NAL HRD schedule, if there is one.
  std::optional<std::uint64_t> bit_rate;
  std::optional<std::uint64_t> buffer_size;
  std::vector<HrdSchedule> nal_schedules;
  std::vector<HrdSchedule> vcl_schedules;

  // H.264, to tell a field from a frame (7.3.3).
  unsigned frame_num_bits = 4;
  bool separate_colour_planes = false;
  bool frames_only = true;
};

// Of the first sequence header or parameter sets in bytes with start codes. Nothing if there is none, it is cut off
// before its VUI, or it is malformed. A HEVC VPS before the SPS fills in timing and HRD that the SPS lacks.
std::optional<VideoParameters> read_video_parameters(VideoCodec codec, std::span<const std::uint8_t> bytes);

}  // namespace ts
