# SPDX-License-Identifier: Apache-2.0
"""executor.py WORKERS TASKS TRIPS: what Python's ProcessPoolExecutor does with an empty task.

Prints tasks a second of one map with a chunk size of 1, and the median of the round trips of one
task, in microseconds.
"""
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor


def empty(number):
    return number


def rate(executor, tasks):
    began = time.monotonic()
    if list(executor.map(empty, range(tasks), chunksize=1)) != list(range(tasks)):
        sys.exit("wrong results")
    return tasks / (time.monotonic() - began)


def round_trip(executor):
    began = time.monotonic()
    executor.submit(empty, 1).result()
    return time.monotonic() - began


def main():
    workers, tasks, trips = map(int, sys.argv[1:])
    with ProcessPoolExecutor(workers) as executor:
        rate(executor, 100)
        print(rate(executor, tasks), 1e6 * statistics.median(
            round_trip(executor) for _ in range(trips)))


main()
