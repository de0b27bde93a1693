// Prints how kernels share out their work, for machines that are not here: docs/threads.md has the table. A line of
// input is a case, and a line of output a kernel of it:
//
//   threads worth own last n c s
//   kernel threads units largest bytes barriers joined pieces
//
// `worth` are the bytes for which another thread takes part, 0 the default; `own` and `last` are bytes of caches;
// `largest` and `bytes` are those of the thread that has the most, and of all, of float32 tensors; `joined` are bytes
// of partial sums; `pieces` are the units that the order of summation allows, none smaller than a cache line. The
// kernels run, but their parallel parts do not: they are written down, and must be those that are counted here. The
// exit code is 1 where they are not.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "../kernels/exact-walk.h"
#include "../kernels/kernels_isa.h"
#include "../kernels/walk.h"
#include "../runtime/default_resources.h"

namespace bn {

void pool::run(size_t, size_t, void (*)(const void*, size_t), const void*) {}

namespace BN_ISA {
extern const Kernels kernels;
namespace {

/** A parallel part of a call: who takes part, and the bytes of each unit. */
struct Pass {
  size_t threads;
  std::vector<size_t> units;

  /** Bytes of the thread whose own share, as native/runtime/pool.cc deals it out, is the largest. */
  size_t largest() const {
    size_t most = 0;
    for (size_t thread = 0; thread < threads; ++thread) {
      const auto at = [&](size_t index) { return units.begin() + static_cast<long>(units.size() * index / threads); };
      size_t sum = 0;
      for (auto unit = at(thread); unit != at(thread + 1); ++unit) sum += *unit;
      most = std::max(most, sum);
    }
    return most;
  }
  size_t bytes() const {
    size_t sum = 0;
    for (size_t unit : units) sum += unit;
    return sum;
  }
};

struct Work {
  std::vector<Pass> passes;
  size_t joined;
};

/** The passes that a kernel really asks for, threads and parts, in order. */
std::vector<std::pair<size_t, size_t>> asked;
void writeDown(size_t threads, size_t parts, void (*)(const void*, size_t), const void*) {
  asked.emplace_back(threads, parts);
}

/** The values of a channel in groups first .. last. */
size_t valuesOf(View v, Groups groups) {
  const size_t segments = segmentsOf(v), rows = groupRows(v);
  size_t sum = 0;
  for (size_t g = groups.first; g < groups.last; ++g) {
    sum += segments > 1 ? minOf(SEGMENT, v.s - g % segments * SEGMENT) : minOf(rows, v.n - g * rows) * v.s;
  }
  return sum;
}

Pass reductionOf(View v, size_t threads, size_t reads) {
  const Units units(v, threads, sizeof(float));
  Pass pass{threads, {}};
  for (size_t unit = 0; unit < units.count(); ++unit) {
    const Channels channels = units.channels(v, unit);
    pass.units.push_back(valuesOf(v, units.groups(v, unit)) * (channels.last - channels.first) * reads * sizeof(float));
  }
  return pass;
}

Pass outputsOf(View v, size_t threads, size_t tensors) {
  const OutputParts parts(v, threads, sizeof(float));
  const size_t width = parts.across ? v.c * v.s : 1, length = v.n * v.c * v.s;
  Pass pass{threads, {}};
  for (size_t part = 0; part < parts.count; ++part) {
    const size_t first = parts.begin(part) * width, last = minOf(parts.begin(part + 1) * width, length);
    pass.units.push_back((last - first) * tensors * sizeof(float));
  }
  return pass;
}

/** A kernel that reads `sums` tensors for the sums, and reads and writes `outputs` for the outputs; 0 is no such pass.
 */
Work workOf(View v, size_t sums, size_t outputs, const Resources& resources) {
  // Where both are there, the outputs' tensors are those of the sums and the written one.
  const Plan plan = planOf(v, sizeof(float), sums, outputs > 0 ? outputs : sums, resources);
  const size_t values = v.n * v.s * sizeof(float);
  if (plan.byTiles(v)) {
    Pass pass{plan.threads, {}};
    for (size_t ch = 0; ch < v.c; ch += plan.tileChannels) {
      pass.units.push_back(minOf(plan.tileChannels, v.c - ch) * values * (sums + outputs));
    }
    return {{pass}, 0};
  }
  Work work{{}, 0};
  if (sums > 0) {
    work.passes.push_back(reductionOf(v, plan.threads, sums));
    work.joined = groupsOf(v) * 2 * v.c * sizeof(double);
  }
  if (outputs > 0) work.passes.push_back(outputsOf(v, plan.threads, outputs));
  return work;
}

/** Exact sums of `reads` tensors by so many threads. */
Work exactSumsOf(View v, size_t reads, size_t threads, const Resources& resources) {
  const Shares shares(v, threads, resources.ifma);
  const size_t steps = shares.planes ? v.n * v.s : v.n / shares.stacked;
  const size_t step = shares.planes ? 1 : shares.stacked * v.s, rest = v.n * v.s - steps * step;
  Pass pass{threads, {}};
  for (size_t unit = 0; unit < shares.blocks * shares.parts; ++unit) {
    const Channels channels = shares.channels(v, unit % shares.blocks);
    const size_t part = unit / shares.blocks, own = steps * (part + 1) / shares.parts - steps * part / shares.parts;
    const size_t values = own * step + (part + 1 == shares.parts ? rest : 0);
    pass.units.push_back(values * (channels.last - channels.first) * reads * sizeof(float));
  }
  if (shares.parts == 1) return {{pass}, 0};
  const size_t joining = joiningThreads(v, shares.parts, resources);
  return {{pass, {joining, std::vector<size_t>(joining, 0)}}, shares.parts * v.c * RECORD * sizeof(int64_t)};
}

/** A kernel of exact sums of `reads` tensors. */
Work exactWorkOf(View v, size_t reads, const Resources& resources) {
  return exactSumsOf(v, reads, threadsFor(v.n * v.c * v.s * sizeof(float) * reads, resources), resources);
}

/** A pass with exact sums: it is planned as one with ordered sums, and shares out sums in a way of its own. */
Work exactPassOf(View v, size_t sums, size_t outputs, const Resources& resources) {
  const Plan plan = planOf(v, sizeof(float), sums, outputs, resources);
  if (plan.byTiles(v)) return workOf(v, sums, outputs, resources);
  Work work = exactSumsOf(v, sums, plan.threads, resources);
  work.passes.push_back(outputsOf(v, plan.threads, outputs));
  return work;
}

/** The units that the order of summation allows: groups of rows or segments, by cache lines of channels. */
size_t piecesOf(View v) {
  const size_t lines = divideUp(v.c, divideUp(MIN_PIECE, v.s * sizeof(float)));
  return groupsOf(v) * (stackedRows(v) > 1 ? 1 : lines);
}

/** Units of exact sums, whose order is free: channels or cache lines of them, in parts that are worth being joined. */
size_t exactPiecesOf(View v) {
  const size_t lines = divideUp(v.c, v.s >= PLANES_FROM ? 1 : divideUp(MIN_PIECE, v.s * sizeof(float)));
  return lines * maxOf(1, v.n * v.s / LEAST_OF_IDLE);
}

/** Whether the scratch, which is that of all threads, holds the parts of fewer ones. */
bool scratchHolds(View v, size_t threads) {
  const size_t parts = Shares::partsAtMost(v, threads);
  for (size_t fewer = 1; fewer <= threads; ++fewer) {
    if (Shares(v, fewer, false).parts <= parts) continue;
    std::fprintf(stderr, "plans: %zu threads want more scratch than %zu\n", fewer, threads);
    return false;
  }
  return true;
}

bool print(const char* kernel, const Work& work, size_t pieces) {
  size_t threads = 1, units = SIZE_MAX, largest = 0, bytes = 0, barriers = 0;
  std::vector<std::pair<size_t, size_t>> counted;
  for (const Pass& pass : work.passes) {
    threads = std::max(threads, pass.threads);
    if (pass.bytes() > 0) units = std::min(units, pass.units.size());  // joining reads no tensor
    largest += pass.largest();
    bytes += pass.bytes();
    if (pass.threads == 1 || pass.units.size() == 1) continue;
    ++barriers;
    counted.emplace_back(pass.threads, pass.units.size());
  }
  std::printf("%s %zu %zu %zu %zu %zu %zu %zu\n", kernel, threads, units, largest, bytes, barriers, work.joined,
              pieces);
  if (counted == asked) return true;
  std::fprintf(stderr, "plans: %s asks for other passes than those that are counted\n", kernel);
  return false;
}

/** Memory for one case: all tensors are the same zeros, which take no place until they are written. */
class Zeros {
 public:
  explicit Zeros(size_t bytes) : bytes_(bytes) {
    at_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at_ == MAP_FAILED) std::perror("plans: mmap"), std::exit(2);
  }
  ~Zeros() { munmap(at_, bytes_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(at_);
  }

 private:
  size_t bytes_;
  void* at_;
};

bool printAll(View v, const Resources& resources) {
  const auto& f32 = kernels.f32;
  const auto& exact = kernels.exact;
  const Zeros tensor(v.n * v.c * v.s * sizeof(float)), perChannel(v.c * EXACT_RECORD * sizeof(double));
  const size_t own = std::max(exact.scratchBytes(v, resources), exact.passBytes(v, resources));
  const Zeros scratch(std::max(f32.scratchBytes(v, resources), own));
  float* const x = tensor.as<float>();
  double* const sums = perChannel.as<double>();
  const Affine<float> affine{sums, sums, nullptr, nullptr, 1};
  const Activation none{Activation::NONE, 0, 0, 0};
  const Call call{v, resources, scratch.as<void>()};
  bool same = scratchHolds(v, resources.threads);
  const auto counted = [&](const char* kernel, const Work& work, size_t pieces, const std::function<void()>& run) {
    asked.clear();
    run();
    same = print(kernel, work, pieces) && same;
  };
  const size_t pieces = piecesOf(v), free = v.n * v.c * v.s / (LINE_BYTES / sizeof(float)), parts = exactPiecesOf(v);
  counted("statistics", workOf(v, 1, 0, resources), pieces, [&] { f32.statistics(sums, sums, x, call); });
  counted("normalize", workOf(v, 0, 2, resources), free, [&] {
    f32.normalize(x, x, nullptr, affine, none, {nullptr, false}, call);
  });
  counted("forward", workOf(v, 1, 2, resources), pieces,
          [&] { f32.forward(x, x, nullptr, sums, sums, affine, none, call); });
  counted("gradientSums", workOf(v, 2, 0, resources), pieces, [&] {
    f32.gradientSums({sums, sums}, x, x, nullptr, affine, none, call);
  });
  counted("gradientInput", workOf(v, 0, 3, resources), free,
          [&] { f32.gradientInput(x, nullptr, x, x, nullptr, affine, none, nullptr, 1, call); });
  counted("backward", workOf(v, 2, 3, resources), pieces,
          [&] { f32.backward(x, nullptr, x, x, x, x, nullptr, affine, none, true, call); });
  counted("exactSums", exactWorkOf(v, 1, resources), parts, [&] { exact.sums(sums, x, call); });
  counted("exactGradientSums", exactWorkOf(v, 2, resources), parts,
          [&] { exact.gradientSums(sums, x, x, nullptr, affine, none, call); });
  counted("exactForward", exactPassOf(v, 1, 2, resources), parts,
          [&] { exact.forward(x, x, nullptr, sums, sums, affine, none, nullptr, call); });
  counted("exactBackward", exactPassOf(v, 2, 3, resources), parts,
          [&] { exact.backward(x, nullptr, x, x, x, x, nullptr, affine, none, true, call); });
  return same;
}

}  // namespace
}  // namespace BN_ISA
}  // namespace bn

int main() {
  bool same = true;
  size_t threads, worth, own, last;
  bn::View v{};
  while (std::scanf("%zu %zu %zu %zu %zu %zu %zu", &threads, &worth, &own, &last, &v.n, &v.c, &v.s) == 7) {
    bn::Resources resources = bn::resourcesOf({own, last}, false);
    resources.threads = threads;
    if (worth > 0) resources.threadBytes = worth;
    resources.run = bn::BN_ISA::writeDown;
    same = bn::BN_ISA::printAll(v, resources) && same;
  }
  return same ? 0 : 1;
}
