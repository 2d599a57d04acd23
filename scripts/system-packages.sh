#!/bin/sh
# Sees to it that what pip cannot install is there: a Python, the libraries of Qt, ALSA and JACK, and
# for a Python that python-rtmidi is not ready built for, what builds it.
# usage: system-packages.sh run|test     (test: a JACK server and strace too)
# With root and apt it installs what is missing; else it prints the one line that does, and fails.
set -eu
mode=${1:?usage: system-packages.sh run|test}
here=$(dirname "$0")

# library to look for, Debian's package, Fedora's package
libraries='
libasound.so.2 libasound2 alsa-lib
libjack.so.0 libjack-jackd2-0 jack-audio-connection-kit
libGL.so.1 libgl1 libglvnd-glx
libEGL.so.1 libegl1 libglvnd-egl
libxkbcommon.so.0 libxkbcommon0 libxkbcommon
libdbus-1.so.3 libdbus-1-3 dbus-libs
libfontconfig.so.1 libfontconfig1 fontconfig
libglib-2.0.so.0 libglib2.0-0 glib2
libX11-xcb.so.1 libx11-xcb1 libX11-xcb
libxkbcommon-x11.so.0 libxkbcommon-x11-0 libxkbcommon-x11
libxcb-cursor.so.0 libxcb-cursor0 xcb-util-cursor
libxcb-icccm.so.4 libxcb-icccm4 xcb-util-wm
libxcb-image.so.0 libxcb-image0 xcb-util-image
libxcb-keysyms.so.1 libxcb-keysyms1 xcb-util-keysyms
libxcb-randr.so.0 libxcb-randr0 libxcb
libxcb-render-util.so.0 libxcb-render-util0 xcb-util-renderutil
libxcb-shape.so.0 libxcb-shape0 libxcb
libxcb-sync.so.1 libxcb-sync1 libxcb
libxcb-xfixes.so.0 libxcb-xfixes0 libxcb
libxcb-xkb.so.1 libxcb-xkb1 libxcb
'

loader_cache() {
    for ldconfig in ldconfig /sbin/ldconfig /usr/sbin/ldconfig; do
        if "$ldconfig" -p 2>/dev/null; then return; fi
    done
}

has_font() {
    find /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" "$HOME/.local/share/fonts" \
        \( -name '*.ttf' -o -name '*.otf' -o -name '*.ttc' \) 2>/dev/null | grep -q .
}

# Prints "what Debian's-package Fedora's-package" for everything that is missing.
missing_on_linux() {
    cache=$(loader_cache)
    if [ -n "$cache" ]; then # without a loader cache (musl, NixOS) there is nothing to ask
        echo "$libraries" | while read -r library debian fedora; do
            case "$cache" in *"${library:-.}"*) ;; *) echo "$library $debian $fedora" ;; esac
        done
    fi
    has_font || echo "a-font fonts-dejavu-core dejavu-sans-fonts"
    if [ "$mode" = test ] && ! command -v jackd >/dev/null; then
        echo "jackd jackd2 jack-audio-connection-kit"
    fi
    if [ "$mode" = test ] && ! command -v strace >/dev/null; then
        echo "strace strace strace"
    fi
    if python=$(sh "$here/find-python.sh"); then
        missing_to_build "$python"
    else
        echo "Python-3.11-to-3.14 python3 python3"
    fi
}

# python-rtmidi has no ready-built package for Python 3.13 and later; its source needs these.
missing_to_build() {
    if "$1" -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then return; fi
    if [ -n "${ANTIPHON_WITHOUT_RTMIDI:-}" ]; then return; fi
    if "$here/../.venv/bin/python" -c 'import rtmidi' 2>/dev/null; then return; fi
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    command -v g++ >/dev/null || echo "a-C++-compiler g++ gcc-c++"
    command -v pkg-config >/dev/null || echo "pkg-config pkg-config pkgconf-pkg-config"
    includes "$1" '<alsa/asoundlib.h>' || echo "ALSA's-headers libasound2-dev alsa-lib-devel"
    includes "$1" '<jack/jack.h>' || echo "JACK's-headers libjack-jackd2-dev jack-audio-connection-kit-devel"
    includes "$1" '<Python.h>' || echo "Python's-headers python$version-dev python3-devel"
}

