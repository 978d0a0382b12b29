#include "tools/tsmux/input_spec.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <span>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "common/cli/pid_list.hpp"
#include "common/cli/values.hpp"
#include "common/io/keyed_endpoint.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;

// "latency" stands first, so that it can be left out: see keys_of().
constexpr std::array<std::string_view, 16> input_keys{
    "latency", "drop",    "eit",     "lcn",      "live",     "loop",    "name", "newsid",
    "on-loss", "pid-map", "pmt-pid", "priority", "provider", "service", "type", "xmltv"};
constexpr std::array<std::string_view, 7> component_keys{"latency", "live", "loop", "pid", "pid-map", "service", "to"};

// A service_descriptor has 255 bytes for both and three more, and a selector of the character table before each.
constexpr std::size_t longest_name = 120;
// 10 bits, of which receivers take three digits.
constexpr int highest_channel = 999;
constexpr Latency shortest_latency = 10ms, longest_latency = 60s;

// SRT has a latency of its own, which people know by this name.
std::span<const std::string_view> keys_of(std::string_view text, std::span<const std::string_view> keys) {
  return text.starts_with("srt://") ? keys.subspan(1) : keys;
}

psi::ServiceId parse_service(std::string_view text) {
  return psi::ServiceId{static_cast<std::uint16_t>(cli::parse_integer(text, 1, 0xFFFF))};
}

bool parse_answer(std::string_view text) {
  static const std::vector<std::pair<std::string, bool>> answers{{"yes", true}, {"no", false}};
  return cli::parse_choice(text, answers);
}

OnLoss parse_on_loss(std::string_view text) {
  static const std::vector<std::pair<std::string, OnLoss>> words{{"keep", OnLoss::keep}, {"remove", OnLoss::remove}};
  return cli::parse_choice(text, words);
}

Plays parse_loop(std::string_view text) {
  if (text == "yes") return {Plays::for_ever};
  if (text == "no") return {1};
  constexpr std::int64_t most = 1'000'000;
  try {
    return {static_cast<std::uint32_t>(cli::parse_integer(text, 1, most))};
  } catch (const std::invalid_argument&) {
    throw std::invalid_argument(fmt::format("\"{}\" is not yes, no or how often, 1 to {}", text, most));
  }
}

std::string parse_name(std::string_view text) {
  const std::string name = io::percent_decoded(text);
  if (name.size() > longest_name) {
    throw std::invalid_argument(fmt::format("\"{}\" has more than {} bytes", name, longest_name));
  }
  return name;
}

bool apply(const std::string& key, const std::string& value, SourceSpec& source) {
  if (key == "live") {
    source.live = parse_answer(value);
  } else if (key == "loop") {
    source.loop = parse_loop(value);
  } else if (key == "latency") {
    Latency latency{};
    cli::parse_value(value, latency);
    check_latency(latency);
    source.latency = latency;
  } else {
    return false;
  }
  return true;
}

void apply(const std::string& key, const std::string& value, InputSpec& spec) {
  if (apply(key, value, spec.source)) return;
  if (key == "service") {
    spec.all_services = value == "all";
    if (!spec.all_services) spec.service = parse_service(value);
  }
  if (key == "newsid") spec.new_id = parse_service(value);
  if (key == "name") spec.service_name = parse_name(value);
  if (key == "provider") spec.provider = parse_name(value);
  if (key == "type") spec.service_type = static_cast<std::uint8_t>(cli::parse_integer(value, 1, 0xFF));
  if (key == "on-loss") spec.on_loss = parse_on_loss(value);
  if (key == "priority") spec.priority = static_cast<unsigned>(cli::parse_integer(value, 0, 255));
  if (key == "lcn") spec.channel = static_cast<std::uint16_t>(cli::parse_integer(value, 1, highest_channel));
  if (key == "drop") spec.dropped = cli::parse_pids(value);
  if (key == "pid-map") spec.pid_map = cli::parse_pid_map(value);
  if (key == "pmt-pid") spec.pmt_pid = cli::parse_component_pid(value);
  if (key == "eit") spec.eit = cli::parse_choice(value, psi::eit_modes);
  if (key == "xmltv") spec.xmltv = io::percent_decoded(value);
}

void apply(const std::string& key, const std::string& value, ComponentSpec& spec) {
  if (apply(key, value, spec.source)) return;
  if (key == "pid") spec.pids = cli::parse_pids(value);
  if (key == "to") spec.target = parse_service(value);
  if (key == "service") spec.service = parse_service(value);
  if (key == "pid-map") spec.pid_map = cli::parse_pid_map(value);
}

// Reads the endpoint and every key of `text` into `spec`.
template <class Spec>
void read(std::string_view text, std::span<const std::string_view> keys, Spec& spec) {
  const auto keyed = io::KeyedEndpoint::parse(text, keys_of(text, keys));
  spec.source.endpoint = keyed.endpoint;
  spec.source.place = keyed.place;
  spec.source.name = keyed.name;
  for (const auto& [key, value] : keyed.keys) {
    try {
      apply(key, value, spec);
    } catch (const std::invalid_argument& e) {
      throw std::invalid_argument(fmt::format("{}: {}: {}", keyed.endpoint.text, key, e.what()));
    }
  }
}

