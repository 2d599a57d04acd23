#!/bin/sh
# Prints the Python to build .venv with: 3.11 to 3.14, able to make a virtual environment. Those for
# which everything comes ready built go first; the newer ones build python-rtmidi.
# PYTHON=/path/to/python chooses one by hand. Prints nothing and fails where there is none.
set -eu

usable() {
    "$1" -c '
import sys
import ensurepip, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

for candidate in ${PYTHON:-python3.12 python3.11 python3 python3.13 python3.14 "$HOME/.local/bin/python3.12" \
    /opt/homebrew/bin/python3.12 /opt/homebrew/bin/python3.11 /opt/homebrew/bin/python3 \
    /usr/local/bin/python3.12 /usr/local/bin/python3}; do
    if usable "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done
exit 1