# Says whether the compiler finds a header; without a compiler nothing is known to be there.
includes() {
    command -v g++ >/dev/null || return 1
    folder=$("$1" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    echo "#include $2" | g++ -E -x c++ -I"$folder" - >/dev/null 2>&1
}

apt_has() {
    [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

# The name in this release: the newer ones renamed some libraries (libasound2 is libasound2t64
# there), and each release has one or two versions of Python.
debian_name() {
    case "$1" in
    python3) names='python3.12-venv python3.11-venv python3.13-venv python3.14-venv' ;;
    *) names="$1t64 $1" ;;
    esac
    for name in $names; do
        if apt_has "$name"; then echo "$name"; return; fi
    done
    if [ "$1" != python3 ]; then echo "$1"; fi
}

stop_with_line() {
    echo "Missing on this system: $1. Run this line, then the same make again:" >&2
    echo "  $2" >&2
    case "$1" in
    *compiler* | *headers* | *pkg-config*)
        echo "Or go without python-rtmidi, which that builds, where JACK or PipeWire is:" >&2
        echo "  ANTIPHON_WITHOUT_RTMIDI=1 make $mode" >&2
        ;;
    esac
    exit 1
}

# What a Python that is yet to be installed needs beside it to build python-rtmidi.
to_build_with() {
    version=${1%-venv}
    case "$version" in python3.11 | python3.12) return ;; esac
    if [ -n "${ANTIPHON_WITHOUT_RTMIDI:-}" ]; then return; fi
    printf '\n- %s' g++ libasound2-dev libjack-jackd2-dev pkg-config "$version-dev"
}

with_apt() {
    what=$(echo "$1" | cut -d' ' -f1 | paste -sd' ' -)
    if [ "$(id -u)" = 0 ]; then apt-get update -q; fi
    case "$1" in
    *Python-3*)
        if [ -z "$(debian_name python3)" ]; then
            stop_with_line "Python 3.11 to 3.14 (apt has none here)" \
                "${sudo}apt-get install -y pipx && pipx run uv python install 3.12"
        fi
        ;;
    esac
    needed=$1
    case "$1" in *Python-3*) needed="$1$(to_build_with "$(debian_name python3)")" ;; esac
    packages=$(echo "$needed" | cut -d' ' -f2 | sort -u | while read -r name; do debian_name "$name"; done)
    if [ "$(id -u)" != 0 ]; then
        stop_with_line "$what" "${sudo}apt-get install -y --no-install-recommends $(echo $packages)"
    fi
    echo "Installing what is missing on this system: $what"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages
}

if [ "$(id -u)" = 0 ]; then sudo=''; else sudo='sudo '; fi
case "$(uname -s)" in
Linux)
    missing=$(missing_on_linux)
    if [ -z "$missing" ]; then exit 0; fi
    if command -v apt-get >/dev/null; then
        with_apt "$missing"
    elif command -v dnf >/dev/null; then
        stop_with_line "$(echo "$missing" | cut -d' ' -f1 | paste -sd' ' -)" \
            "${sudo}dnf install -y $(echo "$missing" | cut -d' ' -f3 | sort -u | paste -sd' ' -)"
    else
        stop_with_line "$(echo "$missing" | cut -d' ' -f1 | paste -sd' ' -)" \
            "your package manager's install command for what is named above"
    fi
    ;;
Darwin)
    sh "$here/find-python.sh" >/dev/null || stop_with_line "Python 3.11 to 3.14" "brew install python@3.12"
    ;;
*)
    sh "$here/find-python.sh" >/dev/null || stop_with_line "Python 3.11 to 3.14" \
        "your package manager's install command for Python 3.12"
    ;;
esac
