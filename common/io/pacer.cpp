#include "common/io/pacer.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <thread>

#include "common/io/datagram_queue.hpp"
#include "common/io/datagram_sender.hpp"
#include "common/io/futex.hpp"
#include "common/io/thread.hpp"

namespace io {

namespace {

using std::chrono::nanoseconds;
using ts::SteadyTime;

constexpr nanoseconds late_from = std::chrono::milliseconds{1};
constexpr SteadyTime never = SteadyTime::max();
constexpr SteadyTime awake = SteadyTime::min();
constexpr nanoseconds longest_sleep = std::chrono::seconds{10};  // keeps `now + sleep` from overflowing
constexpr int realtime_priority = 50;  // as threaded interrupts: above what serves files, below the kernel's watchdogs

SteadyTime now() { return std::chrono::steady_clock::now(); }

// How much sooner to ask for a wake-up than it is needed: a high quantile of how late wake-ups come, so that the rest,
// which the thread spins away, stays short. Bounded, so that a loaded machine costs no more than that a datagram.
class WakeUpLead {
 public:
  nanoseconds get() const { return lead_; }
  void learn(nanoseconds overshoot) {
    // Steps of 9 up and 1 down settle where nine of ten wake-ups come earlier.
    lead_ += overshoot > lead_ ? 9 * step : -step;
    lead_ = std::clamp(lead_, nanoseconds{0}, longest);
  }

 private:
  static constexpr nanoseconds step{200};
  static constexpr nanoseconds longest = std::chrono::microseconds{100};
  nanoseconds lead_ = std::chrono::microseconds{50};
};

void spin_until(SteadyTime time) {
  while (now() < time) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

}  // namespace

class Pacer::Channel {
 public:
  Channel(std::unique_ptr<DatagramSender> sender, std::size_t bound) : sender_(std::move(sender)), queue_(bound) {}

  // The submitting thread's.
  bool push(std::span<const std::uint8_t> datagram, SteadyTime due) {
    if (queue_.push(datagram, due)) return true;
    overflows_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  // True once no more than `left` datagrams are queued.
  bool wait_until_left(std::size_t left, SteadyTime deadline) {
    while (queue_.size() > left) {
      if (now() >= deadline) return false;
      const std::uint32_t seen = rounds_.load();
      waiting_.store(true);
      if (queue_.size() > left) futex_wait_until(rounds_, seen, deadline);
    }
    return true;
  }
  std::size_t bound() const { return queue_.bound(); }

  // The sending thread's.
  SteadyTime next_due() {
    const auto slots = queue_.front();
    return slots.empty() ? never : slots.front().due;
  }
  // Sends all that is due by `limit`.
  void send_until(SteadyTime limit) {
    std::array<DatagramSender::Datagram, DatagramSender::largest_batch> batch;
    while (true) {
      const auto slots = queue_.front();
      std::size_t count = 0;
      while (count < std::min(slots.size(), batch.size()) && slots[count].due <= limit) {
        batch[count] = slots[count].datagram();
        ++count;
      }
      if (count == 0) return;
      send(slots.first(count), std::span{batch}.first(count));
      queue_.pop(count);
      rounds_.fetch_add(1);
      if (waiting_.exchange(false)) futex_wake(rounds_);
    }
  }

  PacerStatistics statistics() const {
    return {.datagrams = datagrams_.load(std::memory_order_relaxed),
            .late = late_.load(std::memory_order_relaxed),
            .overflows = overflows_.load(std::memory_order_relaxed),
            .send_errors = send_errors_.load(std::memory_order_acquire),
            .refused_bytes = refused_bytes_.load(std::memory_order_relaxed),
            .worst_lateness = nanoseconds(worst_lateness_.load(std::memory_order_relaxed))};
  }

 private:
  void send(std::span<const DatagramQueue::Slot> slots, std::span<const DatagramSender::Datagram> batch) {
    const SteadyTime at = now();
    const auto lost = sender_->send(batch);
    datagrams_.fetch_add(batch.size() - lost.datagrams, std::memory_order_relaxed);
    // Bytes first: who reads finds no datagram without its bytes.
    refused_bytes_.fetch_add(lost.bytes, std::memory_order_relaxed);
    send_errors_.fetch_add(lost.datagrams, std::memory_order_release);
    for (const auto& slot : slots) {
      const nanoseconds lateness = at - slot.due;
      if (lateness > late_from) late_.fetch_add(1, std::memory_order_relaxed);
      if (lateness.count() > worst_lateness_.load(std::memory_order_relaxed)) worst_lateness_.store(lateness.count());
    }
  }

  std::unique_ptr<DatagramSender> sender_;
  DatagramQueue queue_;
  std::atomic<std::uint32_t> rounds_{0};  // counts sendings; waited on
  std::atomic<bool> waiting_{false};
  std::atomic<std::uint64_t> datagrams_{0}, late_{0}, overflows_{0}, send_errors_{0}, refused_bytes_{0};
  std::atomic<std::int64_t> worst_lateness_{0};
};

class Pacer::Thread {
 public:
  explicit Thread(const Options& options) : options_(options) {}

