// What a tile of a walk has of the exact sums of a pass.
#pragma once
#include "exact.h"
#include "walk.h"

namespace bn {
namespace BN_ISA {
namespace {

/** Bytes of the scratch that the walk has. What the sums need lies behind. */
template <class T>
size_t walkBytes(View v, const Resources& resources) {
  return divideUp(Walk<T>::bytes(v, resources), LINE_BYTES) * LINE_BYTES;
}

template <class T>
ExactShare exactShare(const Walk<T>& walk, Tile tile, const Call& call) {
  char* const memory = static_cast<char*>(call.scratch) + walkBytes<T>(call.view, call.resources);
  const Channels channels = tile.channels;
  return {walk.v, call.resources, walk.plan.threads, tile.shared, channels.first, channels.last, memory};
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn
