#include "tools/tsmon/audio_track.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace tsmon {
namespace {

// Silence goes on over a gap no longer than this, as of lost packets.
constexpr ts::Ticks27 longest_gap = std::chrono::seconds{1};
constexpr ts::Ticks27 reading_interval = std::chrono::seconds{1};
constexpr ts::Ticks27 longest_drought = std::chrono::seconds{5};

// By the first bytes of a PES packet, whose frames begin with it as a rule.
AVCodecID seen_codec(std::span<const std::uint8_t> bytes, AVCodecID announced) {
  if (bytes.size() < 6) return announced;
  const bool mpeg_sync = bytes[0] == 0xFF && (bytes[1] & 0xF0) == 0xF0;
  const bool ac3_sync = bytes[0] == 0x0B && bytes[1] == 0x77;
  switch (announced) {
    case AV_CODEC_ID_MP2:
    case AV_CODEC_ID_AAC:
      // The layer is 0 in ADTS (ISO/IEC 14496-3 1.A.2.2.1), which MPEG audio has reserved.
      if (mpeg_sync) return (bytes[1] & 0x06) == 0 ? AV_CODEC_ID_AAC : AV_CODEC_ID_MP2;
      return announced;
    case AV_CODEC_ID_AC3:
    case AV_CODEC_ID_EAC3:
      // bsid: more than 10 is E-AC-3 (ETSI TS 102 366 E.1.3.1.6).
      if (ac3_sync) return bytes[5] >> 3 > 10 ? AV_CODEC_ID_EAC3 : AV_CODEC_ID_AC3;
      return announced;
    default:
      return announced;
  }
}

}  // namespace

std::optional<AVCodecID> AudioTrack::codec_id(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, AVCodecID>, 6> known{{{"mp2", AV_CODEC_ID_MP2},
                                                                                {"aac", AV_CODEC_ID_AAC},
                                                                                {"aac_latm", AV_CODEC_ID_AAC_LATM},
                                                                                {"ac3", AV_CODEC_ID_AC3},
                                                                                {"eac3", AV_CODEC_ID_EAC3},
                                                                                {"dts", AV_CODEC_ID_DTS}}};
  for (const auto& [known_name, id] : known) {
    if (known_name == name) return id;
  }
  return std::nullopt;
}

AudioTrack::AudioTrack(ts::Pid pid, psi::ServiceId service, AVCodecID codec, const DecodeOptions& options,
                       PresentationClock& clock, DecodeMailbox& mailbox)
    : service_(service),
      options_(options),
      clock_(clock),
      mailbox_(mailbox),
      announced_(codec),
      codec_(codec),
      parser_(codec),
      decoder_(codec),
      judge_(options.silence_level),
      silence_(options.silence),
      drought_(longest_drought) {
  figures_.pid = pid;
  if (options.loudness || options.true_peak) loudness_.emplace(options.true_peak);
}

void AudioTrack::feed(const ts::Packet& packet, Moment at, bool lost) {
  payload_.feed(packet, at, lost, [this](const ElementaryPayload::Piece& piece) { take(piece); });
}

void AudioTrack::skip() {
  payload_.reset();
  parser_.reset();
  decoder_.reset();
}

void AudioTrack::interrupt() {
  skip();
  drought_.fruit();
  judge_.reset();
  heard_ = false;
  tell(silence_.release(moments_.at(heard_until_)));
}

void AudioTrack::finish() {
  payload_.finish([this](const ElementaryPayload::Piece& piece) { take(piece); });
  // What the parser still has is no whole frame.
  decoder_.finish();
  receive();
  skip();
  if (loudness_) read_loudness();
}

void AudioTrack::take(const ElementaryPayload::Piece& piece) {
  std::optional<ts::ProgramTime> time;
  if (piece.pts) {
    time = clock_.at(*piece.pts, piece.at.time);
    moments_.add(*time, piece.at.position);
  }
  if (drought_.data(piece.at.time)) {
    tell_error(piece.at, fmt::format("nothing decoded for {:g} s", seconds(longest_drought)), 1);
    chosen_ = false;
  }
  if (!chosen_ && piece.pts) choose_codec(piece.bytes);
  if (piece.after_loss) parser_.mark_loss();
  parser_.feed(piece.bytes, time, [this](const media::Unit& unit) { decode(unit); });
}