// A key that speaks of one service.
const char* single_service_key(const InputSpec& spec) {
  if (spec.new_id) return "newsid";
  if (spec.service_name) return "name";
  if (spec.channel) return "lcn";
  if (spec.pmt_pid) return "pmt-pid";
  if (!spec.xmltv.empty()) return "xmltv";
  return nullptr;
}

void check(const InputSpec& spec) {
  if (const char* key = single_service_key(spec); key != nullptr && spec.all_services) {
    throw std::invalid_argument(
        fmt::format("{}: {}= is for one service: not with service=all", spec.source.endpoint.text, key));
  }
  for (const auto& [from, to] : spec.pid_map) {
    if (spec.dropped.contains(from)) {
      throw std::invalid_argument(
          fmt::format("{}: PID {} is both dropped and mapped", spec.source.endpoint.text, cli::to_text(from)));
    }
  }
}

void check(const ComponentSpec& spec) {
  const auto& text = spec.source.endpoint.text;
  if (spec.pids.empty()) throw std::invalid_argument(text + ": pid= is missing: which components are taken?");
  if (spec.target == psi::ServiceId{}) {
    throw std::invalid_argument(text + ": to= is missing: which service of the multiplex is it for?");
  }
  for (const auto& [from, to] : spec.pid_map) {
    if (!spec.pids.contains(from)) {
      throw std::invalid_argument(fmt::format("{}: pid-map: {} is not among pid=", text, cli::to_text(from)));
    }
  }
}

std::string service_text(psi::ServiceId service) { return fmt::format("service 0x{0:04x} ({0})", service.value()); }

// ---- Receptions

// What inputs of one place say of it, as far as they say it.
class ReceptionList {
 public:
  explicit ReceptionList(Latency latency) : latency_(latency) {}

  std::size_t add(const SourceSpec& source) {
    const auto [entry, is_new] = index_of_.emplace(source.place, merged_.size());
    if (is_new) {
      merged_.push_back(source);
    } else {
      SourceSpec& known = merged_[entry->second];
      agree(known.live, source.live, known.name, "live");
      agree(known.loop, source.loop, known.name, "loop");
      agree(known.latency, source.latency, known.name, "latency");
    }
    return entry->second;
  }

  std::vector<Reception> receptions() const {
    std::vector<Reception> out;
    for (const SourceSpec& source : merged_) {
      check(source);
      out.push_back({source.endpoint, source.place, source.name, source.live.value_or(source.endpoint.is_socket()),
                     source.loop.value_or(Plays{}), source.latency.value_or(latency_)});
    }
    return out;
  }

 private:
  template <class T>
  static void agree(std::optional<T>& known, const std::optional<T>& other, const std::string& name, const char* key) {
    if (known && other && *known != *other) {
      throw std::invalid_argument(fmt::format("{}: is received once, but {}= is said in two ways", name, key));
    }
    if (other) known = other;
  }

  static void check(const SourceSpec& source) {
    const bool is_socket = source.endpoint.is_socket();
    if (is_socket && source.live == false) {
      throw std::invalid_argument(source.name + ": live=no: a socket comes at its own pace");
    }
    if (source.loop && source.endpoint.kind != io::Endpoint::Kind::path) {
      throw std::invalid_argument(source.name + ": loop= is for files");
    }
    if (source.loop && source.live == true) {
      throw std::invalid_argument(source.name + ": loop= is for files, live=yes for what comes at its own pace");
    }
    if (source.latency && !source.live.value_or(is_socket)) {
      throw std::invalid_argument(source.name +
                                  ": latency= is for what comes at its own pace: a socket, or a pipe with live=yes");
    }
  }

  Latency latency_;
  std::map<std::string, std::size_t> index_of_;
  std::vector<SourceSpec> merged_;
};

// ---- Contradictions

void check_services(const std::vector<InputSpec>& inputs) {
  std::map<std::size_t, unsigned> inputs_of;
  for (const auto& input : inputs) ++inputs_of[input.reception];
  std::set<std::tuple<std::size_t, psi::ServiceId, std::optional<psi::ServiceId>>> taken;
  std::map<psi::ServiceId, std::string> new_ids;
  std::map<std::uint16_t, std::string> channels;
  for (const auto& input : inputs) {
    if (inputs_of[input.reception] > 1 && !input.service) {
      throw std::invalid_argument(
          fmt::format("{}: is the endpoint of several inputs: each needs service=SID", input.source.name));
    }
    if (input.service && !taken.emplace(input.reception, *input.service, input.new_id).second) {
      throw std::invalid_argument(fmt::format("{}: is taken twice: each needs its own newsid=", input.subject()));
    }
    if (input.new_id) {
      const auto [other, is_new] = new_ids.emplace(*input.new_id, input.subject());
      if (!is_new) {
        throw std::invalid_argument(fmt::format("newsid=0x{:04x} is asked for by {} and by {}", input.new_id->value(),
                                                other->second, input.subject()));
      }
    }
    if (input.channel) {
      const auto [other, is_new] = channels.emplace(*input.channel, input.subject());
      if (!is_new) {
        throw std::invalid_argument(
            fmt::format("lcn={} is asked for by {} and by {}", *input.channel, other->second, input.subject()));
      }
    }
  }
}

