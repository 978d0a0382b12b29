#include "common/ts/access_unit.hpp"

#include <algorithm>

namespace ts {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Parameter sets and SEI with captions before the first slice fit in this many times over.
constexpr std::size_t largest_head = 16384;

// A NAL unit, or what follows an MPEG-2 start code: from its header byte on.
struct Unit {
  Bytes bytes;
  bool whole = false;  // the next start code was seen
};

// The units between start codes 00 00 01.
class UnitReader {
 public:
  explicit UnitReader(Bytes bytes) : bytes_(bytes), at_(after_start_code(0)) {}

  std::optional<Unit> next() {
    if (at_ >= bytes_.size()) return std::nullopt;
    const std::size_t begin = at_;
    at_ = after_start_code(begin);
    const bool whole = at_ <= bytes_.size();
    const std::size_t end = whole ? at_ - 3 : bytes_.size();
    return Unit{bytes_.subspan(begin, end - begin), whole};
  }

 private:
  // Beyond the end if there is none.
  std::size_t after_start_code(std::size_t from) const {
    for (std::size_t i = from; i + 3 <= bytes_.size(); ++i) {
      if (bytes_[i] == 0 && bytes_[i + 1] == 0 && bytes_[i + 2] == 1) return i + 3;
    }
    return bytes_.size() + 1;
  }

  Bytes bytes_;
  std::size_t at_;
};

// Bits of an RBSP, emulation prevention bytes left out (ISO/IEC 14496-10 7.4.1). Reads 0 beyond the end and says so.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  bool exhausted() const { return exhausted_; }

  unsigned bit() {
    if (left_ == 0 && !load()) return 0;
    --left_;
    return (current_ >> left_) & 1u;
  }
  unsigned bits(unsigned count) {
    unsigned value = 0;
    while (count-- > 0) value = value << 1 | bit();
    return value;
  }
  // ue(v); values of more than 16 bits do not occur in what is read here and count as exhausted.
  unsigned exp_golomb() {
    unsigned zeros = 0;
    while (bit() == 0) {
      if (exhausted_ || ++zeros > 16) {
        exhausted_ = true;
        return 0;
      }
    }
    return (1u << zeros) - 1 + bits(zeros);
  }

