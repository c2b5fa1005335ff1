#!/bin/sh
# What `make fuzz` runs: each harness for its share of half the MINUTES, then schemathesis for about the other half.
# What a harness finds lies in var/fuzz/NAME/ and is named at the end; the corpus is kept there from run to run.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
minutes=${MINUTES:-30}
names=$(sed -n 's/^def \([a-z]*\)(data.*/\1/p' tests/fuzz/harnesses.py)
count=$(echo "$names" | wc -l)
seconds=$((minutes * 30 / count))
failed=""
for name in $names; do
    echo "$name: $seconds s"
    mkdir -p "var/fuzz/$name/corpus"
    $python tests/fuzz/harnesses.py "$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 \
        -artifact_prefix="var/fuzz/$name/" "var/fuzz/$name/corpus" >"var/fuzz/$name/log" 2>&1 || failed="$failed $name"
    tail -n 1 "var/fuzz/$name/log"
done
# Some thirty requests a second on a small machine, of some ninety kinds.
FUZZ_EXAMPLES=${EXAMPLES:-$((minutes * 10))} $python -m pytest -q tests/fuzz/test_api.py || failed="$failed api"
[ -z "$failed" ] || { echo "found something:$failed; see var/fuzz/ and above"; exit 1; }
