// Which service id and which PIDs each service has in the multiplex: predictable, and the same when it comes back.
//
// - What newsid=, pid-map= and pmt-pid= ask for is so, whoever had it.
// - Otherwise a source's own ids stay where they are free, and where they are not, they move to the block of their
//   input: 0x0100 x its number on the command line + the low byte, upwards from there.
// - What was given once stays given: to the PIDs of a reception (what two of its services share is sent once), and over
//   restarts by a file (given_ids.hpp). What is gone keeps its ids until they are needed.
//
// Without that file, ids are the same after a restart if services are asked for in the same order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/psi/pid_map.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmux/given_ids.hpp"
#include "tools/tsmux/id_pool.hpp"
#include "tools/tsmux/input_spec.hpp"

namespace tsmux {

struct ServiceIds {
  psi::ServiceId service;
  ts::Pid pmt_pid;
  psi::PidMap pids;  // of every PID of its packets: components that are not dropped, PCR, ECMs
  friend bool operator==(const ServiceIds&, const ServiceIds&) = default;
};

class IdMap {
 public:
  // With what was given before a restart.
  explicit IdMap(const GivenIds& remembered = {});

  // What inputs and components ask for; they have their numbers. Ids of others are forgotten. Every service must be
  // asked for again, as one that stood in the way moves.
  void configure(const std::vector<InputSpec>& inputs, const std::vector<ComponentSpec>& components);

  // For a service and its PMT in the source, at first and whenever one of them has changed. Nothing if there is no PID
  // or id left, which takes some thousands.
  std::optional<ServiceIds> assign(const InputSpec& input, psi::ServiceId service, ts::Pid pmt_pid,
                                   const psi::Pmt& pmt);
  // For a component's PIDs, and `ecms` that its descriptors name.
  std::optional<psi::PidMap> assign(const ComponentSpec& component, const std::set<ts::Pid>& ecms);
  // For the EMMs that a reception's CAT names. `number` is that of its inputs.
  std::optional<psi::PidMap> assign(const Reception& reception, unsigned number, const psi::Cat& cat);
  // The service is no longer sent: its ids can be given to others when they are short.
  void release(const InputSpec& input, psi::ServiceId service);

  // To be remembered.
  GivenIds given() const;
  // Counts every change of given().
  std::uint64_t changes() const { return services_.changes() + pids_.changes(); }

 private:
  struct Wish {
    IdKey key;
    ts::Pid own;
  };
  using Pids = std::map<IdKey, ts::Pid>;

  std::optional<psi::ServiceId> service_id(const InputSpec& input, psi::ServiceId service);
  // For PIDs that stand alone, with no service.
  std::optional<psi::PidMap> assign_pids(const std::string& input, unsigned number, const std::string& user,
                                         const std::set<ts::Pid>& pids);
  // Gives these wishes their PIDs; from then on they are what `user` uses. `number` says the block.
  std::optional<Pids> give(const std::string& user, unsigned number, const std::vector<Wish>& wishes);
  bool is_in_use(const IdKey& key) const;

  IdPool services_, pids_;
  Pids asked_;                                   // by pid-map=
  std::map<std::string, std::set<IdKey>> used_;  // by each service, component and CAT that is sent
};

}  // namespace tsmux
