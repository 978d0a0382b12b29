#include "tools/tsmux/id_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/psi/elementary_stream.hpp"

namespace tsmux {
namespace {

using Kind = IdKey::Kind;

// 0x0100 to 0x1f00, and 0x0100 to 0xff00.
constexpr unsigned pid_blocks = 31, service_blocks = 255;

std::string user_of(const InputSpec& input, psi::ServiceId service) {
  return fmt::format("service {} {} {}", service.value(), input.new_id.value_or(psi::ServiceId{}).value(),
                     input.source.name);
}

std::string id_user_of(const InputSpec& input, psi::ServiceId service) { return "id of " + user_of(input, service); }

std::string user_of(const ComponentSpec& component) {
  return fmt::format("component {} {} {}", component.target.value(), component.pids.begin()->value(),
                     component.source.name);
}

IdKey key_of(const std::string& input, ts::Pid pid) { return {Kind::pid, input, pid.value()}; }

// What was given to these PIDs of the input.
psi::PidMap map_of(const std::string& input, const std::set<ts::Pid>& pids, const std::map<IdKey, ts::Pid>& given) {
  psi::PidMap map;
  for (const ts::Pid pid : pids) {
    if (const auto found = given.find(key_of(input, pid)); found != given.end()) map.emplace(pid, found->second);
  }
  return map;
}

}  // namespace

IdMap::IdMap(const GivenIds& remembered)
    : services_(first_service, last_service, service_blocks), pids_(first_pid, last_pid, pid_blocks) {
  for (const auto& [key, id] : remembered) (key.kind == Kind::service ? services_ : pids_).restore(key, id);
}

void IdMap::configure(const std::vector<InputSpec>& inputs, const std::vector<ComponentSpec>& components) {
  asked_.clear();
  std::set<std::string> names;
  std::set<IdPool::Number> service_ids, pids;
  const auto add = [&](const auto& spec) {
    names.insert(spec.source.name);
    for (const auto& [from, to] : spec.pid_map) {
      asked_.emplace(key_of(spec.source.name, from), to);
      pids.insert(to.value());
    }
  };
  for (const auto& input : inputs) {
    add(input);
    if (input.new_id) service_ids.insert(input.new_id->value());
    if (input.pmt_pid) pids.insert(input.pmt_pid->value());
  }
  for (const auto& component : components) add(component);

  const auto is_gone = [&](const IdKey& key) { return !names.contains(key.input); };
  services_.forget_if(is_gone);
  pids_.forget_if([&](const IdKey& key) { return is_gone(key) || asked_.contains(key); });
  services_.reserve(std::move(service_ids));
  pids_.reserve(std::move(pids));
  for (auto& [user, keys] : used_) std::erase_if(keys, is_gone);
  std::erase_if(used_, [](const auto& user) { return user.second.empty(); });
}

std::optional<ServiceIds> IdMap::assign(const InputSpec& input, psi::ServiceId service, ts::Pid pmt_pid,
                                        const psi::Pmt& pmt) {
  const std::string& name = input.source.name;
  const auto id = service_id(input, service);
  if (!id) return std::nullopt;
  const auto pids = psi::packet_pids(input.without_dropped(pmt), true);
  std::vector<Wish> wishes;
  for (const ts::Pid pid : pids) wishes.push_back({key_of(name, pid), pid});

  ServiceIds ids{.service = *id, .pmt_pid = {}, .pids = {}};
  const IdKey pmt_key{Kind::pmt, name, id->value()};
  if (input.pmt_pid) {
    ids.pmt_pid = *input.pmt_pid;
  } else if (input.pid_map.contains(pmt_pid)) {
    ids.pmt_pid = input.pid_map.at(pmt_pid);
  } else {
    wishes.push_back({pmt_key, pmt_pid});
  }
  const auto given = give(user_of(input, service), input.number, wishes);
  if (!given) return std::nullopt;
  if (const auto found = given->find(pmt_key); found != given->end()) ids.pmt_pid = found->second;
  ids.pids = map_of(name, pids, *given);
  return ids;
}

std::optional<psi::PidMap> IdMap::assign(const ComponentSpec& component, const std::set<ts::Pid>& ecms) {
  std::set<ts::Pid> pids = component.pids;
  pids.insert(ecms.begin(), ecms.end());
  return assign_pids(component.source.name, component.number, user_of(component), pids);
}

std::optional<psi::PidMap> IdMap::assign(const Reception& reception, unsigned number, const psi::Cat& cat) {
  const auto emms = psi::conditional_access_pids(cat.descriptors);
  return assign_pids(reception.name, number, "cat " + reception.name, {emms.begin(), emms.end()});
}

void IdMap::release(const InputSpec& input, psi::ServiceId service) {
  used_.erase(user_of(input, service));
  used_.erase(id_user_of(input, service));
}

GivenIds IdMap::given() const {
  GivenIds all = services_.given();
  all.insert(pids_.given().begin(), pids_.given().end());
  return all;
}

std::optional<psi::ServiceId> IdMap::service_id(const InputSpec& input, psi::ServiceId service) {
  if (input.new_id) return input.new_id;
  const IdKey key{Kind::service, input.source.name, service.value()};
  used_[id_user_of(input, service)] = {key};
  auto id = services_.keep(key, service.value());
  if (!id) id = services_.move(key, service.value(), input.number, [this](const auto& k) { return is_in_use(k); });
  return id ? std::optional{psi::ServiceId{*id}} : std::nullopt;
}

std::optional<psi::PidMap> IdMap::assign_pids(const std::string& input, unsigned number, const std::string& user,
                                              const std::set<ts::Pid>& pids) {
  std::vector<Wish> wishes;
  for (const ts::Pid pid : pids) wishes.push_back({key_of(input, pid), pid});
  const auto given = give(user, number, wishes);
  return given ? std::optional{map_of(input, pids, *given)} : std::nullopt;
}

// First those that can keep their number: one that moves must not take it from one that comes after it.
std::optional<IdMap::Pids> IdMap::give(const std::string& user, unsigned number, const std::vector<Wish>& wishes) {
  std::set<IdKey> keys;
  for (const auto& wish : wishes) keys.insert(wish.key);
  const auto before = std::exchange(used_[user], std::move(keys));

  Pids given;
  std::vector<Wish> movers;
  for (const auto& [key, own] : wishes) {
    if (own == ts::null_pid) continue;
    if (const auto asked = asked_.find(key); asked != asked_.end()) {
      given.emplace(key, asked->second);
    } else if (const auto kept = pids_.keep(key, own.value())) {
      given.emplace(key, ts::Pid{*kept});
    } else {
      movers.push_back({key, own});
    }
  }
  for (const auto& [key, own] : movers) {
    const auto moved = pids_.move(key, own.value(), number, [this](const IdKey& k) { return is_in_use(k); });
    if (!moved) {
      used_[user] = before;
      return std::nullopt;
    }
    given.emplace(key, ts::Pid{*moved});
  }
  return given;
}

bool IdMap::is_in_use(const IdKey& key) const {
  return std::ranges::any_of(used_, [&](const auto& user) { return user.second.contains(key); });
}

}  // namespace tsmux
