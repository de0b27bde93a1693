// Threads that work in step and spin while they wait: what is timed between two barriers holds no start of a thread and
// no wake-up by the system.
#pragma once
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace limit {

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

class Barrier {
 public:
  explicit Barrier(unsigned members) : members_(members) {}

  /** Returns when all members are here. */
  void wait() {
    const unsigned turn = turn_.load();
    if (arrived_.fetch_add(1) + 1 == members_) {
      arrived_.store(0);
      turn_.fetch_add(1);
    } else {
      while (turn_.load() == turn) relax();
    }
  }

 private:
  const unsigned members_;
  std::atomic<unsigned> arrived_{0};
  std::atomic<unsigned> turn_{0};
};

/**
 * Nanoseconds of one `pass(member, barrier)` by all members together, `samples` times the mean of `passes`; a pass
 * before them is not counted.
 */
template <class Pass>
std::vector<double> measure(unsigned members, unsigned samples, unsigned passes, const Pass& pass) {
  using Clock = std::chrono::steady_clock;
  Barrier barrier(members);
  std::vector<double> result;
  const auto work = [&](unsigned member) {
    for (unsigned sample = 0; sample <= samples; sample++) {
      const unsigned count = sample == 0 ? 1 : passes;
      barrier.wait();
      const Clock::time_point start = Clock::now();
      for (unsigned k = 0; k < count; k++) pass(member, barrier);
      barrier.wait();
      const std::chrono::duration<double, std::nano> elapsed = Clock::now() - start;
      if (member == 0 && sample > 0) result.push_back(elapsed.count() / count);
    }
  };
  std::vector<std::thread> others;
  for (unsigned member = 1; member < members; member++) others.emplace_back(work, member);
  work(0);
  for (std::thread& other : others) other.join();
  return result;
}

}  // namespace limit