// PIDs of the multiplex that are asked for, each by one PID of one reception, or as one service's PMT PID.
class AskedPids {
 public:
  void add(std::size_t reception, const psi::PidMap& map, const std::string& subject) {
    for (const auto& [from, to] : map) {
      const auto [known, is_new] = maps_[reception].emplace(from, to);
      if (!is_new && known->second != to) {
        throw std::invalid_argument(fmt::format("{}: PID {} is mapped to {} by one input and to {} by another", subject,
                                                cli::to_text(from), cli::to_text(known->second), cli::to_text(to)));
      }
      if (is_new) add(to, subject);
    }
  }
  void add(ts::Pid to, const std::string& subject) {
    const auto [other, is_new] = subjects_.emplace(to, subject);
    if (!is_new) {
      throw std::invalid_argument(
          fmt::format("PID {} is asked for by {} and by {}", cli::to_text(to), other->second, subject));
    }
  }

 private:
  std::map<std::size_t, psi::PidMap> maps_;
  std::map<ts::Pid, std::string> subjects_;
};

void check_pids(const std::vector<InputSpec>& inputs, const std::vector<ComponentSpec>& components) {
  AskedPids asked;
  for (const auto& input : inputs) {
    asked.add(input.reception, input.pid_map, input.subject());
    if (input.pmt_pid) asked.add(*input.pmt_pid, input.subject());
  }
  std::set<std::tuple<std::size_t, ts::Pid, psi::ServiceId>> taken;
  for (const auto& component : components) {
    asked.add(component.reception, component.pid_map, component.subject());
    for (const ts::Pid pid : component.pids) {
      if (!taken.emplace(component.reception, pid, component.target).second) {
        throw std::invalid_argument(fmt::format("{}: PID {} is taken twice", component.subject(), cli::to_text(pid)));
      }
    }
  }
}

}  // namespace

void check_latency(Latency latency) {
  if (latency >= shortest_latency && latency <= longest_latency) return;
  throw std::invalid_argument(fmt::format("{}: {} to {} are possible", cli::to_text(latency),
                                          cli::to_text(shortest_latency), cli::to_text(longest_latency)));
}

InputSpec InputSpec::parse(std::string_view text) {
  InputSpec spec;
  read(text, input_keys, spec);
  check(spec);
  return spec;
}

std::string InputSpec::subject() const {
  return "input " + source.name + (service ? ", " + service_text(*service) : "");
}

psi::Pmt InputSpec::without_dropped(psi::Pmt pmt) const {
  std::erase_if(pmt.streams, [this](const auto& stream) { return dropped.contains(stream.pid); });
  return pmt;
}

bool operator==(const InputSpec& a, const InputSpec& b) {
  const auto content = [](const InputSpec& s) {
    return std::tie(s.source.place, s.all_services, s.service, s.new_id, s.service_name, s.provider, s.service_type,
                    s.on_loss, s.priority, s.channel, s.dropped, s.pid_map, s.pmt_pid, s.eit, s.xmltv);
  };
  return content(a) == content(b);
}

bool InputSpec::is_same_service(const InputSpec& other) const {
  const auto identity = [](const InputSpec& s) {
    return std::tie(s.source.place, s.all_services, s.service, s.new_id, s.dropped, s.pid_map, s.pmt_pid);
  };
  return identity(*this) == identity(other);
}

ComponentSpec ComponentSpec::parse(std::string_view text) {
  ComponentSpec spec;
  read(text, component_keys, spec);
  check(spec);
  return spec;
}

std::string ComponentSpec::subject() const {
  return fmt::format("component {} for {}", source.name, service_text(target));
}

bool operator==(const ComponentSpec& a, const ComponentSpec& b) {
  const auto content = [](const ComponentSpec& s) {
    return std::tie(s.source.place, s.pids, s.target, s.service, s.pid_map);
  };
  return content(a) == content(b);
}

bool operator==(const Reception& a, const Reception& b) {
  return std::tie(a.place, a.live, a.plays, a.latency) == std::tie(b.place, b.live, b.plays, b.latency);
}

std::vector<Reception> join(std::vector<InputSpec>& inputs, std::vector<ComponentSpec>& components, Latency latency) {
  ReceptionList list{latency};
  std::map<std::size_t, unsigned> numbers;
  unsigned next = 1;
  const auto place = [&](auto& spec) {
    spec.reception = list.add(spec.source);
    spec.number = numbers.emplace(spec.reception, next++).first->second;
  };
  for (auto& input : inputs) place(input);
  for (auto& component : components) place(component);
  auto receptions = list.receptions();
  check_services(inputs);
  check_pids(inputs, components);
  return receptions;
}

}  // namespace tsmux
