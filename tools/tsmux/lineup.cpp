#include "tools/tsmux/lineup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "common/cli/table.hpp"  // printable()
#include "common/cli/values.hpp"
#include "common/psi/elementary_stream.hpp"

namespace tsmux {
namespace {

using cli::Priority;
using namespace std::chrono_literals;

using mux::ticks;

// A PAT comes every 100 ms, everywhere at least every 500 ms (TR 101 290 1.3); this is 11 MB of a file.
constexpr std::uint64_t file_look_packets = 60'000;
// A live service that sends nothing for so long is lost.
constexpr std::chrono::seconds loss_noticed{2};
// One that does not come so soon is worth a word.
constexpr std::chrono::seconds missing_noticed{5};
// One that its input does not name any more, for so long, is forgotten.
constexpr std::chrono::seconds gone_noticed{10};
constexpr std::chrono::milliseconds look_interval{100};
// Live packets that may wait to be taken: 300 ms at 1 Gb/s, 3 s at 100 Mb/s.
constexpr std::size_t live_queue = 200'000;
// Ranks of inputs of one priority, in the order of the command line.
constexpr unsigned rank_step = 1000;
constexpr std::uint8_t private_sections = 0x05;

std::string id_text(psi::ServiceId id) { return fmt::format("0x{0:04x} ({0})", id.value()); }

std::string services_text(const psi::ServiceTracker& tracker) {
  std::string text;
  for (const auto& [id, service] : tracker.services()) {
    const auto name = service.sdt ? psi::service_name(service.sdt->descriptors) : std::nullopt;
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", id_text(id),
                        name && !name->name.empty() ? " \"" + cli::printable(name->name) + "\"" : "");
  }
  return text.empty() ? "none" : text;
}

std::set<ts::Pid> ecm_pids(const psi::Pmt& pmt) {
  std::set<ts::Pid> pids;
  const auto add = [&pids](const psi::Descriptors& descriptors) {
    for (const ts::Pid pid : psi::conditional_access_pids(descriptors)) pids.insert(pid);
  };
  add(pmt.descriptors);
  for (const auto& stream : pmt.streams) add(stream.descriptors);
  return pids;
}

bool has_stream(const psi::Pmt& pmt, ts::Pid pid) {
  return std::ranges::any_of(pmt.streams, [pid](const auto& stream) { return stream.pid == pid; });
}

// What a component comes from: the service of its input.
InputSpec origin_of(const ComponentSpec& spec) {
  InputSpec origin;
  origin.service = spec.service;
  origin.reception = spec.reception;
  return origin;
}

psi::Pmt::Stream section_stream(ts::Pid pid) { return {.type = private_sections, .pid = pid, .descriptors = {}}; }

}  // namespace

Lineup::Lineup(Context context, IdMap& ids) : context_(std::move(context)), ids_(ids) {}

Lineup::~Lineup() {
  for (const auto& input : inputs_) input->intake->set_feeds({});
}

std::unique_ptr<Lineup::Input> Lineup::open(const Reception& reception) {
  auto input = std::make_unique<Input>();
  input->reception = reception;
  Input* self = input.get();
  input->intake = std::make_unique<Intake>(
      context_.open(reception),
      Intake::Options{.live = reception.live, .may_block = !context_.live, .queue = live_queue},
      [this, self](auto, auto) { on_change(*self); },
      [this, self](ts::Pid pid, const ts::Section& section) { on_section(*self, pid, section); });
  return input;
}

void Lineup::configure(const Options& options) {
  // All that is new is opened before anything that is there is touched.
  std::vector<std::unique_ptr<Input>> opened(options.receptions.size());
  std::vector<Input*> kept(options.receptions.size());
  for (std::size_t i = 0; i < options.receptions.size(); ++i) {
    const auto same =
        std::ranges::find_if(inputs_, [&](const auto& input) { return input->reception == options.receptions[i]; });
    if (same != inputs_.end()) {
      kept[i] = same->get();
    } else {
      opened[i] = open(options.receptions[i]);
    }
  }
  // A service stays if its input does and is asked for alike.
  std::vector<Service*> gone;
  for (const auto& service : services_) {
    const Input* input = &input_of(service->input.reception);
    const auto same = std::ranges::find_if(options.inputs, [&](const InputSpec& spec) {
      return kept[spec.reception] == input && spec.is_same_service(service->input);
    });
    if (same == options.inputs.end()) {
      gone.push_back(service.get());
    } else {
      service->input = *same;
    }
  }
  remove_others(options, kept, gone);
  for (Service* service : gone) remove(*service);
  for (const auto& input : inputs_) input->intake->set_feeds({});
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == nullptr) continue;
    const auto same = std::ranges::find_if(inputs_, [&](const auto& input) { return input.get() == kept[i]; });
    opened[i] = std::move(*same);
  }
  inputs_ = std::move(opened);
  specs_ = options.inputs;
  component_specs_ = options.components;
  sends_cat_ = options.cat;
  tell_missing_at_ = now_ + missing_noticed;
  ids_.configure(specs_, component_specs_);
  rank_services();
  if (begun_) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) update(i);
    for (const auto& service : services_) make_pmt(*service);  // components may have gone
  }
  ++changes_;
}

