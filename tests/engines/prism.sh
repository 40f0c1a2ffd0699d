#!/usr/bin/env bash
# The build on Prism, Beam's runner in Go: one set of bytes. Needs its binary:
#   NSPDATA_PRISM=/path/to/prism tests/engines/prism.sh
# Not run in CI: the binary is not on PyPI.
set -euo pipefail
if [ -z "${NSPDATA_PRISM:-}" ]; then
    echo "skipped: NSPDATA_PRISM is not set (the binary of github.com/apache/beam/sdks/go/cmd/prism)"
    exit 0
fi
. "$(dirname "$0")/check.sh"
JOB_PORT=${JOB_PORT:-8073} POOL_PORT=${POOL_PORT:-50000}
start "$NSPDATA_PRISM" --job_port="$JOB_PORT" --serve_http=false
start "$PYTHON" -m apache_beam.runners.worker.worker_pool_main --service_port="$POOL_PORT"
wait_for_port "$JOB_PORT"
wait_for_port "$POOL_PORT"
compare prism --runner=PortableRunner --job_endpoint="localhost:$JOB_PORT" --environment_type=EXTERNAL \
    --environment_config="localhost:$POOL_PORT"
