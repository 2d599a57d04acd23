#!/bin/sh
# Makes .venv if there is none that works, and installs the project into it with pinned versions.
# usage: venv.sh run|test     (test: with the extras for training, export and development)
set -eu
mode=${1:?usage: venv.sh run|test}
here=$(dirname "$0")
cd "$here/.."

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(sh scripts/find-python.sh) || {
        echo "No Python 3.11 or 3.12 that can make a virtual environment: run scripts/system-packages.sh $mode" >&2
        exit 1
    }
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

case "$mode" in
run) what='.' ;;
test) what='.[train,export,dev]' ;;
esac
echo "Installing $what (the first time takes some minutes)"
if [ -t 1 ]; then quiet=''; else quiet='--quiet'; fi
.venv/bin/python -m pip install $quiet --disable-pip-version-check -c constraints.txt -e "$what"