// Components and entitlements that are no longer asked for, or whose input or service goes.
void Lineup::remove_others(const Options& options, const std::vector<Input*>& kept, const std::vector<Service*>& gone) {
  const auto goes = [&](const Service* service) { return std::ranges::find(gone, service) != gone.end(); };
  std::erase_if(grafts_, [&](const auto& graft) {
    const Input* input = &input_of(graft->spec.reception);
    const auto same = std::ranges::find_if(options.components, [&](const ComponentSpec& spec) {
      return kept[spec.reception] == input && spec == graft->spec;
    });
    if (same == options.components.end() || goes(graft->target) || goes(graft->carrier)) return true;
    graft->spec = *same;
    return false;
  });
  std::erase_if(entitlements_, [&](const auto& entitlements) {
    if (options.cat && std::ranges::find(kept, entitlements->input) != kept.end()) return false;
    entitlements->feed.reset();
    context_.multiplexer.remove_program(*entitlements->program);
    return true;
  });
}

void Lineup::remove(Service& service) {
  service.feed.reset();
  context_.multiplexer.remove_program(*service.program);
  ids_.release(service.input, service.known_as);
  std::erase_if(services_, [&](const auto& other) { return other.get() == &service; });
}

void Lineup::rank_services() {
  for (const auto& service : services_) {
    const auto spec =
        std::ranges::find_if(specs_, [&](const InputSpec& each) { return each.is_same_service(service->input); });
    const auto place = static_cast<unsigned>(spec - specs_.begin());
    service->program->set_rank(service->input.priority * rank_step + std::min(place, rank_step - 1));
  }
}

std::vector<Lineup::Found> Lineup::wanted_of(const InputSpec& spec, const psi::ServiceTracker& tracker) const {
  std::vector<Found> found;
  if (!spec.service && !spec.all_services && tracker.services().size() != 1) return found;
  for (const auto& [id, service] : tracker.services()) {
    if ((!spec.service || *spec.service == id) && service.pmt) found.push_back({id, &service});
  }
  return found;
}

bool Lineup::is_found(const InputSpec& spec) const {
  const Intake& intake = *input_of(spec.reception).intake;
  const auto& tracker = intake.tracker();
  const auto found = wanted_of(spec, tracker);
  if (found.empty() || (spec.all_services && found.size() < tracker.services().size())) return false;
  // Whose clock tells the time.
  const auto has_clock = [&](const Found& each) { return pcr_pid_of(*each.service->pmt, intake).has_value(); };
  return std::ranges::all_of(found, has_clock);
}

std::string Lineup::problem_of(const InputSpec& spec) const {
  const Input& input = input_of(spec.reception);
  const auto& tracker = input.intake->tracker();
  if (!input.intake->failure().empty()) return input.intake->failure();
  if (!tracker.pat()) {
    if (!input.intake->is_looked_through()) return {};
    return input.intake->figures().packets == 0 ? input.reception.name + ": no transport stream packets in it"
                                                : input.reception.name + ": no PAT in it";
  }
  if (!spec.service && !spec.all_services && tracker.services().size() > 1) {
    return fmt::format("{}: holds {} services, say which by service=SID or service=all: {}", input.reception.name,
                       tracker.services().size(), services_text(tracker));
  }
  if (input.reception.live) return {};
  if (spec.service && tracker.find(*spec.service) == nullptr) {
    return fmt::format("{}: no service {} in it; it has {}", input.reception.name, id_text(*spec.service),
                       services_text(tracker));
  }
  if (tracker.services().empty()) return input.reception.name + ": no service in it";
  const bool is_looked_through = input.intake->is_looked_through();
  if (is_looked_through && wanted_of(spec, tracker).empty()) return input.reception.name + ": no PMT in it";
  if (is_looked_through && !input.intake->any_pcr_pid()) {
    return input.reception.name + ": no program clock (PCR) in it to play it by";
  }
  return {};
}

