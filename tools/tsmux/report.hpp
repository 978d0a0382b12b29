// How the multiplex goes, for people and machines: the state that SIGUSR1 prints, the service manager's line, metrics,
// and a message when something is lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/cli/log.hpp"
#include "common/cli/loss_log.hpp"
#include "common/cli/metrics.hpp"
#include "common/io/endpoint.hpp"
#include "common/io/sink.hpp"
#include "common/mux/multiplexer.hpp"
#include "common/mux/section_carousel.hpp"
#include "tools/tsmux/lineup.hpp"

namespace tsmux {

class Report {
 public:
  // All must live longer.
  Report(const mux::Multiplexer& multiplexer, mux::SectionCarousel& carousel, const Lineup& lineup)
      : multiplexer_(multiplexer), carousel_(carousel), lineup_(lineup) {}

  void set_output(const io::Endpoint& output, const io::Sink* sink);
  void set_vbr() { vbr_ = true; }
  // Once a second of the multiplex: rates, and what was lost since the last time.
  void measure();

  void refresh(cli::Metrics& metrics);
  std::string status_line() const;
  std::string state() const;

 private:
  // Packets of one service, counted at the last two measurements.
  struct Meter {
    std::uint64_t packets = 0, dropped = 0, dropped_packets = 0;
    double rate = 0, dropped_rate = 0;  // bit/s
  };
  struct Overload {
    mux::MultiplexTime began, told, last{};
    std::uint64_t dropped = 0;  // packets
  };
  void tell_losses();
  void tell_overload();
  void tell_slow_tables();

  const mux::Multiplexer& multiplexer_;
  mux::SectionCarousel& carousel_;
  const Lineup& lineup_;
  io::Endpoint output_;
  const io::Sink* sink_ = nullptr;
  bool vbr_ = false;

  std::map<psi::ServiceId, Meter> meters_;
  mux::MultiplexTime last_{};
  std::uint64_t last_packets_ = 0, last_null_packets_ = 0, last_table_packets_ = 0;
  double rate_ = 0, headroom_ = 0, table_rate_ = 0;  // bit/s
  std::optional<double> least_headroom_;             // since the last refresh()
  std::map<ts::Pid, double> slow_tables_;            // the longest turn against its interval, beyond 1
  std::optional<Overload> overload_;
  cli::LossLog losses_;
  cli::RateLimited overload_notes_{6}, table_notes_{2};
};

}  // namespace tsmux
