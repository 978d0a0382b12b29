#include "common/psi/decoder_model.hpp"

#include <chrono>

#include "common/psi/descriptor.hpp"
#include "common/psi/elementary_stream.hpp"

namespace psi {
namespace {

// ISO/IEC 13818-1 table 2-45.
constexpr std::uint8_t video_stream = 0x02, std_parameters = 0x11, avc_video = 0x28, avc_timing = 0x2A,
                       hevc_video = 0x38, extension = 0x3F;
constexpr std::uint8_t hevc_timing = 0x03;  // descriptor_tag_extension (table 2-108)

// A bit of a descriptor, if there is such a descriptor and it is so long; bit 7 comes first.
bool has_bit(const Descriptors& descriptors, std::uint8_t tag, std::size_t byte, unsigned bit) {
  const Descriptor* found = find(descriptors, tag);
  return found != nullptr && found->data.size() > byte && (found->data[byte] >> bit & 1) != 0;
}

// Do bytes go from MB to EB by the leak method (2.4.2.3, 2.14.3.1, 2.17.2)?
bool has_leak_method(const Descriptors& descriptors) {
  const Descriptor* parameters = find(descriptors, std_parameters);
  const bool leak_valid = parameters == nullptr || has_bit(descriptors, std_parameters, 0, 0);
  const Descriptor* extended = find(descriptors, extension);
  const bool hevc_hrd = extended != nullptr && extended->data.size() > 1 && extended->data[0] == hevc_timing &&
                        (extended->data[1] & 0x80) != 0;
  return leak_valid && !hevc_hrd && !has_bit(descriptors, avc_timing, 0, 7);
}

// still_picture_flag, AVC_still_present and HEVC_still_present_flag (2.6.3, 2.6.64, 2.6.95).
bool may_stand_still(const Descriptors& descriptors) {
  return has_bit(descriptors, video_stream, 0, 0) || has_bit(descriptors, avc_video, 3, 7) ||
         has_bit(descriptors, hevc_video, 12, 6);
}

// AVC_24_hour_picture_flag, HEVC_24hr_picture_present_flag.
bool may_stand_for_a_day(const Descriptors& descriptors) {
  return has_bit(descriptors, avc_video, 3, 6) || has_bit(descriptors, hevc_video, 12, 5);
}

// Does every entry say that its subtitles are not made for an HD picture (EN 300 468 table 26)?
bool is_for_sd(const Descriptors& descriptors) {
  const Descriptor* found = find(descriptors, tag::subtitling);
  if (found == nullptr) return false;
  for (std::size_t at = 3; at < found->data.size(); at += 8) {
    const unsigned type = found->data[at];
    const bool sd = (type >= 0x10 && type <= 0x13) || (type >= 0x20 && type <= 0x23);
    if (!sd) return false;
  }
  return true;
}

// Not the sub-streams of scalable and multiview coding, whose buffers depend on the other streams of the program.
bool is_whole_video(const Pmt::Stream& stream) {
  return stream.type != 0x1F && stream.type != 0x20 && stream.type != 0x25;
}

}  // namespace

DecoderModel::DecoderModel(const Pmt::Stream& stream) {
  const StreamKind described = describe(stream).kind;
  if (const auto codec = video_codec(stream); codec && is_whole_video(stream)) {
    kind_ = Kind::video;
    codec_ = *codec;
  } else if (const auto format = audio_format(stream)) {
    kind_ = Kind::audio;
    audio_format_ = *format;
  } else if (described == StreamKind::teletext) {
    kind_ = Kind::teletext;
  } else if (described == StreamKind::subtitle) {
    kind_ = Kind::subtitles;
  }
  leak_method_ = has_leak_method(stream.descriptors);
  display_definition_ = !is_for_sd(stream.descriptors);
  if (may_stand_for_a_day(stream.descriptors)) {
    still_delay_ = ts::Ticks27::max();
  } else if (may_stand_still(stream.descriptors)) {
    still_delay_ = std::chrono::seconds{60};  // ISO/IEC 13818-1 2.4.2.6, TR 101 290 3.10
  }
}

ts::AccessUnitScanner DecoderModel::make_scanner() const {
  switch (kind_) {
    case Kind::video:
      return ts::AccessUnitScanner{codec_};
    case Kind::audio:
      return ts::AccessUnitScanner{audio_format_};
    default:
      return {};
  }
}

std::optional<ts::TstdLimits> DecoderModel::limits(const ts::AccessUnitScanner& scanner) const {
  switch (kind_) {
    case Kind::video: {
      if (!scanner.video()) return std::nullopt;
      auto limits = ts::TstdLimits::video(*scanner.video());
      if (limits && !leak_method_) limits = limits->without_leak();
      if (limits && still_delay_) limits->longest_delay = still_delay_;
      return limits;
    }
    case Kind::audio:
      if (!scanner.audio()) return std::nullopt;
      return ts::TstdLimits::audio(audio_format_, *scanner.audio());
    case Kind::teletext:
      return ts::TstdLimits::teletext();
    case Kind::subtitles:
      return ts::TstdLimits::dvb_subtitles(display_definition_);
    case Kind::none:
      break;
  }
  return std::nullopt;
}

}  // namespace psi