std::string Lineup::problem_of(const ComponentSpec& spec) const {
  const InputSpec origin = origin_of(spec);
  const auto& tracker = input_of(spec.reception).intake->tracker();
  if (tracker.pat() && !spec.service && tracker.services().size() > 1) {
    return fmt::format("{}: holds {} services, say which by service=SID: {}", spec.subject(), tracker.services().size(),
                       services_text(tracker));
  }
  if (auto text = problem_of(origin); !text.empty()) return text;
  if (input_of(spec.reception).reception.live || !is_found(origin)) return {};
  const auto found = wanted_of(origin, input_of(spec.reception).intake->tracker()).front();
  for (const ts::Pid pid : spec.pids) {
    if (has_stream(*found.service->pmt, pid)) continue;
    return fmt::format("{}: service {} has no component on PID {}", spec.subject(), id_text(found.id),
                       cli::to_text(pid));
  }
  return {};
}

bool Lineup::is_settled(const InputSpec& spec) const { return is_found(spec) || !problem_of(spec).empty(); }

bool Lineup::is_settled(std::size_t reception) const {
  if (input_of(reception).intake->is_looked_through()) return true;
  const auto is_done = [&](const InputSpec& spec) { return spec.reception != reception || is_settled(spec); };
  return std::ranges::all_of(specs_, is_done) && std::ranges::all_of(component_specs_, is_done, origin_of);
}

bool Lineup::has_all() const {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!is_settled(i)) return false;
  }
  return true;
}

std::string Lineup::problem() const {
  for (const InputSpec& spec : specs_) {
    if (auto text = problem_of(spec); !text.empty()) return text;
  }
  for (const ComponentSpec& spec : component_specs_) {
    if (auto text = problem_of(spec); !text.empty()) return text;
  }
  return {};
}

void Lineup::look(ts::SteadyTime now) {
  now_ = now;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i]->intake->poll(now);
    look(i);
  }
}

void Lineup::look(std::size_t reception) {
  input_of(reception).intake->read_until([&] { return is_settled(reception); }, file_look_packets);
}

// In files that came while the multiplex runs.
void Lineup::look_for_new() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = *inputs_[i];
    if (input.reception.live || input.intake->has_feeds() || input.problem_told) continue;
    look(i);
    const auto tell = [&](const std::string& problem) {
      if (problem.empty()) return;
      notes_.log(Priority::error, "{}", problem);
      input.problem_told = true;
    };
    for (const InputSpec& spec : specs_) {
      if (spec.reception == i) tell(problem_of(spec));
    }
    for (const ComponentSpec& spec : component_specs_) {
      if (spec.reception == i) tell(problem_of(spec));
    }
  }
}

// Of files all services are known now.
void Lineup::check_targets() const {
  const bool more_may_come = std::ranges::any_of(inputs_, [](const auto& input) { return input->reception.live; });
  for (const ComponentSpec& spec : component_specs_) {
    const bool is_there =
        std::ranges::any_of(services_, [&](const auto& service) { return service->ids.service == spec.target; });
    if (!is_there && !more_may_come) throw std::runtime_error(spec.subject() + ": no such service in the multiplex");
  }
}

void Lineup::begin() {
  begun_ = true;
  for (std::size_t i = 0; i < inputs_.size(); ++i) update(i);
  check_targets();
}

void Lineup::on_change(const Input& input) {
  if (!begun_) return;
  const auto place = std::ranges::find_if(inputs_, [&](const auto& other) { return other.get() == &input; });
  if (place != inputs_.end()) update(static_cast<std::size_t>(place - inputs_.begin()));
}

void Lineup::on_section(const Input& input, ts::Pid pid, const ts::Section& section) {
  if (pid != ts::eit_pid || !section.has_long_header() || !section.is_current()) return;
  for (const auto& service : services_) {
    if (service->source.value() == section.extension() && &input_of(service->input.reception) == &input) {
      context_.on_event(*service, section);
    }
  }
}

void Lineup::update(std::size_t reception) {
  for (const InputSpec& spec : specs_) {
    if (spec.reception == reception) update(spec);
  }
  set_programs(reception);
  update_entitlements(reception);
  update_grafts(reception);
  connect(reception);
}