void AudioTrack::choose_codec(std::span<const std::uint8_t> bytes) {
  chosen_ = true;
  const AVCodecID codec = seen_codec(bytes, announced_);
  if (codec == codec_) return;
  codec_ = codec;
  parser_ = media::UnitParser{codec};
  decoder_ = media::AudioDecoder{codec};
  told_errors_ = 0;
}

void AudioTrack::decode(const media::Unit& unit) {
  decoder_.send(unit);
  receive();
}

void AudioTrack::receive() {
  while (const media::Sound* sound = decoder_.receive()) listen(*sound);
  tell_errors(moments_.at(heard_until_));
}

void AudioTrack::listen(const media::Sound& sound) {
  ++figures_.frames;
  drought_.fruit();
  mailbox_.set_measured(Indicator::decode_error);
  mailbox_.set_measured(Indicator::silence);
  const AVFrame& frame = *sound.frame;
  const int channels = frame.ch_layout.nb_channels;
  if (channels <= 0) return;
  std::span<const float> samples;
  try {
    samples = samples_.of(frame);
  } catch (const media::Error& error) {  // channels that nobody knows
    return tell_error(moments_.at(heard_until_), error.what(), 1);
  }

  const ts::ProgramTime begin = sound.time.value_or(heard_until_);
  if (!heard_ || abs(begin - heard_until_) > longest_gap) {
    if (heard_) tell(silence_.release(moments_.at(heard_until_)));
    judge_.reset();
    heard_ = true;
  }
  const auto length = [&frame](std::int64_t count) {
    return ts::Ticks27{ts::system_clock_hz * count / frame.sample_rate};
  };
  window_begin_ = begin - length(judge_.pending());
  judge_.feed(samples, static_cast<unsigned>(channels), frame.sample_rate,
              [&](bool silent, unsigned count) { window(silent, length(count)); });
  heard_until_ = begin + sound.duration;

  if (!loudness_) return;
  loudness_->add(samples, frame.sample_rate, frame.ch_layout);
  since_reading_ += sound.duration;
  if (since_reading_ >= reading_interval) read_loudness();
}

void AudioTrack::window(bool silent, ts::Ticks27 length) {
  const Moment at = moments_.at(window_begin_);
  window_begin_ += length;
  tell(silent ? silence_.hold(at, window_begin_) : silence_.release(at));
}

void AudioTrack::tell(const std::optional<Run::Event>& event) {
  if (!event) return;
  const bool begins = event->edge == Run::Edge::begin;
  if (begins) {
    figures_.silence = Passage{.begin = event->at, .end = {}};
  } else {
    figures_.silence->end = event->at;
  }
  mailbox_.post({.kind = begins ? DecodeEvent::Kind::begin : DecodeEvent::Kind::end,
                 .indicator = Indicator::silence,
                 .subject = subject(),
                 .at = event->at,
                 .detail = begins ? fmt::format("below {:g} dBFS for more than {:g} s", options_.silence_level,
                                                seconds(options_.silence))
                                  : std::string{}});
}

void AudioTrack::tell_errors(Moment at) {
  const std::uint64_t fresh = decoder_.errors() - told_errors_;
  if (fresh == 0) return;
  told_errors_ = decoder_.errors();
  tell_error(at, decoder_.last_error(), fresh);
}

void AudioTrack::tell_error(Moment at, std::string what, std::uint64_t count) {
  figures_.errors += count;
  mailbox_.post_errors(subject(), at, std::move(what), count);
}

void AudioTrack::read_loudness() {
  since_reading_ = {};
  if (options_.loudness) {
    figures_.momentary = loudness_->momentary();
    figures_.short_term = loudness_->short_term();
    figures_.integrated = loudness_->integrated();
  }
  figures_.true_peak = loudness_->true_peak();
}

}  // namespace tsmon
