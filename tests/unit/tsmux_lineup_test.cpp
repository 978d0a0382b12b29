#include "tools/tsmux/lineup.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/mux/multiplexer.hpp"
#include "common/mux/section_carousel.hpp"
#include "tests/support/si_section.hpp"
#include "tests/support/stream_builder.hpp"
#include "tests/unit/tsmux_receiver.hpp"

namespace tsmux {
namespace {

using namespace std::chrono_literals;
using support::ServiceOptions;
using support::StreamBuilder;

constexpr ts::Ticks27 ticks(std::chrono::nanoseconds time) { return std::chrono::duration_cast<ts::Ticks27>(time); }

// A stream in memory: all there at once, as of a file, or as it is given.
class Stream {
 public:
  void add(const std::vector<ts::Packet>& packets, ts::SteadyTime arrival = {}) {
    const std::lock_guard lock{mutex_};
    parts_.push_back({packets, arrival});
    changed_.notify_all();
  }
  void close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
  }

 private:
  friend class StreamSource;
  struct Part {
    std::vector<ts::Packet> packets;
    ts::SteadyTime arrival;
  };
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Part> parts_;
  bool closed_ = false;
};

class StreamSource : public io::Source {
 public:
  explicit StreamSource(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  std::span<const io::Chunk> read(std::chrono::milliseconds timeout) override {
    std::unique_lock lock{stream_->mutex_};
    stream_->changed_.wait_for(lock, timeout, [&] { return next_ < stream_->parts_.size() || stream_->closed_; });
    if (next_ == stream_->parts_.size()) {
      ended_ = stream_->closed_;
      return {};
    }
    const Stream::Part& part = stream_->parts_[next_];
    packets_.assign(part.packets.begin() + static_cast<std::ptrdiff_t>(at_),
                    part.packets.begin() + static_cast<std::ptrdiff_t>(std::min(at_ + 100, part.packets.size())));
    chunk_ = {packets_, {part.arrival, {}}, false};
    at_ += packets_.size();
    if (at_ == part.packets.size()) {
      ++next_;
      at_ = 0;
    }
    return {&chunk_, 1};
  }
  bool ended() const override { return ended_; }
  bool is_live() const override { return false; }
  io::SourceStatistics statistics() const override { return {}; }

 private:
  std::shared_ptr<Stream> stream_;
  std::size_t next_ = 0, at_ = 0;
  bool ended_ = false;
  std::vector<ts::Packet> packets_;
  io::Chunk chunk_;
};

class LineupTest : public testing::Test {
 protected:
  void file(const std::string& name, const std::vector<ts::Packet>& packets) {
    streams_[name] = std::make_shared<Stream>();
    streams_[name]->add(packets);
    streams_[name]->close();
  }
  static Options options_of(const std::vector<std::string>& inputs, const std::vector<std::string>& components = {}) {
    Options options;
    for (const auto& text : inputs) options.inputs.push_back(InputSpec::parse(text));
    for (const auto& text : components) options.components.push_back(ComponentSpec::parse(text));
    options.receptions = join(options.inputs, options.components, 200ms);
    return options;
  }
  void configure(const std::vector<std::string>& inputs, const std::vector<std::string>& components = {}) {
    lineup().configure(options_of(inputs, components));
  }
  // Until all is found that can be.
  std::string look() {
    for (int i = 0; i < 10 && !lineup().has_all(); ++i) lineup().look(now_);
    return lineup().problem();
  }
  void begin(const std::vector<std::string>& inputs, const std::vector<std::string>& components = {}) {
    configure(inputs, components);
    ASSERT_EQ(look(), "");
    lineup().begin();
  }
  void run(std::chrono::nanoseconds duration) {
    const mux::MultiplexTime end = multiplexer_.now() + ticks(duration);
    std::vector<ts::Packet> out;
    while (multiplexer_.now() < end) {
      now_ += 20ms;
      lineup().poll(now_);
      lineup().need(multiplexer_.now() + ticks(250ms));
      out.clear();
      const std::uint64_t first = multiplexer_.position();
      multiplexer_.run(multiplexer_.rate().packet_at(multiplexer_.now() + ticks(20ms)) - first, out);
      for (std::size_t i = 0; i < out.size(); ++i) received_.take(out[i], multiplexer_.rate().time_of(first + i));
    }
  }
  Lineup& lineup() {
    if (!lineup_) {
      lineup_ = std::make_unique<Lineup>(
          Lineup::Context{.multiplexer = multiplexer_,
                          .time_base = time_base_,
                          .live = live_,
                          .ahead = ticks(50ms),
                          .open = [this](const Reception& reception) -> std::unique_ptr<io::Source> {
                            const auto found = streams_.find(reception.endpoint.path);
                            if (found == streams_.end()) throw std::runtime_error(reception.name + ": no such stream");
                            return std::make_unique<StreamSource>(found->second);
                          },
                          .on_event = [](const Lineup::Service&, const ts::Section&) {}},
          ids_);
    }
    return *lineup_;
  }
  const Lineup::Service& service(std::size_t i = 0) { return *lineup().services().at(i); }

