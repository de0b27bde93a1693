#include "pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>

#include "threads.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace bn {
namespace pool {
namespace {

constexpr size_t MAX_PARTS = 1024;
/** The number of looks at a flag that is about to change before the processor is offered to others. */
constexpr int LOOKS = 4096;
/** A thread without work looks for some for so long before it sleeps: waking it costs about as much. */
constexpr uint64_t SPIN_MICROSECONDS = 60;
/** Each thread wakes so many others at most, which wake others in turn: the caller is soon at work itself. */
constexpr size_t WAKES_EACH = 8;

using Task = void (*)(const void* job, size_t part);
using threads::Lock;

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  __asm__ volatile("yield");
#endif
}

/**
 * A call is a ticket: its number, and how many parts and threads it has, in one word. A part is claimed by writing the
 * ticket's number over a lower one, so that a thread that comes late finds nothing to claim, and touches nothing of the
 * call that may have ended: whoever claimed a part keeps the call from ending.
 */
class Ticket {
 public:
  // 44 bits for the number: at a call every three microseconds they last for more than a year.
  Ticket(uint64_t number, size_t parts, size_t threads) : word_(number << 20 | parts << 9 | threads) {}
  explicit Ticket(uint64_t word) : word_(word) {}
  uint64_t word() const { return word_; }
  uint64_t number() const { return word_ >> 20; }
  size_t parts() const { return word_ >> 9 & 0x7ff; }
  size_t threads() const { return word_ & 0x1ff; }
  /** Whether it ends all threads. */
  bool ends() const { return threads() == 0; }

 private:
  uint64_t word_;
};

class Pool {
 public:
  void run(size_t wanted, size_t parts, Task task, const void* job) {
    const size_t threads = std::min({wanted, parts, MAX_THREADS});
    if (threads < 2 || busy_.exchange(true, std::memory_order_acquire)) return runAlone(parts, task, job);
    if (start(threads - 1) == 0) {
      runAlone(parts, task, job);
    } else {
      runShared(threads, parts, task, job);
    }
    busy_.store(false, std::memory_order_release);
  }

  void hold() {
    const Lock lock(holding_);
    ++holders_;
  }

  /** Only a holder runs anything: when the last one lets go, nobody is using the pool. */
  void release() {
    const Lock lock(holding_);
    if (--holders_ == 0) stop();
  }

  /** Called in a child process after fork, where the threads of its parent do not exist. */
  void forget() {
    started_ = 0;
    busy_ = false;
    new (&holding_) threads::Mutex();
    for (Bed& bed : beds_) new (&bed) Bed();
  }

 private:
  struct Worker {
    Pool* pool;
    size_t index;   // 0 is the caller
    uint64_t seen;  // the last ticket before it began
    threads::Thread thread;

    void run() { pool->serve(index, seen); }
  };

  /** Where a thread sleeps. */
  struct alignas(64) Bed {
    std::atomic<bool> taken{false};
    threads::Mutex mutex;
    threads::Condition wake;
  };

  static void runAlone(size_t parts, Task task, const void* job) {
    for (size_t part = 0; part < parts; ++part) task(job, part);
  }

  void runShared(size_t threads, size_t parts, Task task, const void* job) {
    const size_t each = (parts + MAX_PARTS - 1) / MAX_PARTS;  // parts that are claimed together
    task_ = task;
    job_ = job;
    each_ = each;
    parts_ = parts;
    const Ticket ticket(++number_, (parts + each - 1) / each, std::min(threads, started_ + 1));
    done_.store(0, std::memory_order_relaxed);
    ticket_.store(ticket.word());
    wakeFor(ticket, 0);
    work(ticket, 0);
    for (int looks = 0; done_.load(std::memory_order_acquire) < ticket.parts(); ++looks) {
      looks < LOOKS ? pause() : threads::yield();
    }
  }

  /** Starts threads until there are `wanted` beside the caller's. Returns how many there are: the system may give
   * fewer. */
  size_t start(size_t wanted) {
    if (started_ < wanted) forgetAfterFork();
    for (; started_ < wanted; ++started_) {
      Worker& worker = workers_[started_];
      worker = {this, started_ + 1, ticket_.load(), {}};
      if (!worker.thread.start(worker)) break;
    }
    return started_;
  }

  void forgetAfterFork();

