#include "common/media/jpeg.hpp"

namespace media {

std::vector<std::uint8_t> encode_jpeg(const AVFrame& picture, int quality) {
  const Codec encoder = make_encoder(AV_CODEC_ID_MJPEG);
  encoder->width = picture.width;
  encoder->height = picture.height;
  encoder->pix_fmt = static_cast<AVPixelFormat>(picture.format);
  encoder->color_range = AVCOL_RANGE_JPEG;
  encoder->time_base = {1, 25};  // of no meaning in one picture
  encoder->flags |= AV_CODEC_FLAG_QSCALE;
  encoder->global_quality = FF_QP2LAMBDA * quality;
  open(*encoder);
  const Frame frame{av_frame_clone(&picture)};
  if (!frame) throw std::bad_alloc();
  frame->quality = encoder->global_quality;
  frame->pts = 0;
  const Packet packet = make_packet();
  int result = avcodec_send_frame(encoder.get(), frame.get());
  if (result >= 0) result = avcodec_send_frame(encoder.get(), nullptr);
  if (result >= 0) result = avcodec_receive_packet(encoder.get(), packet.get());
  if (result < 0) throw_error("encode a JPEG", result);
  return {packet->data, packet->data + packet->size};
}

}  // namespace media
