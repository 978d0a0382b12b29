#include "tests/support/coded_picture.hpp"

#include <initializer_list>
#include <stdexcept>

namespace support {
namespace {

using Bytes = std::vector<std::uint8_t>;

class BitWriter {
 public:
  explicit BitWriter(std::initializer_list<std::uint8_t> begin = {}) : bytes_(begin) {}

  BitWriter& bits(unsigned count, std::uint32_t value) {
    while (count-- > 0) bit((value >> count & 1) != 0);
    return *this;
  }
  // ue(v) of H.264 9.1.
  BitWriter& ue(std::uint32_t value) {
    unsigned length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    return bits(length, 0).bits(length + 1, value + 1);
  }
  BitWriter& align() {
    used_ = 0;
    return *this;
  }
  // rbsp_trailing_bits() of H.264 7.3.2.11.
  BitWriter& trailing() { return bits(1, 1).align(); }
  const Bytes& bytes() const { return bytes_; }

 private:
  void bit(bool one) {
    if (used_ == 0) bytes_.push_back(0);
    if (one) bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | 0x80 >> used_);
    used_ = (used_ + 1) & 7;
  }
  Bytes bytes_;
  unsigned used_ = 0;  // bits of the last byte; 0: it is full
};

void append(Bytes& out, const Bytes& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// ---- H.264, constrained baseline, level 4

// `unit` from its header byte on, with emulation prevention (7.4.1).
void append_nal_unit(Bytes& out, const Bytes& unit) {
  append(out, {0, 0, 0, 1});
  unsigned zeros = 0;
  for (const std::uint8_t byte : unit) {
    if (zeros == 2 && byte <= 3) {
      out.push_back(3);
      zeros = 0;
    }
    out.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
}

constexpr unsigned frame_num_bits = 8;

Bytes sequence_parameter_set() {
  BitWriter w{0x67, 66, 0xC0, 40};                               // profile_idc, constraint flags, level_idc
  w.ue(0).ue(frame_num_bits - 4).ue(2);                          // pic_order_cnt_type 2: shown in order of decoding
  w.ue(1).bits(1, 0).ue(0).ue(0);                                // one reference, one macroblock wide and high
  return w.bits(1, 1).bits(1, 1).bits(2, 0).trailing().bytes();  // frames only, no cropping, no VUI
}

Bytes picture_parameter_set() {
  return BitWriter{0x68}
      .ue(0)
      .ue(0)
      .bits(2, 0)
      .ue(0)
      .ue(0)
      .ue(0)
      .bits(3, 0)
      .ue(0)
      .ue(0)
      .ue(0)
      .bits(3, 0)
      .trailing()
      .bytes();
}

// One macroblock of I_PCM; its grey changes from one to the next.
Bytes idr_slice(std::uint64_t number) {
  BitWriter w{0x65};
  w.ue(0).ue(7).ue(0).bits(frame_num_bits, 0).ue(static_cast<std::uint32_t>(number & 1)).bits(2, 0).ue(0);
  w.ue(25).align();  // mb_type I_PCM
  const auto luma = static_cast<std::uint32_t>(16 + number * 8 % 200);
  for (int i = 0; i < 256; ++i) w.bits(8, luma);
  for (int i = 0; i < 128; ++i) w.bits(8, 128);
  return w.trailing().bytes();
}

// One skipped macroblock.
Bytes p_slice(std::uint64_t number_in_gop) {
  BitWriter w{0x41};
  w.ue(0).ue(5).ue(0).bits(frame_num_bits, static_cast<std::uint32_t>(number_in_gop)).bits(3, 0).ue(0);
  return w.ue(1).trailing().bytes();
}

Bytes h264_picture(std::uint64_t index, unsigned gop, std::size_t size) {
  const bool idr = index % gop == 0;
  Bytes out;
  append_nal_unit(out, {0x09, static_cast<std::uint8_t>(idr ? 0x10 : 0x30)});  // primary_pic_type I; I and P
  if (idr) {
    append_nal_unit(out, sequence_parameter_set());
    append_nal_unit(out, picture_parameter_set());
    append_nal_unit(out, idr_slice(index / gop));
  } else {
    append_nal_unit(out, p_slice(index % gop));
  }
  constexpr std::size_t least_filler = 6;  // start code, header, trailing bits
  if (out.size() + least_filler <= size) {
    Bytes filler(size - out.size() - 4, 0xFF);
    filler.front() = 0x0C;
    filler.back() = 0x80;
    append_nal_unit(out, filler);
  }
  return out;
}

// ---- MPEG-2, main profile

void append_unit(Bytes& out, std::uint8_t code, const BitWriter& w) {
  append(out, {0, 0, 1, code});
  append(out, w.bytes());
}

void append_group(Bytes& out, std::uint64_t index) {
  const auto second = static_cast<std::uint32_t>(index / 25);
  BitWriter sequence;
  sequence.bits(12, 16).bits(12, 16).bits(4, 1).bits(4, 3);                            // 16 x 16, square, 25 a second
  append_unit(out, 0xB3, sequence.bits(18, 2500).bits(1, 1).bits(10, 20).bits(3, 0));  // 1 Mb/s, 40 KiB of VBV
  BitWriter extension;
  extension.bits(4, 1).bits(8, 0x48).bits(1, 1).bits(2, 1);  // main at main, progressive, 4:2:0
  append_unit(out, 0xB5, extension.bits(16, 0).bits(1, 1).bits(16, 0));
  BitWriter group;
  group.bits(1, 0).bits(5, second / 3600 % 24).bits(6, second / 60 % 60).bits(1, 1).bits(6, second % 60);
  append_unit(out, 0xB8, group.bits(6, static_cast<std::uint32_t>(index % 25)).bits(1, 1).bits(1, 0));  // closed_gop
}

Bytes mpeg2_picture(std::uint64_t index, unsigned gop, std::size_t size) {
  const bool intra = index % gop == 0;
  Bytes out;
  if (intra) append_group(out, index);
  BitWriter picture;
  picture.bits(10, static_cast<std::uint32_t>(index % gop)).bits(3, intra ? 1 : 2).bits(16, 0xFFFF);
  if (!intra) picture.bits(4, 7);  // full_pel_forward_vector, forward_f_code
  append_unit(out, 0x00, picture.bits(1, 0));
  BitWriter coding;
  coding.bits(4, 8).bits(16, intra ? 0xFFFF : 0x11FF).bits(2, 0).bits(2, 3);  // f_codes, a whole frame
  append_unit(out, 0xB5, coding.bits(2, 1).bits(5, 0).bits(2, 3).bits(1, 0));
  BitWriter slice;
  slice.bits(5, 1).bits(1, 0).bits(1, 1);
  if (intra) {
    slice.bits(1, 1);                                         // intra macroblock
    for (int i = 0; i < 4; ++i) slice.bits(3, 4).bits(2, 2);  // no DC difference, end of block
    for (int i = 0; i < 2; ++i) slice.bits(2, 0).bits(2, 2);
  } else {
    slice.bits(3, 1).bits(2, 3);  // motion vector 0, nothing coded
  }
  append_unit(out, 0x01, slice);
  if (out.size() < size) out.resize(size);  // zero bytes before a start code are stuffing
  return out;
}

}  // namespace

std::vector<std::uint8_t> coded_picture(ts::VideoCodec codec, std::uint64_t index, unsigned gop, std::size_t size) {
  switch (codec) {
    case ts::VideoCodec::h264:
      return h264_picture(index, gop, size);
    case ts::VideoCodec::mpeg2:
      return mpeg2_picture(index, gop, size);
    case ts::VideoCodec::hevc:
      break;
  }
  throw std::invalid_argument{"coded_picture: no HEVC"};
}

std::vector<std::uint8_t> silent_audio_frame() {
  Bytes frame(144 * 64'000 / 48'000);
  frame[0] = 0xFF;
  frame[1] = 0xFD;             // MPEG-1, layer II, no CRC
  frame[2] = 4 << 4 | 1 << 2;  // 64 kb/s, 48 kHz
  frame[3] = 0xC0;             // one channel
  return frame;
}

}  // namespace support
