# SPDX-License-Identifier: Apache-2.0
load helper

# Starts an exporter at a free port; its address is in $url.
start_exporter() {
  start shmq exporter --listen "${1:-127.0.0.1:0}" > "$dir"/url
  eventually test -s "$dir"/url
  url=$(< "$dir"/url)
}

fetch() {
  curl --silent --show-error --fail --max-time 30 "$@"
}

# Queues that tell one figure from another.
make_queues() {
  shmq create "$q-a" --maxsize 7
  shmq create "$q-b"
  shmq put "$q-a" 1 2 3
  shmq get "$q-a"
}

# What is the same at the next look, of the queues of this test.
at_rest() {
  jq --arg q "$q" 'map(select(.name | startswith($q)) | del(.oldest_waiting))'
}

@test "exporter: /queues.json is what ls --json prints" {
  make_queues
  start_exporter
  fetch "$url"queues.json | at_rest > "$dir"/fetched
  shmq ls --json | at_rest > "$dir"/listed
  jq -e 'length == 2 and .[0].qsize == 2' "$dir"/listed
  cmp "$dir"/fetched "$dir"/listed
}

@test "exporter: /metrics is what ls --prometheus prints" {
  make_queues
  start_exporter
  fetch "$url"metrics > "$dir"/all
  grep "queue=\"$q" "$dir"/all | grep -v oldest > "$dir"/fetched
  shmq ls --prometheus | grep "queue=\"$q" | grep -v oldest > "$dir"/listed
  grep -Fqx "shmq_waiting_items{queue=\"$q-a\"} 2" "$dir"/fetched
  cmp "$dir"/fetched "$dir"/listed
  fetch --head "$url"metrics | grep -iq '^content-type: text/plain; version=0.0.4'
  ! command -v promtool || promtool check metrics < "$dir"/all
}

@test "exporter: the page fetches nothing from elsewhere" {
  start_exporter
  fetch "$url" > "$dir"/page
  cmp "$dir"/page "$BATS_TEST_DIRNAME"/../../tools/exporter/page.html
  ! grep -E '(src|href)=|@import|https?://' "$dir"/page | grep -v 'http://www.w3.org/2000/svg'
  fetch --head "$url" | grep -iq "^content-security-policy: default-src 'none'"
}

@test "exporter: the page shows the figures of stat --json" {
  command -v chromium || skip "chromium is not here"
  make_queues
  start_exporter
  timeout 60 chromium --headless --no-sandbox --disable-gpu --virtual-time-budget=3000 \
    --user-data-dir="$dir"/profile --dump-dom "$url" > "$dir"/page 2> /dev/null
  sed 's/<article/\n&/g' "$dir"/page > "$dir"/cards
  for queue in "$q-a" "$q-b"; do
    for key in qsize leased; do
      echo "$queue $key"
      grep -F "<article data-queue=\"$queue\"" "$dir"/cards \
        | grep -Fq "data-key=\"$key\">$(stat_of ".$key" "$queue")</b>"
    done
  done
}

@test "exporter: whoever asks for something else is told" {
  start_exporter
  [ "$(curl -s -o "$dir"/out -w '%{http_code}' "$url"nothing)" = 404 ]
  grep -q /metrics "$dir"/out
  [ "$(curl -s -o "$dir"/out -w '%{http_code}' -d x "$url"queues.json)" = 405 ]
}

@test "exporter: writes nothing to a queue, and does not attach" {
  make_queues
  before=$(cksum < /dev/shm/shmq."$q-a")
  start_exporter
  fetch "$url"queues.json "$url"metrics > "$dir"/out
  [ "$(cksum < /dev/shm/shmq."$q-a")" = "$before" ]
}

@test "exporter: SIGTERM and SIGINT end it with 0" {
  for signal in TERM INT; do
    rm -f "$dir"/url
    start_exporter
    kill -"$signal" "$pid"
    wait "$pid"
  done
}

@test "exporter: IPv6" {
  [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "there is no IPv6"
  start_exporter '[::1]:0'
  [[ $url == 'http://[::1]:'* ]]
  fetch -g "$url"metrics | grep -q '^# TYPE shmq_up gauge$'
}

@test "exporter: bad addresses" {
  for address in 9464 127.0.0.1 127.0.0.1: :9464 127.0.0.1:65536 127.0.0.1:-1 127.0.0.1:x ::1:9464 '[::1:9464'; do
    refused 2 "expected an address and a port" shmq exporter --listen "$address"
  done
  start_exporter
  refused 1 "somebody listens there already" shmq exporter --listen "$(sed 's,http://\(.*\)/,\1,' <<< "$url")"
}