  std::map<std::string, std::shared_ptr<Stream>> streams_;
  mux::SectionCarousel carousel_;
  mux::Multiplexer multiplexer_{{.bit_rate = 8'000'000, .ahead = ticks(50ms)}, carousel_};
  TimeBase time_base_;
  bool live_ = false;
  IdMap ids_;
  Receiver received_;
  ts::SteadyTime now_ = std::chrono::steady_clock::now();
  std::unique_ptr<Lineup> lineup_;
};

std::vector<ts::Packet> stream_of(std::initializer_list<unsigned> services, std::chrono::nanoseconds duration = 10s) {
  StreamBuilder builder;
  for (const unsigned n : services) builder.add(ServiceOptions::numbered(n));
  return builder.make(duration);
}

TEST_F(LineupTest, TakesTheOnlyService) {
  file("a", stream_of({1}));
  begin({"a"});
  run(5s);
  ASSERT_EQ(lineup().services().size(), 1u);
  EXPECT_EQ(service().ids.service, psi::ServiceId{0x0101});
  EXPECT_EQ(service().pmt.streams.size(), 3u);
  EXPECT_GT(received_.packets[ts::Pid{0x101}], 500u);
  EXPECT_EQ(received_.all_lost(), 0u);
  EXPECT_FALSE(lineup().is_finished());
  run(8s);
  EXPECT_TRUE(lineup().is_finished());
  EXPECT_EQ(received_.stamps[ts::Pid{0x101}].size(), 250u) << "to the last picture";
}

TEST_F(LineupTest, TakesTheServicesThatAreAskedFor) {
  file("a", stream_of({1, 2, 3}));
  begin({"a,service=0x102,newsid=0x777", "a,service=0x103"});
  run(3s);
  ASSERT_EQ(lineup().services().size(), 2u);
  EXPECT_EQ(service(0).ids.service, psi::ServiceId{0x777});
  EXPECT_GT(received_.packets[service(0).ids.pids.at(ts::Pid{0x201})], 100u);
  EXPECT_GT(received_.packets[service(1).ids.pids.at(ts::Pid{0x301})], 100u);
  EXPECT_EQ(received_.packets[ts::Pid{0x101}], 0u);
}

TEST_F(LineupTest, TakesAll) {
  file("a", stream_of({1, 2, 3}));
  begin({"a,service=all"});
  run(5s);
  ASSERT_EQ(lineup().services().size(), 3u);
  for (unsigned i = 0; i < 3; ++i) EXPECT_GT(received_.packets[ts::Pid{0x101 + 0x100 * i}], 300u);
  EXPECT_EQ(received_.all_lost(), 0u);
}

TEST_F(LineupTest, SaysWhatIsToBeChosen) {
  file("a", stream_of({1, 2}));
  configure({"a"});
  const std::string problem = look();
  EXPECT_NE(problem.find("a: holds 2 services"), std::string::npos) << problem;
  EXPECT_NE(problem.find("service=SID"), std::string::npos) << problem;
  EXPECT_NE(problem.find("0x0102 (258) \"Service 2\""), std::string::npos) << problem;
}

TEST_F(LineupTest, SaysWhatIsMissing) {
  file("a", stream_of({1, 2}));
  configure({"a,service=7"});
  EXPECT_NE(look().find("a: no service 0x0007 (7) in it; it has 0x0101"), std::string::npos) << look();
  file("empty", {});
  configure({"empty"});
  EXPECT_EQ(look(), "empty: no transport stream packets in it");
  file("null", std::vector<ts::Packet>(1000, ts::Packet::null()));
  configure({"null"});
  EXPECT_EQ(look(), "null: no PAT in it");
  EXPECT_THROW(configure({"nowhere"}), std::runtime_error);
}

TEST_F(LineupTest, FollowsThePmt) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  auto packets = builder.make(3s);
  auto changed = builder.service(psi::ServiceId{0x0101});
  changed.audio.push_back({ts::Pid{0x109}, "deu"});
  builder.replace(changed);
  const auto more = builder.make(4s);
  packets.insert(packets.end(), more.begin(), more.end());
  changed.audio = {{ts::Pid{0x10A}, "fra"}};  // the same sound on another PID
  builder.replace(changed);
  const auto last = builder.make(4s);
  packets.insert(packets.end(), last.begin(), last.end());
  file("a", packets);
  begin({"a"});
  const auto changes = lineup().changes();
  run(5s);
  EXPECT_EQ(service().pmt.streams.size(), 4u);
  EXPECT_GT(lineup().changes(), changes);
  EXPECT_GT(received_.packets[ts::Pid{0x109}], 50u);
  run(8s);
  EXPECT_EQ(service().pmt.streams.size(), 2u);
  EXPECT_GT(received_.packets[ts::Pid{0x10A}], 100u);
  EXPECT_EQ(received_.all_lost(), 0u);
  EXPECT_EQ(received_.stamps[ts::Pid{0x101}].size(), 275u);
}

TEST_F(LineupTest, FollowsTheOnlyServiceUnderAnotherId) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  auto packets = builder.make(3s);
  builder.remove(psi::ServiceId{0x0101});
  auto renamed = ServiceOptions::numbered(1);
  renamed.id = psi::ServiceId{0x0999};
  renamed.start_pcr = ts::Pcr{ticks(1h)};
  builder.add(renamed);
  const auto more = builder.make(5s);
  packets.insert(packets.end(), more.begin(), more.end());
  file("a", packets);
  begin({"a"});
  run(6s);
  ASSERT_EQ(lineup().services().size(), 1u);
  EXPECT_EQ(service().source, psi::ServiceId{0x0999});
  EXPECT_EQ(service().ids.service, psi::ServiceId{0x0101}) << "stays in the multiplex";
  EXPECT_GT(received_.packets[ts::Pid{0x101}], 700u);
  EXPECT_EQ(received_.all_lost(), 0u);
}

