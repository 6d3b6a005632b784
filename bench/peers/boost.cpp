/* SPDX-License-Identifier: Apache-2.0 */
/* Boost.Interprocess message_queue. */
#include <boost/interprocess/ipc/message_queue.hpp>

#include <cerrno>
#include <memory>
#include <string>

#include "peer.h"

using boost::interprocess::create_only;
using boost::interprocess::interprocess_exception;
using boost::interprocess::message_queue;
using boost::interprocess::open_only;

namespace {

struct channel {
  std::string name;
  std::unique_ptr<message_queue> queue;
};

void *setup(const struct shape *shape) {
  char name[64];
  unique_name(name, sizeof name, "bench-boost");
  try {
    auto queue = std::make_unique<message_queue>(create_only, name, slots_for(shape), shape->item);
    return new channel{name, std::move(queue)};
  } catch (const interprocess_exception &) {
    errno = ENOSPC;
    return nullptr;
  }
}

void attach(void *self, enum side, unsigned) {
  auto *c = static_cast<channel *>(self);
  c->queue = std::make_unique<message_queue>(open_only, c->name.c_str());
}

void put(void *self, const void *item, std::size_t size) {
  static_cast<channel *>(self)->queue->send(item, size, 0);
}

std::size_t get(void *self, void *item, std::size_t size) {
  message_queue::size_type got = 0;
  unsigned priority;
  static_cast<channel *>(self)->queue->receive(item, size, got, priority);
  return got;
}

void teardown(void *self) {
  auto *c = static_cast<channel *>(self);
  message_queue::remove(c->name.c_str());
  delete c;
}

} // namespace

extern "C" {

extern const struct peer peer_boost;

const struct peer peer_boost = [] {
  struct peer peer = {};
  peer.name = "boost";
  peer.note =
      "Boost.Interprocess message_queue: a process killed inside a call leaves it locked for ever; "
      "keeps priorities";
  peer.deep = true;
  peer.setup = setup;
  peer.attach = attach;
  peer.put = put;
  peer.get = get;
  peer.teardown = teardown;
  return peer;
}();
}