void Lineup::update(const InputSpec& spec) {
  for (const Found& found : wanted_of(spec, input_of(spec.reception).intake->tracker())) {
    update(service_of(spec, found.id), *found.service);
  }
}

// The one that is carried already, or a new one.
Lineup::Service& Lineup::service_of(const InputSpec& spec, psi::ServiceId id) {
  const bool follows_any = !spec.service && !spec.all_services;
  for (const auto& service : services_) {
    if (service->input.is_same_service(spec) && (follows_any || service->source == id)) {
      service->source = id;
      return *service;
    }
  }
  auto service = std::make_unique<Service>();
  service->input = spec;
  service->source = service->known_as = id;
  service->program = &context_.multiplexer.add_program(0);
  service->feed = make_feed(input_of(spec.reception).reception, *service->program, nullptr);
  service->alive = now_;
  services_.push_back(std::move(service));
  Service& added = *services_.back();
  rank_services();
  return added;
}

ServiceFeed::Options Lineup::feed_options(const Reception& reception) const {
  return {.live = reception.live, .latency = ticks(reception.latency), .ahead = context_.ahead};
}

std::unique_ptr<ServiceFeed> Lineup::make_feed(const Reception& reception, mux::Multiplexer::Program& program,
                                               const ServiceFeed* target) const {
  return std::make_unique<ServiceFeed>(context_.multiplexer, program, context_.time_base, feed_options(reception),
                                       target);
}

// What the PMT names; if no PCRs come there, a component on which they do.
std::optional<ts::Pid> Lineup::pcr_pid_of(const psi::Pmt& pmt, const Intake& intake) const {
  if (pmt.pcr_pid != ts::null_pid && intake.has_pcr(pmt.pcr_pid)) return pmt.pcr_pid;
  for (const auto& stream : pmt.streams) {
    if (intake.has_pcr(stream.pid)) return stream.pid;
  }
  return std::nullopt;
}

void Lineup::update(Service& service, const psi::Service& found) {
  const Input& input = input_of(service.input.reception);
  psi::Pmt pmt = *found.pmt;
  const auto ids = ids_.assign(service.input, service.known_as, found.pmt_pid, pmt);
  if (!ids) {
    notes_.log(Priority::error, "{}: no PID or service id is left for it; it is not sent", service.input.subject());
    return;
  }
  // A component that brings the PCRs, though the PMT does not say so, is named.
  const auto pcr_pid = pcr_pid_of(pmt, *input.intake);
  if (pcr_pid && *pcr_pid != pmt.pcr_pid && ids->pids.contains(*pcr_pid)) {
    if (service.source_pmt.pcr_pid != *pcr_pid) {
      notes_.log(Priority::notice, "{}: no PCR on the PID that its PMT names; those of {} are taken",
                 service.input.subject(), cli::to_text(*pcr_pid));
    }
    pmt.pcr_pid = *pcr_pid;
  }
  if (pmt == service.source_pmt && *ids == service.ids && found.sdt == service.sdt) return;
  if (service.source_pmt.streams.empty()) {
    notes_.log(Priority::info, "{}: service {} is {} in the multiplex", input.reception.name, id_text(service.source),
               id_text(ids->service));
  }
  service.source_pmt = std::move(pmt);
  service.ids = *ids;
  if (cli::logs(Priority::debug)) tell_pids(service);
  service.sdt = found.sdt;
  service.has_new_pmt = true;
  ++changes_;
}

void Lineup::tell_pids(const Service& service) {
  std::string text;
  for (const auto& [from, to] : service.ids.pids)
    text += fmt::format(", {} is {}", cli::to_text(from), cli::to_text(to));
  notes_.log(Priority::debug, "service {}: PMT on {}{}", id_text(service.ids.service),
             cli::to_text(service.ids.pmt_pid), text);
}

// Services of one input with one PCR PID have one clock: that of the first of them, which sends the components of all.
const Lineup::Service& Lineup::carrier_of(const Service& service) const {
  const ts::Pid pcr_pid = service.source_pmt.pcr_pid;
  if (pcr_pid == ts::null_pid) return service;
  const auto carrier = std::ranges::find_if(services_, [&](const auto& other) {
    return other->input.reception == service.input.reception && other->source_pmt.pcr_pid == pcr_pid;
  });
  return carrier == services_.end() ? service : **carrier;
}