TEST_F(LineupTest, AServiceThatComesAgainGoesOn) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  builder.add(ServiceOptions::numbered(2));
  auto packets = builder.make(3s);
  builder.remove(psi::ServiceId{0x0102});
  auto more = builder.make(3s);
  packets.insert(packets.end(), more.begin(), more.end());
  builder.add(ServiceOptions::numbered(2));
  builder.add(ServiceOptions::numbered(3));
  more = builder.make(4s);
  packets.insert(packets.end(), more.begin(), more.end());
  file("a", packets);
  begin({"a,service=all"});
  run(5s);
  const auto before = received_.packets[ts::Pid{0x201}];
  run(8s);
  EXPECT_EQ(lineup().services().size(), 3u);
  EXPECT_GT(received_.packets[ts::Pid{0x201}], before + 300);
  EXPECT_GT(received_.packets[ts::Pid{0x301}], 300u);
  EXPECT_EQ(received_.all_lost(), 0u);
}

TEST_F(LineupTest, ServicesWithoutAClockGoByAnother) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  auto without = ServiceOptions::numbered(2);
  without.video_pid.reset();
  without.pcr_pid = ts::null_pid;
  builder.add(without);
  file("a", builder.make(8s));
  configure({"a,service=all"});
  look();
  lineup().begin();
  run(6s);
  EXPECT_GT(received_.packets[ts::Pid{0x202}], 200u);
  EXPECT_EQ(received_.packets[ts::Pid{0x201}], 0u) << "no PCRs";
}

