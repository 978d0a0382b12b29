// Watches what one service shows, by decoding it on a thread of its own: black, standstill, silence, decoder errors,
// loudness, thumbnails.
//
// Of the main thread but for the decoding itself: packets go to the thread in batches, what it finds comes back by
// poll(). A live input never waits for the decoder; what it cannot keep up with is left out, pictures before sound, and
// counted. A file waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/psi/tables.hpp"
#include "common/ts/packet.hpp"
#include "tools/tsmon/alarm_board.hpp"
#include "tools/tsmon/decode_options.hpp"
#include "tools/tsmon/decode_report.hpp"
#include "tools/tsmon/moment.hpp"

namespace tsmon {

class DecodeWatch {
 public:
  // What is no fault of the stream but worth telling: "decoder too slow: 1200 packets skipped".
  using NoteHandler = std::function<void(const std::string& text)>;

  DecodeWatch(DecodeOptions options, const psi::Pmt& pmt);
  // Without finish(): what waits is not decoded.
  ~DecodeWatch();
  DecodeWatch(const DecodeWatch&) = delete;
  DecodeWatch& operator=(const DecodeWatch&) = delete;

  // Another PMT of the service; streams that are in both go on.
  void set_streams(const psi::Pmt& pmt);
  // Does it need packets of this PID? Those of its first video and all audio streams, and of the PCR.
  bool wants(ts::Pid pid) const { return find(pid) != nullptr; }
  // Any packet, in the order of the stream; copied if wanted. Scrambled, damaged and duplicate ones may be among them.
  void feed(const ts::Packet& packet, Moment at);
  // Tells the board what was found since the last call. Call it every few tens of milliseconds: it hands over what was
  // fed since then. Throws what ended the thread: want of memory.
  void poll(AlarmBoard& board, Moment now, const NoteHandler& note);
  // The end: waits until all is decoded; poll() once more tells the rest. Nothing may be fed after it.
  void finish();

  psi::ServiceId service() const { return service_; }
  // As of the last second or so; after finish(), of all.
  DecodeFigures figures() const;

 private:
  struct Input {
    ts::Pid pid;
    bool video = false;
    bool elementary = false;  // not only for its PCR
    bool scrambled = false;   // the last packet was, and the thread knows
    bool skipped = false;     // packets, since the last one taken
  };
  struct Entry {
    ts::Packet packet;
    Moment at;
    bool after_skip;
  };
  struct Batch {
    std::vector<Entry> entries;
    std::optional<psi::Pmt> pmt;  // in force before the entries
  };

  Input* find(ts::Pid pid) {
    for (Input& input : inputs_) {
      if (input.pid == pid) return &input;
    }
    return nullptr;
  }
  const Input* find(ts::Pid pid) const { return const_cast<DecodeWatch*>(this)->find(pid); }
  bool has_room(const Input& input);
  void hand_over();
  void say_skipped(Moment now, const NoteHandler& note);

  // The thread's.
  void run();
  void decode_all();
  bool take(Batch& batch);

  const DecodeOptions options_;
  const psi::ServiceId service_;
  std::vector<Input> inputs_;
  Batch current_;
  bool skipping_ = false;  // pictures, until the queue is half empty
  std::uint64_t skipped_ = 0, said_skipped_ = 0;
  std::optional<ts::ProgramTime> last_said_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> queue_;
  std::vector<std::vector<Entry>> spare_;
  std::atomic<std::size_t> waiting_{0};  // packets in the queue, and of the batch being decoded
  bool ending_ = false, dead_ = false;
  std::atomic<bool> stop_{false};

  DecodeMailbox mailbox_;
  std::thread thread_;
};

}  // namespace tsmon