// What a service's feed sends: nothing of what an earlier one does.
ServiceFeed::Program Lineup::program_of(const Service& service) const {
  ServiceFeed::Program program;
  if (&carrier_of(service) != &service) return program;
  const auto is_sent = [&](ts::Pid pid) {
    return std::ranges::any_of(program.components,
                               [pid](const auto& component) { return component.stream.pid == pid; });
  };
  const auto is_sent_by_another = [&](ts::Pid pid) {
    for (const auto& other : services_) {
      if (other.get() == &service) return false;
      if (other->input.reception == service.input.reception && other->feed->sends(pid)) return true;
    }
    return false;
  };
  const auto add = [&](const psi::Pmt::Stream& stream, const ServiceIds& ids) {
    const auto pid = ids.pids.find(stream.pid);
    if (pid == ids.pids.end() || is_sent(stream.pid) || is_sent_by_another(stream.pid)) return;
    program.components.push_back({stream, pid->second});
  };
  for (const auto& each : services_) {
    if (each->input.reception != service.input.reception || &carrier_of(*each) != &service) continue;
    for (const auto& stream : each->source_pmt.streams) {
      if (!each->input.dropped.contains(stream.pid)) add(stream, each->ids);
    }
    for (const ts::Pid ecm : ecm_pids(each->source_pmt)) add(section_stream(ecm), each->ids);
  }
  const psi::Pmt& pmt = service.source_pmt;
  const auto own_pcr = service.ids.pids.find(pmt.pcr_pid);
  if (pmt.pcr_pid != ts::null_pid && own_pcr != service.ids.pids.end()) {
    program.source_pcr_pid = pmt.pcr_pid;
    program.pcr_pid = own_pcr->second;
  } else {
    // It has no clock: another of its stream tells the time of its packets.
    program.source_pcr_pid = input_of(service.input.reception).intake->any_pcr_pid().value_or(ts::null_pid);
  }
  return program;
}

void Lineup::set_programs(std::size_t reception) {
  for (const auto& service : services_) {
    if (service->input.reception == reception) service->feed->set_program(program_of(*service));
  }
  for (const auto& service : services_) {
    if (service->input.reception == reception && std::exchange(service->has_new_pmt, false)) make_pmt(*service);
  }
}

std::vector<psi::Pmt::Stream> Lineup::grafted_to(const Service& service) const {
  std::vector<psi::Pmt::Stream> streams;
  for (const auto& graft : grafts_) {
    if (graft->target == &service) streams.insert(streams.end(), graft->streams.begin(), graft->streams.end());
  }
  return streams;
}

void Lineup::make_pmt(Service& service) {
  service.coming_pmts.push_back(
      {.from = carrier_of(service).feed->changes_at(),
       .pmt = multiplex_pmt(service.source_pmt, service.input, service.ids, grafted_to(service))});
  announce(service);
}

void Lineup::announce(Service& service) {
  auto& coming = service.coming_pmts;
  while (!coming.empty() && coming.front().from <= context_.multiplexer.now() + context_.ahead) {
    service.pmt = std::move(coming.front().pmt);
    coming.pop_front();
    ++changes_;
  }
}