// The PMTs of a stream name another PCR PID.
std::vector<ts::Packet> with_wrong_pcr_pid(StreamBuilder& builder, std::chrono::nanoseconds duration) {
  auto packets = builder.make(duration);
  auto pmt = builder.pmt(psi::ServiceId{0x0101});
  pmt.pcr_pid = ts::Pid{0x1F0};
  ts::SectionPacketizer packetizer{ts::Pid{0x100}};
  for (auto& packet : packets) {
    if (packet.pid() != ts::Pid{0x100}) continue;
    std::vector<ts::Packet> changed;
    packetizer.packetize(psi::sections(pmt), changed);
    packet = changed.front();
  }
  return packets;
}

TEST_F(LineupTest, FindsPcrsThatThePmtDoesNotName) {
  StreamBuilder builder;
  auto options = ServiceOptions::numbered(1);
  builder.add(options);
  file("a", with_wrong_pcr_pid(builder, 8s));
  begin({"a"});
  run(5s);
  EXPECT_EQ(service().pmt.pcr_pid, ts::Pid{0x101});
  EXPECT_GT(received_.pcrs.size(), 100u);
  EXPECT_GT(received_.packets[ts::Pid{0x101}], 500u);
}

TEST_F(LineupTest, SendsWhatServicesShareOnce) {
  StreamBuilder builder;
  auto first = ServiceOptions::numbered(1), second = ServiceOptions::numbered(2), third = ServiceOptions::numbered(3);
  const psi::Descriptor ca{.tag = 0x09, .data = {0x06, 0x04, 0xE1, 0x50}};  // ECMs on PID 0x150
  first.descriptors = second.descriptors = {ca};
  first.section_pids = {ts::Pid{0x150}};
  second.other_streams = {{.type = 0x06, .pid = ts::Pid{0x160}, .descriptors = {}}};
  second.audio[0].pid = ts::Pid{0x102};  // sound of the first
  // The third has picture and PCRs of the first, and sound of its own.
  third.video_pid.reset();
  third.pcr_pid = ts::Pid{0x101};
  third.start_pcr = first.start_pcr;
  for (const auto& options : {first, second, third}) builder.add(options);
  const auto packets = builder.make(10s);
  file("a", packets);
  begin({"a,service=all"});
  run(9s);
  for (const auto& each : lineup().services()) EXPECT_EQ(each->state, Lineup::Service::State::running);
  run(4s);
  ASSERT_TRUE(lineup().is_finished());
  std::map<ts::Pid, std::uint64_t> in;
  for (const auto& packet : packets) in[packet.pid()] += packet.has_payload() ? 1u : 0u;
  for (const unsigned pid : {0x102u, 0x103u, 0x150u, 0x160u, 0x201u, 0x203u, 0x302u, 0x303u}) {
    EXPECT_GE(received_.packets[ts::Pid{pid}] + 60, in[ts::Pid{pid}]) << pid;
    EXPECT_LE(received_.packets[ts::Pid{pid}], in[ts::Pid{pid}] + (pid == 0x201 ? 400 : 0)) << pid;
  }
  EXPECT_EQ(received_.all_lost(), 0u);
}

