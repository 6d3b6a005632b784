#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# flips.py FILE COPY COMMAND...
# Turns one bit of each byte of the file by turns, in a copy, and runs the command on that. Prints a
# line for each: the byte, the command's status, and what it said.
import pathlib
import random
import subprocess
import sys

whole = pathlib.Path(sys.argv[1]).read_bytes()
for at in range(len(whole)):
    flipped = bytearray(whole)
    flipped[at] ^= 1 << random.randrange(8)
    pathlib.Path(sys.argv[2]).write_bytes(flipped)
    run = subprocess.run(sys.argv[3:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(at, run.returncode, run.stdout.rstrip())
