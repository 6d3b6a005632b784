# SPDX-License-Identifier: Apache-2.0
# usage: jq -r -f bench/tables.jq results.json: the results as tables (markdown), a column a case.
def figure:
  if . == null then ""
  elif . >= 1e6 then "\(. / 1e4 | round / 100) M"
  elif . >= 1e4 then "\(. / 1e2 | round / 10) k"
  else "\(. * 1e4 | round / 1e4)" end;
def row: "| " + join(" | ") + " |";
.environment as $e |
"\($e.processor), \($e.processors) processors, Linux \($e.kernel), glibc \($e.libc), \($e.compiler); commit \($e.commit), \($e.date); medians of \($e.rounds) rounds of \($e.seconds) s.",
(.scenarios[] | . as $s |
  ([.results[].case] | reduce .[] as $c ([]; if index([$c]) then . else . + [$c] end)) as $cases |
  ([.results[].peer] | reduce .[] as $p ([]; if index([$p]) then . else . + [$p] end)) as $peers |
  (.results[0].metrics // {} | keys_unsorted[]) as $metric |
  "\n### \($s.scenario), \($metric) (\($s.unit))\n",
  (["\($s.axis)"] + $cases | row), "|---|" + ($cases | map("---|") | join("")),
  ($peers[] as $p |
    [$p] + [$cases[] as $c | [$s.results[] | select(.peer == $p and .case == $c)][0] |
      if . == null then "" elif .failed then "failed" else .metrics[$metric].median | figure end] | row))