 private:
  bool load() {
    if (at_ < bytes_.size() && zeros_ >= 2 && bytes_[at_] == 3) {
      ++at_;
      zeros_ = 0;
    }
    if (at_ >= bytes_.size()) {
      exhausted_ = true;
      return false;
    }
    current_ = bytes_[at_++];
    zeros_ = current_ == 0 ? zeros_ + 1 : 0;
    left_ = 8;
    return true;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  unsigned current_ = 0;
  unsigned left_ = 0;   // bits of current_
  unsigned zeros_ = 0;  // zero bytes in a row before at_
  bool exhausted_ = false;
};

// recovery_frame_cnt of an H.264 SEI NAL unit with a recovery point: 0 is this very picture (D.1.8).
std::optional<unsigned> recovery_frames(Bytes nal) {
  constexpr unsigned recovery_point = 6;
  BitReader reader{nal.subspan(1)};
  const auto read_extended = [&reader] {
    unsigned sum = 0;
    unsigned byte = 0;
    do {
      byte = reader.bits(8);
      sum += byte;
    } while (byte == 0xFF && !reader.exhausted());
    return sum;
  };
  while (!reader.exhausted()) {
    const unsigned type = read_extended();
    const unsigned size = read_extended();
    if (type == recovery_point) {
      const unsigned frames = reader.exp_golomb();
      return reader.exhausted() ? std::nullopt : std::optional{frames};
    }
    for (unsigned i = 0; i < size && !reader.exhausted(); ++i) reader.bits(8);
  }
  return std::nullopt;
}

enum class SliceKind { unknown, intra, inter };

SliceKind h264_slice_kind(Bytes nal) {
  BitReader reader{nal.subspan(1)};
  reader.exp_golomb();                                  // first_mb_in_slice
  const unsigned slice_type = reader.exp_golomb() % 5;  // 7.4.3: 2 I, 4 SI
  if (reader.exhausted()) return SliceKind::unknown;
  return slice_type == 2 || slice_type == 4 ? SliceKind::intra : SliceKind::inter;
}

// ISO/IEC 14496-10 table 7-1.
std::optional<AccessPoint> classify_h264(Bytes head) {
  bool sps = false;
  bool pps = false;
  std::optional<unsigned> recovery;
  bool delimiter_says_inter = false;
  UnitReader units{head};
  while (const auto unit = units.next()) {
    switch (unit->bytes.empty() ? 0 : unit->bytes[0] & 0x1F) {
      case 1:    // slice
      case 2: {  // slice data partition A
        if (!sps || !pps) return AccessPoint::none;
        if (recovery == 0u) return AccessPoint::open;
        const SliceKind kind = h264_slice_kind(unit->bytes);
        if (kind == SliceKind::unknown && !unit->whole) return std::nullopt;
        if (kind == SliceKind::intra && !delimiter_says_inter) return AccessPoint::open;
        return recovery ? AccessPoint::gradual : AccessPoint::none;
      }
      case 5:
        return sps && pps ? AccessPoint::closed : AccessPoint::none;
      case 6:
        if (!unit->whole) return std::nullopt;
        if (!recovery) recovery = recovery_frames(unit->bytes);
        break;
      case 7:
        sps = true;
        break;
      case 8:
        pps = true;
        break;
      case 9: {  // primary_pic_type, table 7-5: 1 I and P, 2 I, P and B; 7 says nothing
        if (unit->bytes.size() < 2) return std::nullopt;
        const unsigned primary_pic_type = unit->bytes[1] >> 5;
        delimiter_says_inter = primary_pic_type == 1 || primary_pic_type == 2;
        break;
      }
      default:
        break;
    }
  }
  return std::nullopt;
}

// ISO/IEC 23008-2 table 7-1.
std::optional<AccessPoint> classify_hevc(Bytes head) {
  bool vps = false;
  bool sps = false;
  bool pps = false;
  UnitReader units{head};
  while (const auto unit = units.next()) {
    const unsigned type = unit->bytes.empty() ? 63u : (unit->bytes[0] >> 1) & 0x3Fu;
    if (type == 32) vps = true;
    if (type == 33) sps = true;
    if (type == 34) pps = true;
    if (type >= 32) continue;
    if (!vps || !sps || !pps) return AccessPoint::none;
    if (type >= 16 && type <= 20) return AccessPoint::closed;   // BLA, IDR
    return type == 21 ? AccessPoint::open : AccessPoint::none;  // CRA
  }
  return std::nullopt;
}

// ISO/IEC 13818-2 table 6-1.
std::optional<AccessPoint> classify_mpeg2(Bytes head) {
  bool sequence = false;
  bool group = false;
  bool closed_gop = false;
  UnitReader units{head};
  while (const auto unit = units.next()) {
    if (unit->bytes.empty()) return std::nullopt;
    switch (unit->bytes[0]) {
      case 0xB3:
        sequence = true;
        break;
      case 0xB8:
        if (unit->bytes.size() < 5) return std::nullopt;
        group = true;
        closed_gop = (unit->bytes[4] & 0x40) != 0;
        break;
      case 0x00: {
        if (unit->bytes.size() < 3) return std::nullopt;
        const unsigned temporal_reference = static_cast<unsigned>(unit->bytes[1] << 2 | unit->bytes[2] >> 6);
        const unsigned picture_coding_type = (unit->bytes[2] >> 3) & 7u;
        if (!sequence || picture_coding_type != 1) return AccessPoint::none;
        // The first picture to be shown of its group has no leading pictures, whatever the flag.
        return group && (closed_gop || temporal_reference == 0) ? AccessPoint::closed : AccessPoint::open;
      }
      default:
        break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<AccessPoint> classify_access_unit(VideoCodec codec, std::span<const std::uint8_t> head) {
  switch (codec) {
    case VideoCodec::mpeg2:
      return classify_mpeg2(head);
    case VideoCodec::h264:
      return classify_h264(head);
    case VideoCodec::hevc:
      return classify_hevc(head);
  }
  return AccessPoint::none;
}

std::optional<AccessUnit> AccessUnitParser::feed(const Packet& packet, std::uint64_t position) {
  if (packet.unit_start()) {
    const auto previous = finish();
    begin(packet, position);
    return previous ? previous : classified();
  }
  if (!current_ || packet.scrambling() != 0) return std::nullopt;
  append(packet.payload());
  return classified();
}

std::optional<AccessUnit> AccessUnitParser::finish() {
  const auto unit = current_;
  reset();
  return unit;
}

void AccessUnitParser::reset() {
  current_.reset();
  head_.clear();
  header_left_ = 0;
}

void AccessUnitParser::begin(const Packet& packet, std::uint64_t position) {
  reset();
  if (packet.scrambling() != 0) {
    current_ = AccessUnit{.position = position,
                          .pts = std::nullopt,
                          .dts = std::nullopt,
                          .access = packet.random_access() ? AccessPoint::open : AccessPoint::none};
    return;
  }
  const auto payload = packet.payload();
  const auto header = PesHeader::parse(payload);
  if (!header) return;
  current_ = AccessUnit{.position = position, .pts = header->pts, .dts = header->dts, .access = AccessPoint::none};
  header_left_ = header->header_size;
  append(payload);
}

void AccessUnitParser::append(std::span<const std::uint8_t> bytes) {
  const std::size_t header = std::min(header_left_, bytes.size());
  header_left_ -= header;
  bytes = bytes.subspan(header);
  head_.insert(head_.end(), bytes.begin(), bytes.end());
}

// The current access unit, once it can be classified.
std::optional<AccessUnit> AccessUnitParser::classified() {
  if (!current_) return std::nullopt;
  const auto access = classify_access_unit(codec_, head_);
  if (!access && head_.size() < largest_head) return std::nullopt;
  AccessUnit unit = *current_;
  unit.access = access.value_or(AccessPoint::none);
  reset();
  return unit;
}

}  // namespace ts
