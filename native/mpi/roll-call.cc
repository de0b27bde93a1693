#include "roll-call.h"

#include "check.h"

namespace bn::mpi {
namespace {

enum Tag { CALL = 1, HERE };

}  // namespace

RollCall::RollCall(MPI_Comm ranks) : ranks_(ranks) {
  int rank = 0, size = 0;
  check(MPI_Comm_rank(ranks, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(ranks, &size), "MPI_Comm_size");
  isHere_.assign(size, false);
  isHere_[rank] = true;
}

void RollCall::answer() {
  for (;;) {
    int found = 0;
    MPI_Status status;
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, ranks_, &found, &status), "MPI_Iprobe");
    if (!found) return;
    const int rank = status.MPI_SOURCE, tag = status.MPI_TAG;
    check(MPI_Recv(nullptr, 0, MPI_BYTE, rank, tag, ranks_, MPI_STATUS_IGNORE), "MPI_Recv");
    isHere_[rank] = true;
    if (tag == CALL) send(rank, HERE);
  }
}

void RollCall::call() {
  for (size_t rank = 0; rank < isHere_.size(); rank++) {
    if (!isHere_[rank]) send(static_cast<int>(rank), CALL);
  }
}

std::vector<int> RollCall::absent() const {
  std::vector<int> ranks;
  for (size_t rank = 0; rank < isHere_.size(); rank++) {
    if (!isHere_[rank]) ranks.push_back(static_cast<int>(rank));
  }
  return ranks;
}

/** Sends without waiting, since the other rank may never receive it. */
void RollCall::send(int rank, int tag) {
  MPI_Request request;
  check(MPI_Isend(nullptr, 0, MPI_BYTE, rank, tag, ranks_, &request), "MPI_Isend");
  check(MPI_Request_free(&request), "MPI_Request_free");
}

}  // namespace bn::mpi
