// Where a cut is written: a new file under a temporary name until it is whole, or whatever is already there that is no
// file (standard output, a FIFO, a device).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/io/file_descriptor.hpp"
#include "common/ts/packet.hpp"

namespace tscut {

class Output {
 public:
  // `path` may be "-". Throws std::runtime_error if there is such a file and not `replace`, if the directory is
  // missing or not writable, or if standard output is a terminal.
  Output(const std::string& path, bool replace);

  void write(std::span<const ts::Packet> packets);
  // Packets in a new file until the first write(), which takes their place: what is left if the process is killed
  // before that. They count nowhere.
  void draft(std::span<const ts::Packet> packets);
  // Copies a range of a file, inside the kernel where that is possible. `stopping` is asked between pieces; true ends
  // the copy. Returns how many bytes were copied: fewer at the end of the file.
  std::uint64_t copy(int fd, std::uint64_t offset, std::uint64_t bytes, const std::function<bool()>& stopping);
  // What was written so far reaches the disk.
  void sync();
  // Takes back a packet of which only a part was written, as after "no space left".
  void drop_partial_packet();
  // On disk, under its name.
  void finish();

  // It has a temporary name until finish(), and can be cut back.
  bool is_file() const { return file_ != nullptr; }
  std::uint64_t bytes() const { return bytes_; }
  const std::string& name() const { return name_; }

 private:
  enum class Method { copy_file_range, sendfile, read_write };

  int fd() const;
  std::int64_t copy_piece(int from, std::uint64_t offset, std::uint64_t bytes);
  void start_writeback();

  std::string name_;
  std::unique_ptr<io::AtomicFile> file_;
  io::FileDescriptor opened_;
  Method method_ = Method::copy_file_range;
  std::uint64_t bytes_ = 0, flushed_ = 0, drafted_ = 0;
};

}  // namespace tscut
