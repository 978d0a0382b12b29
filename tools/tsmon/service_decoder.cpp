#include "tools/tsmon/service_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/cli/values.hpp"
#include "common/psi/elementary_stream.hpp"

namespace tsmon {
namespace {

// Pictures and sound before the first PCR would have wrong times; none comes later (TS 101 154 4.1.5.3: 100 ms).
constexpr ts::Ticks27 patience = std::chrono::seconds{1};

bool is_same(const psi::Pmt::Stream& a, const psi::Pmt::Stream& b) {
  return a.pid == b.pid && psi::describe(a).codec == psi::describe(b).codec;
}

}  // namespace

void ServiceDecoder::set_streams(const psi::Pmt& pmt) {
  // The clock goes on: mostly it is the same one on another PID, and if not, its first PCR says so.
  pcr_pid_ = pmt.pcr_pid;
  not_decoded_.clear();
  const psi::Pmt::Stream* video = nullptr;
  std::vector<const psi::Pmt::Stream*> audio;
  for (const psi::Pmt::Stream& stream : pmt.streams) {
    const auto description = psi::describe(stream);
    if (description.kind == psi::StreamKind::video && video == nullptr && psi::video_codec(stream)) {
      video = &stream;
    } else if (description.kind == psi::StreamKind::audio && AudioTrack::codec_id(description.codec)) {
      audio.push_back(&stream);
    } else if (description.kind == psi::StreamKind::video || description.kind == psi::StreamKind::audio) {
      not_decoded_.push_back(stream.pid);
    }
  }
  set_video(video);
  set_audio(std::move(audio));
}

void ServiceDecoder::set_video(const psi::Pmt::Stream* stream) {
  if (video_ && stream != nullptr && is_same(video_->stream, *stream)) return;
  if (video_) video_->track.interrupt();
  video_.reset();
  if (stream == nullptr) return;
  continuity_.reset(stream->pid);
  try {
    video_.reset(
        new Video{*stream, VideoTrack{stream->pid, service_, *psi::video_codec(*stream), options_, clock_, mailbox_}});
  } catch (const media::Error& error) {
    not_decoded_.push_back(stream->pid);
    mailbox_.note(fmt::format("PID {}: {}", cli::to_text(stream->pid), error.what()));
  }
}

void ServiceDecoder::set_audio(std::vector<const psi::Pmt::Stream*> streams) {
  std::vector<std::unique_ptr<Audio>> before = std::exchange(audio_, {});
  for (const psi::Pmt::Stream* stream : streams) {
    const auto same =
        std::ranges::find_if(before, [&](const auto& old) { return old && is_same(old->stream, *stream); });
    if (same != before.end()) {
      audio_.push_back(std::move(*same));
      continue;
    }
    continuity_.reset(stream->pid);
    try {
      const auto codec = AudioTrack::codec_id(psi::describe(*stream).codec);
      audio_.emplace_back(new Audio{*stream, AudioTrack{stream->pid, service_, *codec, options_, clock_, mailbox_}});
    } catch (const media::Error& error) {
      not_decoded_.push_back(stream->pid);
      mailbox_.note(fmt::format("PID {}: {}", cli::to_text(stream->pid), error.what()));
    }
  }
  for (const auto& gone : before) {
    if (gone) gone->track.interrupt();
  }
}

void ServiceDecoder::feed(const ts::Packet& packet, Moment at, bool after_skip) {
  const ts::Pid pid = packet.pid();
  if (after_skip) continuity_.reset(pid);
  const auto verdict = continuity_.check(packet).verdict;
  if (verdict == ts::Continuity::Verdict::duplicate || verdict == ts::Continuity::Verdict::repeated) return;
  if (pid == pcr_pid_) {
    if (const auto pcr = packet.pcr()) clock_.take(*pcr, at.time);
  }
  if (!first_) first_ = at.time;
  if (!clock_.is_set() && pcr_pid_ != ts::null_pid && at.time - *first_ < patience) return;
  const bool lost = verdict == ts::Continuity::Verdict::lost;
  const auto feed_to = [&](auto& track) {
    if (after_skip) track.skip();
    if (packet.scrambling() != 0) {
      track.interrupt();
    } else {
      track.feed(packet, at, lost);
    }
  };
  if (video_ && video_->track.pid() == pid) feed_to(video_->track);
  for (const auto& audio : audio_) {
    if (audio->track.pid() == pid) feed_to(audio->track);
  }
}

void ServiceDecoder::finish() {
  if (video_) video_->track.finish();
  for (const auto& audio : audio_) audio->track.finish();
}

DecodeFigures ServiceDecoder::figures() const {
  DecodeFigures figures;
  if (video_) figures.video = video_->track.figures();
  for (const auto& audio : audio_) figures.audio.push_back(audio->track.figures());
  figures.not_decoded = not_decoded_;
  return figures;
}

}  // namespace tsmon
