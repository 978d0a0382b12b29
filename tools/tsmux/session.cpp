#include "tools/tsmux/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

#include "common/cli/values.hpp"
#include "common/io/source.hpp"
#include "common/io/waiting.hpp"
#include "common/playout/loop_source.hpp"

namespace tsmux {
namespace {

using cli::Priority;
using namespace std::chrono_literals;

using mux::ticks;

constexpr ts::Ticks27::rep packet_bits = ts::packet_size * 8;
// How long a start waits for the services of live inputs, so that ids do not depend on who comes first.
constexpr std::chrono::seconds longest_start{3};
// Live, packets are made so long before they leave, this often.
constexpr auto lead = 30ms, tick = 5ms;
// Offline, so much at a time.
constexpr ts::Ticks27 step = ticks(20ms);
// Files are read so far ahead of what a packet may leave before it is due.
constexpr ts::Ticks27 read_ahead = ticks(100ms);
// What becomes ready in an interval between PCRs may have to wait for the next one's end: two of them are less than
// what the smallest buffer holds, that of sound (75 ms of 384 kb/s).
constexpr auto vbr_interval = 18ms;
// Tables and PCRs that come together take so many slots, which the packets of services wait for at any rate.
constexpr ts::Ticks27::rep longest_burst = 8;
// A host that stood still for longer goes on from the present.
constexpr std::chrono::seconds longest_stall{1};

// A quarter of the shortest jitter buffer: the rest is for the input's jitter and the wait for a PCR. Files can be read
// as far ahead as one likes, but what leaves early waits in the decoder.
ts::Ticks27 ahead_of(const Options& options) {
  std::chrono::milliseconds ahead = 100ms;
  for (const Reception& reception : options.receptions) {
    if (reception.live) ahead = std::min(ahead, std::chrono::milliseconds{reception.latency / 4});
  }
  return ticks(ahead);
}

mux::Multiplexer::Options multiplexer_options(const Options& options) {
  mux::Multiplexer::Options result{.bit_rate = options.rate.bits_per_second,
                                   .pcr_interval = ticks(options.pcr_interval),
                                   .ahead = ahead_of(options)};
  const ts::Ticks27 burst{longest_burst * packet_bits * ts::Ticks27::period::den / options.rate.bits_per_second};
  result.patience = std::max(result.patience, burst);
  // What an interval between PCRs has no slot for waits for the next one.
  if (options.vbr) result.patience += result.pcr_interval;
  return result;
}

GivenIds remembered_ids(const Options& options) {
  if (options.remember.empty()) return {};
  auto remembered = read_ids(options.remember);
  if (!remembered.trouble.empty()) cli::log(Priority::warning, "{}; identifiers are given anew", remembered.trouble);
  return remembered.ids;
}

std::unique_ptr<io::Source> open(const Reception& reception) {
  if (reception.plays == Plays{}) return io::open_source(reception.endpoint);
  playout::LoopOptions loop;
  if (reception.plays.count != Plays::for_ever) loop.turns = reception.plays.count;
  loop.teller = [](playout::Severity severity, const std::string& message) {
    const bool is_debug = severity == playout::Severity::debug;
    cli::log(is_debug ? Priority::debug : Priority::warning, "{}", message);
  };
  return std::make_unique<playout::LoopSource>(reception.endpoint, std::move(loop));
}

}  // namespace

Session::Session(const Options& options, cli::Signals& signals,
                 const std::optional<std::filesystem::path>& metrics_file, std::function<Options()> reread)
    : options_(options),
      signals_(signals),
      reread_(std::move(reread)),
      live_(is_live(options)),
      multiplexer_(multiplexer_options(options), carousel_),
      ids_(remembered_ids(options)),
      lineup_({.multiplexer = multiplexer_,
               .time_base = time_base_,
               .live = live_,
               .ahead = ahead_of(options),
               .open = open,
               .on_event = [this](const Lineup::Service& service,
                                  const ts::Section& section) { tables_.feed(service, section, multiplexer_.now()); }},
              ids_),
      tables_(options, carousel_, [this](mux::MultiplexTime now) { return utc(now); }),
      report_(multiplexer_, carousel_, lineup_),
      metrics_writer_(metrics_, metrics_file, [this] { report_.refresh(metrics_); }) {
  lineup_.configure(options);
  if (options.vbr) {
    variable_rate_.emplace(multiplexer_,
                           ticks(std::min<std::chrono::milliseconds>(options.pcr_interval, vbr_interval)));
    report_.set_vbr();
  }
}

cli::ExitStatus Session::run() {
  wait_for_services();
  if (signals_.stop()) return cli::ExitStatus::done;
  if (const auto problem = lineup_.problem(); !problem.empty()) throw std::runtime_error(problem);
  output_ = std::make_unique<Output>(
      Output::Options{.endpoint = options_.output, .live = has_live_input(options_), .realtime = options_.realtime},
      time_base_, [this] {
        manager_.poll(std::chrono::steady_clock::now());
        return signals_.stop();
      });
  if (options_.realtime && output_->realtime_refused()) {
    cli::log(Priority::warning, "--rt: no right to real-time priority; sending goes on without");
  }
  report_.set_output(options_.output, &output_->sink());
  if (live_) time_base_ = TimeBase{std::chrono::steady_clock::now()};
  start_wall_ = options_.start_time.value_or(std::chrono::system_clock::now());
  lineup_.begin();
  tables_.update(lineup_, multiplexer_.now());  // or the first sections of events would be of services not known yet
  manager_.ready();
  multiplex();
  manager_.stopping();
  report_.measure();
  output_->finish();
  remember();
  if (const auto failure = lineup_.failure()) {
    cli::log(Priority::error, "{}", *failure);
    return cli::ExitStatus::failed;
  }
  return cli::ExitStatus::done;
}

void Session::wait_for_services() {
  const auto give_up = std::chrono::steady_clock::now() + longest_start;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    lineup_.look(now);
    manager_.poll(now);
    if (signals_.stop() || lineup_.has_all() || now >= give_up) return;
    pause_until(now + tick);
  }
}

