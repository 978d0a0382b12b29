// Packets of many streams into one transport stream of constant rate.
//
// Every slot of the output goes to the first of these that has something to send: a program clock whose PCR is due, a
// table, the stream whose packet is most urgent, a null packet. A stream's packet may leave from `ahead` before it is
// due, as soon as a decoder's buffers (DecoderBuffer) have room for it: so bursts are spread, and what collides has
// time to make way. PCRs are written as their packets leave, and are exact to half a tick.
//
//   mux::Multiplexer multiplexer{{.bit_rate = 24'000'000}, carousel};
//   auto& program = multiplexer.add_program({.rank = 0});
//   program.set_clock(clock, pcr_pid);
//   auto& video = program.add_stream(ts::Pid{0x101});
//   video.set_limits(...); video.begin_unit(...); video.push(packet, due, part);     // as the source gives them
//   multiplexer.run(count, out);                                                     // the next packets
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/mux/decoder_buffer.hpp"
#include "common/mux/output_clock.hpp"
#include "common/mux/ring.hpp"
#include "common/mux/section_carousel.hpp"
#include "common/mux/time.hpp"
#include "common/ts/packet.hpp"

namespace mux {

class Multiplexer {
 public:
  struct Options {
    std::int64_t bit_rate = 0;  // bit/s
    // A PCR of every program at least so often.
    ts::Ticks27 pcr_interval = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{36});
    // How long before it is due a packet may leave.
    ts::Ticks27 ahead = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{50});
    // How late the most urgent packet may be, beyond a turn of all that is ready, before programs of high rank are put
    // back; and 20 ms more before what is late is dropped.
    ts::Ticks27 patience = std::chrono::duration_cast<ts::Ticks27>(std::chrono::milliseconds{2});
  };
  class Program;

  // One PID of a program, first in, first out.
  class Stream {
   public:
    Stream(Program& program, ts::Pid pid) : program_(program), pid_(pid) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    ts::Pid pid() const { return pid_; }
    // What a decoder has for it; without, there is always room.
    void set_limits(const ts::TstdLimits& limits);
    const DecoderBuffer& buffer() const { return buffer_; }
    void begin_unit(std::uint64_t offset, MultiplexTime decoded);
    // PID and continuity counter are those to be sent. A PCR in it is overwritten.
    void push(const ts::Packet& packet, MultiplexTime due, const DecoderBuffer::Part& part);

    // Its PCRs are those of the program's clock, also while the program has them on another PID.
    void set_has_program_clock() { has_program_clock_ = true; }
    std::size_t queued() const { return queue_.size(); }
    std::uint64_t sent() const { return sent_; }  // packets

   private:
    friend class Multiplexer;
    struct Entry {
      ts::Packet packet{};
      MultiplexTime due{};
      DecoderBuffer::Part part{};
    };
    Program& program_;
    ts::Pid pid_;
    bool has_program_clock_ = false;
    DecoderBuffer buffer_;
    Ring<Entry> queue_;
    bool scheduled_ = false;          // in a heap of the multiplexer
    std::uint32_t schedule_ = 0;      // which of its places there is valid
    MultiplexTime from_{};            // when its first packet may leave
    MultiplexTime deadline_{};        // when it would, if it were alone, at the latest
    std::uint8_t last_counter_ = 15;  // so that the first packet has 0
    std::uint64_t sent_ = 0;
  };

  // A service, with a clock of its own.
  class Program {
   public:
    struct Figures {
      std::uint64_t packets = 0;      // sent, with PCRs
      std::uint64_t pcr_packets = 0;  // of them, made for the PCR alone
      std::uint64_t dropped = 0;      // for want of rate
      std::uint64_t late = 0;         // left after they were due
      ts::Ticks27 worst_lateness{0};
    };
    Program(Multiplexer& multiplexer, unsigned rank) : multiplexer_(multiplexer), rank_(rank) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // Programs of a higher rank lose packets first.
    void set_rank(unsigned rank) { rank_ = rank; }
    unsigned rank() const { return rank_; }
    // What its PCRs show, and where they are sent; nothing: it has none. The clock is the caller's and outlives this.
    // The first PCR after a time without has the discontinuity_indicator.
    void set_clock(const OutputClock* clock, std::optional<ts::Pid> pcr_pid);
    Stream& add_stream(ts::Pid pid);
    // What is queued is forgotten.
    void remove_stream(Stream& stream);
    const Figures& figures() const { return figures_; }
    Figures& figures() { return figures_; }
    std::size_t queued() const;  // packets

   private:
    friend class Multiplexer;
    friend class Stream;
    void find_pcr_stream();

    Multiplexer& multiplexer_;
    unsigned rank_;
    const OutputClock* clock_ = nullptr;
    std::optional<ts::Pid> pcr_pid_;
    Stream* pcr_stream_ = nullptr;
    MultiplexTime next_pcr_ = MultiplexTime::max();
    bool has_stopped_ = false;  // since its last PCR
    std::vector<std::unique_ptr<Stream>> streams_;
    Figures figures_;
  };

  Multiplexer(const Options& options, SectionCarousel& tables);

  Program& add_program(unsigned rank);
  void remove_program(Program& program);

  // The next packets of the multiplex, appended to `out`.
  void run(std::size_t count, std::vector<ts::Packet>& out);
  // The packet to send at a time of the caller's, not before the last one; nothing if there is none.
  std::optional<ts::Packet> take(MultiplexTime now);
  // When packets of programs could leave, of those that could before `until`, each stream for itself: appended.
  void find_ready(MultiplexTime until, std::vector<MultiplexTime>& times) const;
  // Every program sends a PCR next.
  void ask_for_pcrs();

  const ConstantRate& rate() const { return rate_; }
  std::uint64_t position() const { return position_; }  // of the next packet
  // When it begins; of take(), the last time given.
  MultiplexTime now() const { return now_; }
  std::uint64_t null_packets() const { return null_packets_; }
  std::uint64_t table_packets() const { return table_packets_; }

 private:
  struct Place {  // of a stream in a heap
    MultiplexTime time;
    Stream* stream;
    std::uint32_t schedule;
  };
  struct Later {
    bool operator()(const Place& a, const Place& b) const { return a.time > b.time; }
  };

  struct Departure {
    MultiplexTime from;
    std::optional<MultiplexTime> held_until;  // by its own EB
    std::optional<MultiplexTime> wanted;      // when its decoding wants it to have left
  };
  Departure departure_of(const Stream& stream, const Stream::Entry& entry, const DecoderBuffer& buffer,
                         MultiplexTime now) const;
  void schedule(Stream& stream, MultiplexTime now);
  void forget(Stream& stream);
  void release(MultiplexTime now);
  const Place* most_urgent();
  bool is_too_late(const Place& place, MultiplexTime now) const;
  void find_overload(MultiplexTime now);
  Stream* next_stream();
  Program* pcr_due(MultiplexTime now);
  ts::Packet send_pcr(Program& program, MultiplexTime now);
  ts::Packet send(Stream& stream, MultiplexTime now);
  void note_pcr(Program& program, MultiplexTime now);
  void put_back(MultiplexTime now);
  bool is_put_back(const Program& program) const;
  Stream* next_by_rank();
  void drop_late(MultiplexTime now);

  ConstantRate rate_;
  Options options_;
  SectionCarousel& tables_;
  std::vector<std::unique_ptr<Program>> programs_;
  std::vector<Place> waiting_;  // heap, by when the first packet may leave
  std::vector<Place> ready_;    // heap, by when it is due
  MultiplexTime next_pcr_ = MultiplexTime::max();
  // In an overload: programs of this rank and higher, and how late the others were when it became so.
  struct PutBack {
    unsigned rank;
    ts::Ticks27 lateness;
  };
  std::optional<PutBack> put_back_;
  bool last_was_pcr_ = false;
  MultiplexTime now_{};
  std::uint64_t position_ = 0;
  std::uint64_t null_packets_ = 0, table_packets_ = 0;
};

}  // namespace mux