void Lineup::update_grafts(std::size_t reception) {
  for (const ComponentSpec& spec : component_specs_) {
    const auto target = std::ranges::find_if(
        services_, [&](const auto& service) { return service->ids.service == spec.target && service->feed; });
    if (target == services_.end()) continue;
    if (spec.reception != reception && (*target)->input.reception != reception) continue;
    const Input& input = input_of(spec.reception);
    const auto found = wanted_of(origin_of(spec), input.intake->tracker());
    if (found.size() != 1) continue;
    const psi::Pmt& pmt = *found.front().service->pmt;
    std::set<ts::Pid> ecms;
    for (const auto& stream : pmt.streams) {
      if (!spec.pids.contains(stream.pid)) continue;
      for (const ts::Pid pid : psi::conditional_access_pids(stream.descriptors)) ecms.insert(pid);
    }
    const Service& carrier = carrier_of(**target);
    const auto pids = ids_.assign(spec, ecms);
    if (!pids) {
      notes_.log(Priority::error, "{}: no PID is left for it; it is not sent", spec.subject());
      continue;
    }
    auto graft = std::ranges::find_if(grafts_, [&](const auto& other) { return other->spec == spec; });
    if (graft != grafts_.end() && ((*graft)->target != target->get() || (*graft)->carrier != &carrier)) {
      grafts_.erase(graft);
      graft = grafts_.end();
    }
    if (graft == grafts_.end()) {
      grafts_.push_back(std::make_unique<Graft>());
      graft = std::prev(grafts_.end());
      (*graft)->spec = spec;
      (*graft)->target = target->get();
      (*graft)->carrier = &carrier;
      (*graft)->feed = make_feed(input.reception, *carrier.program, carrier.feed.get());
    }
    ServiceFeed::Program program;
    program.source_pcr_pid = pcr_pid_of(pmt, *input.intake).value_or(pmt.pcr_pid);
    for (const auto& stream : pmt.streams) {
      const auto pid = pids->find(stream.pid);
      if (spec.pids.contains(stream.pid) && pid != pids->end()) program.components.push_back({stream, pid->second});
    }
    for (const ts::Pid ecm : ecms) {
      if (const auto pid = pids->find(ecm); pid != pids->end()) {
        program.components.push_back({section_stream(ecm), pid->second});
      }
    }
    (*graft)->feed->set_program(program);
    auto streams = grafted_streams(pmt, spec.pids, *pids);
    if (streams != (*graft)->streams) {
      (*graft)->streams = std::move(streams);
      make_pmt(**target);
      ++changes_;
    }
    connect(spec.reception);
  }
}

void Lineup::update_entitlements(std::size_t reception) {
  const Input& input = input_of(reception);
  const auto& cat = input.intake->tracker().cat();
  if (!sends_cat_ || !cat) return;
  const auto spec = std::ranges::find(specs_, reception, &InputSpec::reception);
  if (spec == specs_.end()) return;
  const auto pids = ids_.assign(input.reception, spec->number, *cat);
  if (!pids) {
    notes_.log(Priority::error, "{}: no PIDs are left for its EMMs; they are not sent", input.reception.name);
    return;
  }
  auto place = std::ranges::find_if(entitlements_, [&](const auto& other) { return other->input == &input; });
  if (place == entitlements_.end()) {
    entitlements_.push_back(std::make_unique<Entitlements>());
    place = std::prev(entitlements_.end());
    (*place)->input = &input;
    (*place)->program = &context_.multiplexer.add_program(spec->priority * rank_step);
    (*place)->feed = make_feed(input.reception, *(*place)->program, nullptr);
  }
  ServiceFeed::Program program;
  program.source_pcr_pid = input.intake->any_pcr_pid().value_or(ts::null_pid);
  for (const auto& [from, to] : *pids) program.components.push_back({section_stream(from), to});
  (*place)->feed->set_program(program);
  (*place)->pids = *pids;
  ++changes_;
}

std::vector<MappedCat> Lineup::cats() const {
  std::vector<MappedCat> cats;
  for (const auto& entitlements : entitlements_) {
    const auto& cat = entitlements->input->intake->tracker().cat();
    if (cat) cats.push_back({&*cat, entitlements->pids});
  }
  return cats;
}

// The feeds of an input get its packets.
void Lineup::connect(std::size_t reception) {
  std::vector<ServiceFeed*> feeds;
  for (const auto& service : services_) {
    if (service->input.reception == reception) feeds.push_back(service->feed.get());
  }
  for (const auto& graft : grafts_) {
    if (graft->spec.reception == reception) feeds.push_back(graft->feed.get());
  }
  for (const auto& entitlements : entitlements_) {
    if (entitlements->input == &input_of(reception)) feeds.push_back(entitlements->feed.get());
  }
  input_of(reception).intake->set_feeds(std::move(feeds));
}

void Lineup::poll(ts::SteadyTime now) {
  now_ = now;
  for (const auto& input : inputs_) input->intake->poll(now);
  settle();
  if (now < next_look_) return;
  next_look_ = now + look_interval;
  look_for_new();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    watch(*inputs_[i], now);
    // PCRs that have come since then.
    const bool lacks_clock = std::ranges::any_of(
        services_, [&](const auto& service) { return service->input.reception == i && !service->feed->is_running(); });
    if (lacks_clock) update(i);
  }
  for (const auto& service : services_) watch(*service, now);
  give_up(now);
  if (now >= tell_missing_at_) tell_missing();
}