  ~Thread() {
    stop_ = true;
    wake();
    if (thread_.joinable()) thread_.join();
  }

  Channel& open(const Endpoint& endpoint, std::size_t bound) {
    auto sender = open_sender(endpoint);
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) start();
    return channels_.emplace_back(std::move(sender), bound);
  }

  void close(Channel& channel) {
    const std::lock_guard lock(mutex_);
    channels_.remove_if([&channel](const Channel& other) { return &other == &channel; });
  }

  // Either the sending thread sees the datagram before it sleeps, or this sees for when it sleeps: the queue and
  // asleep_until_ are written and read in one order by both.
  void notice(SteadyTime due) {
    if (due < asleep_until_.load()) wake();
  }

  bool drain(SteadyTime deadline) {
    for (Channel& channel : channels_) {
      if (!channel.wait_until_left(0, deadline)) return false;
    }
    return true;
  }

  bool realtime_refused() const { return realtime_refused_; }

 private:
  void start() {
    thread_ = start_thread("pacer", [this] { run(); });
    if (!options_.realtime) return;
    const sched_param parameters{.sched_priority = realtime_priority};
    realtime_refused_ = ::pthread_setschedparam(thread_.native_handle(), SCHED_FIFO, &parameters) != 0;
  }

  void wake() {
    wakes_.fetch_add(1);
    futex_wake(wakes_);
  }

  // Who coalesces wants few wake-ups, not exact ones.
  nanoseconds lead() const { return options_.coalesce.count() > 0 ? nanoseconds{0} : lead_.get(); }

  void run() {
    // Sleeps of ordinary threads are stretched by up to 50 us to save wake-ups (prctl(2)).
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    while (!stop_) {
      const std::uint32_t wakes = wakes_.load();
      const SteadyTime due = next_due();
      const SteadyTime at = now();
      if (due <= at + lead()) {
        spin_until(due);
        send_until(std::max(due, at) + options_.coalesce);
      } else {
        sleep_until(due, wakes);
      }
    }
  }

  SteadyTime next_due() {
    const std::lock_guard lock(mutex_);
    SteadyTime first = never;
    for (Channel& channel : channels_) first = std::min(first, channel.next_due());
    return first;
  }

  void send_until(SteadyTime limit) {
    const std::lock_guard lock(mutex_);
    for (Channel& channel : channels_) channel.send_until(limit);
  }

  void sleep_until(SteadyTime due, std::uint32_t wakes) {
    asleep_until_.store(due);
    const SteadyTime until = std::min(due, now() + longest_sleep) - lead();
    if (next_due() >= due) futex_wait_until(wakes_, wakes, until);
    asleep_until_.store(awake);
    if (const nanoseconds overshoot = now() - until; overshoot.count() >= 0) lead_.learn(overshoot);
  }

  const Options options_;
  WakeUpLead lead_;
  std::mutex mutex_;  // of the list; the sending thread holds it but for its sleeps
  std::list<Channel> channels_;
  std::atomic<std::uint32_t> wakes_{0};
  std::atomic<SteadyTime> asleep_until_{awake};
  std::atomic<bool> stop_{false};
  bool realtime_refused_ = false;
  std::thread thread_;
};

Pacer::Pacer() : Pacer(Options{}) {}
Pacer::Pacer(const Options& options) : thread_(std::make_unique<Thread>(options)) {}
Pacer::~Pacer() = default;

Pacer::Channel& Pacer::open(const Endpoint& endpoint, std::size_t bound) { return thread_->open(endpoint, bound); }
void Pacer::close(Channel& channel) { thread_->close(channel); }

bool Pacer::submit(Channel& channel, std::span<const std::uint8_t> datagram, ts::SteadyTime due) {
  if (!channel.push(datagram, due)) return false;
  thread_->notice(due);
  return true;
}

bool Pacer::wait_for_room(Channel& channel, std::chrono::milliseconds timeout) {
  return channel.wait_until_left(channel.bound() - 1, now() + timeout);
}

bool Pacer::drain(std::chrono::milliseconds timeout) { return thread_->drain(now() + timeout); }
PacerStatistics Pacer::statistics(const Channel& channel) const { return channel.statistics(); }
bool Pacer::realtime_refused() const { return thread_->realtime_refused(); }

}  // namespace io