void Session::multiplex() {
  while (!is_done()) {
    const auto present = std::chrono::steady_clock::now();
    lineup_.poll(live_
                     ? present
                     : ts::SteadyTime{std::chrono::duration_cast<std::chrono::nanoseconds>(now().time_since_epoch())});
    mux::MultiplexTime until = live_ ? time_base_.at(present + lead) : now() + step;
    if (live_ && until - now() > ticks(longest_stall)) {
      lag_notes_.log(Priority::warning, "this host was too slow: {} late",
                     cli::human_duration(time_base_.steady(until) - time_base_.steady(now())));
    }
    if (options_.duration) until = std::min(until, mux::MultiplexTime{ticks(*options_.duration)});
    lineup_.need(until + ahead_of(options_) + read_ahead);
    tables_.update(lineup_, now());
    produce(until);
    watch(present);
    if (live_) pause_until(present + tick);
  }
}

mux::MultiplexTime Session::now() const { return variable_rate_ ? variable_rate_->now() : multiplexer_.now(); }

void Session::produce(mux::MultiplexTime until) {
  packets_.clear();
  times_.clear();
  if (variable_rate_) {
    variable_rate_->run(until, packets_, times_);
  } else {
    const std::uint64_t end = multiplexer_.rate().packet_at(until);
    for (std::uint64_t position = multiplexer_.position(); position < end; ++position) {
      times_.push_back(multiplexer_.rate().time_of(position));
    }
    multiplexer_.run(times_.size(), packets_);
  }
  output_->write(packets_, times_);
  output_->flush();
}

bool Session::is_done() const {
  if (signals_.stop()) return true;
  if (options_.duration && now() >= mux::MultiplexTime{ticks(*options_.duration)}) return true;
  return lineup_.is_finished();
}

void Session::watch(ts::SteadyTime present) {
  answer_signals();
  if (now() >= next_measurement_) {
    next_measurement_ = now() + std::chrono::seconds{1};
    report_.measure();
    manager_.status(report_.status_line());
    remember();
  }
  metrics_writer_.poll(present);
  manager_.poll(present);
}

void Session::answer_signals() {
  if (signals_.take_dump()) std::fputs(report_.state().c_str(), stderr);
  if (signals_.take_reload()) reload();
}

void Session::reload() {
  manager_.reloading();
  try {
    Options options = reread_();
    if (options.rate != options_.rate || options.output.text != options_.output.text || options.vbr != options_.vbr) {
      cli::log(Priority::warning, "--bitrate, --vbr and the output stay as they are until a restart");
      options.rate = options_.rate;
      options.output = options_.output;
      options.vbr = options_.vbr;
    }
    if (is_live(options) != live_) {
      throw cli::UsageError(
          "whether the multiplex goes in real time, as it does with a live input or a socket output, "
          "cannot change before a restart");
    }
    lineup_.configure(options);
    tables_.configure(options);
    options_ = std::move(options);
    cli::log(Priority::notice, "configuration read again: {} inputs", options_.inputs.size());
  } catch (const std::exception& error) {
    cli::log(Priority::error, "configuration not taken over, all goes on as before: {}", error.what());
  }
  manager_.ready();
}

void Session::remember() {
  if (options_.remember.empty() || ids_.changes() == remembered_) return;
  remembered_ = ids_.changes();
  try {
    write_ids(options_.remember, ids_.given());
  } catch (const std::exception& error) {
    cli::log(Priority::error, "{}; identifiers may be others after a restart", error.what());
  }
}

void Session::pause_until(ts::SteadyTime time) const {
  io::wait_readable(-1, time - std::chrono::steady_clock::now(), &signals_.wait_mask());
}

std::chrono::sys_seconds Session::utc(mux::MultiplexTime time) const {
  const auto wall = live_ && !options_.start_time
                        ? std::chrono::system_clock::now()
                        : start_wall_ + std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  return std::chrono::floor<std::chrono::seconds>(wall);
}

}  // namespace tsmux
