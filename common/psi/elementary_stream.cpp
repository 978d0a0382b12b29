#include "common/psi/elementary_stream.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <span>

namespace psi {
namespace {

constexpr std::uint8_t vbi_data = 0x45, vbi_teletext = 0x46;  // EN 300 468 table 12
constexpr std::uint8_t extension_ac4 = 0x15;                  // EN 300 468 table 109
constexpr std::uint8_t private_pes = 0x06, private_sections = 0x05;

struct Kind {
  StreamKind kind;
  std::string_view codec;
};

// ISO/IEC 13818-1 table 2-34; from 0x80 on by custom (ATSC A/53, SCTE 35, HDMV), unless a registration says otherwise.
std::optional<Kind> by_stream_type(std::uint8_t type) {
  using enum StreamKind;
  switch (type) {
    case 0x01:
      return Kind{video, "mpeg1video"};
    case 0x02:
      return Kind{video, "mpeg2video"};
    case 0x03:
    case 0x04:
      return Kind{audio, "mp2"};
    case private_sections:
      return Kind{data, "sections"};
    case private_pes:
      return Kind{data, "private"};
    case 0x0A:
    case 0x0B:
    case 0x0C:
    case 0x0D:
      return Kind{data, "dsmcc"};
    case 0x0F:
      return Kind{audio, "aac"};
    case 0x10:
      return Kind{video, "mpeg4"};
    case 0x11:
      return Kind{audio, "aac_latm"};
    case 0x15:
      return Kind{data, "metadata"};
    case 0x1B:
    case 0x1F:
    case 0x20:
      return Kind{video, "h264"};
    case 0x21:
      return Kind{video, "jpeg2000"};
    case 0x24:
    case 0x25:
      return Kind{video, "hevc"};
    case 0x33:
      return Kind{video, "vvc"};
    case 0x42:
      return Kind{video, "cavs"};
    case 0x81:
      return Kind{audio, "ac3"};
    case 0x86:
      return Kind{data, "scte35"};
    case 0x87:
      return Kind{audio, "eac3"};
    case 0xEA:
      return Kind{video, "vc1"};
    default:
      return std::nullopt;
  }
}

// format_identifier of SMPTE's registry.
std::optional<Kind> by_registration(const Descriptors& descriptors) {
  using enum StreamKind;
  struct Registered {
    std::string_view format;
    Kind kind;
  };
  static constexpr std::array<Registered, 13> known{{{"AC-3", {audio, "ac3"}},
                                                     {"EAC3", {audio, "eac3"}},
                                                     {"AC-4", {audio, "ac4"}},
                                                     {"DTS1", {audio, "dts"}},
                                                     {"DTS2", {audio, "dts"}},
                                                     {"DTS3", {audio, "dts"}},
                                                     {"BSSD", {audio, "s302m"}},
                                                     {"Opus", {audio, "opus"}},
                                                     {"HEVC", {video, "hevc"}},
                                                     {"VC-1", {video, "vc1"}},
                                                     {"AV01", {video, "av1"}},
                                                     {"CUEI", {data, "scte35"}},
                                                     {"KLVA", {data, "klv"}}}};
  const Descriptor* registration = find(descriptors, tag::registration);
  if (registration == nullptr || registration->data.size() < 4) return std::nullopt;
  const auto found = std::ranges::find_if(known, [&](const Registered& entry) {
    return std::equal(entry.format.begin(), entry.format.end(), registration->data.begin());
  });
  return found == known.end() ? std::nullopt : std::optional{found->kind};
}

// A private PES stream of EN 300 468 is named by its descriptors.
std::optional<Kind> by_descriptor(const Descriptors& descriptors) {
  using enum StreamKind;
  for (const Descriptor& descriptor : descriptors) {
    switch (descriptor.tag) {
      case tag::ac3:
        return Kind{audio, "ac3"};
      case tag::enhanced_ac3:
        return Kind{audio, "eac3"};
      case tag::dts:
        return Kind{audio, "dts"};
      case tag::aac:
        return Kind{audio, "aac"};
      case tag::subtitling:
        return Kind{subtitle, "dvbsub"};
      case tag::teletext:
      case vbi_teletext:
        return Kind{teletext, "teletext"};
      case vbi_data:
        return Kind{data, "vbi"};
      case tag::extension:
        if (!descriptor.data.empty() && descriptor.data[0] == extension_ac4) return Kind{audio, "ac4"};
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

std::optional<Kind> kind_of(const Pmt::Stream& stream) {
  const auto standard = by_stream_type(stream.type);
  if (stream.type == private_sections && find(stream.descriptors, tag::application_signalling) != nullptr) {
    return Kind{StreamKind::data, "ait"};
  }
  if (stream.type == private_pes) {
    if (const auto kind = by_descriptor(stream.descriptors)) return kind;
  }
  if (stream.type == private_pes || stream.type >= 0x80 || !standard) {
    if (const auto kind = by_registration(stream.descriptors)) return kind;
  }
  return standard;
}

// Bytes of an entry of the descriptors that list languages, each entry beginning with one; 0 for the others.
std::size_t language_entry_size(std::uint8_t descriptor_tag) {
  switch (descriptor_tag) {
    case tag::iso_639_language:
      return 4;  // ISO/IEC 13818-1 2.6.18
    case tag::subtitling:
      return 8;  // EN 300 468 6.2.42
    case tag::teletext:
    case vbi_teletext:
      return 5;  // EN 300 468 6.2.44
    default:
      return 0;
  }
}

std::vector<std::string> languages_of(const Descriptors& descriptors) {
  std::vector<std::string> out;
  for (const Descriptor& descriptor : descriptors) {
    const std::size_t entry = language_entry_size(descriptor.tag);
    for (std::size_t at = 0; entry != 0 && at + entry <= descriptor.data.size(); at += entry) {
      std::string code = language_code(std::span{descriptor.data}.subspan(at).first<3>());
      if (std::ranges::find(out, code) == out.end()) out.push_back(std::move(code));
    }
  }
  return out;
}

std::string hexadecimal(std::uint8_t value) {
  std::array<char, 5> out{};
  std::snprintf(out.data(), out.size(), "0x%02x", unsigned{value});
  return out.data();
}

}  // namespace

ElementaryStream describe(const Pmt::Stream& stream) {
  const auto kind = kind_of(stream);
  return {.kind = kind ? kind->kind : StreamKind::data,
          .codec = kind ? std::string{kind->codec} : hexadecimal(stream.type),
          .languages = languages_of(stream.descriptors)};
}

std::optional<ts::VideoCodec> video_codec(const Pmt::Stream& stream) {
  const auto kind = kind_of(stream);
  if (!kind) return std::nullopt;
  if (kind->codec == "mpeg1video" || kind->codec == "mpeg2video") return ts::VideoCodec::mpeg2;
  if (kind->codec == "h264") return ts::VideoCodec::h264;
  if (kind->codec == "hevc") return ts::VideoCodec::hevc;
  return std::nullopt;
}

std::optional<ts::AudioFormat> audio_format(const Pmt::Stream& stream) {
  const auto kind = kind_of(stream);
  if (!kind) return std::nullopt;
  if (kind->codec == "mp2") return ts::AudioFormat::mpeg;
  if (kind->codec == "ac3" || kind->codec == "eac3") return ts::AudioFormat::ac3;
  if (stream.type == 0x0F) return ts::AudioFormat::adts;
  if (stream.type == 0x11) return ts::AudioFormat::latm;
  return std::nullopt;
}

std::string_view to_string(StreamKind kind) {
  switch (kind) {
    case StreamKind::video:
      return "video";
    case StreamKind::audio:
      return "audio";
    case StreamKind::subtitle:
      return "subtitle";
    case StreamKind::teletext:
      return "teletext";
    case StreamKind::data:
      break;
  }
  return "data";
}

std::vector<ts::Pid> conditional_access_pids(const Descriptors& descriptors) {
  std::vector<ts::Pid> out;
  for (const Descriptor& descriptor : descriptors) {
    if (descriptor.tag != tag::conditional_access || descriptor.data.size() < 4) continue;
    const ts::Pid pid{static_cast<unsigned>(descriptor.data[2] << 8 | descriptor.data[3])};
    if (std::ranges::find(out, pid) == out.end()) out.push_back(pid);
  }
  return out;
}

std::set<ts::Pid> packet_pids(const Pmt& pmt, bool ecms) {
  std::set<ts::Pid> pids;
  const auto add_ecms = [&](const Descriptors& descriptors) {
    if (ecms) std::ranges::copy(conditional_access_pids(descriptors), std::inserter(pids, pids.end()));
  };
  add_ecms(pmt.descriptors);
  for (const auto& stream : pmt.streams) {
    pids.insert(stream.pid);
    add_ecms(stream.descriptors);
  }
  pids.insert(pmt.pcr_pid);
  pids.erase(ts::null_pid);
  return pids;
}

std::string service_type_name(std::uint8_t service_type) {
  switch (service_type) {
    case 0x01:
      return "digital television";
    case 0x02:
      return "digital radio";
    case 0x03:
      return "teletext";
    case 0x04:
      return "NVOD reference";
    case 0x05:
      return "NVOD time-shifted";
    case 0x06:
      return "mosaic";
    case 0x07:
      return "FM radio";
    case 0x08:
      return "DVB SRM";
    case 0x0A:
      return "advanced codec digital radio";
    case 0x0B:
      return "H.264 mosaic";
    case 0x0C:
      return "data broadcast";
    case 0x0E:
      return "RCS map";
    case 0x0F:
      return "RCS FLS";
    case 0x10:
      return "DVB MHP";
    case 0x11:
      return "MPEG-2 HD television";
    case 0x16:
      return "H.264 SD television";
    case 0x17:
      return "H.264 SD NVOD time-shifted";
    case 0x18:
      return "H.264 SD NVOD reference";
    case 0x19:
      return "H.264 HD television";
    case 0x1A:
      return "H.264 HD NVOD time-shifted";
    case 0x1B:
      return "H.264 HD NVOD reference";
    case 0x1C:
      return "H.264 stereoscopic HD television";
    case 0x1D:
      return "H.264 stereoscopic HD NVOD time-shifted";
    case 0x1E:
      return "H.264 stereoscopic HD NVOD reference";
    case 0x1F:
      return "HEVC television";
    case 0x20:
      return "HEVC UHD television";
    default:
      return "type " + hexadecimal(service_type);
  }
}

}  // namespace psi
