#include "tools/tsmon/decode_report.hpp"

#include <algorithm>
#include <utility>

namespace tsmon {
namespace {

constexpr std::size_t most_notes = 100;

}  // namespace

void DecodeMailbox::post(DecodeEvent event) {
  const std::lock_guard lock(mutex_);
  if (event.kind == DecodeEvent::Kind::occur) {
    const auto same = std::ranges::find_if(contents_.events, [&](const DecodeEvent& other) {
      return other.kind == event.kind && other.indicator == event.indicator && other.subject == event.subject;
    });
    if (same != contents_.events.end()) {
      same->count += event.count;
      return;
    }
  }
  contents_.events.push_back(std::move(event));
}

void DecodeMailbox::post_errors(const Subject& subject, Moment at, std::string what, std::uint64_t count) {
  set_measured(Indicator::decode_error);
  post({.kind = DecodeEvent::Kind::occur,
        .indicator = Indicator::decode_error,
        .subject = subject,
        .at = at,
        .count = count,
        .detail = std::move(what)});
}

void DecodeMailbox::note(std::string text) {
  const std::lock_guard lock(mutex_);
  if (contents_.notes.size() < most_notes) contents_.notes.push_back(std::move(text));
}

void DecodeMailbox::set_measured(Indicator indicator) {
  const std::lock_guard lock(mutex_);
  contents_.measured.set(static_cast<std::size_t>(indicator));
}

void DecodeMailbox::set_figures(const DecodeFigures& figures) {
  const std::lock_guard lock(mutex_);
  figures_ = figures;
}

void DecodeMailbox::fail(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  contents_.error = std::move(error);
}

DecodeMailbox::Contents DecodeMailbox::take() {
  const std::lock_guard lock(mutex_);
  Contents taken{.events = std::exchange(contents_.events, {}),
                 .notes = std::exchange(contents_.notes, {}),
                 .measured = contents_.measured,
                 .error = contents_.error};
  return taken;
}

DecodeFigures DecodeMailbox::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

}  // namespace tsmon
