// The Node-API edge of `batchnorm/mpi`: src/mpi/addon.ts says what it exports.
#include <napi.h>

#include "session.h"

namespace {

using bn::mpi::Job;

/** Runs what calls MPI; its errors are thrown in JavaScript. */
template <class Body>
Napi::Value guarded(const Napi::CallbackInfo& info, const Body& body) {
  try {
    return body();
  } catch (const bn::mpi::MpiError& error) {
    throw Napi::Error::New(info.Env(), error.what());
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(info.Env(), "no memory for what the ranks send");
  }
}

Napi::Value join(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const Job& job = bn::mpi::join();
    Napi::Object shown = Napi::Object::New(info.Env());
    shown["rank"] = job.rank;
    shown["size"] = job.size;
    shown["library"] = job.library;
    return shown;
  });
}

Napi::Value library(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value { return Napi::String::New(info.Env(), bn::mpi::library()); });
}

Napi::Float64Array numbers(const Napi::CallbackInfo& info, size_t index) {
  const Napi::Value value = info[index];
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    throw Napi::TypeError::New(info.Env(), "expected a Float64Array");
  }
  return value.As<Napi::Float64Array>();
}

struct Messages {
  Napi::Float64Array sent;
  Napi::Float64Array received;
};

/** The first two arguments: what is sent, and a place for what all ranks send, which is so many times as long. */
Messages messages(const Napi::CallbackInfo& info, size_t times) {
  Messages given{numbers(info, 0), numbers(info, 1)};
  if (given.received.ElementLength() != given.sent.ElementLength() * times) {
    throw Napi::RangeError::New(info.Env(), "expected room for what every rank sends");
  }
  return given;
}

Napi::Value allgather(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    Messages given = messages(info, bn::mpi::join().size);
    bn::mpi::allgather(given.sent.Data(), given.received.Data(), given.sent.ElementLength());
    return info.Env().Undefined();
  });
}

Napi::Value alltoall(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    Messages given = messages(info, 1);
    const size_t size = bn::mpi::join().size;
    if (given.sent.ElementLength() % size != 0) {
      throw Napi::RangeError::New(info.Env(), "expected as many numbers for every rank");
    }
    bn::mpi::alltoall(given.sent.Data(), given.received.Data(), given.sent.ElementLength() / size);
    return info.Env().Undefined();
  });
}

/** (sent, received, timeout): null, or the ranks that did not come in time. */
Napi::Value meet(const Napi::CallbackInfo& info) {
  const double timeout = info[2].ToNumber();
  return guarded(info, [&]() -> Napi::Value {
    Messages given = messages(info, bn::mpi::join().size);
    try {
      bn::mpi::meet(given.sent.Data(), given.received.Data(), given.sent.ElementLength(), timeout);
      return info.Env().Null();
    } catch (const bn::mpi::Timeout& late) {
      Napi::Array missing = Napi::Array::New(info.Env(), late.missing.size());
      for (uint32_t i = 0; i < late.missing.size(); i++) missing[i] = Napi::Number::New(info.Env(), late.missing[i]);
      return missing;
    }
  });
}

Napi::Value finalize(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    bn::mpi::finalize();
    return info.Env().Undefined();
  });
}

Napi::Value abort(const Napi::CallbackInfo& info) { bn::mpi::abort(info[0].ToNumber()); }

Napi::Object exportAll(Napi::Env env, Napi::Object exports) {
  exports["library"] = Napi::Function::New(env, library);
  exports["join"] = Napi::Function::New(env, join);
  exports["allgather"] = Napi::Function::New(env, allgather);
  exports["alltoall"] = Napi::Function::New(env, alltoall);
  exports["meet"] = Napi::Function::New(env, meet);
  exports["finalize"] = Napi::Function::New(env, finalize);
  exports["abort"] = Napi::Function::New(env, abort);
  return exports;
}

}  // namespace

NODE_API_MODULE(batchnorm_mpi, exportAll)
