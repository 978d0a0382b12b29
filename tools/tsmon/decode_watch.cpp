#include "tools/tsmon/decode_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/io/thread.hpp"
#include "common/psi/elementary_stream.hpp"
#include "tools/tsmon/service_decoder.hpp"

namespace tsmon {
namespace {

constexpr std::size_t batch_size = 256;  // packets
constexpr std::size_t most_spare = 8;    // batches
constexpr ts::Ticks27 say_interval = std::chrono::seconds{10};

}  // namespace

DecodeWatch::DecodeWatch(DecodeOptions options, const psi::Pmt& pmt)
    : options_(std::move(options)), service_(pmt.service) {
  set_streams(pmt);
  thread_ = io::start_thread("decoder", [this] { run(); });
}

DecodeWatch::~DecodeWatch() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void DecodeWatch::set_streams(const psi::Pmt& pmt) {
  hand_over();
  std::vector<Input> inputs;
  bool has_video = false;
  for (const psi::Pmt::Stream& stream : pmt.streams) {
    const auto kind = psi::describe(stream).kind;
    const bool video = kind == psi::StreamKind::video && !has_video && psi::video_codec(stream);
    if (!video && kind != psi::StreamKind::audio) continue;
    has_video = has_video || video;
    const Input* before = find(stream.pid);
    inputs.push_back(before != nullptr ? *before : Input{.pid = stream.pid});
    inputs.back().video = video;
    inputs.back().elementary = true;
  }
  const auto has_pcr = [&](const Input& input) { return input.pid == pmt.pcr_pid; };
  if (pmt.pcr_pid != ts::null_pid && std::ranges::none_of(inputs, has_pcr)) inputs.push_back({.pid = pmt.pcr_pid});
  inputs_ = std::move(inputs);
  current_.pmt = pmt;
}

void DecodeWatch::feed(const ts::Packet& packet, Moment at) {
  Input* input = find(packet.pid());
  if (input == nullptr || packet.transport_error()) return;
  const bool scrambled = packet.scrambling() != 0;
  const bool needed = input->elementary && (!scrambled || !input->scrambled);
  if (!needed && !packet.pcr()) return;
  if (!has_room(*input)) {
    input->skipped = true;
    ++skipped_;
    return;
  }
  input->scrambled = scrambled;
  current_.entries.push_back({packet, at, std::exchange(input->skipped, false)});
  if (current_.entries.size() >= batch_size) hand_over();
}

// Live: sound goes on where pictures are too much, and the queue is worked off a good part before they come again.
bool DecodeWatch::has_room(const Input& input) {
  if (!options_.live) return true;
  const std::size_t waiting = waiting_.load(std::memory_order_relaxed) + current_.entries.size();
  if (waiting >= options_.queue) skipping_ = true;
  if (waiting < options_.queue / 2) skipping_ = false;
  if (input.video) return !skipping_;
  return waiting < 2 * options_.queue;
}

void DecodeWatch::hand_over() {
  if (current_.entries.empty() && !current_.pmt) return;
  Batch next;
  {
    std::unique_lock lock(mutex_);
    if (!options_.live) {
      changed_.wait(lock, [this] { return dead_ || waiting_ < options_.queue; });
    }
    waiting_ += current_.entries.size();
    if (!dead_) queue_.push_back(std::move(current_));
    if (!spare_.empty()) {
      next.entries = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  changed_.notify_all();
  current_ = std::move(next);
  current_.entries.reserve(batch_size);
}

void DecodeWatch::poll(AlarmBoard& board, Moment now, const NoteHandler& note) {
  if (thread_.joinable()) hand_over();
  const auto contents = mailbox_.take();
  for (const auto indicator : {Indicator::black, Indicator::freeze, Indicator::silence, Indicator::decode_error}) {
    if (contents.measured[static_cast<std::size_t>(indicator)]) board.set_measured(indicator);
  }
  for (const DecodeEvent& event : contents.events) {
    const auto detail = [&event] { return event.detail; };
    switch (event.kind) {
      case DecodeEvent::Kind::begin:
        board.begin(event.indicator, event.subject, event.at, detail);
        break;
      case DecodeEvent::Kind::end:
        board.end(event.indicator, event.subject, event.at);
        break;
      case DecodeEvent::Kind::occur:
        board.occur(event.indicator, event.subject, event.at, detail, event.count);
        break;
    }
  }
  for (const std::string& text : contents.notes) note(text);
  say_skipped(now, note);
  if (contents.error) std::rethrow_exception(contents.error);
}

void DecodeWatch::say_skipped(Moment now, const NoteHandler& note) {
  if (skipped_ == said_skipped_) return;
  if (last_said_ && now.time - *last_said_ < say_interval && thread_.joinable()) return;
  note(fmt::format("decoder too slow: {} packets skipped", skipped_ - said_skipped_));
  said_skipped_ = skipped_;
  last_said_ = now.time;
}

void DecodeWatch::finish() {
  if (!thread_.joinable()) return;
  hand_over();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

DecodeFigures DecodeWatch::figures() const {
  DecodeFigures figures = mailbox_.figures();
  figures.skipped = skipped_;
  return figures;
}

void DecodeWatch::run() {
  try {
    decode_all();
  } catch (...) {
    mailbox_.fail(std::current_exception());
    const std::lock_guard lock(mutex_);
    dead_ = true;
    queue_.clear();
  }
  changed_.notify_all();
}

void DecodeWatch::decode_all() {
  ServiceDecoder decoder(service_, options_, mailbox_);
  Batch batch;
  while (take(batch)) {
    if (batch.pmt) decoder.set_streams(*batch.pmt);
    for (const Entry& entry : batch.entries) decoder.feed(entry.packet, entry.at, entry.after_skip);
    mailbox_.set_figures(decoder.figures());
  }
  if (stop_) return;
  decoder.finish();
  mailbox_.set_figures(decoder.figures());
}

// The next batch, in exchange for the one before. False: there are no more.
bool DecodeWatch::take(Batch& batch) {
  std::unique_lock lock(mutex_);
  waiting_ -= batch.entries.size();
  batch.entries.clear();
  if (spare_.size() < most_spare) spare_.push_back(std::move(batch.entries));
  changed_.notify_all();
  changed_.wait(lock, [this] { return stop_ || ending_ || !queue_.empty(); });
  if (stop_ || queue_.empty()) return false;
  batch = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

}  // namespace tsmon