TEST_F(LineupTest, SendsForOneServiceWhatAnotherThatSharesItLeavesOut) {
  StreamBuilder builder;
  auto second = ServiceOptions::numbered(2);
  second.audio[0].pid = ts::Pid{0x102};
  builder.add(ServiceOptions::numbered(1));
  builder.add(second);
  auto packets = builder.make(4s);
  file("dropped", packets);
  // In the other stream it leaves the first service's PMT.
  auto first = ServiceOptions::numbered(1);
  first.audio.erase(first.audio.begin());
  builder.replace(first);
  const auto more = builder.make(4s);
  packets.insert(packets.end(), more.begin(), more.end());
  file("leaves", packets);
  begin({"dropped,service=0x101,drop=0x102", "dropped,service=0x102", "leaves,service=0x101,newsid=1",
         "leaves,service=0x102,newsid=2"});
  run(4s);
  EXPECT_GT(received_.packets[service(1).ids.pids.at(ts::Pid{0x102})], 200u);
  const ts::Pid pid = service(3).ids.pids.at(ts::Pid{0x102});
  const auto before = received_.packets[pid];
  run(4s);
  EXPECT_GT(received_.packets[pid], before + 100);
  EXPECT_LE(received_.lost[pid], 15u) << "once, as it changes hands";
}

TEST_F(LineupTest, KeepsTwoInputsOfEqualPidsApart) {
  file("a", stream_of({1}));
  file("b", stream_of({1}));
  begin({"a", "b"});
  run(5s);
  ASSERT_EQ(lineup().services().size(), 2u);
  EXPECT_NE(service(0).ids.service, service(1).ids.service);
  std::set<ts::Pid> pids{service(0).ids.pmt_pid, service(1).ids.pmt_pid};
  for (const auto& each : lineup().services()) {
    for (const auto& [from, to] : each->ids.pids) {
      EXPECT_TRUE(pids.insert(to).second) << to.value();
      EXPECT_GT(received_.packets[to], 150u);
    }
  }
  EXPECT_EQ(received_.all_lost(), 0u);
}

TEST_F(LineupTest, AComponentOfAnotherInputJoinsAService) {
  file("a", stream_of({1}, 20s));
  StreamBuilder builder;
  auto options = ServiceOptions::numbered(5);
  options.other_streams = {{.type = 0x06, .pid = ts::Pid{0x550}, .descriptors = {{.tag = 0x56, .data = {}}}}};
  builder.add(options);
  file("b", builder.make(20s));
  begin({"a"}, {"b,pid=0x550,to=0x101"});
  run(5s);
  configure({"a"}, {"b,pid=0x550,to=0x101"});  // the same
  run(5s);
  ASSERT_EQ(lineup().services().size(), 1u);
  ASSERT_EQ(service().pmt.streams.size(), 4u);
  const ts::Pid pid = service().pmt.streams.back().pid;
  EXPECT_GT(received_.packets[pid], 80u);
  ASSERT_GT(received_.leads[pid].size(), 80u);
  for (const double lead : received_.leads[pid]) EXPECT_NEAR(lead, 0.43, 0.06);
  // It goes, and the service stays as it is.
  configure({"a"});
  const auto before = received_.packets[pid];
  run(5s);
  EXPECT_EQ(received_.packets[pid], before);
  EXPECT_EQ(service().pmt.streams.size(), 3u);
  EXPECT_EQ(received_.all_lost(), 0u);
}

TEST_F(LineupTest, AnotherConfigurationLeavesAloneWhatStays) {
  file("a", stream_of({1}, 20s));
  file("b", stream_of({2}, 20s));
  file("c", stream_of({3}, 20s));
  begin({"a", "b"});
  run(5s);
  const Lineup::Service* stays = &service(1);
  const auto sent = received_.packets[ts::Pid{0x201}];
  configure({"c", "b"});
  run(5s);
  ASSERT_EQ(lineup().services().size(), 2u);
  EXPECT_TRUE(&service(0) == stays || &service(1) == stays);
  EXPECT_GT(received_.packets[ts::Pid{0x201}], sent + 500);
  EXPECT_EQ(received_.lost[ts::Pid{0x201}], 0u);
  EXPECT_GT(received_.packets[ts::Pid{0x301}], 400u);
  // What cannot be opened changes nothing.
  EXPECT_THROW(configure({"nowhere", "b"}), std::runtime_error);
  const auto third = received_.packets[ts::Pid{0x301}];
  run(3s);
  EXPECT_GT(received_.packets[ts::Pid{0x301}], third + 200);
  for (const auto& [pid, lost] : received_.lost) EXPECT_EQ(lost, 0u) << pid.value();
}

