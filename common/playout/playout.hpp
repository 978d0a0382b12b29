// Plays files one after another as one stream.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/io/sink.hpp"
#include "common/io/source.hpp"
#include "common/playout/join.hpp"
#include "common/playout/pass.hpp"
#include "common/playout/rewriter.hpp"
#include "common/playout/table_versions.hpp"

namespace playout {

struct PlayoutStatistics {
  std::uint64_t packets = 0;          // sent
  std::uint64_t files = 0;            // begun
  std::uint64_t files_skipped = 0;    // could not be played, or not to their end, when their turn came
  std::uint64_t filler_packets = 0;   // sent between files
  std::uint64_t blanked_packets = 0;  // of PES packets and sections cut off at the beginning of a file
  std::uint64_t clock_jumps = 0;      // of the files' own, smoothed
  std::uint64_t sections_renumbered = 0;
  std::uint64_t skipped_bytes = 0;  // of files, no part of any packet
  std::uint64_t sync_losses = 0;    // of files
};

enum class Severity { debug, warning, error };

// A FIFO or device: what was read is gone.
bool is_read_once(const std::string& file);

class Playout {
 public:
  using Opener = std::function<std::unique_ptr<io::Source>(const std::string& file)>;
  struct Options {
    std::vector<std::string> files;
    std::optional<std::uint64_t> turns{1};  // nothing: for ever
    std::size_t window = Pass::default_window;
  };

  // What there is to say: which file plays, is skipped, or is not what it should be. Called from a thread of the
  // playout's own too.
  using Teller = std::function<void(Severity, const std::string& message)>;

  // `stopping` is asked often, also from that thread: true ends. `on_packets` is called between batches, and while
  // run() waits for a file.
  Playout(Options options, Opener open, std::function<bool()> stopping, std::function<void()> on_packets,
          Teller teller = {});

  // Looks into every file before anything is sent. Throws, with the file's name and the reason, for one that cannot
  // be played.
  void check();
  // The clock to send by, of the first file. After check().
  ts::Pid pcr_pid() const { return current_->clocks()[current_->primary()].pid(); }
  // Plays all, or until stopped. False: not one file of a whole turn could be played any more.
  bool run(io::Sink& sink);

  const std::string& playing() const { return current_->name(); }
  std::uint64_t turn() const { return turn_; }
  PlayoutStatistics statistics() const;
  // After run(): why a file was skipped, with its name, the last time that one was; empty if none was.
  const std::string& last_problem() const { return last_problem_; }

 private:
  std::unique_ptr<Pass> load(const std::string& file, TableVersions& versions, std::size_t window) const;
  bool is_last() const;
  std::unique_ptr<Pass> load_next();
  void fill();
  void play_window(io::Sink& sink, bool to_end);
  void follow_clock(io::Sink& sink);
  void play_filler(io::Sink& sink, Filler& filler);
  void announce();
  void tell(Severity severity, const std::string& message) const;
  void tell_skipped();
  void retire();

  Options options_;
  Opener open_;
  std::function<bool()> stopping_;
  std::function<void()> on_packets_;
  Teller teller_;
  TableVersions versions_;
  Rewriter rewriter_;
  std::map<ts::Pid, double> fractions_;
  std::unique_ptr<Pass> current_;
  ts::Pid followed_;  // the sink's PCR PID
  std::size_t next_file_ = 1;
  std::uint64_t turn_ = 1, next_turn_ = 1;
  std::string last_problem_;  // load_next()'s
  std::atomic<std::uint64_t> files_skipped_{0};
  std::atomic<bool> nobody_waits_{false};  // for load_next()
  bool warned_scrambled_ = false;
  std::set<std::string> told_skipped_;
  PlayoutStatistics statistics_;
};

}  // namespace playout
