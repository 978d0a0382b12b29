// The services that the multiplex carries now: found in the inputs, followed while they change, come and go.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/cli/log.hpp"
#include "common/io/source.hpp"
#include "common/mux/multiplexer.hpp"
#include "common/psi/service_tracker.hpp"
#include "tools/tsmux/id_map.hpp"
#include "tools/tsmux/input_spec.hpp"
#include "tools/tsmux/intake.hpp"
#include "tools/tsmux/options.hpp"
#include "tools/tsmux/service_feed.hpp"
#include "tools/tsmux/service_tables.hpp"
#include "tools/tsmux/time_base.hpp"

namespace tsmux {

class Lineup {
 public:
  using Opener = std::function<std::unique_ptr<io::Source>(const Reception& reception)>;

  struct Service {
    enum class State : std::uint8_t { running, lost };

    InputSpec input;
    psi::ServiceId source;    // in the input, now
    psi::ServiceId known_as;  // the first of these: what its ids are given to
    ServiceIds ids;           // in the multiplex
    psi::Pmt source_pmt;
    psi::Pmt pmt;  // as sent, without a version
    struct ComingPmt {
      mux::MultiplexTime from;
      psi::Pmt pmt;
    };
    bool has_new_pmt = false;              // of which pmt and coming_pmts do not know
    std::deque<ComingPmt> coming_pmts;     // when what is queued by the ones before has left
    std::optional<psi::Sdt::Service> sdt;  // the input's
    State state = State::running;
    mux::Multiplexer::Program* program = nullptr;  // the multiplexer's
    std::unique_ptr<ServiceFeed> feed;

    bool has_begun = false;  // its clock runs, or has
    // In the tables: from its first PCR on, and when it is lost only if that is asked for.
    bool is_announced() const { return has_begun && is_kept(); }
    bool is_kept() const { return state == State::running || input.on_loss == OnLoss::keep; }

    // To tell whether it is alive.
    std::uint64_t packets = 0;
    ts::SteadyTime alive{};
  };
  // A section of EIT actual of a service that is carried.
  using EventHandler = std::function<void(const Service& service, const ts::Section& section)>;

  struct Context {
    mux::Multiplexer& multiplexer;
    const TimeBase& time_base;  // set by begin()
    bool live = false;          // the multiplex goes in real time
    ts::Ticks27 ahead{0};       // the multiplexer's
    Opener open;
    EventHandler on_event;
  };
  Lineup(Context context, IdMap& ids);
  ~Lineup();
  Lineup(const Lineup&) = delete;
  Lineup& operator=(const Lineup&) = delete;

  // Opens what is new, closes what is no longer asked for, leaves alone what stayed. Throws before anything changes if
  // an input cannot be opened.
  void configure(const Options& options);

  // Before begin() inputs are looked at only. Reads the beginnings of files; live: to be called until has_all().
  void look(ts::SteadyTime now);
  // Whether every service that is asked for has been found, or can no longer be.
  bool has_all() const;
  // Why something of a file cannot be had, whatever comes: for a message. Empty if there is nothing of the kind.
  std::string problem() const;
  // Gives the services their ids, in the order of the inputs, and lets them run. Throws if a component is for a service
  // that is not among them and cannot come any more.
  void begin();

  // Live inputs: what has come. Files: all that is due by `until`. Offline `now` is the multiplex's time.
  void poll(ts::SteadyTime now);
  void need(mux::MultiplexTime until);

  const std::vector<std::unique_ptr<Service>>& services() const { return services_; }
  // The service whose feed sends its components: itself, or an earlier one that has its PCR PID.
  const Service& carrier_of(const Service& service) const;
  // The CATs of the inputs, if they are to be sent.
  std::vector<MappedCat> cats() const;
  // Counts all changes of what tables are made from.
  std::uint64_t changes() const { return changes_; }
  // Inputs whose service is asked for and has not come.
  std::size_t missing() const;
  // All inputs have ended, and what they brought has been sent. Components do not count.
  bool is_finished() const;
  // An input that has failed for good.
  std::optional<std::string> failure() const;

  struct Input {
    Reception reception;
    std::unique_ptr<Intake> intake;
    bool silent = false;
    bool problem_told = false;
  };
  const std::vector<std::unique_ptr<Input>>& inputs() const { return inputs_; }

 private:
  // Components from another input for a service.
  struct Graft {
    ComponentSpec spec;
    const Service* target = nullptr;
    const Service* carrier = nullptr;       // whose clock it goes by: the target, or that which sends its packets
    std::vector<psi::Pmt::Stream> streams;  // as sent
    std::unique_ptr<ServiceFeed> feed;
  };
  // The EMMs of an input.
  struct Entitlements {
    const Input* input = nullptr;
    psi::PidMap pids;
    mux::Multiplexer::Program* program = nullptr;
    std::unique_ptr<ServiceFeed> feed;
  };
  struct Found {
    psi::ServiceId id;
    const psi::Service* service;
  };

  Input& input_of(std::size_t reception) const { return *inputs_[reception]; }
  std::unique_ptr<Input> open(const Reception& reception);
  std::vector<Found> wanted_of(const InputSpec& spec, const psi::ServiceTracker& tracker) const;
  std::string problem_of(const InputSpec& spec) const;
  std::string problem_of(const ComponentSpec& spec) const;
  bool is_found(const InputSpec& spec) const;
  bool is_settled(const InputSpec& spec) const;
  bool is_settled(std::size_t reception) const;
  void look(std::size_t reception);
  void look_for_new();
  void check_targets() const;

  void on_change(const Input& input);
  void on_section(const Input& input, ts::Pid pid, const ts::Section& section);
  void update(std::size_t reception);
  void update(const InputSpec& spec);
  void update(Service& service, const psi::Service& found);
  void update_grafts(std::size_t reception);
  void update_entitlements(std::size_t reception);
  Service& service_of(const InputSpec& spec, psi::ServiceId id);
  std::optional<ts::Pid> pcr_pid_of(const psi::Pmt& pmt, const Intake& intake) const;
  ServiceFeed::Program program_of(const Service& service) const;
  void set_programs(std::size_t reception);
  std::vector<psi::Pmt::Stream> grafted_to(const Service& service) const;
  ServiceFeed::Options feed_options(const Reception& reception) const;
  std::unique_ptr<ServiceFeed> make_feed(const Reception& reception, mux::Multiplexer::Program& program,
                                         const ServiceFeed* target) const;
  void make_pmt(Service& service);
  void announce(Service& service);
  void settle();
  void connect(std::size_t reception);
  void give_up(ts::SteadyTime now);
  void tell_missing();
  void tell_pids(const Service& service);
  void remove_others(const Options& options, const std::vector<Input*>& kept, const std::vector<Service*>& gone);
  void remove(Service& service);
  void rank_services();
  void watch(Service& service, ts::SteadyTime now);
  void watch(Input& input, ts::SteadyTime now);

  Context context_;
  IdMap& ids_;
  bool begun_ = false;
  bool sends_cat_ = false;
  std::vector<InputSpec> specs_;
  std::vector<ComponentSpec> component_specs_;
  std::vector<std::unique_ptr<Input>> inputs_;  // by reception
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<Graft>> grafts_;
  std::vector<std::unique_ptr<Entitlements>> entitlements_;
  std::uint64_t changes_ = 0;
  ts::SteadyTime now_{}, next_look_{}, tell_missing_at_ = ts::SteadyTime::max();
  cli::RateLimited notes_{20}, loss_notes_{20};
};

}  // namespace tsmux