TEST_F(LineupTest, EndsAFileThatHasNoClockAndIsNoEndlessLoop) {
  auto packets = stream_of({1}, 20s);
  for (auto& packet : packets) {
    if (packet.pcr()) packet.bytes[5] &= 0xEF;
  }
  file("a", packets);
  configure({"a"});
  EXPECT_EQ(look(), "a: no program clock (PCR) in it to play it by");
}

class LiveLineupTest : public LineupTest {
 protected:
  LiveLineupTest() {
    live_ = true;
    time_base_ = TimeBase{now_};
    streams_["a"] = std::make_shared<Stream>();
  }
  // So much of the stream comes, and is taken.
  void receive(StreamBuilder& builder, std::chrono::nanoseconds duration) {
    for (const ts::SteadyTime end = now_ + duration; now_ < end;) {
      const auto packets = builder.make(20ms);
      streams_["a"]->add(packets, now_);
      sent_ += packets.size();
      while (lineup().inputs()[0]->intake->figures().packets < sent_) {
        lineup().poll(now_);
        if (!begun_) lineup().look(now_);
        std::this_thread::yield();
      }
      run(20ms);
    }
  }
  std::uint64_t sent_ = 0;
  bool begun_ = false;
};

TEST_F(LiveLineupTest, TellsWhenAServiceIsLostAndComesAgain) {
  for (const std::string on_loss : {"keep", "remove"}) {
    StreamBuilder builder;
    builder.add(ServiceOptions::numbered(1));
    configure({"a,live=yes,on-loss=" + on_loss});
    sent_ = 0;
    streams_["a"]->add(builder.make(500ms), now_);
    while (!lineup().has_all()) {
      lineup().look(now_);
      std::this_thread::yield();
    }
    sent_ = lineup().inputs()[0]->intake->figures().packets;
    lineup().begin();
    begun_ = true;
    receive(builder, 3s);
    EXPECT_EQ(service().state, Lineup::Service::State::running);
    EXPECT_GT(received_.pcrs.size(), 50u);
    run(1900ms);
    EXPECT_EQ(service().state, Lineup::Service::State::running);
    const auto changes = lineup().changes();
    run(300ms);
    EXPECT_EQ(service().state, Lineup::Service::State::lost);
    EXPECT_EQ(service().is_announced(), on_loss == "keep");
    EXPECT_GT(lineup().changes(), changes);
    EXPECT_TRUE(lineup().inputs()[0]->silent);
    run(1s);
    const auto pcrs = received_.pcrs.size();
    run(2s);
    EXPECT_EQ(received_.pcrs.size() > pcrs, on_loss == "keep") << "its clock goes on as long as it is announced";
    receive(builder, 3s);
    EXPECT_EQ(service().state, Lineup::Service::State::running);
    EXPECT_TRUE(service().is_announced());
    EXPECT_GT(received_.pcrs.size(), pcrs + 50);
    EXPECT_EQ(lineup().services().size(), 1u);
    lineup_.reset();
    streams_["a"] = std::make_shared<Stream>();
    received_ = {};
    begun_ = false;
  }
}

TEST_F(LiveLineupTest, EndsWithItsInput) {
  StreamBuilder builder;
  builder.add(ServiceOptions::numbered(1));
  configure({"a,live=yes"});
  begun_ = true;
  lineup().begin();
  receive(builder, 2s);
  streams_["a"]->close();
  while (!lineup().inputs()[0]->intake->ended()) {
    lineup().poll(now_);
    std::this_thread::yield();
  }
  EXPECT_EQ(lineup().inputs()[0]->intake->figures().packets, sent_) << "to the last packet";
  run(1s);
  EXPECT_TRUE(lineup().is_finished());
  EXPECT_EQ(lineup().failure(), std::nullopt);
}

}  // namespace
}  // namespace tsmux
