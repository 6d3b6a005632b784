# SPDX-License-Identifier: Apache-2.0
"""usage: python_kills.py PRODUCERS CONSUMERS BYTES KILLS SECONDS SEED: the storm of kills (storm.h)
on a multiprocessing.JoinableQueue, whose items are bytes. Prints: hung, kills, put, missing, in
hand, twice, invented."""

import mmap
import multiprocessing
import os
import random
import signal
import sys
import time

ITEMS_MAX, ITEMS_OF_A_LIFE = 1 << 27, 1 << 16
PAUSE, SUSPICION, HANG, QUIET, NAP = 0.004, 0.1, 5, 1, 0.01
NOT_PUT, ABOUT_TO_PUT, PUT = 0, 1, 2


class Book:
    """What stays of a process that is killed. One process writes each word and byte of it."""

    def __init__(self, crew):
        self.puts, self.stop = mmap.mmap(-1, ITEMS_MAX), mmap.mmap(-1, 1)
        self.gets = [mmap.mmap(-1, ITEMS_MAX) for _ in range(crew)]
        self.words = memoryview(mmap.mmap(-1, 8 * 3 * crew)).cast("Q")
        self.moved, self.getting, self.invented = (
            self.words[i * crew:(i + 1) * crew] for i in range(3))


def make_item(number, size):
    return number.to_bytes(8, "little") + bytes((number + i) % 251 for i in range(size - 8))


def produce(queue, book, first, size):
    number = first
    while not book.stop[0] and number < first + ITEMS_OF_A_LIFE:
        item = make_item(number, size)
        book.puts[number] = ABOUT_TO_PUT
        queue.put(item)
        book.puts[number] = PUT
        number += 1


def note(book, place, item, size):
    number = int.from_bytes(item[:8], "little") if isinstance(item, bytes) else ITEMS_MAX
    if number >= ITEMS_MAX or book.puts[number] == NOT_PUT or item != make_item(number, size):
        book.invented[place] += 1
    else:
        book.gets[place][number] = min(255, book.gets[place][number] + 1)


def consume(queue, book, place, size):
    while True:
        book.getting[place] = 1
        item = queue.get()
        note(book, place, item, size)
        book.getting[place] = 0
        queue.task_done()
        book.moved[place] += 1


class Crew:
    def __init__(self, producers, consumers, size, seed):
        self.context = multiprocessing.get_context("fork")
        self.queue = self.context.JoinableQueue(1000)
        self.producers, self.size, self.n = producers, size, producers + consumers
        self.book, self.random = Book(self.n), random.Random(seed)
        self.next_item, self.in_hand = 0, 0
        self.processes = [self.start(i) for i in range(self.n)]

    def start(self, place):
        if place < self.producers:
            args = (produce, self.queue, self.book, self.next_item, self.size)
            self.next_item += ITEMS_OF_A_LIFE
        else:
            args = (consume, self.queue, self.book, place, self.size)
        process = self.context.Process(target=args[0], args=args[1:], daemon=True)
        process.start()
        return process

    def kill(self, place):
        os.kill(self.processes[place].pid, signal.SIGKILL)
        self.processes[place].join()
        self.in_hand += self.book.getting[place]
        self.book.getting[place] = 0

    def got(self):
        return sum(self.book.moved)

    def something_moves(self, patience):
        # What a nap takes longer than NAP does not count: the others may be kept from the processor, too.
        before, waited = self.got(), 0
        while self.got() == before:
            if waited > patience:
                return False
            begun = time.monotonic()
            time.sleep(0.0005)
            waited += min(time.monotonic() - begun, NAP)
        return True


def rage(crew, limit, seconds):
    """Returns whether it hung, and the kills."""
    end, kills, got, last = time.monotonic() + seconds, 0, 0, time.monotonic()
    while kills < limit and time.monotonic() < end and crew.next_item < ITEMS_MAX:
        time.sleep(crew.random.random() * PAUSE)
        victim = crew.random.randrange(crew.n)
        crew.kill(victim)
        crew.processes[victim] = crew.start(victim)
        kills += 1
        if crew.got() != got:
            got, last = crew.got(), time.monotonic()
        if time.monotonic() - last > SUSPICION:
            if not crew.something_moves(HANG):
                return True, kills
            last = time.monotonic()
    return not crew.something_moves(HANG), kills


def account(crew):
    """Returns how many were put, are missing, and came twice."""
    put = missing = twice = 0
    for first in range(0, crew.next_item, ITEMS_OF_A_LIFE):
        number = first
        while number < first + ITEMS_OF_A_LIFE and crew.book.puts[number] != NOT_PUT:
            gets = sum(gets[number] for gets in crew.book.gets)
            is_put = crew.book.puts[number] == PUT
            put += is_put
            missing += is_put and gets == 0
            twice += gets > 1
            number += 1
    return put, missing, twice


def main():
    producers, consumers, size, limit = map(int, sys.argv[1:5])
    crew = Crew(producers, consumers, size, int(sys.argv[6]))
    hung = not crew.something_moves(HANG)
    kills = 0
    if not hung:
        hung, kills = rage(crew, limit, float(sys.argv[5]))
    crew.book.stop[0] = 1
    while not hung and crew.something_moves(QUIET):
        pass
    for process in crew.processes:
        process.kill()
    put, missing, twice = account(crew)
    print(int(hung), kills, put, missing, min(crew.in_hand, missing), twice,
          sum(crew.book.invented), flush=True)
    os._exit(0)


main()
