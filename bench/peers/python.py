# SPDX-License-Identifier: Apache-2.0
"""usage: python.py PRODUCERS CONSUMERS BYTES SECONDS: prints items a second of a
multiprocessing.Queue, whose items are bytes, each checked."""

import multiprocessing
import os
import sys
import time


def pin(index):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[index % len(cpus)]})


def produce(queue, gate, size, seconds, place, report):
    pin(place)
    tail = bytes(i % 251 for i in range(size - 8))
    gate.wait()
    end = time.monotonic() + seconds
    count = total = 0
    while count % 64 or time.monotonic() < end:
        queue.put(count.to_bytes(8, "little") + tail)
        total += count
        count += 1
    report.put((count, total, 0.0))


def consume(queue, gate, size, place, report):
    pin(place)
    tail = bytes(i % 251 for i in range(size - 8))
    gate.wait()
    count = total = 0
    while (item := queue.get()) is not None:
        if item[8:] != tail:
            sys.exit("an item was altered")
        total += int.from_bytes(item[:8], "little")
        count += 1
    report.put((count, total, time.monotonic()))


def start(context, target, *args):
    process = context.Process(target=target, args=args)
    process.start()
    return process


def join(processes):
    for process in processes:
        process.join()
        if process.exitcode:
            sys.exit("a process failed")


def total_of(report, processes):
    rows = [report.get() for _ in processes]
    return sum(r[0] for r in rows), sum(r[1] for r in rows), max(r[2] for r in rows)


def main():
    producers, consumers, size, seconds = *map(int, sys.argv[1:4]), float(sys.argv[4])
    context = multiprocessing.get_context("fork")
    queue, puts, gets = context.Queue(10000), context.SimpleQueue(), context.SimpleQueue()
    gate = context.Barrier(producers + consumers + 1)
    putters = [start(context, produce, queue, gate, size, seconds, 2 * i, puts)
               for i in range(producers)]
    getters = [start(context, consume, queue, gate, size, 2 * i + 1, gets)
               for i in range(consumers)]
    gate.wait()
    began = time.monotonic()
    put = total_of(puts, putters)
    join(putters)
    for _ in range(consumers):
        queue.put(None)
    got = total_of(gets, getters)
    join(getters)
    if put[:2] != got[:2]:
        sys.exit("items were lost or altered")
    print(got[0] / (got[2] - began))


main()
