#include "common/cli/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

namespace cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// The manager's end of NOTIFY_SOCKET.
class Manager : public testing::Test {
 protected:
  Manager() {
    std::string pattern = fs::temp_directory_path() / "notify_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
    const std::string path = folder_ / "notify";
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    setenv("WATCHDOG_USEC", "10000000", 1);
    unsetenv("WATCHDOG_PID");
  }
  ~Manager() override {
    close(socket_);
    fs::remove_all(folder_);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
  }

  // The next message, or nothing.
  std::string heard() const {
    std::array<char, 512> buffer{};
    const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
    return size < 0 ? std::string{} : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

  fs::path folder_;
  int socket_ = -1;
};

TEST_F(Manager, HearsHowTheToolIs) {
  ServiceManager manager;
  EXPECT_TRUE(manager.present());
  manager.ready();
  EXPECT_EQ(heard(), "READY=1");
  manager.status("8.00 Mb/s");
  manager.status("8.00 Mb/s");
  EXPECT_EQ(heard(), "STATUS=8.00 Mb/s");
  EXPECT_EQ(heard(), "");
  manager.reloading();
  EXPECT_EQ(heard().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  manager.stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(Manager, IsToldAtHalfTheTimeItAllows) {
  ServiceManager manager;
  const ts::SteadyTime start{1h};
  manager.poll(start);
  EXPECT_EQ(heard(), "WATCHDOG=1");
  manager.poll(start + 4999ms);
  EXPECT_EQ(heard(), "");
  manager.poll(start + 5s);
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(Manager, CannotBeMisledByAServicesName) {
  ServiceManager manager;
  manager.status("France\nSTOPPING=1");
  EXPECT_EQ(heard(), "STATUS=France?STOPPING=1");
}

TEST(ServiceManager, IsSilentWithoutOne) {
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  ServiceManager manager;
  EXPECT_FALSE(manager.present());
  manager.ready();
  manager.poll(ts::SteadyTime{1h});
}

}  // namespace
}  // namespace cli
