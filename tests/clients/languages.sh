#!/usr/bin/env bash
# The template in each language, built as its author would and run by the real host: all three write the same bytes.
#
# usage: languages.sh LONGSHORE PROJECT CACHE; needs cargo with the target wasm32-wasip2, Python, Node 22 or newer with
# npm (NPM is the command, `npm` by default).
set -euo pipefail

longshore=$1
project=$2
cache=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
export WIT=$root/wit

# copy LANGUAGE: the template as its author has it, with what was installed before.
copy() {
    mkdir -p "$cache/$1"
    cp "$root/plugins/templates/$1"/*.* "$cache/$1/"
}

copy python
"$cache/python/build.sh" "$WIT"
copy javascript
(cd "$cache/javascript" && ${NPM:-npm} install --silent --no-fund --no-audit && node build.js)
mkdir -p "$cache/rust"
(cd "$root/plugins" && cargo build --quiet --release --locked --package word_count)
target=${CARGO_TARGET_DIR:-$root/plugins/target}
cp "$target/wasm32-wasip2/release/word_count.wasm" "$root/plugins/templates/rust/word_count.toml" "$cache/rust/"

cd "$project"
payload='{"table": "orders", "column": "ship_to_address"}'
expected=
for language in rust python javascript; do
    # The policy first, or the component would be blocked.
    cp "$cache/$language/word_count.toml" "$cache/$language/word_count.wasm" plugins/
    "$longshore" plugin inspect word_count >/dev/null
    "$longshore" run word_count --payload "$payload" --json >answer.json 2>run.log || { cat run.log answer.json; exit 1; }
    file=$(python3 -c 'import json; print(json.load(open("answer.json"))["artifacts"][0]["path"])')
    result=$(python3 -c 'import json; print(json.load(open("answer.json"))["result"])')
    digest=$(sha256sum <"$file")
    if [ "${expected:=$result $digest}" != "$result $digest" ]; then
        echo "FAILED: the job in $language gave $result $digest, not $expected" >&2
        exit 1
    fi
    echo "  ok: $language counts the words: $result"
done
