#!/usr/bin/env bash
# Makes word_count.wasm of app.py. Needs Python 3.10 or newer; componentize-py is installed into .venv beside this file.
#
# usage: build.sh [WIT_FOLDER]
#   WIT_FOLDER  folder with job.wit (default: that of the Longshore checkout this template is in)
set -euo pipefail
wit=$(realpath "${1:-$(dirname "$0")/../../../wit}")
cd "$(dirname "$0")"
[ -x .venv/bin/pip ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check componentize-py==0.25.1
.venv/bin/componentize-py --wit-path "$wit" --world job componentize app --output word_count.wasm
echo "made $PWD/word_count.wasm"