  void stop() {
    ticket_.store(Ticket(++number_, 0, 0).word());
    for (size_t i = 0; i < started_; ++i) wake(i + 1);
    for (size_t i = 0; i < started_; ++i) workers_[i].thread.join();
    started_ = 0;
  }

  /** Wakes those for whom the thread `index` cares, as far as the call wants them and they sleep. */
  void wakeFor(Ticket ticket, size_t index) {
    const size_t first = index * WAKES_EACH + 1, last = std::min(first + WAKES_EACH, ticket.threads());
    for (size_t other = first; other < last; ++other) wake(other);
  }

  /**
   * Called after a ticket is published. A thread that goes to bed says so before it looks at the ticket for the last
   * time, all in one order (seq_cst): it sees the new ticket, or is seen here.
   */
  void wake(size_t index) {
    Bed& bed = beds_[index - 1];
    if (!bed.taken.load()) return;
    const Lock lock(bed.mutex);
    bed.taken.store(false);
    bed.wake.wakeOne();
  }

  /** The work of a thread: it takes part in calls until it is given a ticket for no threads. */
  void serve(size_t index, uint64_t seen) {
    for (;;) {
      const Ticket ticket(await(index, seen));
      if (ticket.ends()) return;
      seen = ticket.word();
      wakeFor(ticket, index);
      work(ticket, index);
    }
  }

  /** Waits for a ticket that wants this thread, other than the one seen, and returns it. */
  uint64_t await(size_t index, uint64_t seen) {
    const auto isWanted = [=](uint64_t word) {
      return word != seen && (index < Ticket(word).threads() || Ticket(word).ends());
    };
    const uint64_t until = threads::microseconds() + SPIN_MICROSECONDS;
    do {
      for (int i = 0; i < 64; ++i) {
        const uint64_t word = ticket_.load(std::memory_order_acquire);
        if (isWanted(word)) return word;
        pause();
      }
    } while (threads::microseconds() < until);
    Bed& bed = beds_[index - 1];
    const Lock lock(bed.mutex);
    for (;;) {
      bed.taken.store(true);
      const uint64_t word = ticket_.load();
      if (isWanted(word)) {
        bed.taken.store(false);
        return word;
      }
      bed.wake.wait(bed.mutex);
    }
  }

  /** Takes part in a call: first the share of this thread, then what is left. */
  void work(Ticket ticket, size_t index) {
    const size_t parts = ticket.parts(), start = parts * index / ticket.threads();
    for (size_t i = 0; i < parts; ++i) {
      const size_t claim = start + i < parts ? start + i : start + i - parts;
      uint64_t held = claims_[claim].load(std::memory_order_relaxed);
      while (held < ticket.number()) {
        if (!claims_[claim].compare_exchange_weak(held, ticket.number(), std::memory_order_acq_rel)) continue;
        const size_t first = claim * each_, last = std::min(first + each_, parts_);
        for (size_t part = first; part < last; ++part) task_(job_, part);
        done_.fetch_add(1, std::memory_order_release);
        break;
      }
    }
  }

  threads::Mutex holding_;  // for the number of holders
  size_t holders_ = 0;

  // These belong to the isolate that uses the pool. `busy_` says that there is one.
  std::atomic<bool> busy_{false};
  bool forgets_ = false;  // whether `forget` is called after fork
  Worker workers_[MAX_THREADS - 1] = {};
  size_t started_ = 0;
  uint64_t number_ = 0;

  // These describe the call at hand. They are written before its ticket, and read after a claim of one of its parts.
  Task task_ = nullptr;
  const void* job_ = nullptr;
  size_t each_ = 0, parts_ = 0;

  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<size_t> done_{0};
  alignas(64) std::atomic<uint64_t> claims_[MAX_PARTS] = {};

  Bed beds_[MAX_THREADS - 1] = {};  // of each worker
};

/** Never destroyed: its threads may be at work while the process exits. */
Pool shared;

void Pool::forgetAfterFork() {
#if !defined(_WIN32)
  if (!forgets_) forgets_ = pthread_atfork(nullptr, nullptr, [] { shared.forget(); }) == 0;
#endif
}

}  // namespace

void run(size_t threads, size_t parts, Task task, const void* job) { shared.run(threads, parts, task, job); }
void hold() { shared.hold(); }
void release() { shared.release(); }

}  // namespace pool
}  // namespace bn
