#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tools/tsmux/delivery_system.hpp"

namespace tsmux {
namespace {

using Bytes = std::vector<std::uint8_t>;
using psi::Descriptor;

TEST(DeliverySystem, OfDvbSIsThatOfTheStandard) {
  // 11.778 00 GHz, 13.0 degrees east, vertical, QPSK, 27.5 Msymbol/s, 3/4.
  EXPECT_EQ(parse_delivery_system("dvb-s:frequency=11.778G,orbit=13.0E,polarization=v,symbol-rate=27.5M,fec=3/4"),
            (Descriptor{0x43, {0x01, 0x17, 0x78, 0x00, 0x01, 0x30, 0xA1, 0x02, 0x75, 0x00, 0x03}}));
  // The western sky, circular, and what is not said.
  EXPECT_EQ(parse_delivery_system("dvb-s:orbit=0.8W,frequency=12456.78M,polarization=r,symbol-rate=22M"),
            (Descriptor{0x43, {0x01, 0x24, 0x56, 0x78, 0x00, 0x08, 0x61, 0x02, 0x20, 0x00, 0x00}}));
}

TEST(DeliverySystem, OfDvbS2HasARollOff) {
  const std::string begin = "dvb-s:frequency=10.729G,orbit=180W,polarization=h,symbol-rate=29.9M,fec=9/10,";
  const auto written = [&begin](const std::string& rest) { return parse_delivery_system(begin + rest).data[6]; };
  EXPECT_EQ(written("modulation=8psk"), 0x06);
  EXPECT_EQ(written("modulation=8psk,system=s2,roll-off=0.20"), 0x16);
  EXPECT_EQ(written("roll-off=0.25"), 0x0D);
  EXPECT_EQ(written("system=s2"), 0x05);
  EXPECT_EQ(written("modulation=auto,system=s2,roll-off=0.35"), 0x04);
  EXPECT_EQ(parse_delivery_system(begin + "system=s2").data[10], 0x09);
}

TEST(DeliverySystem, OfDvbCIsThatOfTheStandard) {
  // 330.0000 MHz, RS(204/188), 256-QAM, 6.9 Msymbol/s, no inner FEC.
  EXPECT_EQ(parse_delivery_system("dvb-c:frequency=330M,symbol-rate=6.9M,modulation=qam256"),
            (Descriptor{0x44, {0x03, 0x30, 0x00, 0x00, 0xFF, 0xF2, 0x05, 0x00, 0x69, 0x00, 0x0F}}));
  EXPECT_EQ(parse_delivery_system("dvb-c:frequency=346.1234M,symbol-rate=6.952M,modulation=qam64,fec=auto"),
            (Descriptor{0x44, {0x03, 0x46, 0x12, 0x34, 0xFF, 0xF2, 0x03, 0x00, 0x69, 0x52, 0x00}}));
}

TEST(DeliverySystem, OfDvbTIsThatOfTheStandard) {
  // 51 400 000 x 10 Hz, 8 MHz, high priority; 64-QAM, 2/3, 1/32, 8k.
  EXPECT_EQ(parse_delivery_system("dvb-t:frequency=514M"),
            (Descriptor{0x5A, {0x03, 0x10, 0x4D, 0x40, 0x1F, 0x81, 0x02, 0xFF, 0xFF, 0xFF, 0xFF}}));
  EXPECT_EQ(
      parse_delivery_system("dvb-t:frequency=514M,bandwidth=8M,modulation=qam64,code-rate=2/3,guard=1/32,mode=8k"),
      parse_delivery_system("dvb-t:frequency=514M"));
  // 10 001 010 | 011 100 10: hierarchy 2, 5/6 and 7/8; 1/8, 4k, other frequencies.
  EXPECT_EQ(parse_delivery_system("dvb-t:frequency=177.5M,bandwidth=7M,modulation=qam16,hierarchy=2,code-rate=5/6,"
                                  "code-rate-low=7/8,guard=1/8,mode=4k,priority=low,other-frequency=yes"),
            (Descriptor{0x5A, {0x01, 0x0E, 0xD7, 0xF0, 0x2F, 0x53, 0x95, 0xFF, 0xFF, 0xFF, 0xFF}}));
}

TEST(DeliverySystem, OfDvbT2IsThatOfTheStandard) {
  EXPECT_EQ(parse_delivery_system("dvb-t2:plp=1,system-id=0x8001"), (Descriptor{0x7F, {0x04, 0x01, 0x80, 0x01}}));
  // SISO, 8 MHz; 1/128, 32k; cell 0 at 514 MHz without sub-cells.
  EXPECT_EQ(parse_delivery_system("dvb-t2:plp=0,system-id=1,frequency=514M"),
            (Descriptor{0x7F, {0x04, 0x00, 0x00, 0x01, 0x03, 0x94, 0x00, 0x00, 0x03, 0x10, 0x4D, 0x40, 0x00}}));
  EXPECT_EQ(parse_delivery_system("dvb-t2:plp=0,system-id=1,frequency=514M,bandwidth=1.712M,guard=19/256,mode=16k,"
                                  "cell=0x1234,miso=yes,other-frequency=yes"),
            (Descriptor{0x7F, {0x04, 0x00, 0x00, 0x01, 0x57, 0xD2, 0x12, 0x34, 0x03, 0x10, 0x4D, 0x40, 0x00}}));
}

TEST(DeliverySystem, MayBeAnyDescriptor) {
  EXPECT_EQ(parse_delivery_system("hex:79051234abCDEF"), (Descriptor{0x79, {0x12, 0x34, 0xAB, 0xCD, 0xEF}}));
  EXPECT_EQ(parse_delivery_system("hex:7900"), (Descriptor{0x79, {}}));
  const std::string all(2 * 255, '7');
  EXPECT_EQ(parse_delivery_system("hex:79FF" + all).data.size(), 255u);
}

std::string refusal(const std::string& text) {
  try {
    parse_delivery_system(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

void expect_refusal(const std::string& text, const std::vector<std::string>& parts) {
  const std::string message = refusal(text);
  for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << text << ": " << message;
}

TEST(DeliverySystem, IsRefusedByKeyAndValueAndWhatWouldBeRight) {
  const std::string s = "dvb-s:frequency=11G,orbit=1E,polarization=v,symbol-rate=22M,";
  expect_refusal("", {"''", "dvb-s:"});
  expect_refusal("dvb-x:a=b", {"dvb-x:a=b", "hex:"});
  expect_refusal("dvb-s", {"dvb-s", "key=value"});
  expect_refusal("dvb-s:", {"dvb-s", "frequency=", "missing"});
  expect_refusal("dvb-s:frequency=11G,orbit=13E,symbol-rate=22M", {"polarization=", "missing"});
  expect_refusal("dvb-c:frequency=330M,symbol-rate=6.9M", {"dvb-c", "modulation=", "missing"});
  expect_refusal(s + "fec=7/9", {"dvb-s", "fec=7/9", "3/4", "9/10"});
  expect_refusal(s + "colour=red", {"colour=red", "roll-off"});
  expect_refusal(s + "fec", {"'fec'", "key=value"});
  expect_refusal(s + "frequency=11G", {"frequency", "twice"});
  expect_refusal(s + "system=s,modulation=8psk", {"system=s", "s2"});
  expect_refusal("dvb-t:frequency=514", {"frequency=514", "30M", "514M"});
  expect_refusal("dvb-t:frequency=514MHz", {"frequency=514MHz", "514M"});
  expect_refusal("dvb-t:frequency=514.000001M", {"514.000001M", "multiple of 10 Hz"});
  expect_refusal("dvb-t:frequency=514M,code-rate-low=1/2", {"code-rate-low", "hierarchy"});
  expect_refusal("dvb-t2:plp=256,system-id=1", {"plp=256", "255"});
  expect_refusal("dvb-t2:plp=1,system-id=1,mode=8k", {"mode=8k", "frequency="});
  for (const char* orbit :
       {"", "E", "13", "13.E", "13.05E", "13.xE", "181E", "180.1W", "-1E", "13.0N", "99999999999E"}) {
    expect_refusal("dvb-s:frequency=11G,polarization=v,symbol-rate=22M,orbit=" + std::string{orbit},
                   {"orbit=" + std::string{orbit}, "13.0E"});
  }
  for (const char* hex : {"", "5", "5A", "5A01", "5A0100FF", "5A01xx", "5A01 1", "5A01+1"}) {
    expect_refusal("hex:" + std::string{hex}, {"hex", hex});
  }
}

}  // namespace
}  // namespace tsmux
