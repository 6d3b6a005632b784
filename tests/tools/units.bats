# SPDX-License-Identifier: Apache-2.0
load helper

# What --lease-timeout $1 is in nanoseconds.
nanoseconds() {
  shmq create "$q" --lease-timeout "$1"
  stat_of .lease_timeout
  shmq rm "$q"
}

@test "durations: every unit, and decimals" {
  [ "$(nanoseconds 0)" = 0 ]
  [ "$(nanoseconds 0s)" = 0 ]
  [ "$(nanoseconds 7ns)" = 7 ]
  [ "$(nanoseconds 7us)" = 7000 ]
  [ "$(nanoseconds 7ms)" = 7000000 ]
  [ "$(nanoseconds 7s)" = 7000000000 ]
  [ "$(nanoseconds 7m)" = 420000000000 ]
  [ "$(nanoseconds 7h)" = 25200000000000 ]
  [ "$(nanoseconds 1.5s)" = 1500000000 ]
  [ "$(nanoseconds 0.25m)" = 15000000000 ]
  [ "$(nanoseconds 0.000000001s)" = 1 ]
  [ "$(nanoseconds 1.0000000000001s)" = 1000000000 ]
}

@test "durations that are none are bad calls" {
  for text in "" s 5 1.5 5x 5S 5sec 5s5 " 5s" "5s " "5 s" -5s +5s .5s 5.s 1.2.3s 1e3s 0x5s ∞; do
    refused 2 "expected a time" shmq create "$q" --lease-timeout="$text"
  done
}

@test "durations end at the largest number of nanoseconds" {
  [ "$(nanoseconds 9223372036s)" = 9223372036000000000 ]
  for text in 9223372036.854775808s 9223372037s 2562048h 99999999999999999999ns 9999999999999999s
  do
    refused 2 "too large" shmq create "$q" --lease-timeout "$text"
  done
}

@test "sizes: bytes, K, M, G" {
  shmq create "$q" --item-max 5000
  [ "$(stat_of .item_max)" = 5000 ]
  shmq rm "$q"
  shmq create "$q" --item-max 5K --max-leases 1
  [ "$(stat_of .item_max)" = 5120 ]
  shmq rm "$q"
  shmq create "$q" --item-max 1M --max-leases 1
  [ "$(stat_of .item_max)" = 1048576 ]
}

@test "sizes that are none are bad calls" {
  for text in "" K 5k 5KB 5KiB 5T 1.5M " 5K" "5K " "5 K" -5 +5 0x10 1e6; do
    refused 2 "expected a size" shmq create "$q" --capacity="$text"
  done
}

@test "sizes have limits" {
  refused 2 "at least 1" shmq create "$q" --capacity 0
  refused 2 "at least 1" shmq create "$q" --item-max 0K
  refused 2 "at most 1G" shmq create "$q" --item-max 1073741825
  refused 2 "at most 8G" shmq create "$q" --capacity 9G
  refused 2 "at most 8G" shmq create "$q" --capacity 99999999999999999999
  refused 2 "at most 8G" shmq create "$q" --capacity 9223372036854775807G
}

@test "counts have limits" {
  for text in "" x 1x -1 +1 1.0 " 1" 1K 0x1; do
    refused 2 "expected a whole number" shmq create "$q" --maxsize="$text"
  done
  refused 2 "too large" shmq create "$q" --maxsize 9223372036854775808
  refused 2 "at least 1" shmq create "$q" --max-leases 0
  refused 2 "at most 65536" shmq create "$q" --max-leases 65537
  refused 2 "at most 4094" shmq create "$q" --max-attempts 4095
}

@test "modes are octal, up to 0777" {
  for text in "" 8 0648 rw 0x1ff -1 u=rw; do
    refused 2 "expected permissions" shmq create "$q" --mode="$text"
  done
  refused 2 "at most 0777" shmq create "$q" --mode 1777
}
