#!/usr/bin/env bash
# The build on a Flink mini-cluster: one set of bytes. Needs Java and Beam's Flink job server:
#   NSPDATA_FLINK_JOB_SERVER_JAR=/path/to/beam-runners-flink-1.19-job-server-2.77.0.jar tests/engines/flink.sh
# Not run in CI: the jar is not on PyPI.
set -euo pipefail
if [ -z "${NSPDATA_FLINK_JOB_SERVER_JAR:-}" ]; then
    echo "skipped: NSPDATA_FLINK_JOB_SERVER_JAR is not set (org.apache.beam:beam-runners-flink-*-job-server)"
    exit 0
fi
command -v java >/dev/null || { echo "skipped: no java on PATH"; exit 0; }
. "$(dirname "$0")/check.sh"
JOB_PORT=${JOB_PORT:-8099} POOL_PORT=${POOL_PORT:-50000}
start java -jar "$NSPDATA_FLINK_JOB_SERVER_JAR" --flink-master="[local]" --job-port="$JOB_PORT" --artifact-port=0 --expansion-port=0
start "$PYTHON" -m apache_beam.runners.worker.worker_pool_main --service_port="$POOL_PORT"
wait_for_port "$JOB_PORT"
wait_for_port "$POOL_PORT"
compare flink --runner=PortableRunner --job_endpoint="localhost:$JOB_PORT" --environment_type=EXTERNAL \
    --environment_config="localhost:$POOL_PORT" --parallelism="${PARALLELISM:-2}"
