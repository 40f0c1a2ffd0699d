# Sourced by the scripts beside it: builds the bundled corpus here and on the engine that OPTIONS name, and compares every file.
# usage: compare NAME OPTIONS...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PYTHON=${PYTHON:-.venv/bin/python}
WORK=$(mktemp -d)
PROCESSES=()
stop() { for process in "${PROCESSES[@]}"; do kill "$process" 2>/dev/null || true; done; rm -rf "$WORK"; }
trap stop EXIT

# A directory with the virtual environment's programs first: the worker pool starts `python` from PATH.
PATH=$(cd "$(dirname "$PYTHON")" && pwd):$PATH
export PATH

wait_for_port() { for _ in $(seq 300); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.2; done; echo "nobody listens on port $1" >&2; return 1; }

start() { "$@" >"$WORK/log.${#PROCESSES[@]}" 2>&1 & PROCESSES+=($!); }

compare() {
    local name=$1 corpus=nspdata/corpus/inaugural_addresses.jsonl
    shift
    "$PYTHON" -m nspdata train-tokenizer "$corpus" -o "$WORK/tokenizer" --vocab-size 2000
    "$PYTHON" -m nspdata build "$corpus" -o "$WORK/local" --tokenizer "$WORK/tokenizer" --set output.num_shards=3
    "$PYTHON" -m beam_jobs.build_shards --input "$corpus" --output "$WORK/$name" --tokenizer "$WORK/tokenizer" \
        --set output.num_shards=3 "$@"
    diff -r --exclude README.md "$WORK/local" "$WORK/$name"
    echo "$name: the files are those of the local build"
}