std::size_t Lineup::missing() const {
  const auto is_missing = [&](const InputSpec& spec) {
    return std::ranges::none_of(
        services_, [&](const auto& service) { return service->has_begun && service->input.is_same_service(spec); });
  };
  return static_cast<std::size_t>(std::ranges::count_if(specs_, is_missing));
}

// What is asked for of live inputs and has not come.
void Lineup::tell_missing() {
  tell_missing_at_ = ts::SteadyTime::max();
  for (const InputSpec& spec : specs_) {
    const Input& input = input_of(spec.reception);
    if (!input.reception.live || is_found(spec)) continue;
    const auto& tracker = input.intake->tracker();
    const std::string reason = !tracker.pat() ? "no PAT has come" : "it has " + services_text(tracker);
    cli::log(Priority::warning, "{}: is not there yet; {}", spec.subject(), reason);
  }
}

// What service=all brought, and its input no longer names.
void Lineup::give_up(ts::SteadyTime now) {
  for (std::size_t i = services_.size(); i-- > 0;) {
    Service& service = *services_[i];
    const auto& tracker = input_of(service.input.reception).intake->tracker();
    const bool is_away = service.state == Service::State::lost || !service.has_begun;
    const bool is_gone = service.input.all_services && is_away && tracker.find(service.source) == nullptr &&
                         now - service.alive > gone_noticed;
    if (!is_gone) continue;
    const std::size_t reception = service.input.reception;
    std::erase_if(grafts_, [&](const auto& graft) { return graft->target == &service || graft->carrier == &service; });
    remove(service);
    update(reception);
    ++changes_;
  }
}

void Lineup::settle() {
  for (const auto& service : services_) {
    service->feed->settle();
    announce(*service);
    if (service->has_begun || !carrier_of(*service).feed->is_running()) continue;
    service->has_begun = true;
    ++changes_;
  }
  for (const auto& graft : grafts_) graft->feed->settle();
  for (const auto& entitlements : entitlements_) entitlements->feed->settle();
}

void Lineup::need(mux::MultiplexTime until) {
  for (const auto& input : inputs_) input->intake->need(until);
  settle();
}

void Lineup::watch(Service& service, ts::SteadyTime now) {
  if (!service.has_begun) return;
  const Input& input = input_of(service.input.reception);
  const Service& carrier = carrier_of(service);
  const std::uint64_t packets = carrier.feed->figures().packets;
  const bool is_alive = std::exchange(service.packets, packets) != packets ||
                        (!input.reception.live && (!input.intake->ended() || carrier.program->queued() > 0));
  if (is_alive) {
    if (service.state == Service::State::lost) {
      service.state = Service::State::running;
      loss_notes_.log(Priority::notice, "service {}: packets come again, after {}", id_text(service.ids.service),
                      cli::human_duration(now - service.alive));
      ++changes_;
    }
    service.alive = now;
    return;
  }
  const bool is_over = !input.reception.live || input.intake->ended();
  if (service.state == Service::State::lost || (!is_over && now - service.alive < loss_noticed)) return;
  service.state = Service::State::lost;
  service.feed->pause(service.is_announced());
  ++changes_;
  const std::string reason =
      is_over ? "its input has ended" : fmt::format("no packets for {}", cli::human_duration(loss_noticed));
  loss_notes_.log(Priority::warning, "service {}: {}; {}", id_text(service.ids.service), reason,
                  service.input.on_loss == OnLoss::keep ? "it stays in the tables as not running"
                                                        : "it is taken out of the tables");
}

void Lineup::watch(Input& input, ts::SteadyTime now) {
  if (!input.reception.live) return;
  const auto last = input.intake->last_arrival();
  const bool silent = !last || now - *last > loss_noticed;
  if (std::exchange(input.silent, silent) == silent || !silent) return;
  const std::string trouble = input.intake->trouble();
  loss_notes_.log(Priority::warning, "{}: no packets{}{}; waiting", input.reception.name, trouble.empty() ? "" : ", ",
                  trouble);
}

bool Lineup::is_finished() const {
  const auto has_ended = [&](const InputSpec& spec) { return input_of(spec.reception).intake->ended(); };
  const auto is_sent = [](const auto& service) { return service->program->queued() == 0; };
  return std::ranges::all_of(specs_, has_ended) && std::ranges::all_of(services_, is_sent);
}

std::optional<std::string> Lineup::failure() const {
  for (const auto& input : inputs_) {
    if (!input->intake->failure().empty()) return input->intake->failure();
  }
  return std::nullopt;
}

}  // namespace tsmux
