#!/bin/sh
# Makes .venv if there is none that works, and installs the project into it with pinned versions.
# usage: venv.sh run|test     (test: with the extras for training, export and development)
set -eu
mode=${1:?usage: venv.sh run|test}
here=$(dirname "$0")
cd "$here/.."

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(sh scripts/find-python.sh) || {
        echo "No Python 3.11 to 3.14 that can make a virtual environment: run scripts/system-packages.sh $mode" >&2
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
install() {
    .venv/bin/python -m pip install $quiet --disable-pip-version-check -c constraints.txt "$@"
}
install -e "$what"

# The optional sound, where somebody can hear it. Nothing depends on it.
if [ "$mode" = run ] && sh scripts/has-audio.sh && ! install -e '.[audition]'; then
    echo "The optional sound could not be installed; the window's Sound button tries again." >&2
fi

# From Python 3.13 on it is built from its source. Where that fails, JACK and PipeWire work without it.
if [ -z "${ANTIPHON_WITHOUT_RTMIDI:-}" ] && ! .venv/bin/python -c 'import rtmidi' 2>/dev/null &&
    ! install python-rtmidi; then
    echo "python-rtmidi could not be installed, for the reason that pip gives above. Antiphon runs without it" >&2
    echo "wherever JACK or PipeWire is, but has no ALSA, CoreMIDI or WinMM. If it could not be built, it lacks" >&2
    echo "a C++ compiler, pkg-config or the headers of ALSA and JACK; on Debian and Ubuntu this line brings them:" >&2
    echo "  apt-get install g++ pkg-config libasound2-dev libjack-jackd2-dev python3-dev" >&2
    echo "To try again: rm -f .venv/.run-ready .venv/.test-ready, then the same make." >&2
fi
