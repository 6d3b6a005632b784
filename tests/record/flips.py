#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# flips.py STEP FILE COPY COMMAND...
# Turns one bit of every STEP-th byte of the file by turns, in a copy, and runs the command on that.
# Prints a line for each: the byte, the command's status, and what it said.
import pathlib
import random
import subprocess
import sys

whole = pathlib.Path(sys.argv[2]).read_bytes()
for at in range(0, len(whole), int(sys.argv[1])):
    flipped = bytearray(whole)
    flipped[at] ^= 1 << random.randrange(8)
    pathlib.Path(sys.argv[3]).write_bytes(flipped)
    run = subprocess.run(sys.argv[4:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(at, run.returncode, run.stdout.rstrip())
