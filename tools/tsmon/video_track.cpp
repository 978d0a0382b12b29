#include "tools/tsmon/video_track.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <string>
#include <utility>

namespace tsmon {
namespace {

// Access points are at most 5 s apart in broadcast (TS 101 154 5.5.5), and longer for no reason that a viewer accepts.
constexpr ts::Ticks27 longest_drought = std::chrono::seconds{20};

}  // namespace

VideoTrack::VideoTrack(ts::Pid pid, psi::ServiceId service, ts::VideoCodec codec, const DecodeOptions& options,
                       PresentationClock& clock, DecodeMailbox& mailbox)
    : service_(service),
      options_(options),
      clock_(clock),
      mailbox_(mailbox),
      parser_(media::codec_id(codec)),
      decoder_(codec, {.access_points_only = options.pictures == DecodeOptions::Pictures::keyframes}),
      judge_(options.picture),
      black_(options.black),
      freeze_(options.freeze),
      drought_(longest_drought) {
  figures_.pid = pid;
  if (options.thumbnail) thumbnail_.emplace(*options.thumbnail);
}

void VideoTrack::feed(const ts::Packet& packet, Moment at, bool lost) {
  payload_.feed(packet, at, lost, [this](const ElementaryPayload::Piece& piece) { take(piece); });
}

void VideoTrack::skip() {
  payload_.reset();
  parser_.reset();
  decoder_.reset();
}

void VideoTrack::interrupt() {
  skip();
  drought_.fruit();
  judge_.reset();
  const Moment at{shown_until_, last_.position};
  tell(Indicator::black, figures_.black, black_.release(at), "", {});
  tell(Indicator::freeze, figures_.freeze, freeze_.release(at), "", {});
}

void VideoTrack::finish() {
  payload_.finish([this](const ElementaryPayload::Piece& piece) { take(piece); });
  // The last unit may be cut off: what is wrong with it is no error.
  parser_.finish([this](const media::Unit& unit) { decoder_.send(unit); });
  show();
  decoder_.finish();
  show();
  skip();
}

void VideoTrack::take(const ElementaryPayload::Piece& piece) {
  std::optional<ts::ProgramTime> time;
  if (piece.pts) {
    time = clock_.at(*piece.pts, piece.at.time);
    moments_.add(*time, piece.at.position);
  }
  if (drought_.data(piece.at.time)) {
    tell_error(piece.at, fmt::format("no picture for {:g} s", seconds(longest_drought)), 1);
  }
  if (piece.after_loss) parser_.mark_loss();
  parser_.feed(piece.bytes, time, [this](const media::Unit& unit) { decode(unit); });
}

void VideoTrack::decode(const media::Unit& unit) {
  decoder_.send(unit);
  tell_errors(unit.time ? moments_.at(*unit.time) : last_);
  receive();
}

void VideoTrack::receive() {
  while (const media::Picture* picture = decoder_.receive()) {
    judge(*picture);
    tell_errors(last_);
  }
  tell_errors(last_);
}

void VideoTrack::show() {
  while (const media::Picture* picture = decoder_.receive()) judge(*picture);
}

void VideoTrack::judge(const media::Picture& picture) {
  const Moment at = moments_.at(picture.time.value_or(shown_until_));
  last_ = at;
  shown_until_ = at.time + picture.duration;
  ++figures_.pictures;
  drought_.fruit();
  figures_.width = static_cast<unsigned>(picture.frame->width);
  figures_.height = static_cast<unsigned>(picture.frame->height);
  mailbox_.set_measured(Indicator::decode_error);
  if (thumbnail_ && !picture.damaged && thumbnail_->is_due(at.time)) make_thumbnail(*picture.frame, at.time);
  const auto verdict = judge_.judge(*picture.frame);
  if (!verdict) return;
  mailbox_.set_measured(Indicator::black);
  mailbox_.set_measured(Indicator::freeze);
  tell(Indicator::black, figures_.black, verdict->black ? black_.hold(at, shown_until_) : black_.release(at),
       "black for more than", options_.black);
  tell(Indicator::freeze, figures_.freeze,
       verdict->still ? freeze_.hold(still_since_, shown_until_) : freeze_.release(at), "no movement for more than",
       options_.freeze);
  if (!verdict->still) still_since_ = at;
}

void VideoTrack::tell(Indicator indicator, std::optional<Passage>& passage, const std::optional<Run::Event>& event,
                      const char* what, ts::Ticks27 least) {
  if (!event) return;
  if (event->edge == Run::Edge::begin) {
    passage = Passage{.begin = event->at, .end = {}};
    mailbox_.post({.kind = DecodeEvent::Kind::begin,
                   .indicator = indicator,
                   .subject = subject(),
                   .at = event->at,
                   .detail = fmt::format("{} {:g} s", what, seconds(least))});
  } else {
    passage->end = event->at;
    mailbox_.post(
        {.kind = DecodeEvent::Kind::end, .indicator = indicator, .subject = subject(), .at = event->at, .detail = {}});
  }
}

void VideoTrack::tell_errors(Moment at) {
  const std::uint64_t fresh = decoder_.errors() - told_errors_;
  if (fresh == 0) return;
  told_errors_ = decoder_.errors();
  tell_error(at, decoder_.last_error(), fresh);
}

void VideoTrack::tell_error(Moment at, std::string what, std::uint64_t count) {
  figures_.errors += count;
  mailbox_.post_errors(subject(), at, std::move(what), count);
}

// A file that cannot be written is said once, until the reason changes.
void VideoTrack::make_thumbnail(const AVFrame& picture, ts::ProgramTime time) {
  std::string failure;
  try {
    thumbnail_->write(picture, time);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    failure = e.what();
  }
  if (!failure.empty() && failure != thumbnail_failure_) mailbox_.note(failure);
  thumbnail_failure_ = std::move(failure);
}

}  // namespace tsmon
