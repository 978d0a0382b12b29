// Tables sent again and again: each within its interval, none oftener than receivers can take.
//
// Keeps the limits of EN 300 468 5.1.4.1 (25 ms between two sections of one table_id and extension on a PID), and of
// the system target decoder (ISO/IEC 13818-1 2.4.2.3): each PID's sections pass a transport buffer of 512 bytes that
// drains at 1 Mb/s, and those of PAT, CAT and one PMT together pass one, and Bsys behind it, of 1536 bytes at 80 kb/s.
//
// The sections of a table take turns, one after another, evenly over 0.9 of the interval: what is left is for the wait
// for a slot of the multiplex. Sections of different tables of a PID that are due together share packets. PAT, CAT and
// PMT go first and the EIT schedule last; otherwise what is latest for its interval. Where the limits leave no time for
// all, the turns of the tables on a PID become longer, all by the same factor, and turns() tells.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <vector>

#include "common/mux/time.hpp"
#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "common/ts/section.hpp"

namespace mux {

// What the 25 ms rule and the versions of tables go by.
struct TableKey {
  ts::Pid pid;
  std::uint8_t table_id = 0;
  std::uint16_t extension = 0;  // 0 of tables without
  friend constexpr auto operator<=>(const TableKey&, const TableKey&) = default;
};

class SectionCarousel {
 public:
  SectionCarousel() = default;
  SectionCarousel(const SectionCarousel&) = delete;
  SectionCarousel& operator=(const SectionCarousel&) = delete;

  // Sends these sections (whole, with CRC) from now on, each once in `interval`, spread over it; a section that is
  // being sent is finished first. The same sections as before go on in their turn, others begin at once: those of PAT,
  // CAT and PMT as fast as the 25 ms allow. No sections: the table is no longer sent.
  void set(const TableKey& key, std::vector<psi::SectionBytes> sections, ts::Ticks27 interval);
  // The same for a table that is made anew each time it is sent (TDT, TOT). An empty answer is not sent.
  using Maker = std::function<psi::SectionBytes(MultiplexTime now)>;
  void set(const TableKey& key, Maker make, ts::Ticks27 interval);
  void remove(const TableKey& key);

  // When the next packet is to leave; MultiplexTime::max() if there is nothing to send.
  MultiplexTime next() const { return next_; }
  // The packet to send now, `now` never before that of the last call. Only when next() <= now; a null packet if a Maker
  // had nothing to send. The multiplex has at least 752 kb/s: a packet takes up to 2 ms.
  ts::Packet take(MultiplexTime now);

  // From a section to the same section again.
  struct Turn {
    TableKey table;
    ts::Ticks27 longest{};
    ts::Ticks27 interval{};
    double ratio() const;  // beyond 1: an overload
  };
  // Of each PID the table with the greatest ratio since clear_turns(), turns that go on included. Goes over all tables.
  std::vector<Turn> turns() const;
  void clear_turns();

 private:
  enum Rank : std::uint8_t { psi_rank, si_rank, schedule_rank };
  static constexpr std::size_t ranks = 3;
  static Rank rank_of(const TableKey& key);

  enum class State : std::uint8_t { idle, waiting, resting, sending };
  struct Table {
    Table(const TableKey& its_key, Rank its_rank) : key(its_key), rank(its_rank) {}
    bool stopped() const { return sections.empty() && !make; }
    std::size_t count() const { return make ? 1 : sections.size(); }

