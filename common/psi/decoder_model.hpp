// Which buffers of the system target decoder (ISO/IEC 13818-1 2.4.2) an elementary stream of a PMT passes.
#pragma once

#include <cstdint>
#include <optional>

#include "common/psi/tables.hpp"
#include "common/ts/access_unit_scanner.hpp"
#include "common/ts/audio_frame.hpp"
#include "common/ts/time.hpp"
#include "common/ts/tstd.hpp"

namespace psi {

class DecoderModel {
 public:
  // Not modelled: MPEG-1 and other video, SVC, MVC and temporal sub-streams, DTS, AC-4 and other audio, private data
  // and sections.
  enum class Kind : std::uint8_t { none, video, audio, teletext, subtitles };

  DecoderModel() = default;
  explicit DecoderModel(const Pmt::Stream& stream);

  Kind kind() const { return kind_; }
  // Do bytes go from MB to EB by the leak method (2.4.2.3)?
  bool uses_leak_method() const { return leak_method_; }
  // To read the headers that limits() needs.
  ts::AccessUnitScanner make_scanner() const;
  // By what the scanner has read; nothing while that is not enough.
  std::optional<ts::TstdLimits> limits(const ts::AccessUnitScanner& scanner) const;

 private:
  Kind kind_ = Kind::none;
  ts::VideoCodec codec_ = ts::VideoCodec::h264;
  ts::AudioFormat audio_format_ = ts::AudioFormat::mpeg;
  bool leak_method_ = true;
  bool display_definition_ = false;
  std::optional<ts::Ticks27> still_delay_;  // of a stream that may have still pictures
};

}  // namespace psi
