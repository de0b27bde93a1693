#include "session.h"

#include <dlfcn.h>
#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <limits>

#include "check.h"
#include "roll-call.h"

namespace bn::mpi {
namespace {

using Clock = std::chrono::steady_clock;

/** The number of polls before the processor is offered to others, since ranks may share one. */
constexpr int SPINS = 200;
/** The number of polls from one look for calls of the others to the next. */
constexpr int SPINS_TO_LOOK = 64;
/** Milliseconds that a waiting rank may take to answer, since it may have to wait for the processor. */
constexpr double GRACE = 1000;

/** A collective that is under way, with memory of its own: after a timeout MPI goes on using it. */
struct Exchange {
  std::vector<double> sent;
  std::vector<double> received;
  MPI_Request request = MPI_REQUEST_NULL;
};

struct Session {
  bool joined = false;
  bool started = false;
  /** A communicator for this library alone, so that its messages meet none of others. */
  MPI_Comm ranks = MPI_COMM_NULL;
  Job job{};
  Exchange exchange;
  RollCall rollCall;
};

Session session;

/** Node loads addons with their symbols hidden, where plugins that MPI opens later do not find them. */
void showLibrary() {
  Dl_info found;
  if (dladdr(reinterpret_cast<void*>(&MPI_Init_thread), &found) != 0 && found.dli_fname != nullptr) {
    dlopen(found.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
  }
}

/** Starts MPI where nobody has; one thread of this process calls it, whatever is granted. */
void start() {
  int initialized = 0, finalized = 0;
  check(MPI_Initialized(&initialized), "MPI_Initialized");
  check(MPI_Finalized(&finalized), "MPI_Finalized");
  if (finalized) throw MpiError("MPI has been finalized in this process, and starts only once");
  if (initialized) return;
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread");
  session.started = true;
  if (provided < MPI_THREAD_FUNNELED) throw MpiError("MPI_Init_thread: this library allows no process with threads");
}

int lengthOf(size_t count) {
  if (count > INT_MAX) throw MpiError("more numbers than MPI counts");
  return static_cast<int>(count);
}

bool isDone(MPI_Request& request) {
  int done = 0;
  check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

/** Whether an exchange ends within `limit` milliseconds. Meanwhile, calls of other ranks are answered. */
bool comesWithin(double limit, MPI_Request& request) {
  const auto begin = Clock::now();
  for (int spins = 0; !isDone(request); spins++) {
    if (spins < SPINS) continue;
    if (spins % SPINS_TO_LOOK == 0) session.rollCall.answer();
    const double waited = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    if (waited > limit) return false;
    sched_yield();
  }
  return true;
}

/**
 * Waits for ranks that have met. Not by the blocking call, in which ranks that share a processor keep it from each
 * other: MPICH never yields it.
 */
void await(MPI_Request& request) { comesWithin(std::numeric_limits<double>::infinity(), request); }

}  // namespace

std::string library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  check(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  std::string version(text, length);
  version.resize(std::min(version.size(), version.find_first_of("\n,")));
  // MPICH writes a table: "MPICH Version:\t4.0.2".
  const std::string title = " Version:\t";
  const size_t at = version.find(title);
  if (at != std::string::npos) version.replace(at, title.size(), " ");
  return version;
}

const Job& join() {
  if (session.joined) return session.job;
  showLibrary();
  start();
  check(MPI_Comm_dup(MPI_COMM_WORLD, &session.ranks), "MPI_Comm_dup");
  check(MPI_Comm_set_errhandler(session.ranks, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(session.ranks, &session.job.rank), "MPI_Comm_rank");
  check(MPI_Comm_size(session.ranks, &session.job.size), "MPI_Comm_size");
  session.job.library = library();
  session.rollCall = RollCall(session.ranks);
  session.joined = true;
  return session.job;
}

void allgather(const double* sent, double* received, size_t count) {
  const int length = lengthOf(count);
  MPI_Request request;
  check(MPI_Iallgather(sent, length, MPI_DOUBLE, received, length, MPI_DOUBLE, session.ranks, &request),
        "MPI_Iallgather");
  await(request);
}

void alltoall(const double* sent, double* received, size_t count) {
  const int length = lengthOf(count);
  MPI_Request request;
  check(MPI_Ialltoall(sent, length, MPI_DOUBLE, received, length, MPI_DOUBLE, session.ranks, &request),
        "MPI_Ialltoall");
  await(request);
}

void meet(const double* sent, double* received, size_t count, double timeout) {
  const int length = lengthOf(count);
  Exchange& exchange = session.exchange;
  exchange.sent.assign(sent, sent + count);
  exchange.received.resize(count * session.job.size);
  check(MPI_Iallgather(exchange.sent.data(), length, MPI_DOUBLE, exchange.received.data(), length, MPI_DOUBLE,
                       session.ranks, &exchange.request),
        "MPI_Iallgather");
  if (!comesWithin(timeout, exchange.request)) {
    session.rollCall.call();
    if (!comesWithin(GRACE, exchange.request)) throw Timeout{session.rollCall.absent()};
  }
  std::copy(exchange.received.begin(), exchange.received.end(), received);
}

void finalize() {
  if (!session.joined) return;
  session.joined = false;
  check(MPI_Comm_free(&session.ranks), "MPI_Comm_free");
  if (session.started) check(MPI_Finalize(), "MPI_Finalize");
}

void abort(int code) {
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

}  // namespace bn::mpi
