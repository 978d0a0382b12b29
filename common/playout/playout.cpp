#include "common/playout/playout.hpp"

#include <chrono>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace playout {

namespace {

constexpr std::size_t batch = 224;                                // 32 datagrams
constexpr std::size_t first_look = 256 * 1024 / ts::packet_size;  // enough of most files to see that they can be played

constexpr auto idle = std::chrono::milliseconds{200};  // how often a wait is looked up from

io::Stamp stamp_of(std::uint64_t position) {
  return {position, {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}};
}

}  // namespace

bool is_read_once(const std::string& file) {
  std::error_code none;
  const auto status = std::filesystem::status(file, none);
  return std::filesystem::is_fifo(status) || std::filesystem::is_character_file(status);
}

Playout::Playout(Options options, Opener open, std::function<bool()> stopping, std::function<void()> on_packets,
                 Teller teller)
    : options_(std::move(options)),
      open_(std::move(open)),
      stopping_(std::move(stopping)),
      on_packets_(std::move(on_packets)),
      teller_(std::move(teller)) {}

std::unique_ptr<Pass> Playout::load(const std::string& file, TableVersions& versions, std::size_t window) const {
  auto pass = std::make_unique<Pass>(file, open_(file), versions, window);
  pass->fill([this] { return stopping_() || nobody_waits_; });
  return pass;
}

void Playout::check() {
  for (std::size_t i = 1; i < options_.files.size(); ++i) {
    const std::string& file = options_.files[i];
    if (is_read_once(file)) continue;
    TableVersions scratch;
    auto pass = load(file, scratch, std::min(first_look, options_.window));
    if (pass->problem() && !pass->ended()) pass = load(file, scratch, options_.window);
    if (const auto problem = pass->problem()) throw std::runtime_error(file + ": " + *problem);
  }
  current_ = load(options_.files.front(), versions_, options_.window);
  if (const auto problem = current_->problem(); problem && !stopping_()) {
    throw std::runtime_error(current_->name() + ": " + *problem);
  }
}

bool Playout::run(io::Sink& sink) {
  followed_ = pcr_pid();
  for (;;) {
    announce();
    ++statistics_.files;
    play_window(sink, false);
    if (stopping_()) return true;
    tell_skipped();
    if (is_last()) {
      play_window(sink, true);
      return true;
    }
    const auto last_units = current_->end_before_join();
    // The next file is read while the end of this one is sent.
    auto next = std::async(std::launch::async, [this] { return load_next(); });
    try {
      play_window(sink, true);
    } catch (...) {
      nobody_waits_ = true;  // or the thread would wait for a FIFO's writer for ever, and this for the thread
      throw;
    }
    while (next.wait_for(idle) == std::future_status::timeout) on_packets_();
    auto pass = next.get();
    if (stopping_()) return true;
    if (!pass) return options_.turns.has_value();
    Filler filler = join(*current_, last_units, *pass, fractions_);
    play_filler(sink, filler);
    retire();
    current_ = std::move(pass);
    turn_ = next_turn_;
    followed_ = pcr_pid();
    sink.set_pcr_pid(followed_);
    rewriter_.begin_file();
  }
}

bool Playout::is_last() const {
  return next_file_ == options_.files.size() && options_.turns && next_turn_ >= *options_.turns;
}

// The next file that can be played, of as many as make a turn. On a thread of its own.
std::unique_ptr<Pass> Playout::load_next() {
  for (std::size_t tries = 0; tries < options_.files.size() && !is_last() && !stopping_(); ++tries) {
    if (next_file_ == options_.files.size()) {
      next_file_ = 0;
      ++next_turn_;
    }
    const std::string& file = options_.files[next_file_++];
    try {
      auto pass = load(file, versions_, options_.window);
      const auto problem = pass->problem();
      if (!problem || stopping_() || nobody_waits_) {
        pass->begin_after_join();
        return pass;
      }
      last_problem_ = file + ": " + *problem;
    } catch (const std::exception& error) {
      last_problem_ = error.what();
    }
    tell(Severity::warning, last_problem_ + "; skipped");
    ++files_skipped_;
  }
  return nullptr;
}

// What cannot be read on ends there.
void Playout::fill() try {
  // A pipe may bring nothing for long.
  current_->fill([this] {
    on_packets_();
    return stopping_();
  });
} catch (const std::exception& error) {
  tell(Severity::error, std::string{error.what()} + "; goes on with the next file");
  current_->end();
  ++files_skipped_;
}

// The packets up to the window's last fill, or all of them.
void Playout::play_window(io::Sink& sink, bool to_end) {
  PacketWindow& window = current_->window();
  while (!stopping_()) {
    if (!to_end) fill();
    if (to_end ? window.size() == 0 : current_->ended()) return;
    follow_clock(sink);
    const auto packets = window.front(batch);
    std::uint64_t position = window.begin();
    for (ts::Packet& packet : packets) rewriter_.rewrite(*current_, packet, position++);
    sink.write(packets, stamp_of(statistics_.packets));
    statistics_.packets += packets.size();
    window.pop(packets.size());
    on_packets_();
  }
}

// Within a file, the first programme may get another PCR PID.
void Playout::follow_clock(io::Sink& sink) {
  const ClockTrack& clock = current_->clocks()[current_->primary()];
  if (clock.pid() == followed_ || clock.first_position() > current_->window().begin()) return;
  followed_ = clock.pid();
  sink.set_pcr_pid(followed_);
}

void Playout::play_filler(io::Sink& sink, Filler& filler) {
  std::array<ts::Packet, batch> buffer;
  for (auto packets = filler.next(buffer); !packets.empty() && !stopping_(); packets = filler.next(buffer)) {
    for (ts::Packet& packet : packets) rewriter_.count(packet);
    sink.write(packets, stamp_of(statistics_.packets));
    statistics_.packets += packets.size();
    statistics_.filler_packets += packets.size();
    on_packets_();
  }
}

void Playout::announce() {
  tell(Severity::debug, "plays " + playing() + ", turn " + std::to_string(turn_));
  if (warned_scrambled_ || current_->scrambled().none() || rewriter_.is_first_file()) return;
  warned_scrambled_ = true;
  tell(Severity::warning, playing() + ": is scrambled: its PTS and DTS cannot be moved and jump where files meet");
}

void Playout::tell(Severity severity, const std::string& message) const {
  if (teller_) teller_(severity, message);
}

// Of a file that has been read, and not again at its next turn.
void Playout::tell_skipped() {
  const auto& file = current_->statistics();
  if (file.skipped_bytes == 0 || !told_skipped_.insert(playing()).second) return;
  tell(Severity::warning, playing() + ": " + std::to_string(file.skipped_bytes) +
                              " bytes skipped that belong to no packet, " + std::to_string(file.sync_losses) +
                              " losses of sync");
}

void Playout::retire() {
  statistics_ = statistics();
  current_.reset();
}

PlayoutStatistics Playout::statistics() const {
  PlayoutStatistics all = statistics_;
  all.files_skipped = files_skipped_;
  all.blanked_packets = rewriter_.blanked();
  all.sections_renumbered = versions_.changed();
  if (!current_) return all;
  for (const ClockTrack& clock : current_->clocks()) all.clock_jumps += clock.jumps();
  all.skipped_bytes += current_->statistics().skipped_bytes;
  all.sync_losses += current_->statistics().sync_losses;
  return all;
}

}  // namespace playout
