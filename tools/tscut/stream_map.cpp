#include "tools/tscut/stream_map.hpp"

#include <algorithm>

#include "common/psi/elementary_stream.hpp"
#include "common/psi/tables.hpp"

namespace tscut {

void StreamMap::clear() {
  uses_.fill({});
  uses_[ts::pat_pid.value()].content = Content::table;
}

std::uint16_t StreamMap::index_of(psi::ServiceId id) {
  const auto known = std::find_if(programmes_.begin(), programmes_.end(), [&](const auto& p) { return p.id == id; });
  if (known == programmes_.end()) {
    programmes_.push_back({id, ts::null_pid, {}});
    return static_cast<std::uint16_t>(programmes_.size() - 1);
  }
  return static_cast<std::uint16_t>(known - programmes_.begin());
}

void StreamMap::use(ts::Pid pid, Content content, std::uint16_t programme) {
  if (pid == ts::null_pid) return;
  Use& entry = uses_[pid.value()];
  entry.listed = true;
  if (entry.content == Content::unlisted) entry.content = content;
  if (entry.programme == no_programme) entry.programme = programme;
}

void StreamMap::use_conditional_access(const psi::Descriptors& descriptors, std::uint16_t programme) {
  for (const ts::Pid pid : psi::conditional_access_pids(descriptors)) use(pid, Content::unlisted, programme);
}

void StreamMap::add(const psi::Service& service) {
  const std::uint16_t index = index_of(service.id);
  use(service.pmt_pid, Content::table, index);
  if (!service.pmt) return;
  Programme& programme = programmes_[index];
  programme.pcr_pid = service.pmt->pcr_pid;
  use_conditional_access(service.pmt->descriptors, index);
  for (const auto& stream : service.pmt->streams) {
    const psi::StreamKind kind = psi::describe(stream).kind;
    const bool video = kind == psi::StreamKind::video;
    if (video) programme.videos.push_back({stream.pid, psi::video_codec(stream)});
    use(stream.pid, video ? Content::video : kind == psi::StreamKind::audio ? Content::audio : Content::other, index);
    use_conditional_access(stream.descriptors, index);
  }
  use(programme.pcr_pid, Content::unlisted, index);
  if (programme.pcr_pid != ts::null_pid) uses_[programme.pcr_pid.value()].pcr = true;
}

void StreamMap::update(const psi::ServiceTracker& tables) {
  clear();
  for (auto& programme : programmes_) programme = {programme.id, ts::null_pid, {}};
  for (const auto& [id, service] : tables.services()) {
    if (!only_ || id == *only_) add(service);
  }
}

std::vector<VideoStream> StreamMap::videos() const {
  std::vector<VideoStream> all;
  for (const auto& programme : programmes_) all.insert(all.end(), programme.videos.begin(), programme.videos.end());
  return all;
}

namespace {

std::vector<psi::SectionBytes> reduced_pat(psi::Pat pat, psi::ServiceId only) {
  std::erase_if(pat.services, [&](const auto& entry) { return entry.service != only; });
  return psi::sections(pat);
}

std::vector<psi::SectionBytes> reduced_sdt(psi::Sdt sdt, psi::ServiceId only) {
  std::erase_if(sdt.services, [&](const auto& entry) { return entry.service != only; });
  return psi::sections(sdt);
}

void append(std::vector<Table>& tables, ts::Pid pid, const std::vector<psi::SectionBytes>& sections) {
  if (sections.empty()) return;
  auto same = std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.pid == pid; });
  if (same == tables.end()) same = tables.insert(same, Table{pid, {}});
  same->sections.insert(same->sections.end(), sections.begin(), sections.end());
}

}  // namespace

std::vector<Table> tables_in_force(const psi::ServiceTracker& tables, std::optional<psi::ServiceId> only) {
  std::vector<Table> result;
  if (tables.pat()) append(result, ts::pat_pid, only ? reduced_pat(*tables.pat(), *only) : tables.pat_sections());
  for (const auto& [id, service] : tables.services()) {
    if (!only || id == *only) append(result, service.pmt_pid, service.pmt_sections);
  }
  if (tables.sdt()) append(result, ts::sdt_pid, only ? reduced_sdt(*tables.sdt(), *only) : tables.sdt_sections());
  return result;
}

}  // namespace tscut
