#!/usr/bin/env bash
# Builds word_count.wasm from app.py. Needs Python 3.10 or newer; componentize-py is installed into .venv beside this file.
set -euo pipefail
cd "$(dirname "$0")"
[ -x .venv/bin/pip ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
.venv/bin/componentize-py --wit-path wit --world job componentize app --output word_count.wasm
echo "made $PWD/word_count.wasm"