    const TableKey key;
    const Rank rank;
    std::vector<psi::SectionBytes> sections;
    Maker make;
    ts::Ticks27 interval{1};
    std::size_t at = 0;       // in sections: the next one
    std::size_t hurried = 0;  // sections that wait for no more than the 25 ms
    bool anchored = false;    // `due` is from a turn that has begun, else from set()
    State state = State::idle;
    MultiplexTime due{};                      // on the timeline of its queue, which stands still in an overload
    MultiplexTime quiet{};                    // until then no section of it may begin; changes only while sending
    std::optional<MultiplexTime> turn_began;  // the first of the sections
    ts::Ticks27 longest_turn{};
  };
  struct EarlierDue {
    bool operator()(const Table* a, const Table* b) const {
      return a->due != b->due ? a->due < b->due : a->key < b->key;
    }
  };
  struct EarlierQuiet {
    bool operator()(const Table* a, const Table* b) const {
      return a->quiet != b->quiet ? a->quiet < b->quiet : a->key < b->key;
    }
  };
  // Nodes move from one to another: no allocation for a section.
  using Waiting = std::set<Table*, EarlierDue>;
  using Resting = std::set<Table*, EarlierQuiet>;
  static_assert(std::is_same_v<Waiting::node_type, Resting::node_type>);
  struct Queue {
    MultiplexTime when(const Table& table) const { return table.due + behind; }
    MultiplexTime first() const { return tables.empty() ? MultiplexTime::max() : when(**tables.begin()); }

    Waiting tables;
    ts::Ticks27 behind{};  // by how much overloads have put off all of `due`
  };
  // A buffer of the T-STD that is filled at once and drains evenly.
  struct Buffer {
    std::int64_t size, ticks_per_byte;
    MultiplexTime empty{};  // when it will be

    MultiplexTime has_room_for(std::int64_t bytes) const {
      return empty - ts::Ticks27{(size - bytes) * ticks_per_byte};
    }
    void fill(MultiplexTime now, std::int64_t bytes);
  };
  struct Buffers {
    static constexpr std::int64_t drain_ticks(std::int64_t bits_per_second) {
      return 8 * ts::system_clock_hz / bits_per_second;
    }
    Buffer transport{512, drain_ticks(1'000'000)};
    Buffer system{1536, drain_ticks(80'000)};
  };
  struct Sent {
    Waiting::node_type table;
    MultiplexTime due{};
    std::size_t end = 0;  // of the section's bytes, in the batch
  };
  struct Stream {
    explicit Stream(ts::Pid pid) : packetizer(pid) {}
    bool sending() const { return next_packet < packets.size(); }
    bool has_sent(const Sent& section) const;

    ts::SectionPacketizer packetizer;
    std::array<Queue, ranks> queues;
    Resting resting;  // late, but their 25 ms are not over
    Buffers buffers;
    bool psi = false;     // has carried PAT, CAT or PMT
    bool shared = false;  // PAT or CAT: part of every program's
    // Sections packed together, on their way.
    std::vector<ts::Packet> packets;
    std::size_t next_packet = 0;
    std::vector<Sent> sections;
    std::size_t next_section = 0;
    MultiplexTime ready = MultiplexTime::max();
  };

  struct Urgency {
    Rank rank = schedule_rank;
    double overdue = 0;  // in intervals
    bool more_than(const Urgency& other) const {
      return rank != other.rank ? rank < other.rank : overdue > other.overdue;
    }
  };

  Table& add(const TableKey& key);
  Stream& stream_of(const TableKey& key);
  void begin_anew(Table& table);
  static void leave(Stream& stream, Table& table);
  void forget_stopped();

  void refresh(const Stream& changed);
  void end_rest(Stream& stream, MultiplexTime now);
  MultiplexTime ready(const Stream& stream) const;
  MultiplexTime room(const Stream& stream, MultiplexTime due) const;
  Stream* most_urgent(MultiplexTime now);
  static Urgency urgency(const Stream& stream, MultiplexTime now);

  void pack(Stream& stream, MultiplexTime now);
  void take_turn(Stream& stream, Queue& queue, MultiplexTime now);
  void finish(Stream& stream, Waiting::node_type node, MultiplexTime now);
  void fill_buffers(Stream& stream, MultiplexTime now);

  std::map<TableKey, Table> tables_;
  std::map<ts::Pid, Stream> streams_;
  std::vector<TableKey> stopped_;  // still in tables_ for the 25 ms after their last section
  Buffers shared_;                 // PAT and CAT alone
  std::vector<psi::SectionBytes> batch_;
  std::size_t batch_size_ = 0;  // sections in batch_
  std::size_t batch_bytes_ = 0;
  MultiplexTime now_{};
  MultiplexTime next_ = MultiplexTime::max();
};

}  // namespace mux
