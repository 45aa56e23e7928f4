#!/usr/bin/env bash
# The MCP Inspector's command line against `longshore serve`, in both eras.
#
# usage: inspector.sh LONGSHORE PROJECT; INSPECTOR is the command that starts it, `npx mcp-inspector` by default.
set -euo pipefail

longshore=$1
project=$2
inspector=${INSPECTOR:-npx mcp-inspector}
# What it printed last, and its exit code: 5 means that the tool's answer was an error.
printed=$(mktemp)
trap 'rm -f "$printed"' EXIT
code=0

inspect() {
    code=0
    # shellcheck disable=SC2086 # a command with its arguments
    $inspector --cli --format json --quiet --protocol-era "$era" --cwd "$project" "$@" "$longshore" serve \
        >"$printed" || code=$?
}

# expect WHAT CODE EXPRESSION: Python over `result`, what the Inspector printed.
expect() {
    if [ "$code" != "$2" ] || ! python3 - "$printed" "$3" <<'PYTHON'; then
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    result = json.load(file)["result"]
sys.exit(not eval(sys.argv[2]))
PYTHON
        echo "FAILED: $1 (era $era, exit code $code):" >&2
        head -c 2000 "$printed" >&2
        exit 1
    fi
    echo "  ok: $1"
}

call() {
    inspect --method tools/call --tool-name "$1" --tool-args-json "$2"
}

for era in legacy auto modern; do
    echo "MCP Inspector, era $era"

    # --strict: exit code 6 if a schema would trouble other clients.
    inspect --strict --method tools/list
    expect "the tools are offered, with portable schemas" 0 \
        '{"export", "bulk_invoice", "notifications", "enqueue_job"} <= {t["name"] for t in result["tools"]}'

    call export '{"table": "branches", "format": "csv"}'
    expect "a job answers with its result" 0 \
        'result["structuredContent"]["status"] == "completed" and result["structuredContent"]["records_processed"] == 10'
    uri=$(python3 -c 'import json, sys
blocks = json.load(open(sys.argv[1]))["result"]["content"]
print(next(b["uri"] for b in blocks if b["type"] == "resource_link"))' "$printed")

    inspect --method resources/read --uri "$uri"
    expect "its artifact is a resource, which a new server has, too" 0 '"DEL" in str(result["contents"])'

    call export '{"table": 5}'
    expect "a wrong payload is a structured error" 5 \
        'result["isError"] and result["structuredContent"]["error"]["code"] == "invalid_input"'

    call check_job_status '{"job_id": "00000000-0000-4000-8000-000000000000"}'
    expect "an unknown job is a structured error" 5 \
        'result["isError"] and result["structuredContent"]["error"]["message"]'

    inspect --method resources/list
    expect "resources are listed" 0 'any(r["uri"].startswith("'"${uri%%:*}"':") for r in result["resources"])'
done
