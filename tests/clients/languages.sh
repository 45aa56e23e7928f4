#!/usr/bin/env bash
# The template in each language, copied out of the repository, tested and built as its author would, and run by the real
# host: all write the same bytes.
#
# usage: languages.sh LONGSHORE PROJECT CACHE LANGUAGE...; rust needs cargo with the target wasm32-wasip2
# (LONGSHORE_WASM_RUSTC is its rustc, `rustc` by default), python Python 3.10 or newer, javascript Node 22.16 or newer with
# npm (NPM is the command, `npm` by default).
set -euo pipefail

longshore=$1
project=$2
cache=$3
shift 3
root=$(cd "$(dirname "$0")/../.." && pwd)
copies=$(mktemp -d)
trap 'rm -rf "$copies"' EXIT

# make_rust: shares the target folder of the plugins, whose dependencies are the same.
make_rust() {
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/plugins/target}
    cargo test --quiet --locked
    # As the plugins have it, or all dependencies would be compiled once more.
    CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS='-C target-feature=+simd128' RUSTC=${LONGSHORE_WASM_RUSTC:-rustc} \
        cargo build --quiet --locked --release --target wasm32-wasip2
    cp "$CARGO_TARGET_DIR/wasm32-wasip2/release/word_count.wasm" .
}

make_python() {
    python3 -m unittest --quiet
    ./build.sh
}

make_javascript() {
    npm_config_cache=$cache/npm ${NPM:-npm} ci --silent --no-fund --no-audit
    node --test >test.log || { cat test.log; return 1; }
    node build.js
}

mkdir -p "$cache"
payload='{"table": "orders", "column": "ship_to_address"}'
expected=
for language in "$@"; do
    copy=$copies/$language
    mkdir "$copy"
    # What its author would get; nothing that was made in the repository.
    tar -C "$root/plugins/templates/$language" -cf - --exclude=./target --exclude=./node_modules --exclude=./.venv \
        --exclude=__pycache__ --exclude='*.wasm' . | tar -C "$copy" -xf -
    (cd "$copy" && "make_$language")

    cd "$project"
    # The policy first, or the component would be blocked.
    cp "$copy/word_count.toml" plugins/
    cp "$copy/word_count.wasm" plugins/
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
